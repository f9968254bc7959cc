"""Takes that contradict each other are named, and takes that do not are left alone."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from triode.audio import read_audio
from triode.capture import coherence
from triode.capture.align import align, apply_alignment
from triode.capture.checks import check_take
from triode.capture.coherence import check_capture
from triode.capture.design import Space, choose_settings
from triode.capture.devices import circuits, run_circuit
from triode.capture.fill import fill_plan
from triode.capture.folder import Capture, Take, load_take, read_capture, write_capture
from triode.capture.neighbours import Contradiction, HeardTake, contradictions
from triode.capture.plan import PlanSource
from triode.capture.process_model import fitted_log_likelihood, fitted_process
from triode.capture.record import CircuitDevice, circuit_takes, plan_device
from triode.capture.signal import make_signal

RATE, SECONDS = 24000, 6
KNOBS = circuits()["overdrive"].knobs


@pytest.fixture(scope="module")
def settings() -> list[dict[str, float]]:
    space = Space(KNOBS, {"level": (2, 10), "drive": (0, 10)}, by_hand=True)
    return choose_settings(space, 14, seed=1)


def heard(settings: dict[str, float], seed: int, claimed: dict[str, float] | None = None) -> HeardTake:
    """A take of the overdrive at `settings` that claims to be at `claimed`, with the noise of a quiet room."""
    signal = make_signal(SECONDS, RATE, seed=seed)
    wet = run_circuit("overdrive", signal.samples, RATE, settings)
    wet = wet + (1e-3 * np.std(wet) * np.random.default_rng(seed).standard_normal(len(wet))).astype(np.float32)
    sweep = next(segment for segment in signal.manifest.segments if segment.kind == "sweep")
    stretch = (round(sweep.start_seconds * RATE), round(sweep.end_seconds * RATE))
    travel = np.array([knob.travel((claimed or settings)[knob.name]) for knob in KNOBS])
    return HeardTake(f"take-{seed:02d}", travel, signal.samples, wet, RATE, "sweep", stretch, is_sweep=True)


@pytest.fixture(scope="module")
def takes(settings) -> list[HeardTake]:
    return [heard(values, number) for number, values in enumerate(settings, 1)]


def exchanged(takes: list[HeardTake], i: int, j: int) -> list[HeardTake]:
    out = list(takes)
    out[i], out[j] = replace(takes[i], travel=takes[j].travel), replace(takes[j], travel=takes[i].travel)
    return out


def test_takes_without_fault_are_left_alone(takes) -> None:
    assert contradictions(takes) == []
    assert contradictions(takes[:9]) == []
    assert contradictions(takes[4:]) == []


@pytest.mark.parametrize("number", [2, 5, 9, 13])
def test_a_knob_that_was_not_turned_is_named(takes, settings, number: int) -> None:
    faulty = list(takes)
    faulty[number] = heard(settings[number - 1], number + 1, claimed=settings[number])
    found = contradictions(faulty)
    assert [(one.kind, one.takes) for one in found] == [("unturned", (takes[number - 1].name, takes[number].name))]


@pytest.mark.parametrize(("number", "knob"), [(3, 0), (4, 1), (4, 2)])
def test_one_knob_that_was_not_turned_is_named(takes, settings, number: int, knob: int) -> None:
    name = KNOBS[knob].name
    made = {**settings[number], name: settings[number - 1][name]}
    faulty = [*takes[:number], heard(made, number + 1, claimed=settings[number]), *takes[number + 1 :]]
    (found,) = contradictions(faulty)
    assert (found.kind, found.takes, found.knob) == ("unturned", (takes[number - 1].name, takes[number].name), knob)


def test_exchanged_takes_are_named(takes) -> None:
    """The farther they are apart the surer; some exchanges of like takes cannot be heard."""
    right = wrong = 0
    for i, j in ((1, 2), (0, 4), (3, 7), (5, 6), (2, 12), (8, 13)):
        found = contradictions(exchanged(takes, i, j))
        right += [(one.kind, one.takes) for one in found] == [("exchanged", (takes[i].name, takes[j].name))]
        wrong += bool(found) and found[0].takes != (takes[i].name, takes[j].name)
    assert right >= 4
    assert wrong == 0


def test_a_take_of_something_else_is_named(takes) -> None:
    faulty = list(takes)
    faulty[6] = replace(takes[6], wet=0.2 * np.sign(takes[6].dry) * np.sqrt(np.abs(takes[6].dry)))
    assert [(one.kind, one.takes) for one in contradictions(faulty)] == [("odd", (takes[6].name,))]


def test_few_takes_and_faint_takes_say_nothing(takes) -> None:
    assert contradictions(exchanged(takes, 1, 2)[:5]) == []
    hiss = 1e-6 * np.random.default_rng(0).standard_normal(len(takes[3].wet)).astype(np.float32)
    faint = [replace(take, wet=hiss) if i in (3, 8) else take for i, take in enumerate(takes)]
    assert contradictions(faint) == [], "with the volume down, all settings sound the same"


def test_a_real_amp(shared_data: Path) -> None:
    """Eleven settings of one riff: nothing is wrong with them, and exchanged takes are named."""
    folder = shared_data / "captures" / "hotrod_deluxe"
    clips = json.loads((folder / "manifest.json").read_text())["clips"]
    dry = read_audio(folder / "input.flac")
    takes = []
    for clip in clips:
        wet = read_audio(folder / clip["file"])
        x, y = apply_alignment(dry.samples, wet.samples, align(dry.samples, wet.samples, dry.rate_hz), 0)
        travel = np.array([clip["knobs"]["drive"] / 12, clip["knobs"]["master"] / 12])
        takes.append(HeardTake(clip["file"], travel, x, y, dry.rate_hz, "riff", (0, 2 * dry.rate_hz)))
    assert contradictions(takes) == []
    for i, j in ((1, 8), (0, 5), (3, 6)):
        found = contradictions(exchanged(takes, i, j))
        assert [one.takes for one in found] == [(takes[i].name, takes[j].name)]


def test_a_process_knows_a_smooth_function_from_a_rough_one() -> None:
    travels = np.random.default_rng(0).random((20, 2))
    smooth = np.sin(3 * travels[:, :1]) + travels[:, 1:]
    shuffled = smooth[np.random.default_rng(1).permutation(20)]
    quiet = np.zeros(20)
    smooth_gain = fitted_log_likelihood(travels, smooth, quiet)
    assert smooth_gain > fitted_log_likelihood(travels, shuffled, quiet) + 10
    wrong = smooth.copy()
    wrong[7] += 1.0
    assert int(np.argmax(fitted_process(travels, wrong).surprise(travels, wrong))) == 7


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    return circuit_takes(tmp_path / "c", "overdrive", 3, ["level=5"], seconds=6, rate_hz=RATE)


def reports(capture: Capture) -> dict:
    return {take.name: check_take(*load_take(capture, take)) for take in capture.takes}


def test_a_capture_is_checked_as_a_whole(capture: Capture) -> None:
    assert check_capture(capture, reports(capture)) == []
    first, second, third = capture.takes
    wrong = replace(capture, takes=(first, Take(second.name, first.dry, first.wet, second.settings), third))
    write_capture(wrong)
    ((names, finding),) = check_capture(read_capture(capture.folder), reports(wrong))
    assert names == ("take-01", "take-02")
    assert (finding.code, finding.severity) == ("unturned", "warning")
    assert finding.measured == "take-01 and take-02 sound the same, at different settings"


def test_the_knob_that_was_not_turned_is_named(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Contradiction("unturned", ("take-01", "take-02"), 9.0, knob=1)
    monkeypatch.setattr(coherence, "contradictions", lambda takes: [found])
    ((names, finding),) = check_capture(capture, reports(capture))
    assert names == ("take-01", "take-02")
    assert finding.measured == "take-02 fits the other takes if tone still stood where it was in take-01"
    assert finding.what_to_do == "tone was not turned? Record take-02 again"


def test_planned_takes_that_are_missing_are_named(tmp_path: Path) -> None:
    plan = plan_device(tmp_path / "c", PlanSource("circuit", "overdrive", {}), KNOBS, 4, seconds=5, rate_hz=RATE)
    capture = fill_plan(replace(plan, takes=plan.takes[:2]), CircuitDevice("overdrive"))
    ((names, finding),) = check_capture(capture, {})
    assert (names, finding.code) == ((), "missing")
    assert finding.measured == "2 planned takes are not recorded: take-03, take-04"
