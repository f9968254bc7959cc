"""`triode listen` and `triode abx`: listening tests as a page and in the terminal, and what their results say."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triode.cli.console import print_json, print_rows, say
from triode.cli.options import Json
from triode.errors import OptionError
from triode.files import check_writable
from triode.play import play_sound

if TYPE_CHECKING:
    from triode.measure.abx import AbxTest
    from triode.measure.listening import Answer


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


def abx(
    reference: Annotated[Path, typer.Argument(help="The device's sound.")],
    other: Annotated[Path, typer.Argument(help="What is to be told from it, of the same playing.")],
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="Answers to give.")] = 12,
    seconds: Annotated[float, typer.Option(min=0.5, max=30.0, help="Length of the piece: its loudest part.")] = 5.0,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Keep the answers in this CSV file.")] = None,
    listener: Annotated[str, typer.Option(help="Who listens, kept with the answers.")] = "listener",
    device: Annotated[str | None, typer.Option(help="Play on this interface: a number or a name.")] = None,
    as_json: Json = False,
) -> None:
    """Tell two sounds apart by ear: X is one of them in every round, drawn by chance. Both are equally loud."""
    from dataclasses import asdict

    from triode.measure.abx import AbxTest
    from triode.measure.listening import abx_scores, pair_trial, write_results
    from triode.measure.listening_page import matched
    from triode.play import Interface

    trial = pair_trial(reference, other)
    if out is not None:
        check_writable(out)
    rate_hz, signals = matched(trial, seconds)
    interface = Interface(device=device)
    test = AbxTest(trial, rounds, listener)
    say(f"A is {reference.name}, B is {other.name}. Press a, b or x and Enter to hear one, as often as you like;")
    say("answer with xa (X is A) or xb (X is B). q ends the test; what was answered until then counts.")
    with contextlib.suppress(typer.Abort):
        while not test.finished and (word := _word(test)) != "q":
            if word in ("xa", "xb"):
                test.answer(word[1])
            else:
                play_sound(signals[test.sound(word)], rate_hz, interface)
    if not test.answers:
        raise OptionError("the test ended before anything was answered; nothing was written")
    if out is not None:
        write_results(out, test.answers)
    if as_json:
        print_json(asdict(abx_scores(test.answers)[0]))
    else:
        _print_abx(test.answers)


def _word(test: "AbxTest") -> str:
    """What the listener wants next: to hear a, b or x, to answer, or to end."""
    while True:
        word: str = typer.prompt(f"round {test.round} of {test.rounds}", err=True).strip().lower()
        if word in ("a", "b", "x", "xa", "xb", "q"):
            return word
        say("a, b and x play a sound, xa and xb answer, q ends")


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
        _print_abx(answers)


def _print_abx(answers: "Sequence[Answer]") -> None:
    from triode.measure.listening import abx_scores

    rows = [[s.condition, f"{s.right}", f"{s.answers}", f"{s.p_value:.3f}"] for s in abx_scores(answers)]
    print_rows(["", "right", "answers", "chance by guessing"], rows)
