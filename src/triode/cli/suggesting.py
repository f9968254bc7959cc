"""`triode suggest`: which takes would help a model most, by hand or in a loop that records them itself."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from triode.cli.console import print_json, print_table, say, training_progress
from triode.cli.options import Json, KnobValues, seconds_of
from triode.cli.takes import Source, sources
from triode.errors import OptionError

if TYPE_CHECKING:
    from triode.capture.acquisition import Suggestion
    from triode.capture.design import Space
    from triode.capture.folder import Capture
    from triode.capture.plan import PlanSource

CANDIDATES = 128
PROBE_SECONDS, PROBE_SEED = 1.5, 2028
# Each training hears so much, if nothing is said: some minutes of one core for a small network.
HEARD_SECONDS, MOST_EPOCHS = 2400.0, 60.0


@dataclass(frozen=True)
class Question:
    """Where the next `count` takes of the capture in `folder` would help `model`; each training has `epochs`.

    With None these are as many as let it hear 40 minutes.
    """

    folder: Path
    model: Path
    count: int
    knob_texts: Sequence[str]
    epochs: float | None
    seed: int

    def passes(self, source: Source) -> float:
        """Epochs of a training on the takes of `source`."""
        seconds = sum(len(dry.samples) / dry.rate_hz for dry, _ in source.takes)
        return min(MOST_EPOCHS, HEARD_SECONDS / seconds) if self.epochs is None else self.epochs


def suggest(
    folder: Annotated[Path, typer.Argument(metavar="CAPTURE", help="The capture that the model learned.")],
    model: Annotated[Path, typer.Argument(help="The model with knobs.")],
    count: Annotated[int, typer.Option(min=1, max=100, help="How many takes to suggest (in a loop: at once).")] = 1,
    knob: KnobValues = [],  # noqa: B006
    epochs: Annotated[float | None, typer.Option(help="Passes over the takes in each training.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Add the takes to the capture's plan.")] = False,
    circuit: Annotated[str | None, typer.Option(help="Record and learn in a loop: this built-in circuit.")] = None,
    plugin: Annotated[str | None, typer.Option(help="Record and learn in a loop: this plug-in.")] = None,
    target_esr: Annotated[float | None, typer.Option(help="Stop the loop when new takes are played so well.")] = None,
    max_takes: Annotated[int | None, typer.Option(help="Stop the loop at so many takes in the capture.")] = None,
    time: Annotated[str | None, typer.Option(help="Begin no further round of the loop after so long, like 1h.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    as_json: Json = False,
) -> None:
    """Where the next takes would help most: where models that learned different takes disagree, far from all takes.

    `--knob name=low:high` keeps to a part of a knob's range, `name=value` holds it.
    """
    from triode.training.runtime import prepare_process

    prepare_process()
    question = Question(folder, model, count, knob, epochs, seed)
    if circuit is None and plugin is None:
        if (target_esr, max_takes, time) != (None, None, None):
            raise OptionError("--target-esr, --max-takes and --time end a loop; name its --circuit or --plugin")
        _tell(question, suggestions(question), write, as_json)
        return
    from triode.cli.active import Limits, run_loop

    limits = Limits(target_esr, max_takes, None if time is None else seconds_of(time, "--time"))
    done = run_loop(question, circuit, plugin, limits)
    if as_json:
        print_json(done)
        return
    print_table({key.replace("_", " "): value for key, value in done.items() if key != "rounds"})


def suggestions(question: Question) -> "list[Suggestion]":
    """Train a committee and ask it; the best setting to record comes first."""
    import numpy as np

    from triode.capture.acquisition import suggest_settings
    from triode.capture.design import candidate_settings
    from triode.capture.folder import read_capture
    from triode.capture.plan import read_plan
    from triode.capture.signal import playing
    from triode.engine import read
    from triode.training.committee import train_committee
    from triode.training.prepare import prepare

    capture = read_capture(question.folder)
    source = learned_source(question)
    space = _space(question, capture, source)
    travels = [tuple(knob.travel(values[knob.name]) for knob in source.knobs) for values in source.settings]
    prepared = prepare(source.takes, travels=travels, signal=source.signal)
    with training_progress("asking a committee") as observer:
        committee = train_committee(
            read(question.model).architecture,
            prepared.pairs,
            prepared.rate_hz,
            epochs=question.passes(source),
            seed=question.seed,
            observer=observer,
        )
    plan = read_plan(question.folder)
    there = [*source.settings, *(take.settings for take in plan.pending(capture))] if plan else list(source.settings)
    candidates = candidate_settings(space, CANDIDATES, there, question.seed)
    if len(candidates) < question.count:
        raise OptionError(f"--count {question.count}: these knobs have only {len(candidates)} settings left; ask fewer")
    places = np.array([[knob.travel(values[knob.name]) for knob in source.knobs] for values in candidates])
    expected = committee.expected_esr(playing(PROBE_SECONDS, prepared.rate_hz, PROBE_SEED), places)
    return suggest_settings(space, candidates, expected, committee.learned_esr, there, question.count)


def learned_source(question: Question) -> Source:
    """The takes of the capture; OptionError where the model does not have the knobs that they turn."""
    from triode.engine import read

    (source,) = sources([question.folder], None, None, None, one_setting=False)
    turned = [knob.name for knob in source.knobs]
    if not turned:
        raise OptionError(f"{question.folder} has takes at one setting only; record more with 'triode plan'")
    known = [knob.name for knob in read(question.model).knobs]
    if known != turned:
        raise OptionError(
            f"{question.model} has the knobs {', '.join(known) or 'none'}, the takes turn {', '.join(turned)}; name a "
            "model trained on this capture"
        )
    return source


def _space(question: Question, capture: "Capture", source: Source) -> "Space":
    """The settings that may be suggested: the ranges asked for, else those of the plan; what never moved stays."""
    from triode.capture.design import Space
    from triode.capture.knob_ranges import parse_ranges
    from triode.capture.plan import read_plan

    plan = read_plan(question.folder)
    ranges = parse_ranges(question.knob_texts or (plan.knobs if plan else ()), capture.knobs)
    held = {name: (value, value) for name, value in ranges.held.items()}
    turned = {knob.name for knob in source.knobs}
    still = {name: (value, value) for name, value in source.settings[0].items() if name not in turned}
    return Space(
        capture.knobs, {**ranges.limits, **held, **still}, capture.couplings, by_hand=not (plan and plan.source)
    )


def _tell(question: Question, found: "Sequence[Suggestion]", write: bool, as_json: bool) -> None:
    from triode.capture.folder import read_capture

    capture = read_capture(question.folder)
    names = add_to_plan(capture, [one.settings for one in found]) if write else []
    if as_json:
        told: dict[str, Any] = {"suggestions": [asdict(one) for one in found], "planned": names}
        print_json({**told, "mean_esr_before": found[0].mean_before, "mean_esr_after": found[-1].mean_after})
        return
    for number, one in enumerate(found):
        print_table({names[number] if names else str(number + 1): in_words(capture, one)})
    say(
        f"expected ESR over all settings: {found[0].mean_before:.4f} now, {found[-1].mean_after:.4f} after "
        f"{'this take' if len(found) == 1 else f'these {len(found)} takes'}"
    )


def in_words(capture: "Capture", one: "Suggestion") -> str:
    """A suggestion on one line."""
    by_name: Mapping[str, Any] = {knob.name: knob for knob in capture.knobs}
    values = "  ".join(f"{name} {by_name[name].shown(value)}" for name, value in one.settings.items())
    return f"{values}   expected ESR {one.expected_esr:.4f}"


def add_to_plan(
    capture: "Capture", settings: Sequence[dict[str, float]], source: "PlanSource | None" = None
) -> list[str]:
    """Append takes to the capture's plan, with dry files where it is recorded by hand; returns their names.

    Where there is no plan, one is made for `source`.
    """
    from triode.capture.plan import appended_plan, signal_of, write_plan

    plan = appended_plan(capture, settings, source)
    added = plan.takes[-len(settings) :]
    signals = ((take, signal_of(plan, take, capture.rate_hz)) for take in added if take.dry)
    write_plan(plan, capture, signals)
    return [take.name for take in added]
