"""A coupling: one knob is set as a function of another, such as the master that goes down as the drive goes up.

Without one, half of a plan is spent on settings nobody plays: silent ones, and others that clip the recorder.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from triode.errors import OptionError
from triode.knobs import Knob

Finite = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True)
class Coupling:
    """`knob` stands at a value given by where `follows` stands: straight lines between `points` (follows, knob).

    Beyond the first and the last point the value stays. A plan may set the knob up to `spread` above or below the line.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    knob: str
    follows: str
    points: tuple[tuple[Finite, Finite], ...]
    spread: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    def limits(self, followed: float, knob: Knob) -> tuple[float, float]:
        """Lowest and highest value of `knob` where the knob that it follows stands at `followed`."""
        middle = self._line(followed)
        low, high = middle - self.spread, middle + self.spread
        return min(max(low, knob.low), knob.high), min(max(high, knob.low), knob.high)

    def _line(self, x: float) -> float:
        if x <= self.points[0][0]:
            return self.points[0][1]
        for (x0, y0), (x1, y1) in pairwise(self.points):
            if x <= x1:
                return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
        return self.points[-1][1]


def coupling_table(coupling: Coupling) -> dict[str, Any]:
    """The coupling as a table of capture.toml."""
    return {**asdict(coupling), "points": [list(point) for point in coupling.points]}


def check_couplings(couplings: Sequence[Coupling], knobs: Sequence[Knob]) -> None:
    """Raise OptionError for a coupling of unknown knobs, points out of order or range, and knobs coupled twice."""
    by_name = {knob.name: knob for knob in knobs}
    coupled = [coupling.knob for coupling in couplings]
    for coupling in couplings:
        where = f"coupling of {coupling.knob!r}"
        for name in (coupling.knob, coupling.follows):
            if name not in by_name:
                raise OptionError(f"{where}: there is no knob {name!r}; the knobs here: {', '.join(by_name) or 'none'}")
        if coupled.count(coupling.knob) > 1:
            raise OptionError(f"{where}: declared {coupled.count(coupling.knob)} times; declare it once")
        if coupling.follows in coupled:
            raise OptionError(f"{where}: {coupling.follows!r}, which it follows, is coupled itself; follow a free knob")
        _check_points(where, coupling, by_name)


def _check_points(where: str, coupling: Coupling, by_name: Mapping[str, Knob]) -> None:
    if len(coupling.points) < 2 or any(not a[0] < b[0] for a, b in pairwise(coupling.points)):
        raise OptionError(
            f"{where}: points {[list(p) for p in coupling.points]}: expected two or more, by rising {coupling.follows}"
        )
    for followed, value in coupling.points:
        by_name[coupling.follows].checked(followed)
        knob = by_name[coupling.knob]
        if not (math.isfinite(value) and knob.low <= value <= knob.high):
            knob.checked(value)
