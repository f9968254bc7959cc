"""A plan in a capture's folder: made, ticked off, gone on with after any interruption, filled by a device."""

import json
from pathlib import Path

import numpy as np
import pytest

from triode.audio import Audio, read_audio, write_audio
from triode.capture.fill import fill_plan, plan_device, record_again
from triode.capture.folder import add_take, load_take, read_capture, take_manifest
from triode.capture.plan import PlanSource, make_plan, read_plan
from triode.capture.record import circuit_take, circuit_takes, file_take
from triode.capture.signal import make_signal
from triode.errors import CaptureError, DeviceError, OptionError
from triode.knobs import Knob

SOURCE = PlanSource("plugin", "gain", {})
GAIN = Knob("gain", low=0, high=10, default=5)
RATE = 22050


class Gain:
    """A device with one knob; `failures` says at which calls, counted from 1, it breaks and how."""

    def __init__(self, failures: dict[int, BaseException] | None = None) -> None:
        self.failures = failures or {}
        self.calls = 0

    def play(self, dry, rate_hz, settings):
        self.calls += 1
        if self.calls in self.failures:
            raise self.failures[self.calls]
        return np.float32(0.1 * settings["gain"] + 0.01) * dry


def gain_plan(folder: Path, takes: int, **options):
    return plan_device(folder, SOURCE, (GAIN,), takes, seconds=5, rate_hz=RATE, **options)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_plan_by_hand_gives_a_table_and_what_to_play(tmp_path: Path) -> None:
    folder = tmp_path / "amp"
    plan = make_plan(folder, 5, ["gain=0:10", "mode=clean,lead"], seconds=5, rate_hz=RATE)
    assert read_plan(folder) == plan
    assert [knob.name for knob in read_capture(folder).knobs] == ["gain", "mode"]
    table = (folder / "plan.md").read_text()
    assert table.count("| [ ] | take-") == 5
    assert "| gain (0 to 10) | mode (clean, lead) |" in table
    plays = [read_audio(folder / take.dry) for take in plan.takes]
    assert {(play.rate_hz, len(play.samples)) for play in plays} == {(RATE, 5 * RATE)}
    assert len({play.samples.tobytes() for play in plays}) == 5, "takes play the same"


def test_a_recorded_take_is_known_by_what_was_played(tmp_path: Path) -> None:
    folder = tmp_path / "amp"
    plan = make_plan(folder, 3, ["gain=0:10"], seconds=5, rate_hz=RATE)
    second = plan.takes[1]
    capture = file_take(folder, folder / second.dry, folder / second.dry, [])
    assert (capture.takes[0].name, capture.takes[0].settings) == (second.name, second.settings)
    assert take_manifest(capture, capture.takes[0]) is not None
    assert f"| [x] | {second.name} |" in (folder / "plan.md").read_text()
    assert [take.name for take in plan.pending(capture)] == ["take-01", "take-03"]
    # The hand set another value: that is what counts, and the take is done all the same.
    capture = file_take(folder, folder / second.dry, folder / second.dry, ["gain=4"], take="take-03")
    assert capture.take("take-03").settings == {"gain": 4}
    assert [take.name for take in plan.pending(capture)] == ["take-01"]


def test_only_the_knob_that_stood_elsewhere_is_said_again(tmp_path: Path) -> None:
    folder = tmp_path / "amp"
    plan = make_plan(folder, 3, ["gain=0:10", "treble=0:10", "bright=off,on"], seconds=5, rate_hz=RATE)
    for take, by_name in zip(plan.takes[1:], (True, False), strict=True):
        dry = folder / take.dry
        capture = file_take(folder, dry, dry, ["gain=4.5"], take=take.name if by_name else None)
        recorded = capture.take(take.name)
        assert recorded.settings == {**take.settings, "gain": 4.5}
    assert [take.name for take in plan.pending(capture)] == ["take-01"]


def test_a_forgotten_knob_replaces_no_take(tmp_path: Path) -> None:
    folder, dry = tmp_path / "amp", tmp_path / "dry.wav"
    write_audio(dry, make_signal(5, RATE).samples, RATE)
    before = file_take(folder, dry, dry, ["drive=3"])
    with pytest.raises(OptionError, match=r"has the knobs drive: say how they stood, like --knob drive=3"):
        file_take(folder, dry, dry, [])
    assert read_capture(folder) == before


