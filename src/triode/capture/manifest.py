"""The capture signal's manifest: what was written where, in a JSON file that travels beside the audio.

`signal.wav` has `signal.json`. A dry signal of the user's own has no manifest and needs none.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from triode.errors import CaptureError
from triode.files import write_text

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Decibels = Annotated[float, Field(allow_inf_nan=False)]
Kind = Literal["impulses", "sweep", "staircase", "noise", "bursts", "plucked", "repeat", "silence", "di"]


@dataclass(frozen=True)
class Segment:
    """A stretch of the signal, from `start_seconds` up to `end_seconds`; `level_dbfs` is its peak."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: Kind
    start_seconds: Seconds
    end_seconds: Seconds
    level_dbfs: Decibels


@dataclass(frozen=True)
class Repeat:
    """One passage that stands in the signal twice: `seconds` long, from `first_seconds` and from `second_seconds`."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    first_seconds: Seconds
    second_seconds: Seconds
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class SignalManifest:
    """How a capture signal was made (`seed`, `rate_hz`, `level_dbfs`) and what stands where in it.

    `train_seconds` and `held_out_seconds` are the stretches (start, end) meant for training and for validation.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    version: Literal[1]
    seed: int
    rate_hz: Annotated[int, Field(gt=0)]
    level_dbfs: Decibels
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    segments: tuple[Segment, ...]
    repeats: tuple[Repeat, ...]
    train_seconds: tuple[Seconds, Seconds]
    held_out_seconds: tuple[Seconds, Seconds]

    def __post_init__(self) -> None:
        ends = [segment.end_seconds for segment in self.segments]
        ends += [repeat.first_seconds + repeat.seconds for repeat in self.repeats]
        ends += [repeat.second_seconds + repeat.seconds for repeat in self.repeats]
        for name, (start, end) in (("train", self.train_seconds), ("held_out", self.held_out_seconds)):
            ends.append(end)
            if start >= end:
                raise ValueError(f"{name}_seconds ends before it starts")
        for segment in self.segments:
            if segment.start_seconds >= segment.end_seconds:
                raise ValueError(f"segment {segment.kind} ends before it starts")
        if max(ends, default=0.0) > self.seconds + 1 / self.rate_hz:
            raise ValueError(f"something lies beyond the signal's end at {self.seconds} s")


def manifest_path(audio: str | Path) -> Path:
    """Where the manifest of the signal file `audio` lies: beside it, ending in .json."""
    return Path(audio).with_suffix(".json")


def write_manifest(path: str | Path, manifest: SignalManifest) -> None:
    """Write the manifest as JSON, in one step."""
    write_text(path, manifest_text(manifest))


def manifest_text(manifest: SignalManifest) -> str:
    """The manifest as JSON."""
    return json.dumps(asdict(manifest), indent=1) + "\n"


def read_manifest(path: str | Path) -> SignalManifest:
    """Read and check a manifest. Raises CaptureError where it is missing, no manifest, or contradicts itself."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CaptureError(f"{path}: cannot read the signal's manifest ({error.strerror}); make it again") from error
    try:
        return TypeAdapter(SignalManifest).validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise CaptureError(f"{path}: not a signal manifest: {key}: {first['msg']}; make the signal again") from error


def find_manifest(audio: str | Path) -> SignalManifest | None:
    """The manifest beside the signal file `audio`, or None where there is none (a signal of the user's own).

    A JSON file that is there but says nothing about a signal is not one of ours and counts as none.
    """
    path = manifest_path(audio)
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_bytes())
    except ValueError:
        return None
    if not isinstance(document, dict) or not {"segments", "repeats"} <= document.keys():
        return None
    return read_manifest(path)
