"""Alignment finds what was put in: latency to a fraction of a sample, polarity, clock drift. And the real takes."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soxr
from devices_like import DEVICES, Array, delayed, guitar
from hypothesis import given, settings
from hypothesis import strategies as st

from triode.audio import read_audio
from triode.capture.align import align, apply_alignment, correlation_lag
from triode.errors import AudioFileError

RATE = 48000


@cache
def take(device: str, seconds: float = 5.0, seed: int = 0) -> tuple[Array, Array]:
    dry = guitar(seconds, RATE, seed)
    return dry, DEVICES[device](dry, RATE)


def latency(dry: Array, wet: Array) -> float:
    return align(dry.astype(np.float32), wet.astype(np.float32), RATE).latency_samples


@pytest.mark.parametrize("device", DEVICES)
def test_a_delay_moves_the_latency_by_itself(device: str) -> None:
    dry, wet = take(device)
    noise = 1e-4 * np.random.default_rng(1).standard_normal(len(dry))
    reference = latency(dry, wet + noise)
    assert -1 <= reference <= 6
    for delay in (0.37, 12.5, -40.21):
        assert latency(dry, delayed(wet + noise, delay)) - reference == pytest.approx(delay, abs=0.05)


@settings(max_examples=15, deadline=None)
@given(
    device=st.sampled_from(sorted(DEVICES)),
    delay=st.floats(-3000, 3000),
    gain=st.floats(0.02, 5),
    inverted=st.booleans(),
    noise_db=st.floats(-100, -55),
)
def test_any_delay_gain_polarity_and_noise(
    device: str, delay: float, gain: float, inverted: bool, noise_db: float
) -> None:
    dry, wet = take(device)
    clean = align(dry.astype(np.float32), wet.astype(np.float32), RATE)
    noise = 10 ** (noise_db / 20) * np.random.default_rng(1).standard_normal(len(wet))
    changed = (-gain if inverted else gain) * (delayed(wet, delay) + noise)
    found = align(dry.astype(np.float32), changed.astype(np.float32), RATE)
    assert found.polarity == (-clean.polarity if inverted else clean.polarity)
    assert found.drift_ppm == 0
    assert found.latency_samples - clean.latency_samples == pytest.approx(delay, abs=1.0)
    assert found.peak_samples - clean.peak_samples == pytest.approx(delay, abs=0.5)


def test_nothing_to_align_is_refused() -> None:
    dry = guitar(2, RATE, 0).astype(np.float32)
    with pytest.raises(AudioFileError, match="wet signal is silent"):
        align(dry, np.zeros_like(dry), RATE)
    with pytest.raises(AudioFileError, match=r"0\.10 s"):
        align(dry[:4800], dry, RATE)


@pytest.mark.parametrize("ppm", [-80.0, 3.0, 25.0])
def test_clock_drift_is_found_and_removed(ppm: float) -> None:
    dry, wet = take("overdrive", 30.0)
    drifted = soxr.resample(delayed(wet, 20.0), 1.0, 1.0 + ppm * 1e-6, quality="VHQ")
    found = align(dry.astype(np.float32), drifted.astype(np.float32), RATE)
    assert found.drift_ppm == pytest.approx(ppm, abs=1.0)
    mended_dry, mended = apply_alignment(dry.astype(np.float32), drifted.astype(np.float32), found)
    again = align(mended_dry, mended, RATE)
    assert again.drift_ppm == pytest.approx(0, abs=0.5)
    assert again.latency_samples == pytest.approx(2.5, abs=0.6)


def test_applied_alignment_keeps_the_target_causal() -> None:
    dry, wet = take("amp")
    for delay in (700.4, -300.3):
        shifted = delayed(wet, delay).astype(np.float32)
        a, b = apply_alignment(dry.astype(np.float32), shifted, align(dry.astype(np.float32), shifted, RATE))
        assert len(a) == len(b) > len(dry) - 750
        rest = align(a, b, RATE)
        assert 2 <= rest.latency_samples < 3.1
        assert rest.peak_samples > rest.latency_samples


@given(st.floats(-60, 60), st.sampled_from([-0.5, 1.0]))
@settings(max_examples=15, deadline=None)
def test_the_plain_lag_of_a_pure_delay_is_the_delay(delay: float, gain: float) -> None:
    dry = np.pad(guitar(2.0, 22050, 3), 200)
    wet = gain * delayed(dry, delay) if delay > 0 else gain * dry
    dry = dry if delay > 0 else delayed(dry, -delay)
    assert correlation_lag(dry, wet, 441) == pytest.approx(delay, abs=0.05)


def real(folder: Path, dry: str, wet: str):
    x, y = read_audio(folder / dry), read_audio(folder / wet)
    return align(x.samples, y.samples, x.rate_hz)


def test_real_amp_every_take_has_its_own_lag(shared_data: Path) -> None:
    folder = shared_data / "captures" / "hotrod_deluxe"
    clips = json.loads((folder / "manifest.json").read_text())["clips"]
    assert len(clips) == 11
    for clip in clips:
        found = real(folder, clip["input"], clip["file"])
        assert found.polarity == -1
        assert found.drift_ppm == 0
        # The manifest's lag is the peak of a plain correlation, which may lie some periods of the speaker later.
        assert -25 < found.latency_samples - clip["lag_samples"] < 0
        assert found.confidence > 0.85


@pytest.mark.parametrize(
    ("folder", "dry", "wet", "earliest", "latest", "polarity"),
    [
        ("ts9_real", "input.flac", "output.flac", -0.5, 2.5, -1),
        ("diode_clipper", "input.flac", "output.flac", 0, 3, 1),
        (".", "input.flac", "bigchump/output.flac", 79, 85, 1),
        (".", "input.flac", "ts9/output.flac", -1.5, 1, 1),
        (".", "input.flac", "fuzzface/output.flac", -1, 0.5, -1),
    ],
)
def test_real_devices(shared_data: Path, folder, dry, wet, earliest, latest, polarity) -> None:
    found = real(shared_data / "captures" / folder, dry, wet)
    assert earliest <= found.latency_samples <= latest
    assert found.polarity == polarity
    assert found.drift_ppm == 0
    assert found.confidence > 0.85