def test_a_planned_take_of_a_circuit_is_recorded_again_as_planned(tmp_path: Path) -> None:
    folder = tmp_path / "pedal"
    before = circuit_takes(folder, "overdrive", 2, seconds=5, rate_hz=RATE)
    second = before.take("take-02")
    first = load_take(before, second)
    again = circuit_take(folder, "overdrive", [], take="take-02")
    assert [take.settings for take in again.takes] == [take.settings for take in before.takes]
    for one, other in zip(first, load_take(again, again.take("take-02")), strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)
    turned = circuit_take(folder, "overdrive", ["drive=3"], take="take-02")
    assert turned.take("take-02").settings == {**second.settings, "drive": 3.0}
    with pytest.raises(OptionError, match="is a capture of the circuit overdrive"):
        circuit_take(folder, "preamp", [], take="take-02")


def test_planning_again_keeps_what_is_recorded(tmp_path: Path) -> None:
    folder = tmp_path / "amp"
    plan = make_plan(folder, 3, ["gain=0:10"], seconds=5, rate_hz=RATE)
    file_take(folder, folder / plan.takes[0].dry, folder / plan.takes[0].dry, [])
    more = make_plan(folder, 4, seconds=5, seed=1)
    assert [take.name for take in more.takes] == [f"take-{number:02d}" for number in range(1, 6)]
    assert more.takes[0] == plan.takes[0]
    assert plan.takes[0].settings not in [take.settings for take in more.takes[1:]]
    assert len({take.seed for take in more.takes}) == 5


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ([], "declares no knobs"),
        (["gain=5"], "give its range, like gain=0:10"),
        (["gain=9:2"], "low must be below high"),
        (["gain=a:b"], "two numbers"),
        (["gain=nan:10"], "nan"),
        (["mode=clean,clean"], "different word"),
        (["gain=0:10", "gain=2:11"], r"gain = 11: outside its range 0 to 10"),
        (["gain=0:10", "gain=7:3"], "lower end comes first"),
        (["mode=a,b", "mode=b,c"], "declared with a, b"),
        (["gain=0:10", "gain=5"], "no knob moves"),
        (["gain=0:10", "2:8"], "like 5%:95%"),
        (["gain=0:10", "95%:5%"], "the lower one first"),
        (["gain=0:10", "5%:120%"], "0% and 100%"),
        (["gain=0:10", "5%:x%"], "two numbers"),
    ],
)
def test_impossible_ranges_write_nothing(tmp_path: Path, knobs: list[str], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        make_plan(tmp_path / "amp", 3, knobs, seconds=5)
    assert not (tmp_path / "amp").exists()


def test_a_part_of_the_travel_of_all_knobs(tmp_path: Path) -> None:
    """Of those that have no range of their own, and no steps."""
    knobs = ["gain=0:10", "hz=100:10000", "mode=a,b"]
    make_plan(tmp_path / "amp", 3, knobs, seconds=5, rate_hz=RATE)
    plan = make_plan(tmp_path / "amp", 9, ["10%:80%", "hz=200:300", "tone=-1:1"], seconds=5, rate_hz=RATE)
    found = {name: [take.settings[name] for take in plan.takes] for name in ("gain", "hz", "mode", "tone")}
    assert {name: (min(values), max(values)) for name, values in found.items()} == {
        "gain": (1.0, 8.0),
        "hz": (200.0, 300.0),
        "mode": (0.0, 1.0),
        "tone": (-1.0, 1.0),
    }


def test_a_knob_cannot_appear_where_takes_do_not_say_where_it_stood(tmp_path: Path) -> None:
    audio = Audio(np.zeros(100, np.float32), RATE)
    add_take(tmp_path, audio, audio, {"gain": 1}, knobs=[GAIN])
    before = contents(tmp_path)
    with pytest.raises(CaptureError, match="'tone' is new"):
        make_plan(tmp_path, 3, ["tone=0:10"], seconds=5)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "text",
    ["", "[1]", "{}", "{", '{"version": 2}', "[" * 100_000, '{"seconds": 5, "takes": [{"name": "a"}]}', "\udcff"],
)
def test_a_file_that_is_no_plan_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(CaptureError, match=r"plan\.json: not a plan"):
        read_plan(tmp_path)


def test_a_device_fills_a_plan(tmp_path: Path) -> None:
    device = Gain()
    capture = fill_plan(gain_plan(tmp_path / "c", 4), device)
    assert (len(capture.takes), device.calls) == (4, 4)
    for take in capture.takes:
        dry, wet = load_take(capture, take)
        np.testing.assert_allclose(wet.samples, (0.1 * take.settings["gain"] + 0.01) * dry.samples, atol=1e-6)
    assert (tmp_path / "c" / "plan.md").read_text().count("| [x] |") == 4


