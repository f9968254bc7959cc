"""How far an estimate is from its target: ESR, MAE, multi-resolution STFT distance, and what they mean in words.

Definitions, formulas and sources are in docs/measures.md. Every function takes float arrays of shape (n,), computes
in float64, and raises OptionError where the two shapes differ, a signal is empty, or a sample is not finite.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from triode.errors import OptionError

Signal = NDArray[np.floating]
Float64 = NDArray[np.float64]

# auraloss' default resolutions: transform size, hop and window length, in samples.
STFT_RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
STFT_POWER_FLOOR = 1e-8
# At least half of the largest transform must be there to be mirrored at the ends.
STFT_MIN_SAMPLES = max(fft_size for fft_size, _, _ in STFT_RESOLUTIONS) // 2 + 1
FRAMES_AT_ONCE = 2048

# The curve is normalised to 0 dB at 1 kHz, where its formula gives -2.000 dB.
A_WEIGHTING_AT_1_KHZ_DB = 2.0

# A segment more than this far below the whole signal is a pause: its ESR would compare noise with noise.
SEGMENT_SILENCE_DB = -60.0


@dataclass(frozen=True)
class Grade:
    """One step of the verdict: holds for an ESR below `below`."""

    below: float
    word: str
    sentence: str


# Sources of the limits: docs/measures.md, Verdict.
GRADES = (
    Grade(0.002, "Practically identical", "you will hardly hear a difference, even when switching between the two."),
    Grade(0.01, "Very close", "the differences are subtle, and hard to notice in a mix."),
    Grade(0.035, "Close", "it plays like the same device, but switching directly you can hear a difference."),
    Grade(0.1, "Similar", "the character is right, but attack, brightness or amount of distortion audibly differ."),
    Grade(0.3, "A rough likeness", "it is recognisably this kind of device, and clearly not this one."),
    Grade(
        math.inf, "Not there yet", "the model does not reproduce this device yet; often the recording is misaligned."
    ),
)


def esr(target: Signal, estimate: Signal) -> float:
    """Error-to-signal ratio: sum (y - yhat)^2 / sum y^2, without pre-emphasis.

    0 is a perfect copy, 1 is as wrong as silence. Where the target is digital silence, 0.0 if the estimate is too
    and infinity if not.
    """
    target, estimate = _pair(target, estimate)
    return _ratio(_energy(target - estimate), _energy(target))


def a_weighted_esr(target: Signal, estimate: Signal, rate_hz: float) -> float:
    """ESR of the two signals after A-weighting (IEC 61672-1): errors count where the ear is sensitive."""
    target, estimate = _pair(target, estimate)
    length = 1 << (len(target) - 1).bit_length()
    weight = a_weighting(np.fft.rfftfreq(length, 1 / rate_hz)) ** 2
    error_power = np.abs(np.fft.rfft(target - estimate, length)) ** 2
    target_power = np.abs(np.fft.rfft(target, length)) ** 2
    return _ratio(float(weight @ error_power), float(weight @ target_power))


def mae(target: Signal, estimate: Signal) -> float:
    """Mean absolute error, in units of full scale."""
    target, estimate = _pair(target, estimate)
    return float(np.mean(np.abs(target - estimate)))


def mrstft(target: Signal, estimate: Signal) -> float:
    """Multi-resolution STFT distance: the mean over resolutions of spectral convergence plus L1 log magnitude.

    Definition and default resolutions of auraloss (Steinmetz & Reiss 2020, after Yamamoto et al. 2020, Parallel
    WaveGAN). It ignores phase, so it hears what ESR over-punishes. Raises OptionError below 1025 samples.
    """
    target, estimate = _pair(target, estimate)
    if len(target) < STFT_MIN_SAMPLES:
        raise OptionError(
            f"{len(target)} samples are too few for the multi-resolution STFT; give at least {STFT_MIN_SAMPLES}"
        )
    return float(np.mean([_stft_distance(target, estimate, *resolution) for resolution in STFT_RESOLUTIONS]))


def segment_esr(target: Signal, estimate: Signal, rate_hz: float, seconds: float = 1.0) -> Float64:
    """ESR of each segment of `seconds`, as an array (segments,); NaN where the target pauses.

    The last segment takes the remainder, so that it lasts between half and one and a half times `seconds`. A pause
    is a segment 60 dB or more below the mean power of the whole target.
    """
    target, estimate = _pair(target, estimate)
    edges = segment_edges(len(target), rate_hz, seconds)
    signal = np.add.reduceat(target**2, edges[:-1])
    error = np.add.reduceat((target - estimate) ** 2, edges[:-1])
    pause_power = np.mean(target**2) * 10 ** (SEGMENT_SILENCE_DB / 10)
    sounding = signal > np.diff(edges) * pause_power
    values: Float64 = np.divide(error, signal, out=np.full(len(signal), np.nan), where=sounding)
    return values


def segment_edges(samples: int, rate_hz: float, seconds: float) -> NDArray[np.intp]:
    """Where the segments of `segment_esr` begin, and the end: sample positions (segments + 1,)."""
    length = round(seconds * rate_hz)
    if length < 1:
        raise OptionError(f"segments of {seconds} s hold no sample at {rate_hz:g} Hz; choose longer ones")
    count = max(1, round(samples / length))
    return np.append(np.arange(count, dtype=np.intp) * length, samples)


def a_weighting(frequencies_hz: Signal) -> Float64:
    """Gain of the A-weighting curve (IEC 61672-1, annex E), linear, 1.0 at 1 kHz; same shape as the input."""
    squared = np.asarray(frequencies_hz, dtype=np.float64) ** 2
    high_pass = squared**2 / ((squared + 20.598997**2) * np.sqrt(squared + 107.65265**2))
    low_pass = 12194.217**2 / ((squared + 12194.217**2) * np.sqrt(squared + 737.86223**2))
    gain: Float64 = high_pass * low_pass * 10 ** (A_WEIGHTING_AT_1_KHZ_DB / 20)
    return gain


def esr_grade(value: float) -> Grade:
    """The grade of the verdict that an ESR falls into; NaN counts as the worst."""
    return next((grade for grade in GRADES if value < grade.below), GRADES[-1])


def esr_verdict(value: float, replicate_esr: float | None = None) -> str:
    """What an ESR means to a musician, in one or two sentences.

    `replicate_esr` is the ESR between two passes of the same playing through the device, if that was recorded. A
    model cannot be told from the device below it, and the verdict says so.
    """
    if math.isnan(value):
        return "No verdict: the error could not be measured on this audio."
    if math.isinf(value):
        return "No verdict: the device is silent in this stretch, so there is nothing to compare the model with."
    grade = esr_grade(value)
    verdict = f"{grade.word}: {grade.sentence}"
    if replicate_esr is None or math.isnan(replicate_esr):
        return verdict
    floor = format_percent(replicate_esr)
    if value <= replicate_esr:
        return (
            f"{verdict} The device differs from itself by {floor} between two passes of the same playing, so the "
            "model is as close to it as this recording can show."
        )
    if replicate_esr > value / 2:
        return (
            f"{verdict} The device differs from itself by {floor} between two passes, so much of the remaining "
            "error is the recording's and not the model's."
        )
    return verdict


def format_percent(ratio: float) -> str:
    """A ratio as a percentage with two significant digits, never in scientific notation: 0.00042 -> '0.042 %'."""
    if not math.isfinite(ratio):
        return "not defined"
    percent = 100 * ratio
    if percent == 0:
        return "0 %"
    decimals = max(0, 1 - math.floor(math.log10(abs(percent))))
    return f"{percent:.{decimals}f} %" if decimals <= 6 else "under 0.000001 %"


def _pair(target: Signal, estimate: Signal) -> tuple[Float64, Float64]:
    y: Float64 = np.asarray(target, dtype=np.float64)
    y_hat: Float64 = np.asarray(estimate, dtype=np.float64)
    if y.ndim != 1 or y.shape != y_hat.shape:
        raise OptionError(
            f"target and estimate have shapes {y.shape} and {y_hat.shape}; expected two mono signals of equal length"
        )
    if len(y) == 0:
        raise OptionError("target and estimate hold no samples; give a longer stretch")
    if not (np.isfinite(y).all() and np.isfinite(y_hat).all()):
        raise OptionError("target or estimate holds NaN or infinite samples; look for what made them")
    return y, y_hat


def _energy(signal: Float64) -> float:
    return float(signal @ signal)


def _ratio(error: float, signal: float) -> float:
    if signal == 0:
        return 0.0 if error == 0 else math.inf
    return error / signal


def _stft_distance(target: Float64, estimate: Float64, fft_size: int, hop: int, window_length: int) -> float:
    """Spectral convergence plus mean absolute difference of log magnitudes, at one resolution."""
    difference_energy = target_energy = log_sum = 0.0
    bins = 0
    for target_magnitude, estimate_magnitude in zip(
        _stft_magnitudes(target, fft_size, hop, window_length),
        _stft_magnitudes(estimate, fft_size, hop, window_length),
        strict=True,
    ):
        difference_energy += float(np.sum((target_magnitude - estimate_magnitude) ** 2))
        target_energy += float(np.sum(target_magnitude**2))
        log_sum += float(np.sum(np.abs(np.log(target_magnitude / estimate_magnitude))))
        bins += target_magnitude.size
    return math.sqrt(difference_energy / target_energy) + log_sum / bins


def _stft_magnitudes(signal: Float64, fft_size: int, hop: int, window_length: int) -> Iterator[Float64]:
    """Magnitudes (frames, fft_size / 2 + 1) in batches of frames; ends mirrored, window centred, as torch.stft does."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window_length) / window_length)
    before = (fft_size - window_length) // 2
    window = np.pad(hann, (before, fft_size - window_length - before))
    frames = sliding_window_view(np.pad(signal, fft_size // 2, mode="reflect"), fft_size)[::hop]
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        spectrum = np.fft.rfft(frames[start : start + FRAMES_AT_ONCE] * window)
        yield np.sqrt(np.maximum(spectrum.real**2 + spectrum.imag**2, STFT_POWER_FLOOR))
