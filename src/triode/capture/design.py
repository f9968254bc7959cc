"""Where to put takes among all settings of a device's knobs: centre and corners first, then evenly.

The criterion is maximum projection (Joseph, Gul and Ba 2015, with the term for steps of Joseph, Gul and Ba 2020): the
sum over pairs of settings of 1 / prod_k (|distance along knob k| + 1 / levels_k)^2. Settings keep apart in all knobs
together and in every subset of them, as not all knobs matter equally and nobody knows yet which do. Settings that are
recorded already take part in the sum and stay where they are. A Latin hypercube starts, exchange of single coordinates
improves, over the values that a hand (or a switch) can set, so that nothing has to be rounded afterwards.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from triode.capture.couplings import Coupling
from triode.errors import OptionError
from triode.knobs import Knob

Array = NDArray[np.float64]

MACHINE_LEVELS = 101
COUPLED_LEVELS = 21
# So many marks has a knob's panel: 0 to 10, as on most; a hand sets half a mark.
MARKS = 10
RESTARTS, FEW_TAKES, MOST_SWEEPS = 4, 60, 20
MOST_CORNERS, CORNER_RESTARTS = 1024, 20
# Turning a switch (a channel, a tube mode) is more of a disturbance than turning a knob.
SWITCH_COST = 2.0


@dataclass(frozen=True)
class Space:
    """The settings that a plan may use.

    `limits` narrows a knob to a part of its range (low, high), or holds it (low = high); `by_hand` keeps to values that
    can be set by hand: half marks of a panel with ten or so.
    """

    knobs: tuple[Knob, ...]
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    couplings: tuple[Coupling, ...] = ()
    by_hand: bool = True

    def __post_init__(self) -> None:
        for knob in self.knobs:
            low, high = self.limits_of(knob)
            if not knob.checked(low) <= knob.checked(high):
                raise OptionError(f"knob {knob.name}: from {low:g} to {high:g} is empty; low comes first")

    def limits_of(self, knob: Knob) -> tuple[float, float]:
        """Lowest and highest value of `knob` in a plan."""
        return self.limits.get(knob.name, (knob.low, knob.high))


@dataclass(frozen=True)
class _Axis:
    """One knob that moves: it may stand at `levels` (m,) from 0 to 1 between its limits, where `values` are set."""

    knob: Knob
    levels: Array
    values: tuple[float, ...] = ()
    coupling: Coupling | None = None

    def distances(self, a: Array, b: Array) -> Array:
        """Distances along this axis, with the margin that keeps repeated levels from being infinitely bad.

        One position of a switch is as far from the next as from any other.
        """
        gap = np.abs(a - b)
        return np.asarray((gap > 1e-9 if self.knob.positions else gap) + 1.0 / len(self.levels))

    def position(self, settings: Mapping[str, float]) -> float:
        """Where settings stand on this axis; outside 0 to 1 where they are outside the plan's limits."""
        value = settings[self.knob.name]
        if self.coupling is None:
            low, high = self.knob.travel(self.values[0]), self.knob.travel(self.values[-1])
            return (self.knob.travel(value) - low) / (high - low)
        bottom, top = self.coupling.limits(settings[self.coupling.follows], self.knob)
        return (value - bottom) / (top - bottom) if top > bottom else 0.5


def settable_values(knob: Knob, low: float, high: float, by_hand: bool) -> list[float]:
    """The values between `low` and `high` that can be set, rising, both ends among them."""
    if knob.steps:
        return [step for step in knob.steps if low <= step <= high]
    if low == high:
        return [low]
    if knob.taper == "log":
        count = 2 * MARKS + 1 if by_hand else MACHINE_LEVELS
        inner = [_rounded(knob.value(float(t)), 2 if by_hand else 4) for t in np.linspace(0, 1, count)]
    else:
        step = _half_mark(knob.high - knob.low) if by_hand else _rounded((high - low) / (MACHINE_LEVELS - 1), 1)
        first, last = int(np.ceil(low / step)), int(np.floor(high / step))
        inner = [float(f"{number * step:.9g}") for number in range(first, last + 1)]
    return sorted({low, high, *(value for value in inner if low < value < high)})


