"""The playing chain around a model: gains, gate, tone stack, cabinet (docs/engine.md, "The rig").

input gain -> model -> DC blocker -> gate -> tone stack -> cabinet -> output gain
"""

import math
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from triode import _core
from triode.audio import Audio, Samples
from triode.engine import Model, checked_audio, checked_block, measured_speed
from triode.errors import OptionError

__all__ = ["GENERIC_CONTROLS", "Rig", "RigSettings", "generic_controls"]

Pairing = Literal["series", "parallel"]
OutputLevel = Literal["raw", "normalized", "calibrated"]

# Lowest and highest value of each number.
_RANGES: dict[str, tuple[float, float]] = {
    "input_gain_db": (-60, 60),
    "output_gain_db": (-60, 60),
    "interface_dbu": (-60, 60),
    "gate_threshold_db": (-120, 0),
    "gate_hysteresis_db": (0, 40),
    "gate_hold_seconds": (0, 10),
    "gate_release_seconds": (0, 10),
    "bass_db": (-20, 20),
    "middle_db": (-20, 20),
    "treble_db": (-20, 20),
    "presence_db": (-20, 20),
    "second_gain_db": (-60, 60),
    "blend": (0, 1),
    "cabinet_blend": (0, 1),
}

GENERIC_CONTROLS = {
    "gain": "input_gain_db",
    "bass": "bass_db",
    "middle": "middle_db",
    "treble": "treble_db",
    "presence": "presence_db",
}
"""What the rig adds around any model, and the field of RigSettings: controls of no particular amp, not captured."""


def generic_controls() -> list[dict[str, Any]]:
    """The generic controls as `triode info` names them: `name`, `unit`, `low`, `high`, `default`."""
    return [
        {"name": name, "unit": "dB", "low": _RANGES[field][0], "high": _RANGES[field][1], "default": 0.0}
        for name, field in GENERIC_CONTROLS.items()
    ]


@dataclass(frozen=True)
class RigSettings:
    """How the rig is set; as it is by default, the model plays alone and nothing is added.

    Decibels are of amplitude, levels in dBFS: 0 is a peak of 1.0. `interface_dbu` is the level of a sine that reaches
    the interface's full scale: with it the input is brought to the level the captured device had, where the model's
    file tells its own. `output_level` is "raw", "normalized" (to a loudness of -18 dBFS, where the file tells the
    model's) or "calibrated" (to dBu at the interface). `gate_threshold_db` None means no gate; `dc_blocker` is a
    high-pass at 5 Hz. `second_gain_db` acts before a second model; `blend` is the share of a second model beside the
    first, `cabinet_blend` that of the second of two impulse responses. Raises OptionError for a number out of range.
    """

    input_gain_db: float = 0.0
    output_gain_db: float = 0.0
    interface_dbu: float | None = None
    output_level: OutputLevel = "raw"
    gate_threshold_db: float | None = None
    gate_hysteresis_db: float = 6.0
    gate_hold_seconds: float = 0.05
    gate_release_seconds: float = 0.1
    bass_db: float = 0.0
    middle_db: float = 0.0
    treble_db: float = 0.0
    presence_db: float = 0.0
    dc_blocker: bool = False
    cabinet: bool = True
    second_gain_db: float = 0.0
    blend: float = 0.5
    cabinet_blend: float = 0.5

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is None and name in ("interface_dbu", "gate_threshold_db"):
                continue
            if not (isinstance(value, int | float) and math.isfinite(value) and low <= value <= high):
                raise OptionError(f"{name} = {value!r}: expected a number from {low:g} to {high:g}")
        if self.output_level not in _core.OutputLevel.__members__:
            raise OptionError(f"output_level = {self.output_level!r}: expected raw, normalized or calibrated")

    def for_engine(self) -> _core.RigSettings:
        """The same as the engine takes it."""
        gate, native = _core.GateSettings(), _core.RigSettings()
        for field in fields(self):
            value = getattr(self, field.name)
            if not field.name.startswith(("gate_", "output_level")):
                setattr(native, field.name, value)
            elif value is not None and field.name.startswith("gate_"):
                setattr(gate, field.name.removeprefix("gate_"), value)
        native.gate = self.gate_threshold_db is not None
        native.gate_settings = gate
        native.output_level = _core.OutputLevel[self.output_level]
        return native


