"""Hosts of other sample rates, and oversampling: what filters let pass, what they stop, latency, aliasing."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reference
from engine_files import ARCHITECTURES, array, write_triode
from models import TANH, random_tensors, recurrent_architecture
from triode.engine import Model, load
from triode.errors import OptionError
from triode.measure.aliasing import aliasing_to_signal_ratio

MODEL_HZ = 48_000
HOSTS = [(44_100, 1), (48_000, 2), (48_000, 4), (44_100, 2), (88_200, 1), (88_200, 2), (96_000, 4), (192_000, 1)]
HOSTS += [(176_400, 1), (22_050, 1), (47_999, 1), (64_000, 1), (768_000, 1)]
# The reference cannot dilate the convolutions of a head after the arrays.
SCALABLE = [name for name, spec in ARCHITECTURES.items() if spec["name"] == "wavenet" and "head" not in spec]


def wire(folder: Path, bias: float = 0.0, **options: Any) -> Model:
    """A model at 48 kHz that plays what it hears: only the way in and out can do anything."""
    tensors = {"taps": np.ones(1, np.float32), "bias": np.full(1, bias, np.float32)}
    return load(write_triode(folder / "wire.triode", {"name": "linear", "taps": 1}, tensors), **options)


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, count).astype(np.float32)


def fitted(model: Model, hz: float) -> tuple[complex, float]:
    """Gain of a steady tone, late by the latency told, and the RMS of everything that is not the tone over it."""
    rate, latency = model.sample_rate, model.latency_samples
    n = np.arange(int(0.15 * rate))
    tone = np.exp(2j * np.pi * hz / rate * n)
    out = model.render(tone.imag.astype(np.float32))[latency:]
    steady = slice(int(0.05 * rate), int(0.14 * rate))
    basis = np.stack([tone.real, tone.imag], axis=1)[: len(out)][steady]
    (cosine, sine), *_ = np.linalg.lstsq(basis, out[steady].astype(float), rcond=None)
    rest = out[steady] - basis @ [cosine, sine]
    return complex(sine, cosine), float(np.sqrt(2 * np.mean(rest**2)))


@pytest.mark.parametrize(("host_hz", "oversample"), HOSTS)
def test_what_is_heard_passes_in_time_and_without_images(tmp_path: Path, host_hz: int, oversample: int) -> None:
    """Flat within 0.1 dB to 0.41 of the lower rate (18 kHz at 44.1 kHz), images 80 dB down, latency as told."""
    model = wire(tmp_path, sample_rate=host_hz, oversample=oversample)
    edge = 0.41 * min(host_hz, MODEL_HZ)
    assert edge > 18_000 or host_hz < 44_100
    for hz in (0.02 * edge, 0.5 * edge, 0.9 * edge, edge):
        gain, rest = fitted(model, hz)
        assert abs(20 * np.log10(abs(gain))) < 0.1
        assert rest < 1e-4, f"images at {20 * np.log10(rest):.0f} dB of a tone of {hz:.0f} Hz"
        # What phase is left is less than a thousandth of a sample.
        assert abs(np.angle(gain)) < 2 * np.pi * hz / host_hz * 1e-3


@pytest.mark.parametrize(("host_hz", "most"), [(44_100, 0.0014), (48_000, 0.0013), (88_200, 0.0013), (22_050, 0.0028)])
def test_latency_is_short(tmp_path: Path, host_hz: int, most: float) -> None:
    model = wire(tmp_path, sample_rate=host_hz, oversample=2)
    assert 0 < model.latency_samples < most * host_hz


def test_what_the_model_cannot_carry_is_stopped(tmp_path: Path) -> None:
    """At 88.2 kHz a tone above half the model's 48 kHz must not come back as another one."""
    model = wire(tmp_path, sample_rate=88_200)
    for hz in (24_100, 30_000, 43_000):
        gain, rest = fitted(model, hz)
        assert abs(gain) < 1e-4
        assert rest < 1e-4


@pytest.mark.parametrize("host_hz", [44_100, 48_000, 96_000])
def test_nothing_clicks_at_the_start(tmp_path: Path, host_hz: int) -> None:
    """A model with an offset has it from the first sample on."""
    out = wire(tmp_path, 0.25, sample_rate=host_hz, oversample=2).render(np.zeros(1000, np.float32))
    np.testing.assert_allclose(out, 0.25, atol=1e-6)


