"""The architecture as a test: who may import whom (docs/design.md, Layout), and what stays optional."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "triode"

GROUND = {"errors", "files", "audio", "knobs"}
ALLOWED = {
    "errors": set(),
    "files": {"errors"},
    "audio": {"errors", "files"},
    "knobs": {"errors"},
    "factory": {"errors"},
    "engine": GROUND | {"_core", "factory"},
    "architecture": GROUND | {"architecture_wavenet", "architecture_blocks"},
    "architecture_blocks": GROUND | {"architecture_wavenet"},
    "architecture_wavenet": GROUND,
    "model_file": GROUND | {"engine", "architecture", "architecture_wavenet"},
    "recurrent_tensors": GROUND | {"architecture"},
    "nam_file": GROUND | {"model_file", "architecture", "architecture_wavenet", "recurrent_tensors"},
    "keras_file": GROUND | {"model_file", "architecture", "architecture_wavenet", "recurrent_tensors"},
    "guitarml_file": GROUND | {"model_file", "architecture", "recurrent_tensors"},
    "impulse_file": GROUND | {"model_file", "architecture"},
    "bake": GROUND | {"engine", "model_file", "architecture", "architecture_wavenet"},
    "export": GROUND | {"engine", "model_file", "nam_file", "keras_file", "guitarml_file", "impulse_file", "bake"},
    "rig": GROUND | {"engine", "_core"},
    "render": GROUND | {"engine", "rig"},
    "play": GROUND,
    "capture": GROUND | {"capture", "_core"},
    "training": GROUND
    | {
        "training",
        "capture.folder",
        "capture.align",
        "model_file",
        "architecture",
        "architecture_blocks",
        "architecture_wavenet",
        "engine",
        "_core",
    },
    "measure": GROUND | {"measure", "engine", "render"},
    "cli": {"*"},
    "__init__": {"errors", "engine"},
    "__main__": {"cli"},
}


def room(module: str) -> str:
    return module.split(".")[0]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


def imports_of(path: Path) -> set[str]:
    """Modules below `triode` that a file imports, as dotted names without the package."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
            if node.module == "triode" or (node.module or "").count(".") == 1:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.removeprefix("triode.") for name in names if name.startswith("triode.")}
    return found


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=module_of)
def test_import_table(path: Path) -> None:
    module = module_of(path)
    allowed = ALLOWED[room(module)]
    if "*" in allowed:
        return
    for name in imports_of(path):
        ok = any(name == entry or name.startswith(entry + ".") or room(name) == entry for entry in allowed)
        ok = ok or (room(name) not in ALLOWED and room(name) != "_core")  # a name of the package itself, not a module
        assert ok, f"{module} imports triode.{name}, which the table in docs/design.md does not allow"


def test_torch_only_in_training() -> None:
    for path in SOURCE.rglob("*.py"):
        if module_of(path).startswith("training."):
            continue
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not any(name.split(".")[0] in ("torch", "auraloss") for name in names), path


def test_import_loads_no_torch_and_no_device() -> None:
    code = (
        "import sys, triode, triode.cli; "
        "print([m for m in ('torch', 'auraloss', 'sounddevice', 'matplotlib', 'scipy.signal') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
