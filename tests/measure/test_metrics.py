"""The metrics against closed forms, against auraloss, and on the signals that break naive ones."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triode.errors import OptionError
from triode.measure import metrics

RATE_HZ = 48_000
METRICS = (
    metrics.esr,
    metrics.mae,
    metrics.mrstft,
    lambda y, x: metrics.segment_esr(y, x, RATE_HZ),
    lambda y, x: metrics.a_weighted_esr(y, x, RATE_HZ),
)


def sine(frequency_hz: float, seconds: float = 1.0, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(samples) * 0.1


@pytest.mark.parametrize(("gain", "expected"), [(1.0, 0.0), (0.0, 1.0), (-1.0, 4.0), (0.9, 0.01), (1.1, 0.01)], ids=str)
def test_esr_of_a_wrong_gain_is_its_error_squared(gain: float, expected: float) -> None:
    assert metrics.esr(sine(440), gain * sine(440)) == pytest.approx(expected, abs=1e-12)


def test_esr_of_independent_noise_is_the_ratio_of_powers() -> None:
    signal = sine(440, seconds=10)
    estimate = signal + 0.05 * np.random.default_rng(1).standard_normal(len(signal))
    assert metrics.esr(signal, estimate) == pytest.approx(0.05**2 / (0.5**2 / 2), rel=0.01)


@given(gain=st.floats(1e-3, 1e3), seed=st.integers(0, 2**16))
@settings(max_examples=30, deadline=None)
def test_esr_does_not_depend_on_the_level_of_the_recording(gain: float, seed: int) -> None:
    target, estimate = noise(2000, seed), noise(2000, seed + 1)
    assert metrics.esr(gain * target, gain * estimate) == pytest.approx(metrics.esr(target, estimate), rel=1e-9)


def test_single_precision_input_is_summed_in_double() -> None:
    target = np.full(4_000_000, 0.1, dtype=np.float32)
    estimate = target + np.float32(1e-4)
    step = float(estimate[0]) - float(target[0])
    assert metrics.esr(target, estimate) == pytest.approx((step / float(target[0])) ** 2, rel=1e-9)
    assert metrics.mae(target, estimate) == pytest.approx(step, rel=1e-9)


def test_a_silent_target_has_no_error_to_signal_ratio() -> None:
    silence = np.zeros(4800)
    assert metrics.esr(silence, silence) == 0.0
    assert metrics.esr(silence, silence + 0.1) == math.inf
    assert metrics.a_weighted_esr(silence, noise(4800), RATE_HZ) == math.inf


def test_mae_is_the_mean_distance() -> None:
    assert metrics.mae(np.array([0.0, 1.0, -1.0]), np.array([0.5, 1.0, 1.0])) == pytest.approx(2.5 / 3)


def test_mrstft_agrees_with_auraloss() -> None:
    torch = pytest.importorskip("torch")
    auraloss = pytest.importorskip("auraloss")
    reference = auraloss.freq.MultiResolutionSTFTLoss()
    target = sine(220, 0.7) + 0.2 * sine(3500, 0.7)
    for estimate in (np.tanh(2 * target), noise(len(target)), np.zeros(len(target)), 0.9 * target):
        expected = reference(*(torch.tensor(x, dtype=torch.float32).view(1, 1, -1) for x in (estimate, target)))
        assert metrics.mrstft(target, estimate) == pytest.approx(float(expected), rel=1e-3)


def test_mrstft_of_a_gain_has_a_closed_form() -> None:
    # |Y| scales with the gain in every bin: spectral convergence 1 - g, log magnitude -ln g.
    target = noise(RATE_HZ)
    assert metrics.mrstft(target, 0.5 * target) == pytest.approx(0.5 + math.log(2), rel=1e-3)


def test_mrstft_forgives_a_phase_shift_that_esr_punishes() -> None:
    target, shifted = sine(1000), np.roll(sine(1000), RATE_HZ // 1000 // 4)
    assert metrics.esr(target, shifted) > 1.5
    assert metrics.mrstft(target, shifted) < 0.3


def test_mrstft_of_silence_is_finite() -> None:
    assert metrics.mrstft(np.zeros(RATE_HZ), np.zeros(RATE_HZ)) == 0.0
    assert math.isfinite(metrics.mrstft(np.zeros(RATE_HZ), sine(440)))


def test_mrstft_refuses_less_than_half_a_window() -> None:
    with pytest.raises(OptionError, match="1025"):
        metrics.mrstft(np.ones(1024), np.ones(1024))
    assert metrics.mrstft(np.ones(1025), np.ones(1025)) == 0.0


def test_segment_esr_finds_the_bad_second_and_skips_the_pause() -> None:
    hiss = 1e-4 * noise(RATE_HZ)
    target = np.concatenate([sine(440), sine(440), hiss, sine(440)])
    estimate = np.concatenate([sine(440), 0.5 * sine(440), -hiss, sine(440)])
    values = metrics.segment_esr(target, estimate, RATE_HZ)
    assert values == pytest.approx([0.0, 0.25, math.nan, 0.0], nan_ok=True)


@given(samples=st.integers(1, 5000), seconds=st.floats(0.001, 0.1))
@settings(max_examples=60, deadline=None)
def test_segments_cover_every_sample_once(samples: int, seconds: float) -> None:
    edges = metrics.segment_edges(samples, RATE_HZ, seconds)
    lengths = np.diff(edges)
    segment = round(seconds * RATE_HZ)
    assert edges[0] == 0
    assert edges[-1] == samples
    assert np.all(lengths[:-1] == segment)
    assert lengths[-1] <= 1.5 * segment
    assert len(lengths) == 1 or lengths[-1] >= segment / 2


def test_segments_weighted_by_energy_are_the_whole() -> None:
    target, estimate = noise(3 * RATE_HZ, 1), noise(3 * RATE_HZ, 2)
    energies = np.sum(target.reshape(3, -1) ** 2, axis=1)
    parts = metrics.segment_esr(target, estimate, RATE_HZ)
    assert parts @ energies / energies.sum() == pytest.approx(metrics.esr(target, estimate))


@pytest.mark.parametrize(
    ("frequency_hz", "gain_db"),
    [(10**1.3, -50.5), (10**1.5, -39.4), (10**2.1, -16.1), (1e3, 0.0), (10**3.4, 1.3), (1e4, -2.5), (10**4.3, -9.3)],
)
def test_a_weighting_is_the_standard_table(frequency_hz: float, gain_db: float) -> None:
    # The table's nominal 31.5 Hz, 2.5 kHz and so on stand for these powers of ten; it is rounded to 0.1 dB.
    assert 20 * np.log10(metrics.a_weighting(np.array([frequency_hz]))[0]) == pytest.approx(gain_db, abs=0.051)


def test_a_weighted_esr_hears_less_of_a_rumble() -> None:
    target = sine(1000)
    rumble, whistle = target + sine(40, amplitude=0.05), target + sine(2500, amplitude=0.05)
    weighted = [metrics.a_weighted_esr(target, estimate, RATE_HZ) for estimate in (rumble, whistle)]
    # 40 Hz is 34.5 dB down; the rumble's ends leak a little into louder bins.
    assert weighted[0] == pytest.approx(0.01 * 10**-3.45, rel=0.15)
    assert weighted[1] == pytest.approx(0.01 * 10**0.127, rel=0.02)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("target", "estimate"),
    [
        (np.zeros(2000), np.zeros(2001)),
        (np.zeros((2, 2000)), np.zeros((2, 2000))),
        (np.zeros(0), np.zeros(0)),
        (np.ones(2000), np.full(2000, np.nan)),
        (np.full(2000, np.inf), np.ones(2000)),
    ],
    ids=["length", "stereo", "empty", "nan", "infinite"],
)
def test_bad_input_is_refused(metric, target, estimate) -> None:
    with pytest.raises(OptionError):
        metric(target, estimate)


def test_segments_shorter_than_a_sample_are_refused() -> None:
    with pytest.raises(OptionError, match="no sample"):
        metrics.segment_esr(np.ones(10), np.ones(10), RATE_HZ, seconds=1e-6)


def test_verdict_gets_worse_with_the_error() -> None:
    words = [metrics.esr_grade(value).word for value in (0.0, 0.001, 0.005, 0.02, 0.05, 0.2, 0.9, math.nan)]
    assert words[:2] == ["Practically identical"] * 2
    assert words[-2:] == ["Not there yet"] * 2
    assert len(set(words)) == len(metrics.GRADES)


def test_verdict_is_honest_about_the_replicate_floor() -> None:
    below, near, above = (metrics.esr_verdict(value, 0.01) for value in (0.008, 0.015, 0.2))
    assert "as close to it as this recording can show" in below
    assert "the recording's and not the model's" in near
    assert "1.0 %" in below
    assert "1.0 %" in near
    assert above == metrics.esr_verdict(0.2)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_verdict_on_nothing_is_no_verdict(value: float) -> None:
    assert metrics.esr_verdict(value).startswith("No verdict")


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(0.00042, "0.042 %"), (0.01, "1.0 %"), (0.25, "25 %"), (1.0, "100 %"), (0.0, "0 %"), (math.inf, "not defined")],
)
def test_percentages_read_naturally(ratio: float, text: str) -> None:
    assert metrics.format_percent(ratio) == text


def test_metrics_stay_light() -> None:
    code = "import sys, triode.measure.metrics; print({'scipy', 'matplotlib', 'torch'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
