"""Takes against their neighbours: a knob that was not turned, two takes exchanged, a take of something else.

What a device does changes smoothly with its knobs. Each take is reduced to a few numbers (gain, colour and distortion
in bands), and a Gaussian process (Rasmussen and Williams 2006, chapter 5) says how likely these are at the settings
that the takes claim, and how much likelier they would be if a take stood at the settings of the one before, or one of
its knobs did, if two had changed places, or if one did not belong. Its smoothness is fitted anew for each of these
stories that is in question, so that a knob without effect is no contradiction. Two takes of one excitation are compared
directly as well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from triode.audio import Samples
from triode.capture.process_model import fitted_log_likelihood, fitted_process

Array = NDArray[np.float64]
Kind = Literal["unturned", "exchanged", "odd"]

# Fewer takes say nothing about each other.
LEAST_TAKES = 8
# Natural logarithm of how much likelier a story must make what is heard: where all takes answer one excitation, and
# where they play different things. Without a fault, the best of all stories reached 3.0 and 12.9 in random subsets of
# the takes of simulated devices.
LEAST_EVIDENCE, LEAST_EVIDENCE_UNLIKE = 8.0, 16.0
SAME_ESR = 1e-3
# Takes this far below the others say nothing about the knobs but one.
FAINT = 0.01
# What a knob has to be turned, of its travel, for it to be missed if it was not.
LEAST_TURN = 0.2
MOST_STORIES, MOST_KNOB_STORIES, MOST_PAIRED = 6, 3, 20
ANALYSED_SECONDS, FRAME_SECONDS = 60.0, 0.04
BAND_EDGES_HZ = (70, 140, 280, 450, 700, 1100, 1800, 3000, 5000, 9000)
LOUD_DB, LEAST_SPREAD_DB, DEEPEST_DB = 45.0, 0.5, 40.0
MOST_COMPONENTS, VARIANCE_SHARE = 6, 0.97
SWEEP_SLICES, FIRST_SLICE = 10, 0.15
FINE = 8


@dataclass(frozen=True)
class HeardTake:
    """A take as it is compared: its place along each knob's travel (knobs,), and aligned dry and wet (n,).

    `excitation` names what is the same in takes that have the same name, at the samples of `stretch` (start, stop);
    `is_sweep` says whether that is a sweep from 20 Hz up.
    """

    name: str
    travel: Array
    dry: Samples
    wet: Samples
    rate_hz: int
    excitation: str = ""
    stretch: tuple[int, int] = (0, 0)
    is_sweep: bool = False

    @property
    def answer(self) -> Samples:
        """What the device made of the excitation (n,)."""
        return self.wet[self.stretch[0] : self.stretch[1]]


@dataclass(frozen=True)
class Contradiction:
    """Takes that contradict the others, and how likely that is meant: the logarithm of a ratio, infinite if equal.

    `knob` is the number of the knob that was not turned, None for all of them.
    """

    kind: Kind
    takes: tuple[str, ...]
    evidence: float
    knob: int | None = None


def contradictions(takes: Sequence[HeardTake]) -> list[Contradiction]:
    """What contradicts what in the takes of one device, in the order they were recorded in; mostly nothing."""
    rms = np.array([float(np.std(take.wet.astype(np.float64))) for take in takes])
    heard = [take for take, level in zip(takes, rms, strict=True) if level > FAINT * np.median(rms)]
    found = [
        Contradiction("unturned", (a.name, b.name), float("inf"))
        for a, b in combinations(heard, 2)
        if not np.allclose(a.travel, b.travel) and _difference(a, b) < SAME_ESR
    ]
    if found or len(heard) < LEAST_TAKES:
        return found
    travels = np.array([take.travel for take in heard])
    moving = np.flatnonzero(np.ptp(travels, axis=0) > 0)
    travels = travels[:, moving]
    likeliest = _likeliest(travels, _components(np.array([_features(take, heard) for take in heard])))
    alike = heard[0].excitation != "" and all(take.excitation == heard[0].excitation for take in heard)
    if likeliest is None or likeliest[0] < (LEAST_EVIDENCE if alike else LEAST_EVIDENCE_UNLIKE):
        return []
    evidence, (kind, places, _, _, knob) = likeliest
    names = tuple(heard[place].name for place in places)
    return [Contradiction(kind, names, round(evidence, 1), None if knob is None else int(moving[knob]))]


def _difference(a: HeardTake, b: HeardTake) -> float:
    """ESR between what two takes make of one excitation, at the lag where they agree best; infinite without one."""
    if not a.excitation or a.excitation != b.excitation or a.rate_hz != b.rate_hz:
        return float("inf")
    first, second = (take.answer.astype(np.float64) for take in (a, b))
    count = min(len(first), len(second))
    if count == 0:
        return float("inf")
    first, second = first[:count], second[:count]
    powers = float(first @ first), float(second @ second)
    least = (1 - np.sqrt(min(powers) / max(*powers, 1e-20))) ** 2
    if least > SAME_ESR:
        # The levels alone tell them apart.
        return float(least)
    size = fft.next_fast_len(2 * count, real=True)
    across = np.conj(fft.rfft(first, size)) * fft.rfft(second, size)
    # Between the samples, too: two takes are rarely aligned to the same fraction.
    agreement = float(np.max(fft.irfft(across, FINE * size))) * FINE
    return max(0.0, sum(powers) - 2 * agreement) / max(*powers, 1e-20)


def _features(take: HeardTake, others: Sequence[HeardTake]) -> Array:
    """Numbers (features,) in dB that tell settings apart and depend little on what was played."""
    found = _band_features(take.dry, take.wet, take.rate_hz)
    if take.is_sweep and all(other.is_sweep and other.excitation == take.excitation for other in others):
        found = np.concatenate([found, _sweep_features(take.answer, take.rate_hz)])
    return found


def _band_features(dry: Samples, wet: Samples, rate_hz: int) -> Array:
    """Per band: gain, gain of the linear part, share that is not linear; then gain by loudness, and the peak factor.

    Frames count by less than their energy, so that soft playing has its say.
    """
    size = int(2 ** np.ceil(np.log2(FRAME_SECONDS * rate_hz)))
    count = min(len(dry), len(wet), int(ANALYSED_SECONDS * rate_hz))
    starts = np.arange(0, count - size + 1, size // 2)
    index = np.arange(size) + starts[:, None]
    window = np.hanning(size).astype(np.float32)
    x, y = (np.asarray(fft.rfft(samples[index] * window)) for samples in (dry, wet))
    loudness = 10 * np.log10(np.sum(np.abs(x) ** 2, axis=1) + 1e-20)
    loud = loudness > loudness.max() - LOUD_DB
    x, y, loudness = x[loud], y[loud], loudness[loud]
    weights = 10 ** (-loudness / 20)[:, None]
    input_power, output_power = np.sum(weights * np.abs(x) ** 2, axis=0), np.sum(weights * np.abs(y) ** 2, axis=0)
    shared = np.abs(np.sum(weights * np.conj(x) * y, axis=0))
    band_of = np.digitize(fft.rfftfreq(size, 1 / rate_hz), BAND_EDGES_HZ)
    found: list[float] = []
    for band in range(1, len(BAND_EDGES_HZ)):
        here = band_of == band
        power_in, power_out = float(np.sum(input_power[here])) + 1e-20, float(np.sum(output_power[here])) + 1e-20
        linear = float(np.sum(shared[here] ** 2 / (input_power[here] + 1e-20))) / power_out
        gain = float(np.sum(shared[here])) / power_in
        found += [_db(power_out / power_in), 2 * _db(gain), _db(1 - min(linear, 1.0) + 1e-6)]
    gains = 10 * np.log10(np.sum(np.abs(y) ** 2, axis=1) + 1e-12) - loudness
    found += [float(np.mean(part)) for part in np.array_split(gains[np.argsort(loudness)], 4)]
    return np.array([*found, 2 * _db(float(np.max(np.abs(wet))) / (float(np.std(wet)) + 1e-12))])


def _sweep_features(wet: Samples, rate_hz: int) -> Array:
    """Level, and share of harmonics where they fit below the Nyquist frequency, in slices of a sweep's answer."""
    low, high = 20.0, min(20000.0, 0.45 * rate_hz)
    edges = np.linspace(FIRST_SLICE, 1, SWEEP_SLICES + 1)
    found: list[float] = []
    for start, stop in pairwise(edges):
        piece = wet[int(start * len(wet)) : int(stop * len(wet))].astype(np.float64)
        power = np.abs(fft.rfft(piece * np.hanning(len(piece)))) ** 2
        above = fft.rfftfreq(len(piece), 1 / rate_hz) > 1.3 * low * (high / low) ** stop
        total = float(np.sum(power)) + 1e-9
        found.append(_db(total))
        if 1.3 * low * (high / low) ** stop < 0.3 * rate_hz:
            found.append(_db(float(np.sum(power[above])) / total + 1e-6))
    return np.array(found)


