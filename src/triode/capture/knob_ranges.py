"""What a plan's `--knob` says: a range to vary, a value to hold, a switch's positions, or just the name of a knob."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from triode.capture.folder import FILE_NAME
from triode.errors import OptionError
from triode.knobs import Knob, parse_value, switch


@dataclass(frozen=True)
class KnobRanges:
    """Knobs with the part of their range to vary (low, high), by name; `held` are those to hold at one value.

    `varied` names the knobs that were asked for to be varied, in the order of asking; empty where none was.
    """

    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    held: Mapping[str, float] = field(default_factory=dict)
    varied: tuple[str, ...] = ()


def declared_knobs(texts: Sequence[str], known: Sequence[Knob]) -> tuple[Knob, ...]:
    """The knobs that `texts` declare and `known` does not have: `gain=0:10`, `mode=clean,lead` or `gain` (0 to 10).

    Raises OptionError for a new knob that is given one value only, whose range nobody knows.
    """
    names = {knob.name for knob in known}
    added: dict[str, Knob] = {}
    for text in texts:
        name, _, values = text.partition("=")
        if name in names or name in added or _of_all(text):
            continue
        if "," in values:
            added[name] = switch(name, values.split(","))
        elif ":" in values or not values:
            low, high = (_number(part, text) for part in (values or "0:10").split(":", 1))
            added[name] = Knob(name, low=low, high=high, default=(low + high) / 2)
        else:
            raise OptionError(f"--knob {text}: there is no knob {name!r} yet; give its range, like {name}=0:10")
    return tuple(added.values())


def parse_ranges(texts: Sequence[str], knobs: Sequence[Knob]) -> KnobRanges:
    """The ranges that `texts` ask of `knobs`: `gain=2:8`, `gain=5%:95%`, `gain=3` to hold it, `gain` for all of it;
    `5%:95%` is that part of the travel of all knobs without steps for which no range is given.

    A list, as in `mode=clean,lead`, must be that of the switch's positions. Raises OptionError for unknown knobs and
    for values out of range.
    """
    by_name = {knob.name: knob for knob in knobs}
    of_all = [text for text in texts if _of_all(text)]
    texts = [text for text in texts if not _of_all(text)]
    limits: dict[str, tuple[float, float]] = {}
    held: dict[str, float] = {}
    varied: list[str] = []
    for text in texts:
        name, _, values = text.partition("=")
        if name not in by_name:
            raise OptionError(
                f"--knob {text}: there is no knob {name!r}; the knobs here: {', '.join(by_name) or 'none'}"
            )
        knob, asked = by_name[name], f"--knob {text}"
        if not values:
            limits[name] = (knob.low, knob.high)
        elif ":" in values:
            low, high = (parse_value(knob, part, asked) for part in values.split(":", 1))
            if not low < high:
                raise OptionError(f"{asked}: the range is empty; the lower end comes first")
            limits[name] = (low, high)
        elif "," in values:
            if tuple(values.split(",")) != knob.positions:
                raise OptionError(
                    f"{asked}: {name} is declared with {knob.choices() or 'no positions'}; correct one of them"
                )
            limits[name] = (knob.low, knob.high)
        else:
            held[name] = parse_value(knob, values, asked)
            continue
        varied.append(name)
    ranged = {text.partition("=")[0] for text in texts if "=" in text}
    for text in of_all:
        low, high = _travels(text)
        free = [knob for knob in knobs if not knob.steps and knob.name not in ranged]
        limits |= {knob.name: (knob.value(low), knob.value(high)) for knob in free}
    return KnobRanges(limits, held, tuple(varied))


def _of_all(text: str) -> bool:
    """Whether a `--knob` names no knob: `5%:95%`, a part of the travel of them all."""
    return "=" not in text and ":" in text


def _travels(text: str) -> tuple[float, float]:
    """`5%:95%` as 0.05 and 0.95."""
    ends = text.split(":", 1)
    if not all(end.endswith("%") for end in ends):
        raise OptionError(f"--knob {text}: expected a part of the travel of all knobs, like 5%:95%, or name=low:high")
    low, high = (_number(end[:-1], text) / 100 for end in ends)
    if not 0 <= low < high <= 1:
        raise OptionError(f"--knob {text}: expected two ends between 0% and 100%, the lower one first")
    return low, high


def guessed_knobs(texts: Sequence[str]) -> tuple[Knob, ...]:
    """Declarations of knobs that are known by one value each, `gain=7`.

    0 to 10, as printed on most panels, else to the next power of 10. Raises OptionError for what is no number, and for
    a negative value, whose range cannot be guessed.
    """
    knobs = []
    for text in texts:
        name, _, number = text.partition("=")
        try:
            value = float(number)
        except ValueError:
            raise OptionError(f"--knob {text}: expected name=number, like drive=7") from None
        if not math.isfinite(value) or value < 0:
            raise OptionError(f"--knob {name}={value:g}: its range cannot be guessed; declare the knob in {FILE_NAME}")
        high = 10.0
        while high < value:
            high *= 10
        knobs.append(Knob(name, low=0.0, high=high, default=value))
    return tuple(knobs)


def narrowed(knob: Knob, low: float, high: float) -> Knob:
    """`knob` with the range `low` to `high` as all that it has; its default moves to the nearest value in it."""
    steps = tuple(step for step in knob.steps if low <= step <= high)
    names = tuple(name for name, step in zip(knob.positions, knob.steps, strict=False) if low <= step <= high)
    default = min(max(knob.default, low), high)
    return replace(knob, low=low, high=high, default=default, steps=steps, positions=names)


def _number(text: str, asked: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise OptionError(f"--knob {asked}: expected a range of two numbers, like 0:10") from None
