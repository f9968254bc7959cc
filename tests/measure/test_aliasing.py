"""Aliasing of non-linearities whose folded harmonics are known on paper."""

import numpy as np
import pytest
from scipy import signal as dsp

from triode.errors import OptionError
from triode.measure.aliasing import aliasing_to_signal_ratio
from triode.measure.tones import fitted_tone, next_prime, steady_spectrum

RATE_HZ = 48_000


def cube(x: np.ndarray) -> np.ndarray:
    return x**3


@pytest.mark.parametrize("level_dbfs", [0.0, -12.0, -24.0])
def test_a_cube_folds_its_third_harmonic(level_dbfs: float) -> None:
    # sin^3 = 3/4 sin(w) - 1/4 sin(3w); of 10 kHz the third harmonic, 30 kHz, folds to 18 kHz: ratio (1/3)^2.
    result = aliasing_to_signal_ratio(cube, RATE_HZ, [10_000], [level_dbfs])
    assert result.ratio_db[0, 0] == pytest.approx(-20 * np.log10(3), abs=1e-3)


def test_the_folded_harmonic_is_where_it_must_be() -> None:
    tone = fitted_tone(10_000, 0.0, RATE_HZ)
    spectrum = steady_spectrum(cube, tone)
    spectrum[tone.periods] = 0
    assert int(np.argmax(spectrum)) == tone.window - 3 * tone.periods
    assert np.max(spectrum) == pytest.approx(0.25, abs=1e-4)


def test_a_cube_of_a_low_note_does_not_alias() -> None:
    assert aliasing_to_signal_ratio(cube, RATE_HZ, [331, 1249, 7900], [-6.0]).worst_db < -120


def test_a_level_that_takes_its_time_is_not_aliasing() -> None:
    """As of an amp whose supply sags: a gain that follows the envelope for most of a second."""

    def sagging(x: np.ndarray) -> np.ndarray:
        a = np.exp(-1 / (0.7 * RATE_HZ))
        return x / (1 + 4 * dsp.lfilter([1 - a], [1, -a], np.abs(x))) if len(x) else x

    assert aliasing_to_signal_ratio(sagging, RATE_HZ, [1249, 4001], [-6.0]).worst_db < -70


def test_a_filter_does_not_alias() -> None:
    b, a = dsp.butter(2, [100, 5000], "bandpass", fs=RATE_HZ)
    result = aliasing_to_signal_ratio(lambda x: dsp.lfilter(b, a, x), RATE_HZ)
    # Seconds after the tone's start, what is left of the 100 Hz high-pass is below rounding.
    assert result.worst_db < -120
    assert result.mean_db < -120


def test_oversampling_lowers_it_as_much_as_the_filter_lets_through() -> None:
    def clip(x: np.ndarray) -> np.ndarray:
        return np.tanh(20 * x)

    def oversampled(x: np.ndarray) -> np.ndarray:
        return dsp.resample_poly(clip(dsp.resample_poly(x, 8, 1)), 1, 8)[: len(x)]

    plain, better = (aliasing_to_signal_ratio(process, RATE_HZ) for process in (clip, oversampled))
    assert -20 < plain.worst_db < -10
    assert better.worst_db < plain.worst_db - 20
    assert np.all(np.diff(plain.ratio_db[:, -1]) > 0), "higher notes alias more"


def test_dc_and_hiss_are_not_aliasing() -> None:
    hiss = 1e-3 * np.random.default_rng(0).standard_normal(8 * RATE_HZ).astype(np.float32)
    offset_only = aliasing_to_signal_ratio(lambda x: x + 0.3, RATE_HZ, [1249], [-12.0])
    noisy = aliasing_to_signal_ratio(lambda x: x + 0.3 + hiss[: len(x)], RATE_HZ, [1249], [-12.0])
    assert offset_only.worst_db < -120
    # Uncorrected, hiss at -60 dBFS against a tone of -15 dBFS RMS would read -45 dB.
    assert noisy.worst_db < -80


def test_silence_scores_nothing_instead_of_perfectly() -> None:
    result = aliasing_to_signal_ratio(np.zeros_like, RATE_HZ)
    assert np.isnan(result.ratio_db).all()
    assert np.isnan(result.mean_db)
    assert np.isnan(result.worst_db)


def test_a_gate_that_closes_leaves_only_the_loud_tones() -> None:
    result = aliasing_to_signal_ratio(lambda x: x * (np.max(np.abs(x)) > 0.1), RATE_HZ, [331], [-40.0, -6.0])
    assert np.isnan(result.ratio_db[0, 0])
    assert result.mean_db == result.ratio_db[0, 1]


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
def test_tones_are_where_they_were_asked_for(rate_hz: int) -> None:
    result = aliasing_to_signal_ratio(np.tanh, rate_hz, [331, 4001], [-6.0])
    assert result.frequencies_hz == pytest.approx([331, 4001], abs=1.0)


def test_tones_above_nyquist_and_changed_lengths_are_refused() -> None:
    with pytest.raises(OptionError, match="half the sample rate"):
        aliasing_to_signal_ratio(np.tanh, RATE_HZ, [24_001])
    with pytest.raises(OptionError, match="keep the length"):
        aliasing_to_signal_ratio(lambda x: x[1:], RATE_HZ)
    with pytest.raises(OptionError, match="NaN"):
        aliasing_to_signal_ratio(lambda x: x * np.nan, RATE_HZ)


def test_aliases_of_a_tone_that_divides_the_rate_do_not_hide_behind_harmonics() -> None:
    # In a window of half a second every fold of 4 kHz would fall on a multiple of 4 kHz.
    result = aliasing_to_signal_ratio(lambda x: np.clip(10 * x, -1, 1), RATE_HZ, [4000.0], [-6.0])
    assert result.worst_db > -30


def test_windows_are_prime() -> None:
    assert [next_prime(n) for n in (1, 2, 24_000, 22_050)] == [2, 2, 24_001, 22_051]