def slowed(architecture: dict[str, Any], factor: int) -> dict[str, Any]:
    """The same WaveNet with every delay `factor` times as long."""
    slow = copy.deepcopy(architecture)
    for part in [*slow["arrays"], *slow.get("condition_dsp", {}).get("arrays", [])]:
        part["dilations"] = [factor * dilation for dilation in part["dilations"]]
        part["head"]["head_dilation"] = factor * part["head"].get("head_dilation", 1)
    for trace in slow.get("traces", []):
        trace["delay_samples"] = factor
    return slow


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("name", SCALABLE)
def test_a_multiple_of_the_rate_scales_every_delay(tmp_path: Path, name: str, factor: int) -> None:
    architecture = ARCHITECTURES[name]
    tensors = random_tensors(architecture, seed=1)
    path = write_triode(tmp_path / "m.triode", architecture, tensors)
    model = load(path, sample_rate=factor * MODEL_HZ)
    assert model.latency_samples == 0
    audio = noise(2500)
    expected = reference.play(slowed(architecture, factor), tensors, audio, 600 * factor)
    assert np.abs(model.render(audio) - expected).max() < 1e-5 * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize("architecture", [recurrent_architecture("lstm"), recurrent_architecture("gru", 5, 2)])
def test_a_multiple_of_the_rate_delays_the_state(tmp_path: Path, architecture: dict[str, Any]) -> None:
    """With the state of two samples ago, the even samples know nothing of the odd ones."""
    tensors = random_tensors(architecture)
    path = write_triode(tmp_path / "m.triode", architecture, tensors)
    audio = noise(2000)
    out = load(path, sample_rate=2 * MODEL_HZ).render(audio, 7)
    for start in (0, 1):
        expected = reference.play(architecture, tensors, audio[start::2], 600)
        assert np.abs(out[start::2] - expected).max() < 1e-5


@pytest.mark.parametrize(("host_hz", "oversample"), [(44_100, 1), (48_000, 2), (96_000, 1), (96_000, 4), (47_999, 2)])
@pytest.mark.parametrize("name", ["wavenet, two arrays", "lstm"])
def test_blocks_do_not_change_the_sound(tmp_path: Path, name: str, host_hz: int, oversample: int) -> None:
    architecture = ARCHITECTURES[name]
    path = write_triode(tmp_path / "m.triode", architecture, random_tensors(architecture))
    model = load(path, sample_rate=host_hz, oversample=oversample)
    audio = noise(5000)
    whole = model.render(audio, 4096)
    assert np.std(whole) > 1e-3
    for block in (1, 2, 3, 16, 63, 64, 100, 1000):
        np.testing.assert_array_equal(model.render(audio, block), whole)
    assert model.bench(64, 0.1)["allocations"] == 0


def distortion(folder: Path) -> Path:
    """A WaveNet without memory that drives a hyperbolic tangent hard: everything it adds is harmonics."""
    part = array(1, 1, kernel_sizes=[1], dilations=[1], activations=[TANH])
    architecture = {"name": "wavenet", "arrays": [part]}
    tensors = {name: np.zeros_like(tensor) for name, tensor in random_tensors(architecture).items()}
    for name in ("arrays.0.rechannel.weight", "arrays.0.head.weight", "head_scale"):
        tensors[name] += 1.0
    tensors["arrays.0.layers.0.conv.weight"] += 8.0
    return write_triode(folder / "distortion.triode", architecture, tensors)


def test_oversampling_lowers_aliasing(tmp_path: Path) -> None:
    """A hard-driven tone of 4 kHz: its harmonics fall off slowly, and those beyond 24 kHz fold back."""

    def worst_db(oversample: int) -> float:
        model = load(distortion(tmp_path), oversample=oversample)
        return aliasing_to_signal_ratio(model.render, MODEL_HZ, [4001.0], [-6.0]).worst_db

    plain, double, fourfold = (worst_db(factor) for factor in (1, 2, 4))
    assert plain > -30
    assert double < plain - 12
    assert fourfold < double - 20


def test_a_host_fast_enough_already_oversamples(tmp_path: Path) -> None:
    """At 96 kHz twice the model's rate costs no latency; four times it does."""
    assert load(distortion(tmp_path), sample_rate=96_000, oversample=2).latency_samples == 0
    assert load(distortion(tmp_path), sample_rate=96_000, oversample=4).latency_samples > 0


def test_the_rate_asked_for_is_told(tmp_path: Path) -> None:
    model = wire(tmp_path, sample_rate=44_100)
    assert (model.sample_rate, model.info["sample_rate"]) == (44_100, 48_000)
    assert wire(tmp_path).sample_rate == 48_000


@pytest.mark.parametrize("rate", [0, -1, 7_999, 1e6, float("nan"), float("inf"), "fast"])
def test_absurd_rates(tmp_path: Path, rate: Any) -> None:
    with pytest.raises(OptionError, match="expected"):
        wire(tmp_path, sample_rate=rate)


@pytest.mark.parametrize("oversample", [0, 3, 8, 1.5, None])
def test_absurd_oversampling(tmp_path: Path, oversample: Any) -> None:
    with pytest.raises(OptionError, match="expected 1, 2 or 4"):
        wire(tmp_path, oversample=oversample)