class Rig:
    """A model in its playing chain: streams mono blocks of any size at `sample_rate`, as a plug-in would.

    Without a model the rest of the chain plays alone. The rig configures the model for its own sample rate; a model is
    in one rig at a time. A `second` model plays after the first (`pairing` "series") or beside it, mixed ("parallel").
    `response` is the cabinet's impulse response, of any rate, at most 10 s (at sample rates above 192 kHz less); a
    `second_response` is mixed with it. Raises OptionError where levels are asked for that the model's file does not
    tell.
    """

    def __init__(
        self,
        model: Model | None = None,
        settings: RigSettings | None = None,
        *,
        response: Audio | None = None,
        second: Model | None = None,
        pairing: Pairing = "series",
        second_response: Audio | None = None,
        sample_rate: float | None = None,
    ) -> None:
        if pairing not in _core.Pairing.__members__:
            raise OptionError(f"pairing = {pairing!r}: expected series or parallel")
        if second is not None and second is model:
            raise OptionError("the second model is the first; load it once more")
        self._model, self._rig = model, _core.Rig()
        rate = sample_rate if sample_rate is not None else model.sample_rate if model is not None else 48_000.0
        for played in (model, second):
            if played is not None:
                played.configure(rate)
        try:
            self._rig.configure(float(rate))
            engine, other = (None if played is None else played.engine for played in (model, second))
            self._rig.play(engine, other, _core.Pairing[pairing])
            for which, cabinet in enumerate((response, second_response)):
                if cabinet is not None:
                    self._rig.load_response(np.ascontiguousarray(cabinet.samples), float(cabinet.rate_hz), which)
        except ValueError as error:
            raise OptionError(str(error)) from None
        self.set(settings or RigSettings())
        self.reset()

    @property
    def sample_rate(self) -> float:
        """Samples per second of the audio it takes and gives."""
        return self._rig.host_rate_hz

    @property
    def latency_samples(self) -> int:
        """Samples by which the output lags the input: those of the model; the rest of the chain adds none."""
        return self._rig.latency_samples

    def set(self, settings: RigSettings) -> None:
        """Move to other settings, without a click, while playing."""
        levels = self._rig.levels
        if self._model is not None and settings.output_level == "normalized" and levels.loudness_db is None:
            raise OptionError("the model's file does not tell its loudness; set the output gain instead")
        if settings.output_level == "calibrated" and (settings.interface_dbu is None or levels.output_dbu is None):
            raise OptionError("calibrated output needs interface_dbu, and a model whose file tells its output's dBu")
        if self._model is not None and settings.interface_dbu is not None and levels.input_dbu is None:
            raise OptionError("the model's file does not tell its input's dBu; set the input gain instead")
        self._rig.set(settings.for_engine())

    def process(self, block: Samples) -> Samples:
        """The next samples: `block` (n,) in, (n,) out, going on from the state the last block left."""
        return self._rig.process(checked_audio(block))

    def render(self, audio: Samples, block: int = 1024) -> Samples:
        """All of `audio` (n,) from the state after silence, in blocks of `block` samples; (n,) out."""
        return self._rig.render(checked_audio(audio), checked_block(block))

    def reset(self) -> None:
        """Go back to the state after silence: the gate closed, the model in its start state."""
        self._rig.reset()

    def bench(self, block: int = 64, seconds: float = 10.0) -> dict[str, Any]:
        """How fast the chain plays: `realtime_factor`, `block`, `p50_us`, `p99_us`, `max_us`, `allocations`."""
        found = measured_speed(self._rig, self.sample_rate, block, seconds)
        self.reset()
        return found
