"""Knobs of models: smooth, in time to the sample, harmless, and the same through every surface."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import field_files as field
import reference
from engine_files import write_triode
from models import random_tensors, recurrent_architecture
from triode import engine
from triode.audio import Audio, read_audio, write_audio
from triode.cli import main
from triode.engine import Model
from triode.errors import ModelFileError, OptionError
from triode.knobs import Knob
from triode.render import render

RATE = 48_000
RAMP = 960  # 20 ms
DRIVE = {"name": "drive", "unit": "dB", "low": -20.0, "high": 20.0, "default": 0.0, "taper": "linear"}
HZ = {"name": "tone", "unit": "Hz", "low": 100.0, "high": 10_000.0, "default": 1_000.0, "taper": "log"}


def wire(folder: Path, **changes: Any) -> Model:
    """A model whose output is its two knobs' inputs: the first one plus 10 times the second."""
    architecture = {"name": "conv", "input_size": 3}
    tensors = {"weight": np.array([[[0.0], [1.0], [10.0]]], np.float32), "bias": np.zeros(1, np.float32)}
    path = write_triode(folder / "wire.triode", architecture, tensors, knobs=[DRIVE, HZ], **changes)
    return engine.load(path)


def silence(count: int) -> np.ndarray:
    return np.zeros(count, np.float32)


def test_knobs_are_those_of_the_file(tmp_path: Path) -> None:
    model = wire(tmp_path)
    assert model.knobs == [Knob(**DRIVE), Knob(**HZ)]  # type: ignore[arg-type]
    assert model.info["knobs"] == [DRIVE, HZ]
    assert engine.read(tmp_path / "wire.triode").knobs == tuple(model.knobs)


@pytest.mark.parametrize(("count", "names"), [(1, []), (2, ["gain"]), (3, ["knob1", "knob2"])])
def test_knobs_without_names_get_some(tmp_path: Path, count: int, names: list[str]) -> None:
    (tmp_path / "m.json").write_text(json.dumps(field.guitarml(inputs=count)))
    knobs = engine.load(tmp_path / "m.json").knobs
    assert [knob.name for knob in knobs] == names
    assert all((knob.low, knob.high, knob.default) == (0.0, 1.0, 0.5) for knob in knobs)


def test_names_in_the_metadata_are_used(tmp_path: Path) -> None:
    contents = {**field.guitarml(inputs=3), "metadata": {"knobs": [DRIVE, HZ]}}
    (tmp_path / "m.json").write_text(json.dumps(contents))
    assert engine.load(tmp_path / "m.json").info["knobs"] == [DRIVE, HZ]
    contents["metadata"]["knobs"].pop()
    (tmp_path / "m.json").write_text(json.dumps(contents))
    with pytest.raises(ModelFileError, match=r"3 inputs and 1 outputs, expected 2 inputs \(audio and knobs\)"):
        engine.load(tmp_path / "m.json")


def test_the_network_sees_the_travel(tmp_path: Path) -> None:
    """Half way for both: the middle of a linear range, the geometric middle of a logarithmic one."""
    model = wire(tmp_path)
    assert model.render(silence(10)) == pytest.approx(0.5 + 10 * 0.5, abs=1e-6)
    model.set("drive", 10.0)
    model.set("tone", 100 * 10**0.5)
    assert model.render(silence(10)) == pytest.approx(0.75 + 10 * 0.25, abs=1e-6)


def test_a_turn_is_a_straight_line_of_20_ms(tmp_path: Path) -> None:
    model = wire(tmp_path)
    model.process(silence(100))
    model.set("drive", 20.0)
    found = model.process(silence(2_000)) - 5.0
    expected = 0.5 + 0.5 * np.minimum(np.arange(1, 2_001) / RAMP, 1.0)
    np.testing.assert_allclose(found, expected, atol=2e-6)
    np.testing.assert_array_equal(found[RAMP - 1 :], found[-1])


def test_a_line_under_way_goes_on(tmp_path: Path) -> None:
    """A host that sets every knob with each edit does not hold up those that are on their way."""
    model = wire(tmp_path)
    model.set("drive", 20.0)
    found = []
    for _ in range(0, RAMP, 64):
        model.set("drive", 20.0)
        found.append(model.process(silence(64)) - 5.0)
    expected = 0.5 + 0.5 * np.arange(1, RAMP + 1) / RAMP
    np.testing.assert_allclose(np.concatenate(found), expected, atol=2e-6)


