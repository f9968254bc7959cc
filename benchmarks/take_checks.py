"""Does `triode check` find takes that contradict the others? `python -m benchmarks.take_checks [--seeds 20]`.

Sets of takes are drawn from plans for the built-in circuits; into each set one fault is put at a random place.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.page import table, write_section
from triode.audio import Samples
from triode.capture.align import align, apply_alignment
from triode.capture.coherence import check_capture
from triode.capture.design import Space, choose_settings
from triode.capture.devices import circuits, run_circuit
from triode.capture.folder import Capture, Take
from triode.capture.neighbours import HeardTake, contradictions
from triode.capture.plan import PlanSource
from triode.capture.record import plan_device
from triode.capture.signal import make_signal

RATE_HZ, TAKE_SECONDS, NOISE_DB = 24000, 6.0, -60.0
PLANNED, IN_A_SET = 30, 14
DEVICES = ("overdrive", "preamp")
Settings = Mapping[str, float]


@dataclass(frozen=True)
class Recorder:
    """A circuit that is recorded with the noise of a quiet room, and the plan of all its takes."""

    circuit: str
    plan: Sequence[Settings]

    def wet(self, dry: Samples, settings: Settings, seed: int) -> Samples:
        """What comes back."""
        wet = run_circuit(self.circuit, dry, RATE_HZ, settings)
        noise = np.random.default_rng(seed).standard_normal(len(wet)) * np.std(wet) * 10 ** (NOISE_DB / 20)
        return np.asarray(wet + noise, dtype=np.float32)

    def take(self, number: int, settings: Settings | None = None) -> HeardTake:
        """Take `number` of the plan, made at `settings`, if they are other ones than it claims."""
        signal = make_signal(TAKE_SECONDS, RATE_HZ, seed=number)
        return self.heard(number, self.wet(signal.samples, settings or self.plan[number], number))

    def heard(self, number: int, wet: Samples) -> HeardTake:
        """The take as `triode check` compares it."""
        signal = make_signal(TAKE_SECONDS, RATE_HZ, seed=number)
        found = align(signal.samples, wet, RATE_HZ)
        dry, wet = apply_alignment(signal.samples, wet, found, 0)
        late = max(0, -found.removed_samples(0))
        sweep = next(segment for segment in signal.manifest.segments if segment.kind == "sweep")
        start, stop = (round(at * RATE_HZ) - late for at in (sweep.start_seconds, sweep.end_seconds))
        travel = np.array([knob.travel(self.plan[number][knob.name]) for knob in circuits()[self.circuit].knobs])
        return HeardTake(f"take-{number:02d}", travel, dry, wet, RATE_HZ, "sweep", (start, stop), is_sweep=True)


@dataclass(frozen=True)
class Case:
    """A recorder, the set of takes that is drawn from its plan, the takes as heard, and where a fault goes."""

    recorder: Recorder
    chosen: Sequence[int]
    takes: Sequence[HeardTake]
    other: Recorder
    rng: np.random.Generator

    def with_take(self, place: int, take: HeardTake) -> list[HeardTake]:
        """The set with one take in the place of another."""
        return [*self.takes[:place], take, *self.takes[place + 1 :]]


Fault = tuple[list[HeardTake], str, set[str]]


def unturned(case: Case) -> Fault:
    """No knob was turned since the take before."""
    place = int(case.rng.integers(1, len(case.takes)))
    before, number = case.chosen[place - 1], case.chosen[place]
    wrong = case.recorder.take(number, case.recorder.plan[before])
    return case.with_take(place, wrong), "unturned", {case.takes[place - 1].name, wrong.name}


def one_unturned(case: Case) -> Fault:
    """One of the knobs, which had far to go, was not turned since the take before."""
    place = int(case.rng.integers(1, len(case.takes)))
    travels = [case.takes[at].travel for at in (place - 1, place)]
    knob = circuits()[case.recorder.circuit].knobs[int(np.argmax(np.abs(travels[1] - travels[0])))]
    before, number = case.chosen[place - 1], case.chosen[place]
    settings = {**case.recorder.plan[number], knob.name: case.recorder.plan[before][knob.name]}
    wrong = case.recorder.take(number, settings)
    return case.with_take(place, wrong), "any", {wrong.name}


def exchanged(case: Case) -> Fault:
    """Two takes claim each other's settings."""
    i, j = sorted(int(place) for place in case.rng.choice(len(case.takes), 2, replace=False))
    takes = list(case.takes)
    takes[i], takes[j] = (
        replace(case.takes[i], travel=case.takes[j].travel),
        replace(case.takes[j], travel=case.takes[i].travel),
    )
    return takes, "exchanged", {takes[i].name, takes[j].name}


