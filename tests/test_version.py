"""One version number, said in four places."""

import re
import tomllib
from pathlib import Path

import triode
from triode import _core

ROOT = Path(__file__).resolve().parents[1]


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest, "CHANGELOG.md needs a heading '## VERSION' for each version"
    assert {
        "pyproject.toml": project,
        "CHANGELOG.md": newest[1],
        "triode": triode.__version__,
        "the compiled engine": _core.__version__,
    } == dict.fromkeys(("pyproject.toml", "CHANGELOG.md", "triode", "the compiled engine"), project)
