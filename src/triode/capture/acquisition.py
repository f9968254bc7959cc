"""Which settings to record next, given what error a model is expected to make at each.

A minimum energy design (Joseph, Dasgupta, Tuo and Wu 2015): takes repel each other as they do in a plan, and the
less the larger the error is that is expected where they stand. Where the same error is expected everywhere, this is
the space-filling choice of `design`; where one corner of the knobs is hard to learn, takes crowd there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triode.capture.design import Space, design_distances, design_places

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Suggestion:
    """A setting to record, the ESR that the model is expected to have there, and what recording it would bring.

    `mean_before` and `mean_after` are the expected ESR over all settings without this take and with it, those suggested
    before it being recorded already.
    """

    settings: dict[str, float]
    expected_esr: float
    mean_before: float
    mean_after: float


def suggest_settings(
    space: Space,
    candidates: Sequence[Mapping[str, float]],
    expected_esr: Array,
    learned_esr: float,
    captured: Sequence[Mapping[str, float]],
    count: int,
) -> list[Suggestion]:
    """The `count` of `candidates` whose recording helps most, the best first.

    `expected_esr` (candidates,) is what the model is expected to do at each, `learned_esr` what it does at settings
    that it knows, `captured` the settings that are recorded. A new take is expected to take away the error above
    `learned_esr` as the square of the distance to the nearest take.

    Where errors are f times that square, their mean over n knobs is least if f^(2 / (n + 2)) times it is the same
    everywhere (quantisers, Gersho 1979). The expected error stands for f here; as it holds the distance already, it
    weighs less than it might, and a committee that errs does little harm.
    """
    count = min(count, len(candidates))
    known, places = design_places(space, captured), design_places(space, candidates)
    expected = np.maximum(expected_esr, learned_esr)
    weights = expected ** (2.0 / (places.shape[1] + 2))
    energy = np.sum(np.prod(design_distances(space, places, known), axis=2) ** -2.0, axis=1)
    nearest = np.min(np.linalg.norm(places[:, None] - known[None], axis=2), axis=1)
    chosen: list[int] = []
    suggestions = []
    for _ in range(count):
        merit = weights * energy ** (-1.0 / places.shape[1])
        merit[chosen] = -1.0
        best = int(np.argmax(merit))
        chosen.append(best)
        away = np.linalg.norm(places - places[best], axis=1)
        closer = np.minimum(nearest, away)
        share = (closer / np.maximum(nearest, 1e-9)) ** 2
        after = learned_esr + (expected - learned_esr) * share
        told = (float(expected[best]), float(np.mean(expected)), float(np.mean(after)))
        suggestions.append(Suggestion(dict(candidates[best]), *told))
        expected, nearest = after, closer
        energy = energy + np.prod(design_distances(space, places, places[best : best + 1]), axis=2)[:, 0] ** -2.0
    return suggestions
