"""`triode suggest` at the command line: by hand into the plan, and in a loop that goes on where it was interrupted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triode.capture.folder import read_capture
from triode.capture.plan import read_plan
from triode.capture.record import circuit_takes
from triode.cli import suggesting
from triode.engine import load, read
from triode.training import train

RATE, MODEL_RATE = 22050, 16000
Command = Callable[..., Any]
TAKES = 4


@pytest.fixture
def pedal(triode: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four takes of the overdrive's drive and tone, and a model that has hardly learned three of them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(suggesting, "CANDIDATES", 8)
    monkeypatch.setattr(suggesting, "PROBE_SECONDS", 0.2)
    circuit_takes(Path("pedal"), "overdrive", TAKES, ["level=5", "drive=2:10"], seconds=5, rate_hz=RATE)
    options = ("--size", "nano", "--epochs", 0.2, "--hold-out", "take-02", "--rate", MODEL_RATE)
    done = triode("train", "pedal", "-o", "pedal.triode", *options)
    assert done.status == 0, done.err
    return Path("pedal")


def refusal(result: Any) -> str:
    (line,) = [line for line in result.err.splitlines() if line.startswith("triode: ")]
    assert result.status == 2
    return line


def test_suggestions_go_into_the_plan_and_a_loop_records_and_learns_them(triode: Command, pedal: Path) -> None:
    asked = ("suggest", pedal, "pedal.triode", "--epochs", 0.2)
    done = triode(*asked, "--count", 2, "--write", "--json")
    assert done.status == 0, done.err
    told = done.json
    assert told["planned"] == ["take-05", "take-06"]
    assert 0 < told["mean_esr_after"] <= told["mean_esr_before"]
    plan = read_plan(pedal)
    assert [take.settings for take in plan.takes[TAKES:]] == [one["settings"] for one in told["suggestions"]]
    for one in told["suggestions"]:
        assert one["settings"]["level"] == 5.0, "what never moved stays"
        assert 2.0 <= one["settings"]["drive"] <= 10.0, "the plan's range is kept"
    assert len(read_capture(pedal).takes) == TAKES, "nothing is recorded yet"

    # A loop begins with what is planned, learns it, and goes on; another one finds that all is done.
    loop = triode(*asked, "--circuit", "overdrive", "--max-takes", 7, "--json")
    assert loop.status == 0, loop.err
    first, second = loop.json["rounds"]
    assert (first["takes"], second["takes"]) == (["take-05", "take-06"], ["take-07"])
    assert first["esr"] > 0
    assert second["expected_esr"] > 0
    training = read("pedal.triode").metadata["training"]
    assert training["takes"] == ["take-01", "take-03", "take-04", "take-05", "take-06", "take-07"]
    assert training["held_out"] == ["take-02"], "what the model was kept from is not learned later"
    assert [knob.name for knob in load("pedal.triode").knobs] == ["drive", "tone"]
    again = triode(*asked, "--circuit", "overdrive", "--max-takes", 7, "--json")
    assert (again.json["takes"], again.json["rounds"]) == (7, [])
    easy = triode(*asked, "--circuit", "overdrive", "--max-takes", 9, "--target-esr", 1e9, "--json")
    assert easy.json["takes"] == 8, "one take that is played well enough is the last"


def test_ctrl_c_while_a_loop_learns_leaves_the_takes_to_be_learned(
    triode: Command, pedal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that has hardly heard them does not count as one that learned them."""
    suggesting.add_to_plan(read_capture(pedal), [{"level": 5.0, "drive": 9.0, "tone": 1.0}])
    asked = ("suggest", pedal, "pedal.triode", "--epochs", 0.2, "--circuit", "overdrive", "--max-takes", TAKES + 1)
    before, real = Path("pedal.triode").read_bytes(), train._Loop._validate

    def validate_and_stop(loop: train._Loop) -> None:
        real(loop)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train._Loop, "_validate", validate_and_stop)
        stopped = triode(*asked)
    assert stopped.status == 130
    assert Path("pedal.triode").read_bytes() == before
    assert sorted(path.name for path in Path().iterdir()) == ["pedal", "pedal.triode"]
    again = triode(*asked, "--json")
    assert again.status == 0, again.err
    assert [one["takes"] for one in again.json["rounds"]] == [["take-05"]]
    assert "take-05" in read("pedal.triode").metadata["training"]["takes"]
    assert read("pedal.triode").sample_rate == MODEL_RATE, "it is trained further at the rate it was trained at"
    assert sorted(path.name for path in Path().iterdir()) == ["pedal", "pedal.triode"]


def test_what_cannot_be_suggested_is_one_line(triode: Command, pedal: Path) -> None:
    before = (pedal / "plan.json").read_bytes()
    for options, words in (
        (("--max-takes", 7), "name its --circuit or --plugin"),
        (("--circuit", "overdrive"), "--target-esr, --max-takes or --time"),
        (("--circuit", "overdrive", "--plugin", "x", "--max-takes", 7), "one of --circuit and --plugin"),
        (("--circuit", "preamp", "--max-takes", 7), "is a capture of the circuit overdrive"),
        (("--knob", "drive=4", "--knob", "tone=5"), "no knob moves"),
        (("--knob", "gain=0:1"), "there is no knob 'gain'"),
    ):
        assert words in refusal(triode("suggest", pedal, "pedal.triode", "--epochs", 0.1, *options))
    snapshot = triode("convert", "pedal.triode", "one.nam", "--knob", "drive=5")
    assert snapshot.status == 0
    assert "has the knobs none, the takes turn drive, tone" in refusal(triode("suggest", pedal, "one.nam"))
    assert (pedal / "plan.json").read_bytes() == before
