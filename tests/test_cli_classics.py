"""The classic ways to model a device, as people ask for them on the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.signal

from triode.audio import read_audio, write_audio
from triode.capture.signal import make_signal, write_signal

RATE = 22050


@pytest.fixture(scope="module")
def cabinet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """Our own signal through a resonant filter, and the filter's response."""
    folder = tmp_path_factory.mktemp("cabinet")
    signal = make_signal(20.0, RATE)
    write_signal(folder / "dry.wav", signal)
    decay = np.exp(-np.arange(300) / 40) * np.cos(2 * np.pi * 900 / RATE * np.arange(300))
    response = (0.3 * decay / np.abs(decay).max()).astype(np.float32)
    write_audio(folder / "wet.wav", scipy.signal.fftconvolve(signal.samples, response)[: len(signal.samples)], RATE)
    return folder, response


@pytest.mark.parametrize("recipe", ["least-squares", "farina2000"])
def test_a_cabinet_becomes_an_impulse_response(
    triode: Callable[..., Any], cabinet: tuple[Path, np.ndarray], tmp_path: Path, recipe: str
) -> None:
    folder, response = cabinet
    recording = "--input", folder / "dry.wav", "--output", folder / "wet.wav"
    model, target = tmp_path / "cab.triode", tmp_path / "cab.wav"
    result = triode("train", *recording, "--arch", "linear", "--size", "512", "--recipe", recipe, "-o", model, "--json")
    assert result.status == 0, result.err
    assert result.json["esr"] < 1e-4
    assert triode("convert", model, target).status == 0
    found = read_audio(target)
    assert found.rate_hz == RATE
    start = int(np.argmax(np.correlate(found.samples, response, "valid")))
    assert start <= 4, "alignment leaves a small margin before the onset"
    np.testing.assert_allclose(found.samples[start : start + 300], response, atol=5e-3)


def test_recipes_that_cannot_work_are_refused(
    triode: Callable[..., Any], cabinet: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    folder, _ = cabinet
    # The same recording under another name has no manifest that says where the sweeps are.
    write_audio(tmp_path / "mine.wav", read_audio(folder / "dry.wav").samples, RATE)
    train = "train", "--output", folder / "wet.wav", "-o", tmp_path / "m.triode", "--epochs", "1", "--input"
    for words, message in (
        ((tmp_path / "mine.wav", "--arch", "linear", "--recipe", "farina2000"), "no sweep of our own signal"),
        ((folder / "dry.wav", "--arch", "linear", "--recipe", "wright2020"), "choose least-squares or farina2000"),
        ((folder / "dry.wav", "--recipe", "nonsense"), "--recipe nonsense"),
    ):
        result = triode(*train, *words)
        assert (result.status, result.err.strip().count("\n")) == (2, 0), result.err
        assert message in result.err
    assert not (tmp_path / "m.triode").exists()


def test_generic_controls_are_named_apart_from_captured_knobs(
    triode: Callable[..., Any], cabinet: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    """A profile: one captured setting, and controls around it that were not captured, each an option of render."""
    folder, _ = cabinet
    recording = "--input", folder / "dry.wav", "--output", folder / "wet.wav"
    model = tmp_path / "cab.triode"
    assert triode("train", *recording, "--arch", "linear", "--size", "64", "-o", model).status == 0
    found = triode("info", model, "--json").json
    assert found["knobs"] == []
    assert [control["name"] for control in found["generic_controls"]] == [
        "gain",
        "bass",
        "middle",
        "treble",
        "presence",
    ]
    assert "not captured" in triode("info", model).out
    plain, turned = tmp_path / "plain.wav", tmp_path / "turned.wav"
    assert triode("render", model, folder / "dry.wav", plain).status == 0
    for control in found["generic_controls"]:
        option = "--input-gain" if control["name"] == "gain" else f"--{control['name']}"
        assert triode("render", model, folder / "dry.wav", turned, option, control["high"]).status == 0
        assert np.abs(read_audio(turned).samples - read_audio(plain).samples).max() > 1e-3, option


def test_a_chain_is_identified_trained_played_and_not_exported_where_it_cannot(
    triode: Callable[..., Any], cabinet: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    folder, _ = cabinet
    dry = read_audio(folder / "dry.wav").samples
    write_audio(tmp_path / "wet.wav", (0.5 * np.tanh(4 * dry)).astype(np.float32), RATE)
    recording = "--input", folder / "dry.wav", "--output", tmp_path / "wet.wav"
    model = tmp_path / "chain.triode"
    options = "--arch", "hammerstein", "--size", "2", "--recipe", "eichas2017", "-o", model, "--json"
    result = triode("train", *recording, *options)
    assert result.status == 0, result.err
    assert result.json["esr"] < 0.1
    assert "block-oriented" in triode("info", model).out
    assert triode("bench", model, "--seconds", "0.1", "--json").json["allocations"] == 0
    refused = triode("convert", model, tmp_path / "chain.nam")
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "no block-oriented" in refused.err
