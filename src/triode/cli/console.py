"""Printing: results on stdout, progress and remarks on stderr."""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from triode.training.config import Observer

stderr = Console(stderr=True, highlight=False)
stdout = Console(highlight=False, soft_wrap=True)


def complain(message: str) -> None:
    """One line on stderr for a person."""
    sys.stderr.write("triode: " + " ".join(message.split()) + "\n")


def say(message: str) -> None:
    """A remark on stderr, where it does not mix with results."""
    stderr.print(message, markup=False)


def print_json(values: Mapping[str, Any]) -> None:
    """One JSON object on stdout and nothing else; a number that JSON does not have (the ESR of silence) is null."""
    json.dump(_without_infinities(values), sys.stdout, allow_nan=False, default=str)
    sys.stdout.write("\n")


def _without_infinities(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_infinities(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_infinities(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_table(rows: Mapping[str, object]) -> None:
    """Names and values, one pair a line."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in rows.items():
        table.add_row(Text(name, style="dim"), Text(str(value)))
    stdout.print(table)


def print_rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table with a line for each row, its first column names, the others numbers."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for index, column in enumerate(zip(head, *rows, strict=True)):
        # A number that is cut off is wrong; a line may be longer than the window.
        table.add_column(Text(column[0]), justify="right" if index else "left", min_width=max(map(len, column)))
    for row in rows:
        table.add_row(*map(Text, row))
    stdout.print(table)


def print_findings(findings: Sequence[Mapping[str, Any]]) -> None:
    """What a check found, worst first, on stderr."""
    colours = {"refuse": "bold red", "warning": "yellow", "info": "dim"}
    order = list(colours)
    for finding in sorted(findings, key=lambda f: order.index(f["severity"])):
        head = Text(f"{finding['severity']}: {finding['code']}: ", style=colours[finding["severity"]])
        stderr.print(head + Text(finding["measured"], style="default"))
        stderr.print(Text(f"    {finding['why']}; what to do: {finding['what_to_do']}", style="dim"))


class _Figures(ProgressColumn):
    """ESR and speed beside the bar."""

    def render(self, task: Task) -> Text:
        return Text(task.fields.get("figures", ""))


@contextmanager
def training_progress(title: str) -> Iterator["Observer"]:
    """A live bar on stderr with the time left, the ESR and the speed; yields the observer that moves it."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), _Figures())
    with Progress(*columns, console=stderr, transient=True) as bar:
        task = bar.add_task(title, total=1.0, figures="")

        def observe(progress: Any) -> None:
            best = "" if progress.best_esr is None else f"ESR {progress.best_esr:.4f}  "
            figures = f"{best}epoch {progress.epoch:.1f}  {progress.audio_seconds_per_second:.1f} s of audio/s"
            bar.update(task, completed=progress.share, figures=figures)
            if progress.notice:
                bar.console.print(Text(f"{title}: {progress.notice}"))

        yield observe
