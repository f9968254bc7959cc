"""The loop of `triode suggest`: ask where a take would help most, record it, learn it, until it is good enough.

What a round has done lies in the capture and in the model file, so that an interrupted loop goes on where it stopped.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from triode.cli.console import say, training_progress
from triode.cli.outcomes import mean, setting_of
from triode.cli.suggesting import Question, add_to_plan, in_words, learned_source, suggestions
from triode.cli.takes import Source
from triode.errors import OptionError
from triode.files import check_writable

if TYPE_CHECKING:
    from triode.capture.fill import Device
    from triode.capture.plan import PlanSource


@dataclass(frozen=True)
class Limits:
    """What ends a loop: new takes that are played within `target_esr`, a number of takes, a time in seconds."""

    target_esr: float | None
    max_takes: int | None
    seconds: float | None

    def __post_init__(self) -> None:
        if (self.target_esr, self.max_takes, self.seconds) == (None, None, None):
            raise OptionError("say when the loop ends: --target-esr, --max-takes or --time")

    def reached(self, found_esr: float | None, takes: int, seconds: float) -> str:
        """The limit that is met, '' for none; `found_esr` is that of the newest takes before they were learned."""
        if self.target_esr is not None and found_esr is not None and found_esr <= self.target_esr:
            return f"new takes are played with an ESR of {found_esr:.4f}"
        if self.max_takes is not None and takes >= self.max_takes:
            return f"{takes} takes are recorded"
        if self.seconds is not None and seconds >= self.seconds:
            return f"{seconds:.0f} s are over"
        return ""


def run_loop(question: Question, circuit: str | None, plugin: str | None, limits: Limits) -> dict[str, Any]:
    """Rounds of recording, measuring, learning and asking; returns what came of them, as `--json` prints it."""
    from triode.capture.folder import read_capture

    began = time.monotonic()
    if circuit is not None and plugin is not None:
        raise OptionError("give one of --circuit and --plugin")
    if question.model.suffix != ".triode":
        raise OptionError(f"{question.model}: the loop trains the model further, so it has to be a .triode file")
    check_writable(question.model)
    named = _source(circuit, plugin)
    device = _device(question.folder, named)
    learned_source(question)
    rounds: list[dict[str, Any]] = []
    found_esr, expected = None, None
    while True:
        _record(question.folder, device)
        source = learned_source(question)
        new = _not_learned(question, source)
        if new:
            found_esr = _measured(question.model, source, new)
            rounds.append({"takes": [source.take_names[i] for i in new], "expected_esr": expected, "esr": found_esr})
            say(f"ESR of the new takes before they are learned: {found_esr:.4f}")
            _learn(question, source)
        done = limits.reached(found_esr, len(source.takes), time.monotonic() - began)
        if done:
            return {"stopped": done, "takes": len(source.takes), "esr": found_esr, "rounds": rounds}
        count = min(question.count, (limits.max_takes or 10**6) - len(source.takes))
        asked = suggestions(replace(question, count=count))
        expected = mean(one.expected_esr for one in asked)
        capture = read_capture(question.folder)
        for one in asked:
            say(f"next: {in_words(capture, one)}")
        add_to_plan(capture, [one.settings for one in asked], named)


def _source(circuit: str | None, plugin: str | None) -> "PlanSource":
    from triode.capture.plan import PlanSource
    from triode.capture.plugins.device import OVERSAMPLE

    if circuit is not None:
        return PlanSource("circuit", circuit, {})
    return PlanSource("plugin", plugin or "", {}, OVERSAMPLE)


def _device(folder: Path, asked: "PlanSource") -> "Device":
    """The device of the plan, which knows how its other controls stand, or the one asked for."""
    from triode.capture.folder import read_capture
    from triode.capture.plan import read_plan
    from triode.capture.record import circuit_knobs, device_of

    capture, plan = read_capture(folder), read_plan(folder)
    source = plan.source if plan and plan.source else asked
    if (source.kind, source.name) != (asked.kind, asked.name):
        raise OptionError(f"{folder} is a capture of {source}, not of the {asked.kind} {asked.name}")
    if asked.kind == "circuit":
        names = [knob.name for knob in circuit_knobs(asked.name)]
        unknown = [knob.name for knob in capture.knobs if knob.name not in names]
        if unknown:
            raise OptionError(f"the {asked.name} circuit has no {', '.join(unknown)}, which {folder} turns")
    return device_of(source)


def _record(folder: Path, device: "Device") -> None:
    """Record what the plan lacks."""
    from triode.capture.fill import fill_plan
    from triode.capture.plan import read_plan

    plan = read_plan(folder)
    if plan is not None:
        fill_plan(plan, device, lambda take, number, count: say(f"recording {take.name}"))


def _not_learned(question: Question, source: Source) -> list[int]:
    """Numbers of the takes that the model neither learned nor was kept from; none for a model that does not say."""
    from triode.engine import read

    training = read(question.model).metadata.get("training") or {}
    known = [*training.get("takes", source.take_names), *training.get("held_out", ())]
    return [index for index, name in enumerate(source.take_names) if name not in known]


def _measured(model: Path, source: Source, numbers: Sequence[int]) -> float:
    """Mean ESR of the model on some of the takes, all of each."""
    from triode.capture.align import aligned
    from triode.engine import load
    from triode.measure.evaluation import evaluate

    player, found = load(model), []
    for number in numbers:
        dry, wet, rate_hz, _ = aligned(*source.takes[number])
        found.append(evaluate(player, dry, wet, rate_hz, settings=setting_of(player, source, number)).esr)
    return sum(found) / len(found)


def _learn(question: Question, source: Source) -> None:
    """Train the model further, now on all takes but those that it was kept from.

    It stays what it was until that is done: an interrupted training would leave takes that count as learned.
    """
    from triode.engine import read
    from triode.training.job import Job, run_job

    model = read(question.model)
    training = model.metadata.get("training") or {}
    apart = [index for index, name in enumerate(source.take_names) if name in training.get("held_out", ())]
    job = Job(
        epochs=question.passes(source),
        seed=question.seed,
        start_from=question.model,
        rate_hz=round(model.sample_rate),
        signal=source.signal,
    )
    with (
        TemporaryDirectory(prefix=".learning-", dir=question.model.parent) as folder,
        training_progress(f"training {question.model.name}") as observer,
    ):
        learned = Path(folder) / question.model.name
        outcome = run_job(
            job,
            source.takes,
            learned,
            name=source.name,
            knobs=source.knobs,
            settings=source.settings,
            held_out=apart,
            levels=source.levels,
            metadata=source.metadata,
            training=source.learned(apart),
            observer=observer,
        )
        if outcome.result.interrupted:
            raise KeyboardInterrupt
        learned.replace(question.model)
