"""What a device or model does to sound, in four pictures: harmonics, transfer curve, frequency response, noise.

Each function takes a `process` (dry samples in, wet samples out, starting from the state after silence), so that a
circuit and a model of it are measured alike. Definitions are in docs/measures.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from triode.errors import OptionError
from triode.measure.metrics import a_weighting
from triode.measure.tones import SETTLE_SECONDS, Process, amplitudes, decibels, fitted_tone, run, steady_spectrum

Float64 = NDArray[np.float64]

HARMONICS = 10
FUNDAMENTAL_HZ = 220.0
FINGERPRINT_LEVELS_DBFS = tuple(float(level) for level in range(-60, 1, 5))

SWEEP_SECONDS = 2.0
# A time constant of a coupling capacitor fits in; what follows is the noise of the division.
RESPONSE_SECONDS = 0.4
# The second harmonic of the sweep would come 164 ms early.
RESPONSE_LEAD_SECONDS = 0.1
RESPONSE_POINTS = 240


@dataclass(frozen=True)
class HarmonicFingerprint:
    """Levels of the harmonics 1..n of a steady tone against its input level.

    `input_levels_dbfs` (levels,); `harmonic_levels_dbfs` (levels, harmonics), peak level of each harmonic, NaN above
    half the sample rate, at least -200.
    """

    fundamental_hz: float
    input_levels_dbfs: Float64
    harmonic_levels_dbfs: Float64


@dataclass(frozen=True)
class TransferCurve:
    """Output against input over one period of a slow sine: `input` and `output` (n,), from a rising zero crossing on.

    `hysteresis` is how far the rising and the falling branch lie apart at most, relative to the output's span: 0 for
    a device without memory.
    """

    frequency_hz: float
    level_dbfs: float
    input: Float64
    output: Float64
    hysteresis: float


@dataclass(frozen=True)
class FrequencyResponse:
    """Small-signal gain `gain_db` (n,) at `frequencies_hz` (n,), measured with a sweep of `level_dbfs`."""

    frequencies_hz: Float64
    gain_db: Float64
    level_dbfs: float


@dataclass(frozen=True)
class SelfNoise:
    """What comes out when nothing goes in, in dBFS of RMS (a full-scale sine has -3); `dc` in units of full scale."""

    rms_dbfs: float
    a_weighted_dbfs: float
    dc: float


def harmonic_fingerprint(
    process: Process,
    rate_hz: float,
    fundamental_hz: float = FUNDAMENTAL_HZ,
    levels_dbfs: Sequence[float] = FINGERPRINT_LEVELS_DBFS,
    harmonics: int = HARMONICS,
) -> HarmonicFingerprint:
    """Measure the levels of the first `harmonics` harmonics of a tone at each of `levels_dbfs`."""
    levels = np.full((len(levels_dbfs), harmonics), np.nan)
    for row, level in zip(levels, levels_dbfs, strict=True):
        tone = fitted_tone(fundamental_hz, level, rate_hz)
        bins = tone.harmonic_bins[:harmonics]
        row[: len(bins)] = decibels(steady_spectrum(process, tone)[bins])
    fundamental = fitted_tone(fundamental_hz, 0.0, rate_hz).frequency_hz
    return HarmonicFingerprint(fundamental, np.asarray(levels_dbfs, dtype=np.float64), levels)


def transfer_curve(
    process: Process, rate_hz: float, frequency_hz: float = 100.0, level_dbfs: float = -6.0, points: int = 512
) -> TransferCurve:
    """Measure output against input over one period of a slow sine, after it has settled.

    Amps block DC, so a tone of a low note stands in for a static curve. The period is averaged over the window, at
    `points` places.
    """
    tone = fitted_tone(frequency_hz, level_dbfs, rate_hz)
    dry = tone.samples()
    wet = run(process, dry)
    # Periods do not fall on whole samples: every sample finds its place in the period, then places are averaged.
    place = np.arange(tone.window) * tone.periods % tone.window * points // tone.window
    count = np.bincount(place, minlength=points)
    slow, curve = (np.bincount(place, signal[tone.settle :], points) / count for signal in (dry, wet))
    # The places p and (half a period - p) have the same input, once rising and once falling.
    mirrored = curve[(points // 2 - 1 - np.arange(points)) % points]
    span = float(np.ptp(curve))
    hysteresis = float(np.max(np.abs(curve - mirrored))) / span if span > 0 else 0.0
    return TransferCurve(tone.frequency_hz, level_dbfs, slow, curve, hysteresis)


def frequency_response(process: Process, rate_hz: float, level_dbfs: float = -50.0) -> FrequencyResponse:
    """Measure the small-signal gain from 20 Hz to 20 kHz (or 0.45 of the sample rate) with an exponential sweep.

    The sweep is divided out in the frequency domain; its harmonics then lie before the impulse response and are cut
    off with it (Farina, AES 108th Convention, 2000). Right within 0.1 dB, 0.01 dB above 50 Hz.
    """
    low_hz, high_hz = 20.0, min(20_000.0, 0.45 * rate_hz)
    settle, tail = round(SETTLE_SECONDS * rate_hz), round(RESPONSE_SECONDS * rate_hz)
    tone = 10 ** (level_dbfs / 20) * exponential_sweep(low_hz / 4, 0.49 * rate_hz, rate_hz)
    sweep = np.pad(tone, (settle, tail)).astype(np.float32)
    length = 2 * len(sweep)
    bins_hz = np.fft.rfftfreq(length, 1 / rate_hz)
    sweep_spectrum = np.fft.rfft(sweep, length)
    # Outside its band the sweep holds nothing to divide by; the edge is soft so that it does not ring.
    band = np.clip((bins_hz - low_hz / 4) / (low_hz / 2), 0, 1) * (bins_hz <= 0.49 * rate_hz)
    divisor = np.where(band > 0, sweep_spectrum, 1)
    impulse = np.fft.irfft(band * np.fft.rfft(run(process, sweep), length) / divisor, length)
    lead = round(RESPONSE_LEAD_SECONDS * rate_hz)
    impulse = np.roll(impulse, lead)[: lead + tail]
    fade = np.sin(np.linspace(0, np.pi / 2, lead // 2)) ** 2
    impulse[: len(fade)] *= fade
    impulse[-len(fade) :] *= fade[::-1]
    frequencies_hz = np.geomspace(low_hz, high_hz, RESPONSE_POINTS)
    gain = np.interp(frequencies_hz, bins_hz, np.abs(np.fft.rfft(impulse, length)))
    return FrequencyResponse(frequencies_hz, decibels(gain), level_dbfs)


def self_noise(process: Process, rate_hz: float, seconds: float = 1.0) -> SelfNoise:
    """Measure what `process` gives to silence, after a quarter of a second of it."""
    settle, window = round(SETTLE_SECONDS * rate_hz), round(seconds * rate_hz)
    if window < 2:
        raise OptionError(f"{seconds} s are too short to measure noise; give at least 0.1")
    output = run(process, np.zeros(settle + window, dtype=np.float32))[settle:]
    spectrum = amplitudes(output)[1:] / np.sqrt(2)
    weighted = spectrum * a_weighting(np.fft.rfftfreq(window, 1 / rate_hz)[1:])
    rms, a_weighted = (float(decibels(np.sqrt(np.sum(part**2, keepdims=True)))[0]) for part in (spectrum, weighted))
    return SelfNoise(rms, a_weighted, float(np.mean(output)))


def exponential_sweep(low_hz: float, high_hz: float, rate_hz: float, seconds: float = SWEEP_SECONDS) -> Float64:
    """A sine whose frequency grows exponentially, of amplitude 1, faded in and out over 20 ms: (n,)."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    growth = np.log(high_hz / low_hz) / seconds
    sweep = np.sin(2 * np.pi * low_hz * np.expm1(growth * time) / growth)
    fade = np.linspace(0, 1, round(0.02 * rate_hz))
    sweep[: len(fade)] *= fade
    sweep[-len(fade) :] *= fade[::-1]
    return cast(Float64, sweep)
