"""The public names, module by module, held in tests/public_names.txt: what a user may import does not change unseen.

Every module directly in the package defines `__all__` and is listed there; of the rooms (capture, measure, training)
those modules that define it. After a change that is meant, `python tests/test_public_names.py` writes the file anew,
and the difference shows in review.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

import triode

GOLDEN = Path(__file__).with_name("public_names.txt")


def modules() -> Iterator[ModuleType]:
    """Every module of the package but the command line, which is used by its commands and not by its names."""
    yield triode
    for found in pkgutil.walk_packages(triode.__path__, "triode."):
        needs_triton = found.name == "triode.training.gpu.kernels"  # which is not everywhere
        if not found.name.startswith(("triode._", "triode.cli")) and not (needs_triton and find_spec("triton") is None):
            yield importlib.import_module(found.name)


def public_names() -> dict[str, str]:
    return {module.__name__: " ".join(module.__all__) for module in modules() if hasattr(module, "__all__")}


def is_room(module: ModuleType) -> bool:
    return hasattr(module, "__path__") or module.__name__.count(".") > 1


def golden_names() -> dict[str, str]:
    lines = GOLDEN.read_text().splitlines() if GOLDEN.exists() else []
    return dict(line.split(": ", maxsplit=1) for line in lines)


def test_names_are_those_agreed_on() -> None:
    golden = golden_names()
    assert {name: names for name, names in public_names().items() if name in golden} == golden


def test_every_module_of_the_package_is_held() -> None:
    library = {module.__name__ for module in modules() if not is_room(module)}
    assert len(library) > 10
    assert library - golden_names().keys() == set()


@pytest.mark.parametrize("module_name", golden_names())
def test_every_public_name_exists_and_is_described(module_name: str) -> None:
    module = importlib.import_module(module_name)
    assert inspect.getdoc(module), f"{module_name} says nothing about itself"
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), f"{module_name}.{name} has no docstring"


if __name__ == "__main__":
    GOLDEN.write_text("".join(f"{module}: {names}\n" for module, names in public_names().items()))