def test_an_interrupted_capture_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Whatever stops it, all that is there is whole, and the end is as if nothing had happened."""
    whole = fill_plan(gain_plan(tmp_path / "whole", 5), Gain())
    folder = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        fill_plan(gain_plan(folder, 5), Gain({3: KeyboardInterrupt()}))
    assert [take.name for take in read_capture(folder).takes] == ["take-01", "take-02"]
    device = Gain()
    fill_plan(gain_plan(folder, 5), device)
    assert device.calls == 3
    assert sorted(contents(folder)) == sorted(contents(tmp_path / "whole"))
    capture = read_capture(folder)
    assert capture.takes == whole.takes
    for take in capture.takes:
        for ours, theirs in zip(load_take(capture, take), load_take(whole, take), strict=True):
            np.testing.assert_array_equal(ours.samples, theirs.samples)


def test_a_failed_take_does_not_take_the_others_down(tmp_path: Path) -> None:
    device = Gain({2: DeviceError("it crashed")})
    with pytest.raises(DeviceError, match=r"3 of 5 takes.*take-02: it crashed; take-04: it returned NaN") as caught:
        fill_plan(gain_plan(tmp_path, 5), _NanAtFourth(device))
    assert "\n" not in str(caught.value)
    assert [take.name for take in read_capture(tmp_path).takes] == ["take-01", "take-03", "take-05"]
    capture = fill_plan(gain_plan(tmp_path, 5), Gain())
    assert sorted(take.name for take in capture.takes) == [f"take-{number:02d}" for number in range(1, 6)]


class _NanAtFourth:
    def __init__(self, device: Gain) -> None:
        self.device, self.calls = device, 0

    def play(self, dry, rate_hz, settings):
        self.calls += 1
        if self.calls == 4:
            return np.full_like(dry, np.nan)
        return self.device.play(dry, rate_hz, settings)


def test_a_device_that_always_fails_is_given_up(tmp_path: Path) -> None:
    device = Gain({number: DeviceError("no sound") for number in range(1, 99)})
    with pytest.raises(DeviceError, match="0 of 9 takes"):
        fill_plan(gain_plan(tmp_path, 9), device)
    assert device.calls == 3


def test_more_takes_extend_the_capture(tmp_path: Path) -> None:
    first = fill_plan(gain_plan(tmp_path, 3), Gain())
    assert gain_plan(tmp_path, 3) == read_plan(tmp_path), "the same request plans nothing new"
    more = fill_plan(gain_plan(tmp_path, 6), Gain())
    assert more.takes[:3] == first.takes
    assert len({take.settings["gain"] for take in more.takes}) == 6
    with pytest.raises(OptionError, match="has 6 takes; ask for more"):
        gain_plan(tmp_path, 5)
    with pytest.raises(
        OptionError, match=r"capture of the plugin gain \(1x\); choose another folder for the plugin fuzz"
    ):
        plan_device(tmp_path, PlanSource("plugin", "fuzz", {}), (GAIN,), 9, seconds=5)


def test_a_circuit_makes_and_fills_a_plan(tmp_path: Path) -> None:
    seen = []
    capture = circuit_takes(
        tmp_path / "pedal",
        "overdrive",
        3,
        ["drive=5%:95%", "level=7"],
        seconds=5,
        rate_hz=RATE,
        observe=lambda take, number, count: seen.append((take.name, number, count)),
    )
    assert seen == [("take-01", 1, 3), ("take-02", 2, 3), ("take-03", 3, 3)]
    assert {take.settings["level"] for take in capture.takes} == {7}
    assert {take.settings["drive"] for take in capture.takes[1:]} == {0.5, 9.5}
    assert json.loads((tmp_path / "pedal" / "plan.json").read_text())["source"]["name"] == "overdrive"
    loud = {take.name: float(np.std(load_take(capture, take)[1].samples)) for take in capture.takes}
    assert all(value > 1e-3 for value in loud.values())


def test_a_circuit_refuses_before_anything_is_written(tmp_path: Path) -> None:
    for knobs in (["drive=12"], ["volume=3"], ["drive=3:12"]):
        with pytest.raises(OptionError):
            circuit_takes(tmp_path / "pedal", "overdrive", 3, knobs, seconds=5)
    with pytest.raises(OptionError, match="built-in circuits are overdrive, preamp"):
        circuit_takes(tmp_path / "pedal", "fuzz", 3, seconds=5)
    assert not (tmp_path / "pedal").exists()


def test_a_take_is_redone(tmp_path: Path) -> None:
    plan = gain_plan(tmp_path, 3)
    capture = fill_plan(plan, Gain())

    class Louder(Gain):
        def play(self, dry, rate_hz, settings):
            return 2 * super().play(dry, rate_hz, settings)

    before = load_take(capture, capture.takes[2])[1].samples
    again = record_again(plan, "take-03", Louder())
    assert [take.name for take in again.takes] == ["take-01", "take-02", "take-03"]
    np.testing.assert_allclose(load_take(again, again.takes[2])[1].samples, 2 * before)
    with pytest.raises(OptionError, match="--take take-04: it is not planned; the plan has take-01"):
        record_again(plan, "take-04", Louder())
