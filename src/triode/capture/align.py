"""Latency, polarity and clock drift of a take, and their removal.

The lag is found in three steps, each from the whole take: chunks correlated over every possible lag (generalised
cross-correlation with phase transform, Knapp and Carter 1976, in the guitar's band); a majority vote that settles lag
and drift to a few samples; the linear response along that line, to a fraction of a sample. The latency is the ONSET
of that response, never its peak: a target aligned to the peak would have to be predicted before its cause.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import uniform_filter1d

from triode.audio import Audio, Samples, resample
from triode.capture.response import Array, Frames, Line, Response, cut_frames, fit_response, onset, spectrum
from triode.errors import AudioFileError, RequestError

MARGIN_SAMPLES = 2
COARSE_HZ = 12000
CHUNK_SECONDS = 5.0
MOST_CHUNKS = 24
# Chunks of one take agree on the lag to about this; the peak of a loudspeaker's response may jump by a period.
VOTE_SECONDS = 0.1e-3
MOST_SIGMAS = 40.0
BAND_HZ = (150.0, 4500.0)
WHITENING_HZ = 2.0
SEARCH_SECONDS = 20.0
MOST_DRIFT = 500e-6
MOST_ROUNDS, SETTLED_SAMPLES, CENTRED_SAMPLES = 5, 0.02, 0.1
# Groups of frames agree on the lag if they lie this close together.
AGREED_SECONDS = 0.25e-3
# Lags are measured over groups of frames: a thirtieth of the take, within these bounds.
GROUP_SECONDS = (0.17, 0.5)
# Peak over RMS of the correlation of files that have nothing to do with each other.
CHANCE_SIGMAS = 8.0


@dataclass(frozen=True)
class LagTrack:
    """The lag over time: `lags_samples` at `seconds` of the dry signal, each of shape (n,).

    `weights` are high where many frequencies agree, and low where there was only one, as in a sweep.
    """

    seconds: Array
    lags_samples: Array
    weights: Array


@dataclass(frozen=True)
class Alignment:
    """How the wet signal lies against the dry one.

    `latency_samples` is the onset of the response, at the first dry sample, negative where wet comes first;
    `peak_samples` its largest value; `polarity` +1 or -1; `drift_ppm` how much longer wet is than dry (0 where what
    was found is not significant, `drift_error_ppm` its standard error); `confidence` from 0 (files that have nothing
    to do with each other) to 1.
    """

    latency_samples: float
    peak_samples: float
    polarity: int
    drift_ppm: float
    drift_error_ppm: float
    confidence: float
    track: LagTrack

    def removed_samples(self, margin_samples: int = MARGIN_SAMPLES) -> int:
        """Whole samples that `apply_alignment` takes out: the floor of the onset, less a margin."""
        return math.floor(self.latency_samples) - margin_samples


def align(dry: Samples, wet: Samples, rate_hz: int) -> Alignment:
    """Latency, polarity and drift of `wet` (m,) against `dry` (n,), both at `rate_hz`.

    Raises AudioFileError where there is nothing to align: less than 0.5 s, or one of the two silent.
    """
    for name, samples in (("dry", dry), ("wet", wet)):
        if len(samples) < 0.5 * rate_hz:
            raise AudioFileError(f"the {name} signal is {len(samples) / rate_hz:.2f} s long; alignment needs 0.5 s")
        if np.max(np.abs(samples)) < 1e-6:
            raise AudioFileError(f"the {name} signal is silent; check the cables and record again")
    dry, wet = dry - np.float32(np.mean(dry)), wet - np.float32(np.mean(wet))
    # Above 64 kHz nothing is gained for the lag; half the rate finds it at half the cost.
    factor = max(1, rate_hz // 44100)
    if factor > 1:
        dry, wet = resample(dry, rate_hz, rate_hz / factor), resample(wet, rate_hz, rate_hz / factor)
    found = _align(dry, wet, rate_hz / factor)
    return found if factor == 1 else _scaled(found, factor)


def apply_alignment(
    dry: Samples, wet: Samples, alignment: Alignment, margin_samples: int = MARGIN_SAMPLES
) -> tuple[Samples, Samples]:
    """Dry and wet of equal length with the latency (but `margin_samples`) and the drift removed. Polarity is kept.

    Raises AudioFileError where nothing is left.
    """
    if alignment.drift_ppm != 0.0:
        wet = resample(wet, 1.0 + alignment.drift_ppm * 1e-6, 1.0)
    removed = alignment.removed_samples(margin_samples)
    dry, wet = dry[max(0, -removed) :], wet[max(0, removed) :]
    count = min(len(dry), len(wet))
    if count == 0:
        raise AudioFileError(f"dry and wet do not overlap: the latency is {alignment.latency_samples:.0f} samples")
    return np.ascontiguousarray(dry[:count]), np.ascontiguousarray(wet[:count])


def correlation_lag(dry: Samples, wet: Samples, reach_samples: int) -> float:
    """Lag in samples at which the plain cross-correlation of dry and wet (n,) is largest, within +-`reach_samples`.

    What most tools call the latency. It has the device's own delay in it: that of its filters at the loudest notes.
    """
    size = fft.next_fast_len(len(dry) + reach_samples, real=True)
    correlation = fft.irfft(np.conj(fft.rfft(dry, size)) * fft.rfft(wet, size), size)
    near = np.abs(np.concatenate([correlation[-reach_samples:], correlation[: reach_samples + 1]]))
    top = int(np.clip(np.argmax(near), 1, 2 * reach_samples - 1))
    left, mid, right = near[top - 1 : top + 2]
    return top - reach_samples + 0.5 * float((left - right) / min(left - 2 * mid + right, -1e-30))


def aligned(dry: Audio, wet: Audio, rate_hz: int | None = None) -> tuple[Samples, Samples, int, Alignment]:
    """Dry and wet (n,) at one rate (`rate_hz`, or their own) with latency and drift removed, and what was found.

    Raises RequestError where the two have different sample rates.
    """
    if dry.rate_hz != wet.rate_hz:
        raise RequestError(
            f"dry is at {dry.rate_hz} Hz but wet at {wet.rate_hz} Hz; export both at the rate they were recorded at"
        )
    rate_hz = rate_hz or dry.rate_hz
    x, y = (resample(audio.samples, audio.rate_hz, rate_hz) for audio in (dry, wet))
    alignment = align(x, y, rate_hz)
    return *apply_alignment(x, y, alignment), rate_hz, alignment


def _align(dry: Samples, wet: Samples, rate_hz: float) -> Alignment:
    seconds, lags, sigmas = _coarse_lags(dry, wet, rate_hz)
    line, confidence = _majority(seconds * rate_hz, lags, sigmas, rate_hz)
    for _ in range(MOST_ROUNDS):
        frames = cut_frames(dry, wet, rate_hz, line)
        if len(frames.centres) == 0:
            raise AudioFileError(f"dry and wet hardly overlap: the latency is {line.lag_samples / rate_hz:.2f} s")
        response = fit_response(frames)
        # No band in which wet follows dry: there is nothing to find an onset of.
        rise, peak, polarity = onset(response, rate_hz) if np.any(response.taps) else (0.0, 0.0, 1)
        centres, group_lags, weights = _group_lags(frames, response, line)
        slope, error = _drift(centres, group_lags, weights, len(dry))
        turned = (line.slope - slope) * len(dry)
        if abs(turned) < SETTLED_SAMPLES and abs(peak) < CENTRED_SAMPLES:
            break
        # The response comes to lie in the middle of the frames, and the lag is kept in the middle of the take.
        line = Line(line.lag_samples + peak + turned / 2, slope)
    else:
        rise, peak = rise - peak, 0.0
    return Alignment(
        latency_samples=line.lag_samples + rise,
        peak_samples=line.lag_samples + peak,
        polarity=polarity,
        drift_ppm=line.slope * 1e6,
        drift_error_ppm=error * 1e6,
        confidence=confidence * min(1.0, 2 * frames.coverage) * _agreement(centres, group_lags, line, rate_hz),
        track=LagTrack(centres / rate_hz, group_lags, weights),
    )


def _coarse_lags(dry: Samples, wet: Samples, rate_hz: float) -> tuple[Array, Array, Array]:
    """Centre in seconds, lag in samples and height in sigmas of the correlation peak, for chunks of the dry signal."""
    slow_dry, slow_wet = resample(dry, rate_hz, COARSE_HZ), resample(wet, rate_hz, COARSE_HZ)
    size = min(int(CHUNK_SECONDS * COARSE_HZ), len(slow_dry))
    count = max(1, min(MOST_CHUNKS, 2 * len(slow_dry) // size - 1))
    starts = np.linspace(0, len(slow_dry) - size, count).astype(int)
    power = np.array([np.mean(slow_dry[start : start + size].astype(np.float64) ** 2) for start in starts])
    search = int(SEARCH_SECONDS * COARSE_HZ)
    found = []
    for start in starts[power > 1e-5 * power.max()]:
        first = max(0, start - search)
        piece = slow_wet[first : start + size + search]
        if len(piece) == 0 or np.max(np.abs(piece)) == 0:
            continue
        lag, sigmas = correlate(slow_dry[start : start + size], piece)
        found.append(((start + size / 2) / COARSE_HZ, (lag + first - start) * rate_hz / COARSE_HZ, sigmas))
    if not found:
        raise AudioFileError("dry and wet do not overlap; check that the two files belong together")
    seconds, lags, sigmas_found = np.array(found).T
    return seconds, lags, sigmas_found


def correlate(chunk: Samples, piece: Samples) -> tuple[float, float]:
    """Lag of `piece` against `chunk` in samples (both at 12 kHz), and how far the peak stands out, in sigmas."""
    size = fft.next_fast_len(len(chunk) + len(piece), real=True)
    x, y = fft.rfft(chunk, size), fft.rfft(piece, size)
    frequency = np.arange(len(x)) * (COARSE_HZ / size)
    smooth = max(1, int(WHITENING_HZ * size / COARSE_HZ))
    power = uniform_filter1d(np.abs(x) ** 2, smooth) * uniform_filter1d(np.abs(y) ** 2, smooth)
    low, high = BAND_HZ
    band = (1 - np.exp(-((frequency / low) ** 4))) * np.exp(-((frequency / high) ** 8))
    correlation = fft.irfft(np.conj(x) * y * band / np.sqrt(power + 1e-20 * power.max() + 1e-38), size)
    top = int(np.argmax(np.abs(correlation)))
    left, mid, right = np.abs(correlation[[top - 1, top, (top + 1) % size]])
    fraction = 0.5 * (left - right) / min(left - 2 * mid + right, -1e-30)
    lag = top if top < len(piece) else top - size
    return lag + fraction, float(mid / np.sqrt(np.mean(correlation**2)))


def _majority(positions: Array, lags: Array, sigmas: Array, rate_hz: float) -> tuple[Line, float]:
    """The line through most of the chunks' lags, and the confidence in it.

    A constant lag is preferred: a line must gather clearly more votes. So a jump in the middle of a take does not
    pass for drift.
    """
    # A sweep or a noise stands out far more than playing; it has no more say for it.
    votes = np.minimum(sigmas, MOST_SIGMAS) ** 2
    tolerance = VOTE_SECONDS * rate_hz

    def support(line: Line) -> float:
        return float(np.sum(votes / (1 + ((lags - line.at(positions)) / tolerance) ** 2)))

    best = max((Line(float(lag), 0.0) for lag in lags), key=support)
    needed = 1.1 * support(best)
    for i in range(len(lags)):
        for j in range(i + 1, len(lags)):
            slope = (lags[j] - lags[i]) / (positions[j] - positions[i])
            if 2e-6 < abs(slope) < MOST_DRIFT:
                line = Line(float(lags[i] - slope * positions[i]), float(slope))
                if support(line) > needed:
                    best, needed = line, support(line)
    inside = np.abs(lags - best.at(positions)) < 4 * tolerance
    strength = math.sqrt(float(np.sum(votes[inside])) / len(votes))
    confidence = max(0.0, 1.0 - (CHANCE_SIGMAS / max(strength, 1e-9)) ** 2)
    if best.slope == 0:
        return Line(float(np.median(lags[inside])), 0.0), confidence
    slope, lag = np.polyfit(positions[inside], lags[inside], 1)
    return Line(float(lag), float(slope)), confidence


def _group_lags(frames: Frames, response: Response, line: Line) -> tuple[Array, Array, Array]:
    """Centres in samples, lags in samples and weights of groups of frames, by correlation with the predicted wet."""
    hop = float(np.median(np.diff(frames.centres))) if len(frames.centres) > 1 else frames.size
    length = float(np.ptp(frames.centres)) / frames.rate_hz
    per_group = max(1, round(float(np.clip(length / 30, *GROUP_SECONDS)) * frames.rate_hz / hop))
    predicted = frames.dry * spectrum(response.taps, response.start, frames.size)
    cross = response.weights * np.conj(predicted) * frames.wet
    centres, lags, weights = [], [], []
    fine = 8
    reach = frames.size // 6 * fine
    for first in range(0, len(frames.centres), per_group):
        part = slice(first, first + per_group)
        summed = np.sum(cross[part], axis=0, dtype=np.complex128)
        correlation = fft.irfft(summed, frames.size * fine)
        near = np.concatenate([correlation[-reach:], correlation[: reach + 1]])
        top = int(np.argmax(near))
        if 0 < top < 2 * reach:
            left, mid, right = near[top - 1 : top + 2]
            centre = float(np.mean(frames.centres[part]))
            fraction = 0.5 * (left - right) / min(left - 2 * mid + right, -1e-30)
            centres.append(centre)
            lags.append((top + fraction - reach) / fine)
            weights.append(float(mid / np.sqrt(np.mean(correlation**2))))
    positions = np.array(centres)
    return positions, np.array(lags) + line.at(positions), np.array(weights)


def _agreement(positions: Array, lags: Array, line: Line, rate_hz: float) -> float:
    """Share of the groups (n,) whose lag lies close to the line: nearly all in a take, few in unrelated files."""
    if len(lags) == 0:
        return 0.0
    rest = lags - line.at(positions)
    return float(np.mean(np.abs(rest - np.median(rest)) < AGREED_SECONDS * rate_hz))


def _drift(positions: Array, lags: Array, weights: Array, length: int) -> tuple[float, float]:
    """The slope of the groups' lags, 0 where it is not significant, and its standard error."""
    if len(positions) < 4:
        return 0.0, math.inf
    slope, error = _robust_slope(positions, lags, weights)
    significant = abs(slope) > 5 * error and abs(slope) * length > 0.25
    return (slope if significant else 0.0), error


