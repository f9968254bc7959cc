"""From recordings to pairs: find the latency and the drift, take them out, and decide what is held out."""

from collections.abc import Sequence
from dataclasses import dataclass

from triode.audio import Audio
from triode.capture.align import Alignment, aligned
from triode.errors import RequestError
from triode.training.dataset import Pair, split

Stretch = tuple[float, float]


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
) -> Prepared:
    """Align every (dry, wet) take and split it; `rate_hz` converts, `invert` turns the target's polarity around.

    Raises RequestError where the takes have different sample rates.
    """
    pairs, alignments = [], []
    for dry, wet in takes:
        x, y, rate, alignment = aligned(dry, wet, rate_hz)
        if rate != (rate_hz or takes[0][0].rate_hz):
            raise RequestError(f"takes at {takes[0][0].rate_hz} Hz and at {rate} Hz; choose one rate with --rate")
        pairs.append(Pair(x, -y if invert else y, *split(len(x), rate, train_seconds, validate_seconds)))
        alignments.append(alignment)
    return Prepared(tuple(pairs), tuple(alignments), rate)