def _half_mark(span: float) -> float:
    """Half of the round number (1, 2 or 5 times a power of ten) nearest to a tenth of `span`."""
    power = 10.0 ** np.floor(np.log10(span / MARKS))
    return float(min((m * power for m in (1, 2, 5, 10)), key=lambda mark: abs(np.log(mark * MARKS / span))) / 2)


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def choose_settings(
    space: Space, count: int, captured: Sequence[Mapping[str, float]] = (), seed: int = 0
) -> list[dict[str, float]]:
    """`count` new settings that together with those `captured` fill the space, in the order to record them.

    Centre and corners come first, as far as they are not captured; each group is ordered for short turns. Same
    arguments, same settings. Raises OptionError where the space holds fewer settings than are asked for.
    """
    if count < 1:
        raise OptionError(f"a plan of {count} takes: expected 1 or more")
    axes = _axes(space)
    there = design_places(space, captured)
    room = _room(axes, there)
    if count > room:
        raise OptionError(f"{count} takes: these knobs have only {room} settings that are not recorded; ask for fewer")
    first = _anchors(axes, there, count)
    rest = _filled(axes, np.concatenate([there, first]), count - len(first), np.random.default_rng(seed))
    start = there[-1] if len(there) else None
    first = _ordered(axes, first, start)
    rest = _ordered(axes, rest, first[-1] if len(first) else start)
    return [_settings(space, axes, point) for point in np.concatenate([first, rest])]


def candidate_settings(
    space: Space, count: int, captured: Sequence[Mapping[str, float]] = (), seed: int = 0
) -> list[dict[str, float]]:
    """Up to `count` different settings spread evenly over the space, its faces included, none of them `captured`."""
    from scipy.stats import qmc

    axes = _axes(space)
    # A power of two keeps Sobol's points balanced; a tenth of the range beyond either end falls onto the face.
    power = max(1, math.ceil(math.log2(count)))
    places = np.clip(1.2 * qmc.Sobol(len(axes), rng=seed).random_base2(power) - 0.1, 0.0, 1.0)
    points = np.stack([_snapped(axis, places[:, k]) for k, axis in enumerate(axes)], axis=1)
    # Points of knobs that follow others may come to the same values.
    different = {tuple(values.values()): values for values in (_settings(space, axes, point) for point in points)}
    return [settings for settings in different.values() if settings not in captured][:count]


def design_places(space: Space, settings: Sequence[Mapping[str, float]]) -> Array:
    """Where settings stand on the axes that move, 0 to 1 (settings, axes)."""
    axes = _axes(space)
    return np.array([[axis.position(values) for axis in axes] for values in settings]).reshape(-1, len(axes))


def design_distances(space: Space, a: Array, b: Array) -> Array:
    """Distances along each axis between the places `a` (n, axes) and `b` (m, axes), margins included (n, m, axes)."""
    return np.stack([axis.distances(a[:, None, k], b[None, :, k]) for k, axis in enumerate(_axes(space))], axis=2)


def _axes(space: Space) -> list[_Axis]:
    """The knobs that move; one that is held, or follows another without spread, is none."""
    coupled = {coupling.knob: coupling for coupling in space.couplings}
    axes = []
    for knob in space.knobs:
        values = settable_values(knob, *space.limits_of(knob), space.by_hand)
        coupling = coupled.get(knob.name)
        if len(values) < 2 or (coupling and coupling.spread == 0):
            continue
        if coupling:
            axes.append(_Axis(knob, np.linspace(0, 1, COUPLED_LEVELS), coupling=coupling))
        else:
            travels = np.array([knob.travel(value) for value in values])
            axes.append(_Axis(knob, (travels - travels[0]) / (travels[-1] - travels[0]), tuple(values)))
    if not axes:
        raise OptionError("no knob moves in this plan; give one a range, like --knob drive=0:10")
    return axes


