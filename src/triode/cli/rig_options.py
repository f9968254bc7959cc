"""The options of the playing chain, which `triode render` and `triode play` share."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from triode.errors import OptionError

if TYPE_CHECKING:
    from triode.render import SecondFiles
    from triode.rig import RigSettings

Quality = Annotated[float, typer.Option(min=0.0, max=1.0, help="For files that hold several models: 0 cheap, 1 best.")]
Fast = Annotated[bool, typer.Option("--fast", help="Approximate tanh and sigmoid: less to compute, ESR below 1e-5.")]
Oversample = Annotated[int, typer.Option(help="1, 2 or 4: run the model faster than its own rate, for less aliasing.")]
_Tone = Annotated[float, typer.Option(help="dB, -20 to 20; generic, of no particular amp.")]


@dataclass(frozen=True)
class RigOptions:
    """What is around the model, and the second one: each field an option. None is what was not asked for."""

    ir: Annotated[Path | None, typer.Option(help="Impulse response of a cabinet.")] = None
    ir_channel: Annotated[int | None, typer.Option(help="Channel of a stereo response, counted from 1.")] = None
    input_gain: Annotated[float, typer.Option(help="dB before the model.")] = 0.0
    output_gain: Annotated[float, typer.Option(help="dB at the end.")] = 0.0
    interface_dbu: Annotated[
        float | None, typer.Option(help="dBu of the interface's full scale: calibrates the input.")
    ] = None
    normalize: Annotated[bool, typer.Option("--normalize", help="Bring the model's loudness to -18 dBFS.")] = False
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Bring the output to the device's dBu.")] = False
    gate: Annotated[float | None, typer.Option(help="Threshold of the noise gate in dBFS.")] = None
    gate_hysteresis: Annotated[float, typer.Option(help="dB below the threshold at which the gate closes.")] = 6.0
    gate_hold: Annotated[float, typer.Option(help="Seconds for which the gate stays open.")] = 0.05
    gate_release: Annotated[float, typer.Option(help="Seconds in which it then falls by 60 dB.")] = 0.1
    bass: _Tone = 0.0
    middle: _Tone = 0.0
    treble: _Tone = 0.0
    presence: _Tone = 0.0
    dc_block: Annotated[bool, typer.Option("--dc-block", help="Take the model's offset away.")] = False
    second: Annotated[Path | None, typer.Option(help="A second model, after the first or beside it.")] = None
    pairing: Annotated[
        Literal["series", "parallel"] | None, typer.Option(help="Where the second plays; series by default.")
    ] = None
    second_gain: Annotated[float | None, typer.Option(help="dB before the second model.")] = None
    blend: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Share of the second of two parallel models; 0.5 by default.")
    ] = None
    second_knob: Annotated[list[str] | None, typer.Option(help="--knob of the second model.")] = None
    second_ir: Annotated[Path | None, typer.Option(help="A second impulse response, mixed with the first.")] = None
    second_ir_channel: Annotated[int | None, typer.Option(help="Its channel, where it is stereo.")] = None
    cabinet_blend: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Share of the second of two responses; 0.5 by default.")
    ] = None

    def settings(self) -> "RigSettings":
        """The numbers as the rig takes them; raises OptionError for a value out of range."""
        from triode.rig import RigSettings

        if self.normalize and self.calibrate:
            raise OptionError("--normalize and --calibrate both set the output's level; choose one")
        return RigSettings(
            input_gain_db=self.input_gain,
            output_gain_db=self.output_gain,
            interface_dbu=self.interface_dbu,
            output_level="normalized" if self.normalize else "calibrated" if self.calibrate else "raw",
            gate_threshold_db=self.gate,
            gate_hysteresis_db=self.gate_hysteresis,
            gate_hold_seconds=self.gate_hold,
            gate_release_seconds=self.gate_release,
            bass_db=self.bass,
            middle_db=self.middle,
            treble_db=self.treble,
            presence_db=self.presence,
            dc_blocker=self.dc_block,
            second_gain_db=0.0 if self.second_gain is None else self.second_gain,
            blend=0.5 if self.blend is None else self.blend,
            cabinet_blend=0.5 if self.cabinet_blend is None else self.cabinet_blend,
        )

    def second_files(self, quality: float) -> "SecondFiles":
        """The second model and cabinet; raises OptionError for options that have nothing to act on."""
        from triode.engine import load
        from triode.knobs import parse_settings
        from triode.render import SecondFiles

        self._check_second()
        settings = None
        if self.second is not None:
            settings = parse_settings(self.second_knob or (), load(self.second, quality=quality).knobs, "--second-knob")
        return SecondFiles(self.second, self.pairing or "series", settings, self.second_ir, self.second_ir_channel)

    def _check_second(self) -> None:
        without = {
            "--pairing": self.second is None and self.pairing is not None,
            "--second-gain": self.second is None and self.second_gain is not None,
            "--blend": self.second is None and self.blend is not None,
            "--second-knob": self.second is None and bool(self.second_knob),
        }
        for option, given in without.items():
            if given:
                raise OptionError(f"{option} is about a second model; name it with --second MODEL")
        if self.blend is not None and self.pairing != "parallel":
            raise OptionError("--blend mixes models that play side by side; add --pairing parallel")
        if self.second_ir is not None and self.ir is None:
            raise OptionError("--second-ir is mixed with a first response; name that one with --ir")
        if self.second_ir is None and (self.cabinet_blend is not None or self.second_ir_channel is not None):
            option = "--second-ir-channel" if self.cabinet_blend is None else "--cabinet-blend"
            raise OptionError(f"{option} is about a second impulse response; name it with --second-ir FILE")


def with_rig_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of RigOptions, which it takes together as its `rig`."""

    @wraps(command)
    def run(**given: Any) -> None:
        rig = RigOptions(**{field.name: given.pop(field.name) for field in fields(RigOptions)})
        command(**given, rig=rig)

    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        own = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        parameters += [own] if parameter.name != "rig" else _OPTIONS
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


_OPTIONS = [
    inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
    for field in fields(RigOptions)
]
