"""How values are written on the command line, and the options several commands share."""

import itertools
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from triode.errors import OptionError

DEFAULT_TIME = "5m"
MOST_GRID = 1000
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(text: str, option: str) -> float:
    """`90`, `90s`, `3m`, `1.5h` in seconds; OptionError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)([smh]?)", text.strip())
    if match is None or float(match[1]) <= 0:
        raise OptionError(f"{option} {text}: expected a time like 90s, 3m or 1h")
    return float(match[1]) * _UNITS[match[2]]


def budget_of(time: str | None, epochs: float | None) -> tuple[float | None, float | None]:
    """Seconds and epochs of `--time` and `--epochs`, one of them None; OptionError where both are given."""
    if time is not None and epochs is not None:
        raise OptionError("--time and --epochs: give one of the two")
    return (None, epochs) if epochs is not None else (seconds_of(time or DEFAULT_TIME, "--time"), None)


def stretch_of(text: str | None, option: str) -> tuple[float, float] | None:
    """`0:180` as (0.0, 180.0) seconds; OptionError for anything else."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+):(\d+(?:\.\d*)?|\.\d+)", text.strip())
    if match is None or float(match[1]) >= float(match[2]):
        raise OptionError(f"{option} {text}: expected FROM:TO in seconds, like 0:180")
    return float(match[1]), float(match[2])


def swept(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """`drive=0:1` as `drive=0` at the start and `drive=1` at the end; a knob without `:` stands still."""
    starts, ends = [], []
    for text in texts:
        name, _, value = text.partition("=")
        start, _, end = value.partition(":")
        starts.append(f"{name}={start}")
        ends.append(f"{name}={end if ':' in value else start}")
    return starts, ends


def grid_of(texts: Sequence[str]) -> list[list[str]]:
    """`drive=0,1` and `tone=5,9` as all four pairs of `drive=` and `tone=`; OptionError where a knob comes twice."""
    axes: list[list[str]] = []
    for text in texts:
        name, _, values = text.partition("=")
        if any(axis[0].startswith(f"{name}=") for axis in axes):
            raise OptionError(f"--grid {text}: {name} is there twice; name all its values at once, like {name}=0,0.5,1")
        axes.append([f"{name}={value}" for value in values.split(",")])
    if math.prod(map(len, axes)) > MOST_GRID:
        raise OptionError(f"--grid: {math.prod(map(len, axes))} files; at most {MOST_GRID}, choose fewer values")
    return [list(chosen) for chosen in itertools.product(*axes)]


DryFile = Annotated[Path | None, typer.Option("--input", help="The dry recording (wav, flac, aiff).")]
WetFile = Annotated[Path | None, typer.Option("--output", help="The same through the device.")]
Channel = Annotated[int | None, typer.Option(help="Channel of a stereo file, counted from 1.")]
Take = Annotated[str | None, typer.Option(help="The take of the capture to use.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
KnobValues = Annotated[list[str], typer.Option("--knob", help="name=value in the knob's unit, or name=70%.")]
SweptKnobs = Annotated[
    list[str], typer.Option("--knob", help="name=value in the knob's unit, or name=70%; name=0:1 turns it on the way.")
]
Force = Annotated[bool, typer.Option(help="Go on where a check refuses by judgement.")]
Maker = Annotated[str | None, typer.Option(help="Who made the model.")]
GearMake = Annotated[str | None, typer.Option(help="Maker of the device.")]
GearModel = Annotated[str | None, typer.Option(help="The device's model.")]
GearType = Annotated[str | None, typer.Option(help="amp, pedal, pedal_amp, amp_cab, preamp, studio, ...")]
ToneType = Annotated[str | None, typer.Option(help="clean, overdrive, crunch, hi_gain or fuzz.")]
Licence = Annotated[str | None, typer.Option(help="Under which terms others may use it, like CC-BY-4.0.")]


def told(**texts: str | None) -> dict[str, str]:
    """What a command line tells about a device, by key of the metadata; OptionError for types that `.nam` has not."""
    from triode.nam_file import GEAR_TYPES, TONE_TYPES, one_of

    for key, known in (("gear_type", GEAR_TYPES), ("tone_type", TONE_TYPES)):
        value = texts.get(key)
        if value is not None and one_of(known, value) is None:
            raise OptionError(f"--{key.replace('_', '-')} {value}: unknown; choose one of {', '.join(known)}")
    return {key: value for key, value in texts.items() if value is not None}