def _settings(space: Space, axes: Sequence[_Axis], point: Array) -> dict[str, float]:
    """All knobs' values at a point of the design; a knob that follows another after the knob that it follows."""
    free = {
        axis.knob.name: axis.values[int(np.argmin(np.abs(axis.levels - place)))]
        for axis, place in zip(axes, point, strict=True)
        if axis.coupling is None
    }
    places = {axis.knob.name: float(place) for axis, place in zip(axes, point, strict=True)}
    settings = {knob.name: free.get(knob.name, space.limits_of(knob)[0]) for knob in space.knobs}
    by_name = {knob.name: knob for knob in space.knobs}
    for coupling in space.couplings:
        knob = by_name[coupling.knob]
        low, high = space.limits_of(knob)
        if low < high:
            bottom, top = coupling.limits(settings[coupling.follows], knob)
            wanted = bottom + places.get(knob.name, 0.5) * (top - bottom)
            values = np.array(settable_values(knob, low, high, space.by_hand))
            settings[knob.name] = float(values[np.argmin(np.abs(values - wanted))])
    return settings


def _room(axes: Sequence[_Axis], there: Array) -> int:
    """How many settings of the design's levels are not among those recorded."""
    taken = {
        tuple(int(np.argmin(np.abs(axis.levels - place))) for axis, place in zip(axes, point, strict=True))
        for point in there
        if all(np.min(np.abs(axis.levels - place)) < 1e-6 for axis, place in zip(axes, point, strict=True))
    }
    return math.prod(len(axis.levels) for axis in axes) - len(taken)


def _anchors(axes: Sequence[_Axis], there: Array, count: int) -> Array:
    """Centre and corners (n, axes) still to be recorded: all corners where they are half of the takes or less.

    Else a third of the takes stands in corners, as far from each other as can be.
    """
    total = count + len(there)
    corners = _corners(len(axes))
    wanted = len(corners) if len(corners) <= total // 2 else max(2, total // 3)
    centre = np.array([axis.levels[np.argmin(np.abs(axis.levels - 0.5))] for axis in axes])
    is_there = np.array([_contains(there, corner) for corner in corners])
    chosen = _far_apart(corners[~is_there], there, wanted - int(np.sum(is_there)))
    return np.concatenate([np.empty((0, len(axes))) if _contains(there, centre) else centre[None], chosen])[:count]


