"""`triode compare`: one table of several models that can be trusted, and a folder that survives interruptions."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triode.audio import read_audio, write_audio
from triode.engine import load
from triode.measure.metrics import esr

RATE = 16000
DRY_TAPS = np.array([0.0, 0.6, -0.3, 0.1], dtype=np.float32)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Noise through a short filter and a soft clipper, 4 s."""
    folder = tmp_path_factory.mktemp("recording")
    rng = np.random.default_rng(1)
    dry = (0.3 * rng.standard_normal(4 * RATE)).astype(np.float32)
    wet = np.tanh(1.5 * np.convolve(dry, DRY_TAPS)[: len(dry)]).astype(np.float32)
    write_audio(folder / "dry.wav", dry, RATE)
    write_audio(folder / "amp.wav", wet, RATE)
    return "--input", str(folder / "dry.wav"), "--output", str(folder / "amp.wav")


@pytest.fixture(scope="module")
def made(recording: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished comparison of a WaveNet and an impulse response."""
    from triode.cli import main

    folder = tmp_path_factory.mktemp("made") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["triode", *command(recording, folder, "wavenet:nano,linear:32")])
        with pytest.raises(SystemExit) as stop:
            main()
    assert not stop.value.code
    return folder


def command(recording: tuple[str, ...], folder: Path, arch: str, *more: str) -> list[str]:
    return ["compare", *recording, "--arch", arch, "--epochs", "1", "-o", str(folder), *more]


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads((folder / "comparison.json").read_text())}


def test_the_table_holds_what_the_models_do(made: Path) -> None:
    found = rows(made)
    assert set(found) == {"wavenet:nano", "linear:32"}
    linear = load(found["linear:32"]["model"])
    assert found["linear:32"]["parameters"] == 33
    # The last tenth, at least 2 s, of the 4 s is held out; the model hears what comes before it.
    dry, wet = (read_audio(made / "audio" / f"{name}.wav").samples for name in ("linear-32", "reference"))
    assert len(wet) == pytest.approx(2 * RATE, abs=16), "less the latency that was removed"
    assert found["linear:32"]["esr"] == pytest.approx(esr(wet, dry), rel=1e-6)
    assert 0.001 < found["linear:32"]["esr"] < 0.1, "a linear system under a soft clipper is close, not equal"
    # Half of the audio is held out: one pass over what is left, and one update of four crops, which is a little more.
    assert found["linear:32"]["audio_seconds"] == pytest.approx(2.0, abs=0.01)
    assert found["wavenet:nano"]["audio_seconds"] == pytest.approx(4 * 8192 / RATE)
    assert found["linear:32"]["aliasing_db"] < -80, "a linear system adds no tones"
    assert linear.info["architecture"]["name"] == "linear"


def test_csv_and_markdown_say_the_same(made: Path) -> None:
    found = rows(made)
    with (made / "comparison.csv").open(newline="") as file:
        read_back = {row["name"]: row for row in csv.DictReader(file)}
    for name, row in found.items():
        assert float(read_back[name]["esr"]) == row["esr"]
        assert int(read_back[name]["parameters"]) == row["parameters"]
    lines = (made / "comparison.md").read_text().splitlines()
    assert len(lines) == 4
    by_error = sorted(found, key=lambda name: found[name]["esr"])
    assert [line.split("|")[1].strip() for line in lines[2:]] == by_error, "the closest comes first"
    assert len({line.count("|") for line in lines}) == 1


@pytest.mark.parametrize(("test", "heard"), [("0:1.5", True), ("1.5:3", True), ("2.5:3", False)])
def test_the_page_says_whether_a_training_heard_what_is_compared(
    triode: Callable[..., Any], recording: tuple[str, ...], tmp_path: Path, test: str, heard: bool
) -> None:
    """The first 2 of 4 s are trained on."""
    assert triode(*command(recording, tmp_path, "linear:4", "--test", test)).status == 0
    page = (tmp_path / "comparison.html").read_text()
    assert ("which was not trained on here" in page) != heard
    assert ("part of which was trained on here" in page) == heard


def test_finished_models_are_used_and_others_join(
    triode: Callable[..., Any], made: Path, recording: tuple[str, ...], tmp_path: Path
) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in (made / "models").iterdir()}
    numbers = rows(made)
    result = triode(*command(recording, made, "linear:32,linear:4", "--json"))
    assert result.status == 0
    after = {path.name: path.stat().st_mtime_ns for path in (made / "models").iterdir()}
    assert {name: time for name, time in after.items() if name in before} == before, "nothing was trained again"
    assert set(after) - set(before) == {"linear-4.triode"}
    old, new = result.json["contenders"]
    assert old["esr"] == numbers["linear:32"]["esr"]
    assert new["parameters"] == 5


@pytest.mark.parametrize("change", [("--seed", "1"), ("--train", "0:1.5"), ("--test", "3:4")])
def test_models_made_otherwise_are_not_mixed_in(
    triode: Callable[..., Any], made: Path, recording: tuple[str, ...], change: tuple[str, str]
) -> None:
    page = (made / "comparison.html").read_bytes()
    result = triode(*command(recording, made, "linear:32", *change))
    assert result.status == 2
    assert "another folder" in result.err
    assert result.err.count("\n") == 1
    assert (made / "comparison.html").read_bytes() == page


def test_one_that_fails_is_told_and_the_others_go_on(
    triode: Callable[..., Any], recording: tuple[str, ...], tmp_path: Path
) -> None:
    # A segment of Wright's recipe is half a second long: this recording leaves less.
    result = triode(*command(recording, tmp_path, "lstm:2,linear:8", "--train", "0:0.5", "--json"))
    assert result.status == 1
    failed, linear = result.json["contenders"]
    assert failed["name"] == "lstm:2"
    assert failed["esr"] is None
    assert "record more" in failed["problem"]
    assert linear["esr"] < 0.5
    page = (tmp_path / "comparison.html").read_text()
    assert "record more" in page
    assert "model-1" not in page


def test_an_interrupted_comparison_goes_on(
    triode: Callable[..., Any], recording: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from triode.training import train

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train._Loop, "_update", stop)
        result = triode(*command(recording, tmp_path, "linear:8,wavenet:nano"))
    assert result.status == 130
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["linear-8.triode"]
    first = (tmp_path / "models" / "linear-8.triode").stat().st_mtime_ns
    result = triode(*command(recording, tmp_path, "linear:8,wavenet:nano", "--json"))
    assert result.status == 0
    assert (tmp_path / "models" / "linear-8.triode").stat().st_mtime_ns == first
    assert [row["name"] for row in result.json["contenders"]] == ["linear:8", "wavenet:nano"]


@pytest.mark.parametrize(
    ("arch", "word"), [("wavenet:huge", "huge"), ("transformer", "transformer"), ("linear,linear", "different")]
)
def test_unknown_names_are_refused_before_anything_is_made(
    triode: Callable[..., Any], recording: tuple[str, ...], tmp_path: Path, arch: str, word: str
) -> None:
    result = triode(*command(recording, tmp_path / "out", arch))
    assert result.status == 2
    assert word in result.err
    assert not (tmp_path / "out").exists()
