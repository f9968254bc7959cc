"""Small files and small functions: reports what is over the aim, fails only far above it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE_LINES_AIM, FILE_LINES_LIMIT = 400, 500
FUNCTION_LINES_AIM, FUNCTION_LINES_LIMIT = 60, 90
PYTHON = [path for folder in ("src", "tests", "benchmarks", "examples") for path in (ROOT / folder).rglob("*.py")]
CPP = [path for ending in ("*.cpp", "*.h") for folder in ("engine", "plugin") for path in (ROOT / folder).rglob(ending)]


def file_lengths(paths: list[Path]) -> dict[str, int]:
    return {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in paths}


def function_lengths(source: str, where: str) -> dict[str, int]:
    """Lines of each function, decorators apart; one that is nested counts within the outer one too."""
    lengths = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lengths[f"{where}:{node.lineno} {node.name}"] = (node.end_lineno or node.lineno) - node.lineno + 1
    return lengths


def over(lengths: dict[str, int], lines: int) -> dict[str, int]:
    return {name: length for name, length in sorted(lengths.items()) if length > lines}


def all_function_lengths() -> dict[str, int]:
    lengths: dict[str, int] = {}
    for path in PYTHON:
        lengths |= function_lengths(path.read_text(), str(path.relative_to(ROOT)))
    return lengths


def report(lengths: dict[str, int], aim: int, limit: int, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    long = over(lengths, aim)
    if long:
        with capsys.disabled():
            print(f"\n{what} over the aim of {aim} lines (limit {limit}):")  # noqa: T201
            for name, length in long.items():
                print(f"  {length:4d}  {name}")  # noqa: T201
    assert over(lengths, limit) == {}, f"{what} over the limit of {limit} lines: split them"


def test_files(capsys: pytest.CaptureFixture[str]) -> None:
    report(file_lengths(PYTHON + CPP), FILE_LINES_AIM, FILE_LINES_LIMIT, "files", capsys)


def test_functions(capsys: pytest.CaptureFixture[str]) -> None:
    report(all_function_lengths(), FUNCTION_LINES_AIM, FUNCTION_LINES_LIMIT, "functions", capsys)


def test_lengths_are_counted() -> None:
    """The counting itself: a decorated function of three lines, and one within another."""
    source = "@cache\ndef f():\n    x = 1\n    return x\n\nasync def g():\n    def h():\n        pass\n    h()\n"
    assert function_lengths(source, "m") == {"m:2 f": 3, "m:6 g": 4, "m:7 h": 2}
    assert over({"a": 61, "b": 60}, 60) == {"a": 61}
    assert len(PYTHON) > 20
    assert len(CPP) > 2
