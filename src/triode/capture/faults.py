"""What can be wrong with a take, measured: one function per fault, numbers only. `checks` judges them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import maximum_filter1d

from triode.audio import Audio, Samples, resample
from triode.capture.align import CHANCE_SIGMAS, COARSE_HZ, Alignment, correlate
from triode.capture.manifest import Repeat

Array = NDArray[np.float64]

FRAME_SECONDS = 0.02
# A stretch counts as silent where the dry signal has stayed this far below its peak for this long.
SILENCE_DB, SETTLE_SECONDS = -80.0, 0.15
SEARCH_HZ = 6000
# A repeated passage is not looked for in stretches this far below the loudest one, as a share of its energy.
QUIETEST_REPEAT = 1e-3
MAINS_HZ = (50.0, 60.0)
NOT_MAINS_HZ = (44.0, 47.0, 53.0, 56.5, 63.5, 67.0)
MAINS_HARMONICS = 8


def frame_levels_db(samples: Samples, rate_hz: int) -> Array:
    """RMS level in dBFS of frames of 20 ms, (frames,)."""
    size = max(1, int(FRAME_SECONDS * rate_hz))
    frames = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
    return np.asarray(10 * np.log10(np.mean(frames**2, axis=1) + 1e-30))


def clipped_samples(audio: Audio) -> int:
    """How many samples stick at the file's largest or smallest value, in runs of three or more.

    A device that clips by itself is filtered after it, or rounds its plateau: no two samples are the same. A converter
    or file that clips repeats one number exactly, and falls to it and away from it in more than the file's own steps.
    """
    samples = audio.samples
    steps = np.abs(np.diff(samples))
    least_step = float(np.min(steps[steps > 0], initial=1.0))
    count = 0
    for extreme in (samples.max(), samples.min()):
        there = np.concatenate([[False], samples == extreme, [False]])
        edges = np.flatnonzero(np.diff(there.astype(np.int8)))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            around = samples[[max(start - 1, 0), min(stop, len(samples) - 1)]]
            if stop - start >= 3 and float(np.max(np.abs(around - extreme))) > 3 * least_step:
                count += int(stop - start)
    return count


def silent(dry: Samples, rate_hz: int) -> NDArray[np.bool_]:
    """Where (n,) the aligned dry signal is silent and the device has had time to fall silent too."""
    size = max(1, int(SETTLE_SECONDS * rate_hz))
    loudness = np.abs(dry)
    threshold = 10 ** (SILENCE_DB / 20) * float(loudness.max(initial=0.0))
    # Shifted, so that the maximum covers the time before each sample.
    before = maximum_filter1d(loudness, size, origin=(size - 1) // 2, mode="nearest")
    return np.asarray(before <= threshold)


def longest_stretch(mask: NDArray[np.bool_]) -> slice:
    """The longest run of True in `mask` (n,); an empty slice where there is none."""
    padded = np.concatenate([[False], mask, [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(padded))
    if len(edges) == 0:
        return slice(0, 0)
    longest = int(np.argmax(edges[1::2] - edges[::2]))
    return slice(int(edges[2 * longest]), int(edges[2 * longest + 1]))


def quietest_rms(wet: Samples, rate_hz: int) -> float:
    """RMS of the quietest fiftieth of a signal (n,) that is never silent: noise is no louder than that."""
    levels_db = frame_levels_db(wet - np.float32(np.mean(wet)), rate_hz)
    return float(10 ** (np.quantile(levels_db, 0.02) / 20))


def hum_rms(noise: Samples, rate_hz: int) -> tuple[float, float]:
    """RMS and mains frequency of the hum in a silent stretch (n,), RMS 0 where there is none.

    Least squares fit of the mains' harmonics. Frequencies that no mains has are fitted as well: what is no stronger
    than they are is noise.
    """
    time = np.arange(len(noise)) / rate_hz
    wave = noise.astype(np.float64) - float(np.mean(noise))
    power = {hz: _harmonic_power(wave, time, hz) for hz in MAINS_HZ + NOT_MAINS_HZ}
    hz = max(MAINS_HZ, key=lambda candidate: power[candidate])
    by_chance = max(power[other] for other in NOT_MAINS_HZ)
    return (math.sqrt(power[hz] - by_chance), hz) if power[hz] > 4 * by_chance + 1e-14 else (0.0, hz)


def _harmonic_power(wave: Array, time: Array, hz: float) -> float:
    angles = 2 * np.pi * hz * np.outer(time, np.arange(1, MAINS_HARMONICS + 1))
    basis = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    fitted = basis @ np.linalg.lstsq(basis, wave, rcond=None)[0]
    return float(np.mean(fitted**2))


def repeats_hold(dry: Samples, rate_hz: int, repeats: Sequence[Repeat]) -> bool:
    """Whether the manifest's passages do stand twice in `dry` to the last bit.

    Then it is the signal that was played: no device answers twice alike to the last bit.
    """
    parts = [
        (round(r.first_seconds * rate_hz), round(r.second_seconds * rate_hz), round(r.seconds * rate_hz))
        for r in repeats
    ]
    return bool(parts) and all(np.array_equal(dry[a : a + n], dry[b : b + n]) for a, b, n in parts)


def replicate_esr(wet: Samples, rate_hz: int, repeats: list[Repeat]) -> float | None:
    """ESR between the device's answers to a repeated passage: the worst of all, None where there is none.

    `wet` is aligned with the dry signal. The first fifth of a second still holds what came before the passage.
    """
    worst: float | None = None
    for repeat in repeats:
        skip = min(0.2, 0.2 * repeat.seconds)
        starts = [round((at + skip) * rate_hz) for at in (repeat.first_seconds, repeat.second_seconds)]
        count = round((repeat.seconds - skip) * rate_hz)
        # The last samples may be missing where a recording was stopped early.
        there = min(count, len(wet) - max(starts))
        first, second = (wet[start : start + there].astype(np.float64) for start in starts)
        if there > 0.5 * count and np.sum(first**2) > 0:
            worst = max(worst or 0.0, float(np.sum((second - first) ** 2) / np.sum(first**2)))
    return worst


def find_repeats(dry: Samples, rate_hz: int) -> list[Repeat]:
    """The longest passage of half a second or more that stands twice, sample for sample, in the dry signal."""
    slow = resample(dry, rate_hz, SEARCH_HZ).astype(np.float64)
    length = SEARCH_HZ // 2
    if len(slow) < 3 * length:
        return []
    size = fft.next_fast_len(len(slow) + length, real=True)
    spectrum = fft.rfft(slow, size)
    energy = np.concatenate([[0.0], np.cumsum(slow**2)])
    windows = energy[length:] - energy[:-length]
    starts = np.arange(0, len(slow) - length, max(length, len(slow) // 40))
    best: tuple[int, int, int] | None = None
    for start in starts[windows[starts] > QUIETEST_REPEAT * np.max(windows)]:
        chunk = slow[start : start + length]
        match = fft.irfft(spectrum * np.conj(fft.rfft(chunk, size)), size)[: len(windows)]
        match /= np.sqrt(windows * windows[start]) + 1e-12 * np.max(windows)
        match[max(0, start - length) : start + length] = 0
        other = int(np.argmax(match))
        # Between the slow samples a repeat may look a little different; `_extend` compares the real ones.
        if match[other] > 0.9:
            found = _extend(dry, rate_hz, min(start, other), max(start, other))
            if found and (best is None or found[2] > best[2]):
                best = found
    if best is None or best[2] < 0.5 * rate_hz:
        return []
    first, second, count = best
    return [Repeat(first / rate_hz, second / rate_hz, count / rate_hz)]


def _extend(dry: Samples, rate_hz: int, first: int, second: int) -> tuple[int, int, int] | None:
    """Starts and length in samples of the stretch around two slow positions that is the same, sample for sample."""
    a, about = round(first * rate_hz / SEARCH_HZ), round(second * rate_hz / SEARCH_HZ)
    reach = 2 * math.ceil(rate_hz / SEARCH_HZ)
    probe = dry[a : a + rate_hz // 8]
    shifts = [at for at in range(about - reach, about + reach + 1) if 0 <= at <= len(dry) - len(probe)]
    b = min(shifts, key=lambda at: float(np.sum(np.abs(dry[at : at + len(probe)] - probe))))
    lag = b - a
    tolerance = 3e-5 * float(np.max(np.abs(probe)))
    differs = np.flatnonzero(np.abs(dry[lag:] - dry[: len(dry) - lag]) > tolerance)
    middle = a + len(probe) // 2
    after = int(np.searchsorted(differs, middle))
    begin = int(differs[after - 1]) + 1 if after else 0
    end = int(differs[after]) if after < len(differs) else len(dry) - lag
    return (begin, begin + lag, min(end, begin + lag) - begin) if end > begin else None


@dataclass(frozen=True)
class Gap:
    """A hole in the wet signal: it begins at `seconds` and lasts `length_seconds`."""

    seconds: float
    length_seconds: float


def gaps(dry: Samples, wet: Samples, rate_hz: int) -> list[Gap]:
    """Stretches of 1 ms or more in which wet stands still while dry goes on playing (both aligned, (n,))."""
    still = np.concatenate([[False], np.diff(wet) == 0, [False]])
    edges = np.flatnonzero(np.diff(still.astype(np.int8)))
    peak, dry_rms = float(np.max(np.abs(wet))), float(np.sqrt(np.mean(dry.astype(np.float64) ** 2)))
    starts, stops = edges[::2], edges[1::2]
    long = stops - starts >= 1e-3 * rate_hz
    found = []
    for start, stop in zip(starts[long], stops[long], strict=True):
        plays = float(np.sqrt(np.mean(dry[start:stop].astype(np.float64) ** 2))) > 0.1 * dry_rms
        # A device that clips stands still at the top, not in the middle.
        if plays and abs(float(wet[start])) < 0.1 * peak:
            found.append(Gap(start / rate_hz, (stop - start) / rate_hz))
    return found


def lag_jump(dry: Samples, wet: Samples, rate_hz: int, alignment: Alignment) -> tuple[float, float] | None:
    """Place in seconds and size in samples of a jump of the lag within the take: samples were lost or repeated.

    Jumps of up to some milliseconds show in the alignment's own track; longer ones in chunks of the aligned dry and
    wet (n,) that are correlated over a third of a second.
    """
    track = alignment.track
    broad = track.weights > 0.45 * np.median(track.weights)
    lags = track.lags_samples - alignment.drift_ppm * 1e-6 * rate_hz * track.seconds
    found = _step(track.seconds[broad], lags[broad], 3.0)
    if found is None:
        seconds, coarse = _chunk_lags(resample(dry, rate_hz, COARSE_HZ), resample(wet, rate_hz, COARSE_HZ))
        found = _step(seconds, coarse * (rate_hz / COARSE_HZ), 1e-3 * rate_hz)
    return found


def _chunk_lags(dry: Samples, wet: Samples) -> tuple[Array, Array]:
    """Lags of chunks of a second, half a second apart, where the correlation is beyond chance. All at 12 kHz."""
    reach = COARSE_HZ // 3
    found = []
    for start in range(0, len(dry) - COARSE_HZ + 1, COARSE_HZ // 2):
        first = max(0, start - reach)
        chunk, piece = dry[start : start + COARSE_HZ], wet[first : start + COARSE_HZ + reach]
        if np.any(chunk) and np.any(piece):
            lag, sigmas = correlate(chunk, piece)
            if sigmas > CHANCE_SIGMAS:
                found.append((start / COARSE_HZ + 0.5, lag + first - start))
    seconds, lags = np.array(found).reshape(-1, 2).T
    return seconds, lags


def _step(seconds: Array, lags: Array, least: float) -> tuple[float, float] | None:
    """Place and height of the step between two levels of `lags` (n,), where both levels are there and clear."""
    fewest = 4
    best: tuple[float, int] | None = None
    for split in range(fewest, len(lags) - fewest + 1):
        rest = sum(float(np.sum(np.abs(side - np.median(side)))) for side in (lags[:split], lags[split:]))
        if best is None or rest < best[0]:
            best = rest, split
    if best is None:
        return None
    split = best[1]
    sides = (lags[:split], lags[split:])
    step = float(np.median(sides[1]) - np.median(sides[0]))
    spread = max(float(np.median(np.abs(side - np.median(side)))) for side in sides)
    agreed = min(float(np.mean(np.abs(side - np.median(side)) < 0.25 * abs(step))) for side in sides)
    if abs(step) > max(least, 8 * spread) and agreed > 0.7:
        return float(seconds[split - 1] + seconds[split]) / 2, step
    return None


def swap_evidence(dry: Samples, wet: Samples, rate_hz: int) -> float:
    """How much speaks for dry and wet being exchanged (aligned, (n,)); above 1 it is likely, below 0 unlikely.

    Devices compress: over the loud part of a take the wet level varies less than the dry one, and wet's peaks stand
    less far above its RMS. They add noise where dry is silent. Exchanged, all this is the other way round.
    """
    dry_db, wet_db = frame_levels_db(dry, rate_hz), frame_levels_db(wet, rate_hz)
    count = min(len(dry_db), len(wet_db))
    dry_db, wet_db = dry_db[:count], wet_db[:count]
    loud = (dry_db > dry_db.max() - 30) & (wet_db > wet_db.max() - 30)
    evidence = 0.0
    if np.count_nonzero(loud) >= 20:
        spread = math.log((np.std(wet_db[loud]) + 0.1) / (np.std(dry_db[loud]) + 0.1))
        evidence += 6 * min(max(spread, -1.0), 1.0)
    evidence += 0.15 * (_crest_db(wet) - _crest_db(dry))
    evidence += 0.02 * float(np.clip(_floor_db(dry_db) - _floor_db(wet_db), -60, 60))
    return evidence


def _crest_db(samples: Samples) -> float:
    peak = float(np.quantile(np.abs(samples), 0.9999))
    return 20 * math.log10(max(peak, 1e-9) / max(1e-9, float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))))


def _floor_db(levels_db: Array) -> float:
    """The quietest frames against the loud ones, in dB."""
    return float(max(np.quantile(levels_db, 0.02), -110.0) - np.quantile(levels_db, 0.95))
