"""docs/benchmarks.md: one section for each measurement, replaced when it is measured again."""

import platform
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from triode.files import write_text

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
HEAD = "# Benchmarks\n\nEvery section is written by the command it names.\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def machine() -> str:
    """The processor and the interpreter, in words."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else None
    return f"{model[1] if model else platform.processor()}, Python {platform.python_version()}"


def write_section(title: str, command: str, body: str) -> None:
    """Put `body` under `title`, in the place of what an earlier run of `command` wrote."""
    replace_section(PAGE, command, f"## {title}\n\n`{command}` on {machine()}.\n\n{body}")


def replace_section(path: Path, command: str, text: str) -> None:
    """Put `text` on a page in the place of what an earlier run of `command` wrote there, else at the end."""
    begin, end = f"<!-- {command}: begin -->", f"<!-- {command}: end -->"
    section = f"{begin}\n{text}\n{end}\n"
    page = path.read_text() if path.exists() else HEAD
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end) + "\n", re.S)
    page = pattern.sub(lambda _: section, page) if pattern.search(page) else f"{page.rstrip()}\n\n{section}"
    write_text(path, page)
