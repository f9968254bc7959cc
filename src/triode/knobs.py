"""A knob, declared once: it drives conditioning, the model file, the command line and every player."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from triode.errors import OptionError

__all__ = [
    "Knob",
    "Taper",
    "checked_settings",
    "parse_settings",
]

Taper = Literal["linear", "log"]


@dataclass(frozen=True)
class Knob:
    """A named control: values run from `low` to `high` in `unit`; `taper` says how travel maps to values."""

    name: str
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    default: float = 0.5
    taper: Taper = "linear"

    def __post_init__(self) -> None:
        if not self.name or any(c in "=%, \t\n" for c in self.name):
            raise OptionError(f"knob name {self.name!r}: use a word without spaces, '=', '%' or ','")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise OptionError(f"knob {self.name}: range {self.low} to {self.high} is empty; low must be below high")
        if not self.low <= self.default <= self.high:
            raise OptionError(f"knob {self.name}: default {self.default} is outside {self.low} to {self.high}")
        if self.taper not in ("linear", "log"):
            raise OptionError(f"knob {self.name}: taper {self.taper!r} is unknown; use linear or log")
        if self.taper == "log" and self.low <= 0:
            raise OptionError(f"knob {self.name}: a log taper needs a range above 0, found {self.low}")

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
        """`value`, or OptionError naming the range it is outside of."""
        if not self.low <= value <= self.high:
            unit = f" {self.unit}" if self.unit else ""
            raise OptionError(f"knob {self.name} = {value:g}: outside its range {self.low:g} to {self.high:g}{unit}")
        return value


def parse_settings(texts: Iterable[str], knobs: Sequence[Knob]) -> dict[str, float]:
    """Values of all `knobs` from texts like `drive=7` (the knob's unit) or `drive=70%` (of its travel).

    Knobs that are not named keep their default. Raises OptionError for unknown names and values out of range.
    """
    by_name = {knob.name: knob for knob in knobs}
    settings = {knob.name: knob.default for knob in knobs}
    for text in texts:
        name, _, number = text.partition("=")
        if name not in by_name:
            known = ", ".join(by_name) or "none"
            raise OptionError(f"--knob {text}: there is no knob {name!r}; the knobs here: {known}")
        try:
            value = float(number.removesuffix("%"))
        except ValueError:
            raise OptionError(f"--knob {text}: expected a number after '=', like {name}=0.7 or {name}=70%") from None
        knob = by_name[name]
        if number.endswith("%"):
            if not 0 <= value <= 100:
                raise OptionError(f"--knob {text}: per cent of travel run from 0 to 100")
            value = knob.value(value / 100)
        settings[name] = knob.checked(value)
    return settings


def checked_settings(settings: Mapping[str, float], knobs: Sequence[Knob]) -> dict[str, float]:
    """All knobs' values with defaults filled in; raises OptionError for unknown names and values out of range."""
    return parse_settings([f"{name}={value!r}" for name, value in settings.items()], knobs)
