"""Audio files in and out, and sample rate conversion.

Inside Triode audio is mono float32 with full scale at 1.0. Files of any format libsndfile reads come in.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from triode.errors import AudioFileError, OptionError, OutputError
from triode.files import atomic_path

__all__ = [
    "Audio",
    "Samples",
    "read_audio",
    "read_pair",
    "resample",
    "write_audio",
]

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Audio:
    """Mono audio: `samples` of shape (n,), float32, full scale 1.0; `rate_hz` samples per second.

    `full_scale` is the largest value the file could hold: just under 1 for integer files, infinite for float.
    """

    samples: Samples
    rate_hz: int
    full_scale: float = 1.0

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate_hz


def read_pair(dry: str | Path, wet: str | Path, *, channel: int | None = None) -> tuple[Audio, Audio]:
    """Read a dry and a wet file; `channel` is chosen of those that have several. Raises what `read_audio` does."""
    first, second = (read_audio(path, channel=channel if _channels(path) != 1 else None) for path in (dry, wet))
    return first, second


def _channels(path: str | Path) -> int | None:
    """How many, None where that cannot be told."""
    try:
        return int(soundfile.info(str(path)).channels)
    except (soundfile.LibsndfileError, RuntimeError, OSError):
        return None


def read_audio(path: str | Path, *, channel: int | None = None, option: str | None = "--channel") -> Audio:
    """Read one channel of an audio file (wav, flac, aiff and whatever else libsndfile knows).

    A file of several channels needs `channel`, counted from 1; `option` is what a user calls that, None where nobody
    can choose. Raises AudioFileError for a file that is missing, not audio, empty, truncated, of several channels
    without a choice, or holding NaN or infinite samples.
    """
    path = Path(path)
    if not path.exists():
        raise AudioFileError(f"{path} does not exist; check the name")
    if path.is_dir():
        raise AudioFileError(f"{path} is a folder; name an audio file")
    if path.stat().st_size == 0:
        raise AudioFileError(f"{path} is empty (0 bytes); record or export it again")
    try:
        with soundfile.SoundFile(path) as file:
            rate_hz, announced, subtype = int(file.samplerate), int(file.frames), str(file.subtype)
            missing_bytes = _missing_bytes(file.extra_info)
            data = file.read(dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        raise AudioFileError(f"{path} is not a readable audio file ({error}); expected wav, flac or aiff") from error
    if missing_bytes:
        raise AudioFileError(f"{path} is truncated: {missing_bytes} bytes announced in it are missing; copy it again")
    if len(data) == 0:
        raise AudioFileError(f"{path} holds no samples; record or export it again")
    if len(data) < announced:
        raise AudioFileError(f"{path} is truncated: {len(data)} of {announced} samples are there; copy it again")
    channels = data.shape[1]
    if channel is None and channels > 1:
        help_text = "export one of them" if option is None else f"choose one with {option} 1..{channels}"
        raise AudioFileError(f"{path} has {channels} channels, expected mono; {help_text}")
    chosen = 1 if channel is None else channel
    if not 1 <= chosen <= channels:
        raise OptionError(f"{option} {chosen}: {path} has channels 1 to {channels}")
    samples = np.ascontiguousarray(data[:, chosen - 1])
    bad = int(np.count_nonzero(~np.isfinite(samples)))
    if bad:
        where = int(np.argmin(np.isfinite(samples))) / rate_hz
        raise AudioFileError(f"{path} holds {bad} NaN or infinite samples, the first at {where:.3f} s; export it again")
    return Audio(samples, rate_hz, full_scale=np.inf if subtype in ("FLOAT", "DOUBLE") else 1.0)


def _missing_bytes(log: str) -> int:
    """Bytes that the header announces and the file lacks, from libsndfile's log: it reads what is there in silence.

    A length of 2 GiB or more is what programs write that stream and cannot know it; a few bytes are sloppy headers.
    """
    found = re.search(r"^ *(?:data|SSND|Data Size|Riff size|riff)\s*: (\d+) \(should be (\d+)\)", log, re.MULTILINE)
    if not found:
        return 0
    announced, present = int(found[1]), int(found[2])
    return announced - present if present + 16 < announced < 0x7FF00000 else 0


def write_audio(path: str | Path, samples: Samples, rate_hz: int, *, subtype: str | None = None) -> None:
    """Write mono audio, in one step; the format follows the file's ending, float32 for wav unless `subtype` says.

    Raises OptionError for an ending libsndfile does not write, OutputError where the disk is full.
    """
    path = Path(path)
    file_format = path.suffix.lstrip(".").upper()
    file_format = {"AIF": "AIFF"}.get(file_format, file_format)
    if file_format not in soundfile.available_formats():
        raise OptionError(f"cannot write {path}: unknown audio format {path.suffix!r}; use .wav, .flac or .aiff")
    if subtype is None:
        subtype = "PCM_24" if file_format == "FLAC" else "FLOAT"
    with atomic_path(path) as temporary:
        try:
            soundfile.write(temporary, samples, rate_hz, subtype=subtype, format=file_format)
        except soundfile.LibsndfileError as error:
            raise OutputError(f"cannot write {path}: {error}") from error


def resample(samples: Samples, from_hz: float, to_hz: float) -> Samples:
    """Convert the sample rate of `samples` (n,) with linear phase and no delay (soxr, very high quality)."""
    if from_hz == to_hz:
        return samples
    return np.ascontiguousarray(soxr.resample(samples, from_hz, to_hz, quality="VHQ"), dtype=np.float32)
