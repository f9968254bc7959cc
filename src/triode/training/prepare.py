"""From recordings to pairs: find the latency and the drift, take them out, and decide what is held out.

Takes of one device at several knob settings must keep their time against each other: what the onset seems to be moves
with a tone control by some samples, which no model with knobs could follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from triode.audio import Audio
from triode.capture.align import Alignment, aligned
from triode.errors import RequestError
from triode.training.dataset import Pair, fits, split

Stretch = tuple[float, float]

# Takes at several settings whose latencies lie this close together have the same one: over 14 settings of the built-in
# preamp the onset seemed to move by 0.28 ms, while takes that are started by hand lie further apart.
SAME_LATENCY_SECONDS = 0.5e-3
# Of such takes the dark ones seem to begin late, and the most distorted ones, in whose response there is noise before
# the onset, early: 13 of 40 of the built-in preamp by up to 9 samples. So the early ones have it, but not the earliest.
EARLY_SHARE = 0.25


@dataclass(frozen=True)
class SignalParts:
    """Where our own signal has what, in seconds from its start: what to learn from, what to hold out, its sweeps.

    The passage that is held out stands at the start of the signal, too: neither copy is trained on.
    """

    train_seconds: Stretch
    held_out_seconds: Stretch
    sweeps_seconds: tuple[Stretch, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """Aligned pairs at one rate, and what alignment found for each."""

    pairs: tuple[Pair, ...]
    alignments: tuple[Alignment, ...]
    rate_hz: int


def prepare(
    takes: Sequence[tuple[Audio, Audio]],
    train_seconds: Stretch | None = None,
    validate_seconds: Stretch | None = None,
    rate_hz: int | None = None,
    invert: bool = False,
    travels: Sequence[tuple[float, ...]] | None = None,
    signal: SignalParts | None = None,
) -> Prepared:
    """Align every (dry, wet) take and split it; `rate_hz` converts, `invert` turns the target's polarity around.

    `travels` has the knobs' positions of each take, 0 to 1; latencies of such takes that hardly differ are taken for
    one, their lower quartile. `signal`, where these are our own signal, decides where nothing else does; a take that
    lacks what it holds out is split like any other. Raises RequestError where the takes have different sample rates.
    """
    found = [aligned(dry, wet, rate_hz) for dry, wet in takes]
    rate = rate_hz or takes[0][0].rate_hz
    for _, _, own_rate, _ in found:
        if own_rate != rate:
            raise RequestError(f"takes at {rate} Hz and at {own_rate} Hz; choose one rate with --rate")
    own_alignments = [alignment for *_, alignment in found]
    alignments = _with_one_latency(own_alignments, rate) if travels else own_alignments
    pairs = []
    for index, ((x, y, _, own), alignment) in enumerate(zip(found, alignments, strict=True)):
        late = own.removed_samples() - alignment.removed_samples()
        x, y = x[max(0, late) : len(x) + min(0, late)], y[max(0, -late) : len(y) - max(0, late)]
        y = -y if invert else y
        missing_seconds = (max(0, -own.removed_samples()) + max(0, late)) / rate
        chosen = [train_seconds, validate_seconds]
        if signal is not None and chosen == [None, None]:
            parts = [_later(part, missing_seconds) for part in (signal.train_seconds, signal.held_out_seconds)]
            chosen = [*parts] if all(fits(part, len(x), rate) for part in parts) else chosen
        train, validate = split(len(x), rate, *chosen)
        sweeps = [_later(sweep, missing_seconds) for sweep in signal.sweeps_seconds] if signal else []
        in_samples = [(round(start * rate), round(stop * rate)) for start, stop in sweeps]
        learned = tuple((start, stop) for start, stop in in_samples if train[0] <= start < stop <= train[1])
        pairs.append(Pair(x, y, train, validate, travels[index] if travels else (), learned))
    return Prepared(tuple(pairs), tuple(alignments), rate)


def _later(stretch: Stretch, missing_seconds: float) -> Stretch:
    """A stretch of the dry file in an aligned take that lacks the first `missing_seconds` of it."""
    return max(0.0, stretch[0] - missing_seconds), stretch[1] - missing_seconds


def _with_one_latency(found: Sequence[Alignment], rate_hz: int) -> list[Alignment]:
    latencies = [alignment.latency_samples for alignment in found]
    if max(latencies) - min(latencies) > SAME_LATENCY_SECONDS * rate_hz:
        return list(found)
    latency = float(np.quantile(latencies, EARLY_SHARE))
    return [replace(alignment, latency_samples=latency) for alignment in found]
