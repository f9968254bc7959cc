"""Steady tones that fit their analysis window exactly, and the spectrum of what a device or model makes of them.

A tone of a whole number of periods in the window needs no window function: every harmonic falls on one bin, nothing
leaks. The window's length is a prime number of samples, so that harmonics folded back at the Nyquist frequency fall on
bins of their own instead of on true harmonics (Sato & Smith, DAFx-25, arXiv 2505.04082).
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from triode.audio import Samples
from triode.errors import OptionError

Float64 = NDArray[np.float64]

# Takes the dry signal (n,), gives the processed one (n,); every call starts from the state after silence.
Process = Callable[[Samples], Samples]

WINDOW_SECONDS = 0.5
# Coupling capacitors and bias points of an amp have mostly settled by then.
SETTLE_SECONDS = 0.25


@dataclass(frozen=True)
class Tone:
    """A sine of `periods` whole periods in a window of `window` samples; `settle` samples of it come before.

    `level_dbfs` is that of its peak: 0 dBFS is a sine that just reaches full scale.
    """

    periods: int
    window: int
    settle: int
    level_dbfs: float
    rate_hz: float

    @property
    def frequency_hz(self) -> float:
        """The frequency, moved from the one asked for by at most half a bin (1 Hz) to fit the window."""
        return self.periods * self.rate_hz / self.window

    @property
    def harmonic_bins(self) -> NDArray[np.intp]:
        """Bins of the fundamental and its harmonics up to the Nyquist frequency."""
        return np.arange(self.periods, (self.window + 1) // 2, self.periods, dtype=np.intp)

    def samples(self) -> Samples:
        """The tone itself, settling time first: (settle + window,)."""
        phase = 2 * np.pi * self.periods / self.window * np.arange(-self.settle, self.window)
        sine: Samples = (10 ** (self.level_dbfs / 20) * np.sin(phase)).astype(np.float32)
        return sine


def fitted_tone(frequency_hz: float, level_dbfs: float, rate_hz: float, settle_seconds: float = SETTLE_SECONDS) -> Tone:
    """The tone nearest to `frequency_hz` that fits its window, after `settle_seconds` of it.

    Raises OptionError above the Nyquist frequency.
    """
    window = next_prime(round(WINDOW_SECONDS * rate_hz))
    periods = max(1, round(frequency_hz * window / rate_hz))
    if not 0 < periods < window / 2:
        raise OptionError(f"a tone of {frequency_hz:g} Hz does not fit below half the sample rate of {rate_hz:g} Hz")
    return Tone(periods, window, round(settle_seconds * rate_hz), level_dbfs, rate_hz)


def steady_spectrum(process: Process, tone: Tone) -> Float64:
    """Amplitudes (window // 2 + 1,) of what `process` makes of the tone: a sine of peak 1 counts 1, DC its value."""
    return amplitudes(run(process, tone.samples())[tone.settle :])


def amplitudes(signal: Float64) -> Float64:
    """Amplitude of each bin of a signal that fits the window: a sine of peak 1 counts 1, DC its absolute value."""
    spectrum = np.abs(np.fft.rfft(signal)) / len(signal)
    spectrum[1:] *= 2
    return spectrum


def run(process: Process, signal: Samples) -> Float64:
    """The output of `process`, in float64. Raises OptionError where it has another length or is not finite."""
    output = np.asarray(process(signal), dtype=np.float64)
    if output.shape != signal.shape:
        raise OptionError(f"the process made shape {output.shape} of {signal.shape}; it must keep the length")
    if not np.isfinite(output).all():
        raise OptionError("the process made NaN or infinite samples of a steady tone; the model is broken")
    return output


def decibels(amplitude: Float64, floor_db: float = -200.0) -> Float64:
    """20 log10 of amplitudes, not below `floor_db`."""
    return cast(Float64, 20 * np.log10(np.maximum(amplitude, 10 ** (floor_db / 20))))


def next_prime(number: int) -> int:
    """The smallest prime that is not below `number`."""
    return next(
        candidate
        for candidate in itertools.count(max(2, number))
        if all(candidate % divisor for divisor in range(2, math.isqrt(candidate) + 1))
    )
