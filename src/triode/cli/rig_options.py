"""The options of the playing chain, which `triode render` and `triode play` share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triode.errors import OptionError

if TYPE_CHECKING:
    from triode.rig import RigSettings

Response = Annotated[Path | None, typer.Option(help="Impulse response of a cabinet.")]
ResponseChannel = Annotated[int | None, typer.Option(help="Channel of a stereo response, counted from 1.")]
InputGain = Annotated[float, typer.Option(help="dB before the model.")]
OutputGain = Annotated[float, typer.Option(help="dB at the end.")]
InterfaceDbu = Annotated[float | None, typer.Option(help="dBu of the interface's full scale: calibrates the input.")]
Normalize = Annotated[bool, typer.Option("--normalize", help="Bring the model's loudness to -18 dBFS.")]
Calibrate = Annotated[bool, typer.Option("--calibrate", help="Bring the output to the device's dBu.")]
Gate = Annotated[float | None, typer.Option(help="Threshold of the noise gate in dBFS.")]
GateHysteresis = Annotated[float, typer.Option(help="dB below the threshold at which the gate closes.")]
GateHold = Annotated[float, typer.Option(help="Seconds for which the gate stays open.")]
GateRelease = Annotated[float, typer.Option(help="Seconds in which it then falls by 60 dB.")]
Tone = Annotated[float, typer.Option(help="dB, -20 to 20; generic, of no particular amp.")]
DcBlock = Annotated[bool, typer.Option("--dc-block", help="Take the model's offset away.")]
Quality = Annotated[float, typer.Option(min=0.0, max=1.0, help="For files that hold several models: 0 cheap, 1 best.")]
Oversample = Annotated[int, typer.Option(help="1, 2 or 4: run the model faster than its own rate, for less aliasing.")]


def rig_settings(
    *,
    input_gain: float,
    output_gain: float,
    interface_dbu: float | None,
    normalize: bool,
    calibrate: bool,
    gate: float | None,
    gate_hysteresis: float,
    gate_hold: float,
    gate_release: float,
    bass: float,
    middle: float,
    treble: float,
    presence: float,
    dc_block: bool,
) -> "RigSettings":
    """The options as the rig takes them; raises OptionError for a value out of range."""
    from triode.rig import RigSettings

    if normalize and calibrate:
        raise OptionError("--normalize and --calibrate both set the output's level; choose one")
    return RigSettings(
        input_gain_db=input_gain,
        output_gain_db=output_gain,
        interface_dbu=interface_dbu,
        output_level="normalized" if normalize else "calibrated" if calibrate else "raw",
        gate_threshold_db=gate,
        gate_hysteresis_db=gate_hysteresis,
        gate_hold_seconds=gate_hold,
        gate_release_seconds=gate_release,
        bass_db=bass,
        middle_db=middle,
        treble_db=treble,
        presence_db=presence,
        dc_blocker=dc_block,
    )
