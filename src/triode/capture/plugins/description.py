"""What a plug-in says of itself: its controls, and which of them are knobs."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from triode.knobs import Knob, Taper

MOST_STEPS = 32


@dataclass(frozen=True)
class Control:
    """One control of a plug-in, as its format describes it: `points` are named values, a bypass is no knob."""

    symbol: str
    name: str
    low: float
    high: float
    default: float
    toggled: bool = False
    integer: bool = False
    logarithmic: bool = False
    enumerated: bool = False
    points: tuple[tuple[float, str], ...] = ()
    is_knob: bool = True


@dataclass(frozen=True)
class Description:
    """A plug-in: its name, its audio ports, its controls."""

    name: str
    audio_inputs: int
    audio_outputs: int
    controls: tuple[Control, ...]

    def knobs(self) -> Mapping[str, tuple[Knob, Control]]:
        """The plug-in's knobs by name: words made of the controls' names, or their symbols where names repeat."""
        wanted = [control for control in self.controls if control.is_knob and control.low < control.high]
        wanted = [control for control in wanted if _word(control.name) not in ("bypass", "enabled", "on_off")]
        words = Counter(_word(control.name) for control in wanted)
        found = {}
        for control in wanted:
            word = _word(control.name)
            name = word if word and words[word] == 1 else _word(control.symbol)
            found[name] = (_knob(name, control), control)
        return found


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _knob(name: str, control: Control) -> Knob:
    default = min(max(control.default, control.low), control.high)
    if control.toggled:
        return _stepped(name, [control.low, control.high], ["off", "on"], default)
    if control.enumerated and len(control.points) > 1:
        points = dict(control.points)
        names = [_word(label) for label in points.values()]
        return _stepped(name, list(points), names if len(set(names)) == len(names) and all(names) else [], default)
    if control.integer and control.high - control.low < MOST_STEPS:
        whole = [control.low + step for step in range(round(control.high - control.low) + 1)]
        return _stepped(name, whole, [], default)
    taper: Taper = "log" if control.logarithmic and control.low > 0 else "linear"
    return Knob(name, "", control.low, control.high, default, taper)


def _stepped(name: str, values: list[float], positions: list[str], default: float) -> Knob:
    nearest = min(values, key=lambda value: abs(value - default))
    return Knob(name, "", values[0], values[-1], nearest, steps=tuple(values), positions=tuple(positions))
