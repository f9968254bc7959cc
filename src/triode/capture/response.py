"""The linear part of a device, estimated from a take: the ground on which latency, polarity and drift stand.

A distorting device still has a best linear response. It is estimated from short frames of the whole take; frames and
bands in which the device behaves linearly and quietly count most (weights 1 / residual power, iterated), and a
regularised Toeplitz solve keeps bands out that the dry signal does not excite.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.linalg import solve_toeplitz
from scipy.ndimage import uniform_filter1d

from triode.audio import Samples

Array = NDArray[np.float64]

FRAME_SECONDS = 0.085
BEFORE_SECONDS = 0.012
AFTER_SECONDS = 0.024
MOST_FRAMES = 3000
SMOOTH_HZ = 700.0
# Prior precision of the response: bands with less than this power signal-to-noise ratio are kept out.
LEAST_SNR = 10.0
RIDGE = 0.1
# The onset is where the response reaches this part of its peak, or more where noise or side lobes ask for it.
LEAST_THRESHOLD, MOST_THRESHOLD = 0.10, 0.50
NOISE_FACTOR, SIDE_LOBE_FACTOR = 10.0, 1.5
GAP_SECONDS = 0.2e-3
UPSAMPLE = 16


@dataclass(frozen=True)
class Line:
    """A lag that changes evenly: `lag_samples` at the first dry sample, plus `slope` samples per sample."""

    lag_samples: float
    slope: float

    def at(self, samples: Array) -> Array:
        """Lag in samples at the dry positions `samples`."""
        return self.lag_samples + self.slope * samples


@dataclass(frozen=True)
class Frames:
    """Spectra of matching frames: `dry` and `wet` (frames, bins), complex64; `centres` (frames,) in dry samples.

    Wet frames are taken where `line` says, to a fraction of a sample. `coverage` is the share of the frames with sound
    in dry that wet reaches.
    """

    dry: NDArray[np.complex64]
    wet: NDArray[np.complex64]
    centres: Array
    size: int
    rate_hz: float
    coverage: float


@dataclass(frozen=True)
class Response:
    """`taps` (n,) of the linear part, from `start` samples relative to the lag line; `kernel` is what the estimator

    makes of a pure impulse at the line (its resolution), on the same support. `weights` (frames, bins).
    """

    taps: Array
    kernel: Array
    start: int
    weights: NDArray[np.float32]


def cut_frames(dry: Samples, wet: Samples, rate_hz: float, line: Line) -> Frames:
    """Windowed spectra of dry and wet along the lag line; frames that are silent or lie outside are left out."""
    size = fft.next_fast_len(int(FRAME_SECONDS * rate_hz), real=True)
    size = min(size, len(dry), len(wet))
    hop = max(size // 2, (len(dry) - size) // MOST_FRAMES)
    starts = np.arange(0, len(dry) - size + 1, hop)
    window = np.hanning(size + 1)[:size].astype(np.float32)
    dry_frames = np.lib.stride_tricks.sliding_window_view(dry, size)[starts]
    power = np.var(dry_frames, axis=1)
    loud = power > 1e-7 * power.max(initial=0.0)
    lags = line.at(starts + size / 2)
    whole = np.round(lags).astype(int)
    used = loud & (starts + whole >= 0) & (starts + whole + size <= len(wet))
    coverage = float(np.sum(used) / (np.sum(loud) + 1e-9))
    starts, lags, whole = starts[used], lags[used], whole[used]
    wet_frames = np.lib.stride_tricks.sliding_window_view(wet, size)[starts + whole]
    x = fft.rfft(dry_frames[used] * window, axis=1)
    y = fft.rfft(wet_frames * window, axis=1)
    fractions = lags - whole if line.slope else (lags - whole)[:1]
    y *= np.exp(2j * np.pi * np.outer(fractions, np.arange(x.shape[1]) / size)).astype(np.complex64)
    return Frames(x, y, starts + size / 2, size, rate_hz, coverage)


def fit_response(frames: Frames, rounds: int = 5) -> Response:
    """Iteratively reweighted regularised least squares fit of the linear response."""
    before, after = round(BEFORE_SECONDS * frames.rate_hz), round(AFTER_SECONDS * frames.rate_hz)
    count = before + after
    smooth = max(1, round(SMOOTH_HZ / frames.rate_hz * frames.size))
    wet_power = uniform_filter1d(np.abs(frames.wet) ** 2, smooth, axis=1)
    floor = 1e-4 * wet_power + 1e-12 * wet_power.max() + 1e-30
    dry_power = np.abs(frames.dry) ** 2
    cross = np.conj(frames.dry) * frames.wet
    # At first a frame counts less the louder either signal is: where they do not belong together, neither may rule.
    smooth_dry = uniform_filter1d(dry_power, smooth, axis=1)
    gain = np.median(wet_power / (smooth_dry + 1e-12 * smooth_dry.max() + 1e-30), axis=0)
    weights = 1 / (wet_power + gain * smooth_dry + floor)
    # Without a hard edge at half the rate the kernel has no side lobes to speak of.
    taper = np.cos(np.clip(np.linspace(-1, 1, frames.size // 2 + 1), 0, 1) * np.pi / 2) ** 2
    for _ in range(rounds):
        trust, values = _reliability(weights, dry_power, cross, wet_power)
        trust *= taper
        target = fft.irfft(trust * values, frames.size)
        column = fft.irfft(trust, frames.size)
        wanted = np.concatenate([target[-before:], target[:after]])
        impulse = column[np.abs(np.arange(count) - before)]
        ridge = np.zeros(count)
        ridge[0] = RIDGE
        taps, kernel = solve_toeplitz(column[:count] + ridge, np.stack([wanted, impulse], axis=1)).T
        residual = frames.wet - frames.dry * spectrum(taps, -before, frames.size)
        weights = (1 / (uniform_filter1d(np.abs(residual) ** 2, smooth, axis=1) + floor)).astype(np.float32)
    return Response(taps, kernel, -before, weights)


def _reliability(
    weights: NDArray[np.float32],
    dry_power: NDArray[np.float32],
    cross: NDArray[np.complex64],
    wet_power: NDArray[np.float32],
) -> tuple[Array, NDArray[np.complex128]]:
    """How far each bin can be trusted (0 to 1), and the transfer function there, from weighted frames."""
    weighted = weights * dry_power
    excitation = np.sum(weighted, axis=0, dtype=np.float64) + 1e-300
    count = excitation**2 / (np.sum(weighted**2, axis=0, dtype=np.float64) + 1e-300)
    values = np.asarray(np.sum(weights * cross, axis=0, dtype=np.complex128) / excitation)
    coherence = np.abs(values) ** 2 * excitation / (np.sum(weights * wet_power, axis=0, dtype=np.float64) + 1e-300)
    coherence = np.clip(coherence, 0, 1 - 1e-6)
    snr = np.clip(count * coherence - 1, 0, None) / (1 - coherence)
    return snr / (snr + LEAST_SNR), values


def spectrum(taps: Array, start: int, size: int) -> NDArray[np.complex64]:
    """Spectrum (size // 2 + 1,) of `taps` whose first one stands at `start` samples."""
    padded = np.zeros(size)
    padded[: len(taps)] = taps
    return np.asarray(fft.rfft(np.roll(padded, start)), dtype=np.complex64)


def onset(response: Response, rate_hz: float) -> tuple[float, float, int]:
    """Onset and peak in samples relative to the lag line, and polarity (+1 or -1) of the response.

    The onset is the time at which the response first reaches a small part of its peak, less the same time of the
    resolution kernel: a pure delay is found exactly, whatever band the dry signal fills. How small a part depends on
    the estimate's noise and on the kernel's side lobes, which must not pass for the device's response.
    """
    gap = max(1, round(GAP_SECONDS * rate_hz))
    taps, kernel = _upsampled(response.taps), _upsampled(response.kernel)
    top, kernel_top = int(np.argmax(np.abs(taps))), int(np.argmax(np.abs(kernel)))
    level, kernel_level = (
        np.abs(taps[: top + 1]) / abs(taps[top]),
        np.abs(kernel[: kernel_top + 1]) / abs(kernel[kernel_top]),
    )
    noise = float(np.sqrt(np.mean(level[: len(taps) // 6] ** 2)))
    main_lobe = int(np.flatnonzero(np.diff(kernel_level) <= 0)[-1]) if np.any(np.diff(kernel_level) <= 0) else 0
    side_lobe = float(np.max(kernel_level[:main_lobe], initial=0.0))
    least = min(max(LEAST_THRESHOLD, NOISE_FACTOR * noise, SIDE_LOBE_FACTOR * side_lobe), MOST_THRESHOLD)
    thresholds = least * np.linspace(1.0, 1.2, 9)
    rise = np.mean([_first_crossing(level, threshold, gap * UPSAMPLE) for threshold in thresholds])
    kernel_rise = np.mean([_first_crossing(kernel_level, threshold, 1) for threshold in thresholds])
    begin = (float(rise) + kernel_top - float(kernel_rise)) / UPSAMPLE
    return begin + response.start, top / UPSAMPLE + response.start, 1 if taps[top] > 0 else -1


def _first_crossing(level: Array, threshold: float, gap: int) -> float:
    """Where `level` begins to reach the threshold: looking back from its end, until it stays below for `gap`."""
    above = np.flatnonzero(level >= threshold)
    gaps = np.flatnonzero(np.diff(above) > gap)
    index = int(above[gaps[-1] + 1] if len(gaps) else above[0])
    step = float(level[index] - level[index - 1]) if index else 0.0
    return index - (float(level[index] - threshold) / step if step > 0 else 0.0)


def _upsampled(taps: Array) -> Array:
    """`taps` on a finer grid, its end faded out so that the periodic interpolation sees no jump."""
    fade = np.ones(len(taps))
    tail = len(taps) // 4
    fade[-tail:] = np.cos(np.linspace(0, np.pi / 2, tail)) ** 2
    size = fft.next_fast_len(2 * len(taps), real=True)
    fine = fft.irfft(fft.rfft(taps * fade, size), size * UPSAMPLE)
    return np.asarray(fine[: len(taps) * UPSAMPLE] * UPSAMPLE)