def _corners(axes: int) -> Array:
    """All corners of the space (n, axes), or some thousand of them where there are more."""
    if 2**axes <= MOST_CORNERS:
        return np.array(list(itertools.product((0.0, 1.0), repeat=axes)))
    some = np.random.default_rng(axes).integers(0, 2, (MOST_CORNERS // 2, axes))
    return np.concatenate([some, 1 - some]).astype(np.float64)


def _far_apart(corners: Array, there: Array, count: int) -> Array:
    """`count` of `corners` (n, axes) that are far from each other and from the points `there`."""
    count = min(count, len(corners))
    if count < 1:
        return corners[:0]
    closeness = np.maximum(np.sum(np.abs(corners[:, None] - corners[None]), axis=2), 0.5) ** -4.0
    np.fill_diagonal(closeness, 0.0)
    to_others = np.maximum(np.sum(np.abs(corners[:, None] - there[None]), axis=2), 0.1) ** -4.0
    bias = np.sum(to_others, axis=1)
    rng = np.random.default_rng(0)
    tries = [_swapped(list(rng.permutation(len(corners))[:count]), bias, closeness) for _ in range(CORNER_RESTARTS)]
    return corners[min(tries, key=lambda chosen: _crowding(chosen, bias, closeness))]


def _crowding(chosen: list[int], bias: Array, closeness: Array) -> float:
    return round(float(np.sum(bias[chosen]) + np.sum(closeness[np.ix_(chosen, chosen)]) / 2), 9)


def _swapped(chosen: list[int], bias: Array, closeness: Array) -> list[int]:
    """`chosen` with one after the other exchanged for a better one, until none is."""
    for _ in range(MOST_SWEEPS):
        before = list(chosen)
        for place in range(len(chosen)):
            others = chosen[:place] + chosen[place + 1 :]
            cost = bias + np.sum(closeness[:, others], axis=1)
            cost[others] = np.inf
            if cost.min() < cost[chosen[place]] - 1e-12:
                chosen[place] = int(np.argmin(cost))
        if chosen == before:
            break
    return chosen


def _contains(points: Array, point: Array) -> bool:
    return bool(len(points)) and bool(np.any(np.all(np.abs(points - point) < 1e-6, axis=1)))


def _filled(axes: Sequence[_Axis], fixed: Array, count: int, rng: np.random.Generator) -> Array:
    """`count` points (count, axes) on the axes' levels that fill the space beside `fixed` (n, axes)."""
    # scipy.stats takes a second to import, and only a plan needs it.
    from scipy.stats import qmc

    if count == 0:
        return np.empty((0, len(axes)))
    best, least = np.empty((0, len(axes))), np.inf
    for _ in range(RESTARTS if count <= FEW_TAKES else 1):
        start = qmc.LatinHypercube(len(axes), rng=rng).random(count)
        points = np.stack([_snapped(axis, start[:, k]) for k, axis in enumerate(axes)], axis=1)
        energy = _exchange(axes, fixed, points)
        if energy < least:
            best, least = points, energy
    return best


def _snapped(axis: _Axis, places: Array) -> Array:
    return np.asarray(axis.levels[np.argmin(np.abs(axis.levels[:, None] - places), axis=0)])


def _exchange(axes: Sequence[_Axis], fixed: Array, points: Array) -> float:
    """Move one coordinate of a point of `points` (n, axes) at a time, in place, while it helps; the criterion."""
    energies = np.zeros(len(points))
    for _ in range(MOST_SWEEPS):
        moved = False
        for i in range(len(points)):
            others = np.concatenate([fixed, points[:i], points[i + 1 :]])
            for k, axis in enumerate(axes):
                rest = [a.distances(points[i, j], others[:, j]) for j, a in enumerate(axes) if j != k]
                weights = np.prod(rest, axis=0) ** -2.0 if rest else np.ones(len(others))
                sums = np.sum(weights * axis.distances(axis.levels[:, None], others[:, k]) ** -2.0, axis=1)
                best = int(np.argmin(sums))
                here = int(np.argmin(np.abs(axis.levels - points[i, k])))
                if sums[best] < sums[here] * (1 - 1e-9):
                    points[i, k] = axis.levels[best]
                    moved = True
                energies[i] = min(sums[best], sums[here])
        if not moved:
            break
    return float(np.sum(energies))


def _ordered(axes: Sequence[_Axis], points: Array, start: Array | None) -> Array:
    """`points` (n, axes) in an order of few and short turns, from `start` on: nearest neighbour, then 2-opt."""
    if len(points) < 2:
        return points
    first = points[:1] if start is None else start[None]
    nodes = np.concatenate([first, points if start is not None else points[1:]])
    costs = _turning_costs(axes, nodes)
    route, left = [0], set(range(1, len(nodes)))
    while left:
        nearest = min(left, key=lambda j: (costs[route[-1], j], j))
        route.append(nearest)
        left.remove(nearest)
    route = _two_opt(route, costs)
    return np.asarray(nodes[route if start is None else route[1:]])


def _turning_costs(axes: Sequence[_Axis], nodes: Array) -> Array:
    """What it takes to get from one setting to another (n, n): one for each knob touched, and its travel."""
    costs = np.zeros((len(nodes), len(nodes)))
    for k, axis in enumerate(axes):
        gap = np.abs(nodes[:, None, k] - nodes[None, :, k])
        costs += (gap > 1e-9) * (SWITCH_COST if axis.knob.steps else 1.0) + gap
    return costs


def _two_opt(route: list[int], costs: Array) -> list[int]:
    """Turn stretches of an open route round as long as that shortens it; its first node stays."""
    for _ in range(MOST_SWEEPS):
        shorter = False
        for i in range(1, len(route) - 1):
            for j in range(i + 1, len(route)):
                after = costs[route[i], route[j + 1]] - costs[route[j], route[j + 1]] if j + 1 < len(route) else 0.0
                if costs[route[i - 1], route[j]] - costs[route[i - 1], route[i]] + after < -1e-9:
                    route[i : j + 1] = route[i : j + 1][::-1]
                    shorter = True
        if not shorter:
            break
    return route