def odd(case: Case) -> Fault:
    """A take of another device."""
    place = int(case.rng.integers(len(case.takes)))
    number = case.chosen[place]
    signal = make_signal(TAKE_SECONDS, RATE_HZ, seed=number)
    wrong = case.recorder.heard(number, case.other.wet(signal.samples, case.other.plan[number], number))
    return case.with_take(place, wrong), "odd", {wrong.name}


FAULTS: Mapping[str, Callable[[Case], Fault]] = {
    "no knob turned": unturned,
    "one knob not turned": one_unturned,
    "two takes exchanged": exchanged,
    "a take of another device": odd,
}


def outcome(case: Case, fault: Callable[[Case], Fault]) -> str:
    """Whether the fault is "found" by name, only its take is "accused", a "wrong" take is, or it is "missed"."""
    takes, kind, names = fault(case)
    found = contradictions(takes)
    if not found:
        return "missed"
    accused = {name for one in found for name in one.takes}
    if kind in (found[0].kind, "any") and names <= accused:
        return "found"
    return "accused" if names & accused else "wrong"


def missing_is_named(recorder: Recorder, rng: np.random.Generator) -> bool:
    """Whether a planned take that was not recorded is named, and no other."""
    with tempfile.TemporaryDirectory() as name:
        folder, source = Path(name) / "c", PlanSource("circuit", recorder.circuit, {})
        knobs = circuits()[recorder.circuit].knobs
        plan = plan_device(folder, source, knobs, 10, seconds=TAKE_SECONDS, rate_hz=RATE_HZ)
        left_out = plan.takes[int(rng.integers(len(plan.takes)))].name
        there = tuple(Take(take.name, "dry", "wet", take.settings) for take in plan.takes if take.name != left_out)
        found = check_capture(Capture(folder, "c", RATE_HZ, knobs=knobs, takes=there), {})
    return [finding.measured for _, finding in found] == [f"1 planned takes are not recorded: {left_out}"]


def measure(circuit: str, seeds: int) -> list[list[str]]:
    """Rows of one device."""
    recorders = {}
    for name in DEVICES:
        knobs = circuits()[name].knobs
        limits = {knob.name: (knob.value(0.1), knob.value(0.9)) for knob in knobs}
        recorders[name] = Recorder(name, choose_settings(Space(knobs, limits, by_hand=False), PLANNED))
    recorder = recorders[circuit]
    (other,) = (found for name, found in recorders.items() if name != circuit)
    heard = [recorder.take(number) for number in range(PLANNED)]
    results: dict[str, list[str]] = {name: [] for name in FAULTS}
    false_alarms = missing = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        chosen = sorted(int(number) for number in rng.choice(PLANNED, IN_A_SET, replace=False))
        case = Case(recorder, chosen, [heard[number] for number in chosen], other, rng)
        false_alarms += bool(contradictions(case.takes))
        missing += missing_is_named(recorder, rng)
        for name, fault in FAULTS.items():
            results[name].append(outcome(case, fault))
        print(circuit, seed, false_alarms, {name: found[-1] for name, found in results.items()}, flush=True)
    counts = [
        [name, *(str(found.count(kind)) for kind in ("found", "accused", "wrong", "missed"))]
        for name, found in results.items()
    ]
    counts.append(["a planned take is missing", str(missing), "0", "0", str(seeds - missing)])
    counts.append(["nothing", "-", "-", str(false_alarms), "-"])
    return [[f"{circuit}, {len(recorder.plan[0])} knobs", *row] for row in counts]


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    rows = [row for circuit in DEVICES for row in measure(circuit, seeds)]
    body = (
        f"{seeds} sets of {IN_A_SET} takes, drawn from plans of {PLANNED} over 10 to 90 % of the travel of all knobs, "
        f"{TAKE_SECONDS:g} s at {RATE_HZ / 1000:g} kHz, noise at {NOISE_DB:g} dB; one fault in each set. Found: named "
        f"as what it is, with its takes. Accused: its take is named with another story. Wrong: only healthy takes are "
        f"named.\n\n{table(['takes of', 'fault', 'found', 'accused', 'wrong', 'missed'], rows)}"
    )
    write_section("Takes that contradict the others", "python -m benchmarks.take_checks", body)


if __name__ == "__main__":
    main()