def _robust_slope(positions: Array, lags: Array, weights: Array) -> tuple[float, float]:
    """Slope and its standard error, by Tukey's biweight from a Theil-Sen start."""
    i, j = np.triu_indices(len(positions), 1)
    if len(i) > 20000:
        pick = np.random.default_rng(0).choice(len(i), 20000, replace=False)
        i, j = i[pick], j[pick]
    slope = float(np.median((lags[j] - lags[i]) / (positions[j] - positions[i])))
    lag = float(np.median(lags - slope * positions))
    error = math.inf
    for _ in range(10):
        residual = lags - slope * positions - lag
        scale = 1.4826 * float(np.median(np.abs(residual))) + 1e-3
        trust = weights * np.clip(1 - (residual / (5 * scale)) ** 2, 0, None) ** 2
        middle = np.average(positions, weights=trust)
        spread = np.sum(trust * (positions - middle) ** 2)
        slope = float(np.sum(trust * (positions - middle) * lags) / spread)
        lag = float(np.average(lags, weights=trust)) - slope * float(middle)
        # Neighbouring groups play the same notes and err together: count them as a quarter of independent ones.
        error = 2 * math.sqrt(float(np.sum(trust**2 * (positions - middle) ** 2))) * scale / float(spread)
    return slope, error


def _scaled(found: Alignment, factor: int) -> Alignment:
    """The alignment in samples of a rate `factor` times as high."""
    track = found.track
    return Alignment(
        latency_samples=found.latency_samples * factor,
        peak_samples=found.peak_samples * factor,
        polarity=found.polarity,
        drift_ppm=found.drift_ppm,
        drift_error_ppm=found.drift_error_ppm,
        confidence=found.confidence,
        track=LagTrack(track.seconds, track.lags_samples * factor, track.weights),
    )
