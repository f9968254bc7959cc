"""Harmonics, transfer curves, responses and noise of systems that are known on paper."""

import numpy as np
import pytest
from scipy import integrate
from scipy import signal as dsp

from triode.measure import harmonics

RATE_HZ = 48_000


def db(value: float) -> float:
    return 20 * np.log10(value)


def test_a_cubic_has_the_harmonics_of_the_triple_angle_formula() -> None:
    # y = x + a x^2 + b x^3 of A sin: H1 = A + 3/4 b A^3, H2 = a A^2 / 2, H3 = b A^3 / 4, nothing above.
    a, b = 0.3, -0.25
    levels = [-40.0, -20.0, -6.0, 0.0]
    result = harmonics.harmonic_fingerprint(lambda x: x + a * x**2 + b * x**3, RATE_HZ, levels_dbfs=levels)
    for row, level in zip(result.harmonic_levels_dbfs, levels, strict=True):
        peak = 10 ** (level / 20)
        expected = [db(peak + 0.75 * b * peak**3), db(a * peak**2 / 2), db(-b * peak**3 / 4)]
        assert row[:3] == pytest.approx(expected, abs=0.02)
        assert np.all(row[3:] < -140)


def test_a_tanh_has_its_fourier_coefficients() -> None:
    drive = 5.0
    result = harmonics.harmonic_fingerprint(lambda x: np.tanh(drive * x), RATE_HZ, 110.0, [-20.0, 0.0])
    for row, level in zip(result.harmonic_levels_dbfs, result.input_levels_dbfs, strict=True):
        for k in (1, 3, 5, 7, 9):
            coefficient, _ = integrate.quad(
                lambda t, k=k, level=level: np.tanh(drive * 10 ** (level / 20) * np.sin(t)) * np.sin(k * t) / np.pi,
                0,
                2 * np.pi,
                epsabs=1e-10,
            )
            # Below -100 dBFS the rounding of the float32 tone itself shows.
            assert db(abs(coefficient)) < -100 or row[k - 1] == pytest.approx(db(abs(coefficient)), abs=0.01)
        assert np.all(row[1::2] < -130), "an odd curve has no even harmonics"


def test_harmonics_above_nyquist_are_not_there() -> None:
    result = harmonics.harmonic_fingerprint(np.tanh, RATE_HZ, 5000.0, [-6.0])
    assert np.isfinite(result.harmonic_levels_dbfs[0]).tolist() == [True] * 4 + [False] * 6


def test_transfer_curve_of_a_static_curve_is_that_curve() -> None:
    result = harmonics.transfer_curve(lambda x: np.tanh(4 * x) + 0.1 * x**2, RATE_HZ, level_dbfs=-3.0)
    assert result.output == pytest.approx(np.tanh(4 * result.input) + 0.1 * result.input**2, abs=2e-4)
    assert result.hysteresis < 1e-3
    assert np.max(result.input) == pytest.approx(10 ** (-3 / 20), abs=1e-3)


def test_transfer_curve_shows_memory_as_a_loop() -> None:
    # A delay d of a sine turns the line into an ellipse; its branches lie 2 A sin(w d) apart, of a span of 2 A.
    delay = 12
    result = harmonics.transfer_curve(lambda x: np.concatenate([np.zeros(delay), x[:-delay]]), RATE_HZ)
    expected = np.sin(2 * np.pi * result.frequency_hz * delay / RATE_HZ)
    assert result.hysteresis == pytest.approx(expected, rel=0.01)


def test_transfer_curve_of_silence_has_no_hysteresis() -> None:
    assert harmonics.transfer_curve(np.zeros_like, RATE_HZ).hysteresis == 0.0


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_frequency_response_of_a_filter_is_its_own(rate_hz: int) -> None:
    b, a = dsp.butter(2, [80, 5000], "bandpass", fs=rate_hz)
    result = harmonics.frequency_response(lambda x: dsp.lfilter(b, a, x), rate_hz)
    _, expected = dsp.freqz(b, a, result.frequencies_hz, fs=rate_hz)
    audible = np.abs(expected) > 10 ** (-40 / 20)
    assert result.gain_db[audible] == pytest.approx(20 * np.log10(np.abs(expected[audible])), abs=0.1)


def test_frequency_response_is_the_small_signal_gain_of_a_distortion() -> None:
    result = harmonics.frequency_response(lambda x: np.tanh(30 * x), RATE_HZ, level_dbfs=-60.0)
    assert result.gain_db == pytest.approx(db(30), abs=0.1)
    assert result.gain_db[result.frequencies_hz > 50] == pytest.approx(db(30), abs=0.01)


def test_frequency_response_leaves_even_harmonics_out() -> None:
    # The distortion x^2 of a sweep lies an octave up: 164 ms before the impulse response, where it is cut off.
    result = harmonics.frequency_response(lambda x: 2 * x + 5 * x**2, RATE_HZ, level_dbfs=-40.0)
    # Above 12 kHz that octave folds back, and what folds to more than 3 kHz lies within the impulse response's tail.
    midrange = (result.frequencies_hz > 50) & (result.frequencies_hz < 3000)
    assert result.gain_db[midrange] == pytest.approx(db(2), abs=0.005)


def test_self_noise_of_hum_hiss_and_silence() -> None:
    time = np.arange(2 * RATE_HZ) / RATE_HZ
    hum = harmonics.self_noise(lambda x: 0.01 * np.sin(2 * np.pi * 50 * time[: len(x)]) + 0.2, RATE_HZ)
    assert hum.rms_dbfs == pytest.approx(db(0.01 / np.sqrt(2)), abs=0.01)
    assert hum.a_weighted_dbfs == pytest.approx(db(0.01 / np.sqrt(2)) - 30.2, abs=0.1)
    assert hum.dc == pytest.approx(0.2, abs=1e-6)
    hiss = 1e-3 * np.random.default_rng(0).standard_normal(2 * RATE_HZ)
    assert harmonics.self_noise(lambda x: hiss[: len(x)], RATE_HZ).rms_dbfs == pytest.approx(-60, abs=0.1)
    assert harmonics.self_noise(np.zeros_like, RATE_HZ).rms_dbfs == -200.0