def _db(power: float) -> float:
    return float(10 * np.log10(max(power, 1e-12)))


def _components(features: Array) -> Array:
    """The few combinations (takes, components) in which takes (takes, features) differ."""
    centred = np.maximum(features, np.median(features, axis=0) - DEEPEST_DB)
    centred = centred - np.mean(centred, axis=0)
    # Differences of a fraction of a dB are chance, and are not blown up.
    centred /= np.maximum(np.sqrt(np.mean(centred**2, axis=0)), LEAST_SPREAD_DB)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    enough = int(np.searchsorted(np.cumsum(s**2) / np.sum(s**2), VARIANCE_SHARE)) + 1
    return np.asarray((u * s)[:, : min(enough, MOST_COMPONENTS)])


Story = tuple[Kind, tuple[int, ...], Array, Array, int | None]


def _stories(travels: Array, worst: Sequence[int]) -> Iterator[Story]:
    """What may have happened: kind, takes, the true travels (takes, knobs), extra noise (takes,), the knob meant."""
    quiet = np.zeros(len(travels))
    for i, j in combinations(sorted(worst), 2):
        turned = travels.copy()
        turned[[i, j]] = travels[[j, i]]
        yield "exchanged", (i, j), turned, quiet, None
    for i in range(1, len(travels)):
        turned = travels.copy()
        turned[i] = travels[i - 1]
        yield "unturned", (i - 1, i), turned, quiet, None
        for knob in np.flatnonzero(np.abs(travels[i] - travels[i - 1]) > LEAST_TURN):
            turned = travels.copy()
            turned[i, knob] = travels[i - 1, knob]
            yield "unturned", (i - 1, i), turned, quiet, int(knob)
    for i in range(len(travels)):
        alone = quiet.copy()
        alone[i] = 1e3
        yield "odd", (i,), travels, alone, None


def _likeliest(travels: Array, values: Array) -> tuple[float, Story] | None:
    """The story that gains most over the one that nothing happened, and its evidence."""
    quiet = np.zeros(len(travels))
    process = fitted_process(travels, values)
    base = process.log_likelihood(travels, values, quiet)
    surprise = process.surprise(travels, values)
    worst = [int(i) for i in np.argsort(surprise)[::-1][:MOST_PAIRED]]
    told = sorted(
        _stories(travels, worst),
        key=lambda story: process.log_likelihood(story[2], values, story[3]) - base,
        reverse=True,
    )
    # Stories about one knob are many; they must not crowd out the others.
    told = [s for s in told if s[4] is None][:MOST_STORIES] + [s for s in told if s[4] is not None][:MOST_KNOB_STORIES]
    if not told:
        return None
    start = fitted_log_likelihood(travels, values, quiet)
    gains = [fitted_log_likelihood(where, values, noise) - start for _, _, where, noise, _ in told]
    best = int(np.argmax(gains))
    return gains[best], told[best]
