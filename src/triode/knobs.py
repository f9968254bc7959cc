"""A knob, declared once: it drives conditioning, the model file, the command line and every player.

Three kinds: one that turns freely between `low` and `high`, with its taper; one that clicks into `steps`; a switch,
whose steps have names (`positions`). All have a range and a travel from 0 to 1, and a model file keeps no more of them.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from triode.errors import OptionError

__all__ = [
    "Knob",
    "Taper",
    "checked_settings",
    "parse_settings",
    "parse_value",
    "switch",
]

Taper = Literal["linear", "log"]
# A value this close to a step, as a share of the range, is that step.
SAME_STEP = 1e-4


@dataclass(frozen=True)
class Knob:
    """A named control: values run from `low` to `high` in `unit`; `taper` says how travel maps to values.

    `steps`, rising from `low` to `high`, are the only values of a knob that clicks; `positions` names each of them.
    """

    name: str
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    default: float = 0.5
    taper: Taper = "linear"
    steps: tuple[float, ...] = ()
    positions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _is_word(self.name):
            raise OptionError(f"knob name {self.name!r}: use a word without spaces, '=', '%' or ','")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise OptionError(f"knob {self.name}: range {self.low} to {self.high} is empty; low must be below high")
        if not self.low <= self.default <= self.high:
            raise OptionError(f"knob {self.name}: default {self.default} is outside {self.low} to {self.high}")
        if self.taper not in ("linear", "log"):
            raise OptionError(f"knob {self.name}: taper {self.taper!r} is unknown; use linear or log")
        if self.taper == "log" and self.low <= 0:
            raise OptionError(f"knob {self.name}: a log taper needs a range above 0, found {self.low}")
        self._check_steps()

    def _check_steps(self) -> None:
        if self.positions and len(self.positions) != len(self.steps):
            raise OptionError(
                f"knob {self.name}: {len(self.positions)} positions for {len(self.steps)} steps; name each step once"
            )
        if len(set(self.positions)) < len(self.positions) or any(not _is_word(name) for name in self.positions):
            raise OptionError(f"knob {self.name}: positions {list(self.positions)}: use a different word for each")
        if not self.steps:
            return
        if any(not low < high for low, high in zip(self.steps[:-1], self.steps[1:], strict=True)):
            raise OptionError(f"knob {self.name}: steps {list(self.steps)} must rise")
        if (self.steps[0], self.steps[-1]) != (self.low, self.high):
            ends = f"its low {self.low:g} to its high {self.high:g}"
            raise OptionError(f"knob {self.name}: steps {list(self.steps)} must go from {ends}")
        if self.default not in self.steps:
            raise OptionError(f"knob {self.name}: default {self.default:g} is none of {self.choices()}")

    def travel(self, value: float) -> float:
        """Position of `value` along the knob's travel, 0 to 1."""
        if self.taper == "log":
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def value(self, travel: float) -> float:
        """The value at `travel` (0 to 1): the inverse of `travel`."""
        if self.taper == "log":
            return self.low * math.pow(self.high / self.low, travel)
        return self.low + travel * (self.high - self.low)

    def checked(self, value: float) -> float:
        """`value`, or OptionError naming the range it is outside of, or the steps it is none of."""
        if not self.low <= value <= self.high:
            unit = f" {self.unit}" if self.unit else ""
            raise OptionError(f"knob {self.name} = {value:g}: outside its range {self.low:g} to {self.high:g}{unit}")
        if not self.steps:
            return value
        nearest = self.nearest(value)
        if abs(nearest - value) > SAME_STEP * (self.high - self.low):
            raise OptionError(f"knob {self.name} = {value:g}: it has the positions {self.choices()} only")
        return nearest

    def nearest(self, value: float) -> float:
        """The step nearest to `value`, in travel; `value` itself for a knob that turns freely."""
        if not self.steps:
            return value
        travel = self.travel(value)
        return min(self.steps, key=lambda step: abs(self.travel(step) - travel))

    def choices(self) -> str:
        """The steps as a person reads them: names of positions, or numbers."""
        return ", ".join(self.positions or [f"{step:g}" for step in self.steps])

    def shown(self, value: float) -> str:
        """`value` as a person reads it: the name of a switch's position, else the number without its unit."""
        return self.positions[self.steps.index(self.nearest(value))] if self.positions else f"{value:g}"

    def in_model_file(self) -> dict[str, Any]:
        """The fields that a model file keeps (docs/model-file.md): a model plays between the steps, too."""
        return {key: value for key, value in asdict(self).items() if key not in ("steps", "positions")}


def switch(name: str, positions: Sequence[str], default: str | None = None) -> Knob:
    """A switch with named positions; its values are 0, 1, 2, ... Raises OptionError for fewer than two."""
    if len(positions) < 2:
        raise OptionError(f"knob {name}: a switch needs two positions or more, found {list(positions)}")
    if default is not None and default not in positions:
        raise OptionError(f"knob {name}: default {default!r} is none of {', '.join(positions)}")
    steps = tuple(float(step) for step in range(len(positions)))
    start = float(positions.index(default)) if default is not None else 0.0
    return Knob(name, "", 0.0, steps[-1], start, steps=steps, positions=tuple(positions))


def _is_word(text: str) -> bool:
    return bool(text) and not any(c in "=%, \t\n" for c in text)


def parse_value(knob: Knob, text: str, asked: str) -> float:
    """The value that `text` asks of `knob`: `7` in its unit, `70%` of its travel, or the name of a position.

    `asked` is what was typed, for the message. Raises OptionError. A per cent value of a knob with steps means the
    step nearest to it.
    """
    if text in knob.positions:
        return knob.steps[knob.positions.index(text)]
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        if knob.positions:
            raise OptionError(f"{asked}: {knob.name} has no position {text!r}; it has {knob.choices()}") from None
        raise OptionError(f"{asked}: expected a number after '=', like {knob.name}=0.7 or {knob.name}=70%") from None
    if not text.endswith("%"):
        return knob.checked(value)
    if not 0 <= value <= 100:
        raise OptionError(f"{asked}: per cent of travel run from 0 to 100")
    return knob.nearest(min(max(knob.value(value / 100), knob.low), knob.high))


def parse_settings(
    texts: Iterable[str], knobs: Sequence[Knob], option: str = "--knob", at: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Values of all `knobs` from texts like `drive=7` (the knob's unit), `drive=70%` (of its travel), `mode=bright`.

    Knobs that are not named stay where they are in `at`, else at their default. Raises OptionError, which names the
    `option`, for unknown names and values out of range.
    """
    by_name = {knob.name: knob for knob in knobs}
    settings = {knob.name: (at or {}).get(knob.name, knob.default) for knob in knobs}
    for text in texts:
        name, _, number = text.partition("=")
        if name not in by_name:
            known = ", ".join(by_name) or "none"
            raise OptionError(f"{option} {text}: there is no knob {name!r}; the knobs here: {known}")
        settings[name] = parse_value(by_name[name], number, f"{option} {text}")
    return settings


def checked_settings(settings: Mapping[str, float], knobs: Sequence[Knob]) -> dict[str, float]:
    """All knobs' values with defaults filled in; raises OptionError for unknown names and values out of range."""
    return parse_settings([f"{name}={value!r}" for name, value in settings.items()], knobs)
