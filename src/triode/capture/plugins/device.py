"""A plug-in as a device to record: its knobs found and chosen, its latency taken out, its own aliasing kept out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from triode.audio import Samples, resample
from triode.capture.knob_ranges import narrowed, parse_ranges
from triode.capture.plugins.description import Description
from triode.capture.plugins.process import describe, play
from triode.errors import OptionError
from triode.knobs import Knob

# Filters charge and smoothed knobs arrive while nothing is played.
LEAD_SECONDS = 3.0
OVERSAMPLE = 4
MOST_KNOBS = 8
# A plug-in gets this long per second of audio at its own rate, and some time to start.
SECONDS_PER_SECOND, START_SECONDS = 5.0, 60.0


@dataclass(frozen=True)
class ChosenKnobs:
    """The knobs of a plug-in that a capture turns, and the values of others that were asked for."""

    knobs: tuple[Knob, ...]
    fixed: Mapping[str, float]


def choose_knobs(description: Description, texts: Sequence[str]) -> ChosenKnobs:
    """Which of a plug-in's knobs to turn, from texts like `drive`, `drive=0.1:0.9` (turn) and `tone=400` (hold).

    Where none is named to be turned, all that are not held are. Raises OptionError for unknown knobs and values out
    of range, and where too many would be turned.
    """
    known = {name: knob for name, (knob, _) in description.knobs().items()}
    ranges = parse_ranges(texts, list(known.values()))
    names = ranges.varied or tuple(name for name in known if name not in ranges.held)
    if not names:
        raise OptionError(f"{description.name} has no knobs to turn; its knobs: {', '.join(known) or 'none'}")
    if len(names) > MOST_KNOBS and not ranges.varied:
        raise OptionError(
            f"{description.name} has {len(names)} knobs ({', '.join(names)}); choose some, like --knob {names[0]}"
        )
    limits = {name: ranges.limits.get(name, (known[name].low, known[name].high)) for name in names}
    return ChosenKnobs(tuple(narrowed(known[name], *limits[name]) for name in names), dict(ranges.held))


class PluginDevice:
    """A plug-in, LV2 or VST3, that sets its own knobs; each take plays through a fresh instance in its own process.

    It runs at `oversample` times the take's rate. `fixed` are values of knobs that stay, by the knobs' names.
    """

    def __init__(
        self,
        plugin: str,
        fixed: Mapping[str, float],
        oversample: int = OVERSAMPLE,
        limit_seconds: float | None = None,
    ) -> None:
        self._plugin, self._fixed, self._oversample = plugin, fixed, oversample
        self._limit_seconds = limit_seconds
        self._symbols = {name: control.symbol for name, (_, control) in describe(plugin).knobs().items()}

    def play(self, dry: Samples, rate_hz: int, settings: Mapping[str, float]) -> Samples:
        """What comes out (n,) for `dry` (n,), without the latency that the plug-in tells.

        Raises DeviceError where the plug-in fails, OptionError where it does not have one of the knobs.
        """
        controls = {}
        for name, value in {**self._fixed, **settings}.items():
            if name not in self._symbols:
                raise OptionError(f"{self._plugin} has no knob {name!r}; its knobs: {', '.join(self._symbols)}")
            controls[self._symbols[name]] = value
        lead = round(LEAD_SECONDS * rate_hz)
        # As much silence after it: what a late plug-in says last.
        padded = np.pad(dry, (lead, lead))
        seconds = len(padded) / rate_hz * self._oversample
        limit = self._limit_seconds or START_SECONDS + SECONDS_PER_SECOND * seconds
        fast_hz = rate_hz * self._oversample
        played, latency = play(self._plugin, resample(padded, rate_hz, fast_hz), fast_hz, controls, limit)
        early = np.concatenate([played[latency:], np.zeros(latency, np.float32)])
        return resample(early, fast_hz, rate_hz)[lead : lead + len(dry)]