def test_turned_again_before_it_arrived(tmp_path: Path) -> None:
    """The line bends where it is, without a jump."""
    model = wire(tmp_path)
    model.set("drive", 20.0)
    first = model.process(silence(RAMP // 2))
    model.set("drive", -20.0)
    second = model.process(silence(RAMP + 50))
    assert second[0] - first[-1] == pytest.approx(-0.75 / RAMP, abs=2e-6)
    assert np.abs(np.diff(np.concatenate([first, second]))).max() < 0.76 / RAMP + 2e-6
    assert second[-1] == pytest.approx(5.0, abs=2e-6)


def turned(model: Model, audio: np.ndarray, block: int) -> np.ndarray:
    """`audio` with the knob turned at samples 700 and 1100, else in blocks of `block`."""
    model.set("gain", 0.1)
    model.reset()
    out = []
    for start, stop, value in ((0, 700, None), (700, 1100, 0.9), (1100, len(audio), 0.3)):
        if value is not None:
            model.set("gain", value)
        out += [model.process(audio[first : min(first + block, stop)]) for first in range(start, stop, block)]
    return np.concatenate(out)


def test_turning_does_not_depend_on_the_block(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(field.guitarml("GRU", 2, 9)))
    model = engine.load(tmp_path / "m.json")
    audio = np.random.default_rng(0).uniform(-1, 1, 4_000).astype(np.float32)
    whole = turned(model, audio, 4_000)
    model.set("gain", 0.1)
    assert np.abs(whole - model.render(audio)).max() > 1e-2
    for block in (1, 7, 64, 65, 300):
        np.testing.assert_array_equal(turned(model, audio, block), whole)


def test_reset_puts_knobs_where_they_were_set(tmp_path: Path) -> None:
    model = wire(tmp_path)
    model.set("drive", 20.0)
    model.process(silence(10))
    model.reset()
    np.testing.assert_allclose(model.process(silence(10)), 6.0, atol=1e-6)


def test_a_start_state_after_silence_is_that_of_the_settings(tmp_path: Path) -> None:
    architecture = recurrent_architecture("lstm", 5) | {"input_size": 2}
    tensors = random_tensors(architecture, seed=3)
    path = write_triode(tmp_path / "m.triode", architecture, tensors, knobs=[DRIVE])
    model = engine.load(path)
    audio = np.random.default_rng(0).uniform(-1, 1, 300).astype(np.float32)
    for value, travel in ((-20.0, 0.0), (15.0, 0.875), (0.0, 0.5)):
        expected = reference.play(architecture, tensors, audio, 600, [travel])
        assert np.abs(render(model, Audio(audio, RATE), settings={"drive": value}).samples - expected).max() < 1e-5


def test_rendering_with_settings_leaves_no_other_knob_turned(tmp_path: Path) -> None:
    model = wire(tmp_path)
    model.set("drive", 20.0)
    audio = Audio(silence(100), RATE)
    np.testing.assert_allclose(render(model, audio).samples, 6.0, atol=1e-6)
    np.testing.assert_allclose(render(model, audio, settings={"tone": 10_000.0}).samples, 10.5, atol=1e-6)


@pytest.mark.parametrize(
    ("knob", "value", "message"),
    [
        ("presence", 0.0, "there is no knob 'presence'; the knobs here: drive, tone"),
        ("drive", 20.5, "outside its range -20 to 20 dB"),
        ("drive", float("nan"), "outside its range"),
        ("tone", 0.0, "outside its range"),
    ],
)
def test_impossible_settings(tmp_path: Path, knob: str, value: float, message: str) -> None:
    model = wire(tmp_path)
    with pytest.raises(OptionError, match=message):
        model.set(knob, value)
    np.testing.assert_allclose(model.render(silence(10)), 5.5, atol=1e-6)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ([DRIVE], "3 inputs and 1 outputs"),
        ([DRIVE, DRIVE], 'two knobs named "drive"'),
        ([DRIVE, {**HZ, "low": 0.0}], "more than 0 for a log taper"),
        ([DRIVE, {**HZ, "taper": "cubic"}], '"linear" or "log"'),
        ([DRIVE, {**HZ, "name": "two words"}], "a word without spaces"),
        ([DRIVE, {**HZ, "default": 20_000.0}], "a value from low to high"),
        ([DRIVE, {**HZ, "high": 50.0}], "low below high"),
        ([DRIVE, {**HZ, "colour": "red"}], "colour"),
    ],
)
def test_forged_knobs(tmp_path: Path, knobs: list[Any], message: str) -> None:
    architecture = {"name": "conv", "input_size": 3}
    path = write_triode(tmp_path / "m.triode", architecture, random_tensors(architecture), knobs=knobs)
    with pytest.raises(ModelFileError, match=message):
        engine.load(path)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def triode(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["triode", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code
        return capsys.readouterr().out

    (tmp_path / "m.json").write_text(json.dumps(field.guitarml(inputs=2)))
    audio = Audio(np.random.default_rng(0).uniform(-1, 1, 1_000).astype(np.float32), 44_100)
    write_audio(tmp_path / "in.wav", audio.samples, 44_100)
    triode("render", tmp_path / "m.json", tmp_path / "in.wav", tmp_path / "out.wav", "--knob", "gain=80%")
    model = engine.load(tmp_path / "m.json")
    expected = render(model, audio, settings={"gain": 0.8}).samples
    np.testing.assert_array_equal(read_audio(tmp_path / "out.wav").samples, expected)
    assert np.abs(render(model, audio, settings={}).samples - expected).max() > 1e-3
    assert json.loads(triode("info", tmp_path / "m.json", "--json"))["knobs"] == model.info["knobs"]
    assert "knob gain" in triode("info", tmp_path / "m.json")
    assert json.loads(triode("bench", tmp_path / "m.json", "--seconds", 0.1, "--json"))["allocations"] == 0
