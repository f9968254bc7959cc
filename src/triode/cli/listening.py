"""`triode listen`: a listening test as a page, and what its results say."""

from pathlib import Path
from typing import Annotated

import typer

from triode.cli.console import print_json, print_rows, say
from triode.cli.options import Json
from triode.errors import OptionError


def listen(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="reference.wav and sounds to compare with it, or folders of such."),
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The page to write (DIR/listen.html).")] = None,
    seconds: Annotated[float, typer.Option(min=1.0, max=30.0, help="Length of each piece: its loudest part.")] = 8.0,
    name: Annotated[str | None, typer.Option(help="Title of the test.")] = None,
    results: Annotated[list[Path], typer.Option(help="A results file of the page: say what all of them show.")] = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Make a listening test (MUSHRA and ABX) of sound files, for example of a comparison; or sum up its results."""
    if (folder is None) == (not results):
        raise OptionError("name a folder to make a test of, or results with --results FILE")
    if results:
        _sum_up(results, as_json)
        return
    from triode.measure.listening import read_trials
    from triode.measure.listening_page import write_listening

    assert folder is not None
    trials = read_trials(folder)
    target = out or folder / "listen.html"
    write_listening(target, name or folder.resolve().name, trials, seconds)
    count = sum(len(trial.conditions) for trial in trials)
    if as_json:
        print_json({"page": str(target), "trials": len(trials), "sounds": count})
    else:
        say(
            f"open {target} in a browser: {count} sounds in {len(trials)} pieces, hidden reference and anchors included"
        )


def _sum_up(results: list[Path], as_json: bool) -> None:
    """Scores of all listeners but those that BS.1534 leaves out."""
    from dataclasses import asdict

    from triode.measure.listening import abx_scores, mushra_scores, read_results, rejected_listeners

    answers = read_results(results)
    rejected = rejected_listeners(answers)
    ratings = mushra_scores([answer for answer in answers if answer.listener not in rejected])
    told = abx_scores(answers)
    if as_json:
        print_json(
            {"rejected": rejected, "mushra": [asdict(s) for s in ratings], "abx": [asdict(score) for score in told]}
        )
        return
    if rejected:
        say(f"left out, after BS.1534 (missed the hidden reference or the anchor too often): {', '.join(rejected)}")
    if ratings:
        rows = [[s.condition, f"{s.mean:.0f}", f"{s.low:.0f} to {s.high:.0f}", f"{s.median:.0f}", f"{s.ratings}"]
                for s in ratings]  # fmt: skip
        print_rows(["", "mean", "95 % interval", "median", "ratings"], rows)
    if told:
        print_rows(["", "right", "answers", "chance by guessing"],
                   [[s.condition, f"{s.right}", f"{s.answers}", f"{s.p_value:.3f}"] for s in told])  # fmt: skip
