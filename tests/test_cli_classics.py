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
