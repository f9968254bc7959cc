"""The models that come with the package: built-in circuits at musical settings, made by `scripts/factory_models.py`.

Wherever a model file is read, `triode:NAME` stands for one of them.
"""

import os
from pathlib import Path

from triode.errors import ModelFileError

__all__ = ["factory_models", "model_path"]

FOLDER = Path(__file__).parent / "factory_models"
PREFIX = "triode:"


def factory_models() -> dict[str, Path]:
    """The files by name, `triode:` included, in alphabetical order."""
    return {PREFIX + path.stem: path for path in sorted(FOLDER.glob("*.triode"), key=lambda path: path.stem)}


def model_path(path: str | os.PathLike[str]) -> Path:
    """The file that `path` means: that of a packaged model for `triode:NAME`, otherwise itself.

    Raises ModelFileError for a name that no packaged model has.
    """
    text = os.fspath(path)
    if not text.startswith(PREFIX):
        return Path(path)
    found = factory_models()
    if text not in found:
        raise ModelFileError(f"{text}: there is no such model in the package; it has {', '.join(found) or 'none'}")
    return found[text]
