"""A host for VST3 plug-ins through pedalboard: GPL-3, an optional extra, only loaded in the plug-in's own process."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triode.capture.plugins.description import Control, Description
from triode.errors import OptionError

Array = NDArray[np.float32]
BLOCK = 1024


class Vst3Plugin:
    """One plug-in, by the path of its file or bundle (ending in .vst3). Controls run from 0 to 1."""

    def __init__(self, name: str) -> None:
        try:
            import pedalboard
        except ImportError as error:
            raise OptionError("VST3 plug-ins need pedalboard: pip install 'triode[plugins]'") from error
        try:
            self._plugin: Any = pedalboard.load_plugin(name)
        except (ImportError, ValueError, OSError, RuntimeError) as error:
            raise OptionError(f"{name} cannot be loaded as a VST3 plug-in ({' '.join(str(error).split())})") from error

    def describe(self) -> Description:
        """Name, audio ports and controls; a control that has two values is a switch."""
        plugin = self._plugin
        controls = tuple(
            Control(
                symbol=symbol,
                name=symbol,
                low=0.0,
                high=1.0,
                default=float(parameter.raw_value),
                toggled=parameter.type is bool,
            )
            for symbol, parameter in plugin.parameters.items()
        )
        return Description(str(plugin.name), int(plugin.is_effect), 1, controls)

    def play(self, samples: Array, rate_hz: float, controls: Mapping[str, float]) -> tuple[Array, tuple[float, float]]:
        """What comes out (n,) for `samples` (n,), the first channel of several; latency before and after."""
        plugin = self._plugin
        for symbol, value in controls.items():
            plugin.parameters[symbol].raw_value = value
        before = float(getattr(plugin, "latency_samples", 0))
        try:
            played = plugin.process(samples[None], rate_hz, buffer_size=BLOCK)
        except ValueError:
            # It has two channels only.
            played = plugin.process(np.stack([samples, samples]), rate_hz, buffer_size=BLOCK)
        after = float(getattr(plugin, "latency_samples", 0))
        whole = np.zeros(len(samples), np.float32)
        whole[: played.shape[1]] = played[0]
        return whole, (before, after)
