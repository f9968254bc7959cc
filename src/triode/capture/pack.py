"""A capture as one file to share: a zip of capture.toml and the audio as FLAC, with licence and author.

What is unpacked comes from anybody: names, sizes and kinds are checked before anything is written, what is written goes
into a folder beside the target, and only a capture that can be read to its end takes the target's place.
"""

import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

from triode.audio import Audio
from triode.capture.folder import FILE_NAME, Capture, capture_text, load_take, read_capture, take_manifest
from triode.capture.manifest import manifest_path, manifest_text
from triode.errors import CaptureError, OptionError, OutputError, TriodeError
from triode.files import atomic_path

MOST_FILES, MOST_BYTES, MOST_TEXT_BYTES = 10_000, 16 * 2**30, 16 * 2**20
# Text shrinks to a tenth, audio to a half; what shrinks more is meant to fill a disk.
MOST_SHRINKING, FREE_BYTES = 100, 2**24
MOST_SECONDS = 4 * 3600.0
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,120}\.(toml|json|flac|wav)")


def pack_capture(
    folder: str | Path, target: str | Path, *, licence: str | None = None, author: str | None = None
) -> Capture:
    """Write the capture in `folder` into one file; returns it as packed.

    `licence` and `author` are those of its metadata where they are not given. Audio is stored as 24-bit FLAC; what
    exceeds full scale, which FLAC cannot hold, as float wav. Raises OptionError where licence or author are missing,
    CaptureError and AudioFileError for a capture that cannot be read, OutputError where the disk is full.
    """
    capture = read_capture(folder)
    metadata = {**capture.metadata, **{k: v for k, v in (("licence", licence), ("author", author)) if v is not None}}
    for key in ("licence", "author"):
        if not metadata.get(key, "").strip():
            raise OptionError(f"{folder} says no {key}; nobody may use a capture without: give --{key}")
    if not capture.takes:
        raise OptionError(f"{folder} has no takes; record some before packing it")
    with atomic_path(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        packed = replace(capture, metadata=metadata, takes=())
        names: dict[str, str] = {}
        for take in capture.takes:
            for name, audio in zip((take.dry, take.wet), load_take(capture, take), strict=True):
                if name not in names:
                    names[name] = _add_audio(archive, name, audio, names)
            manifest = take_manifest(capture, take)
            text_name = manifest_path(names[take.dry]).name
            if manifest is not None and text_name not in archive.namelist():
                archive.writestr(text_name, manifest_text(manifest), zipfile.ZIP_DEFLATED)
            renamed = replace(take, dry=names[take.dry], wet=names[take.wet])
            packed = replace(packed, takes=(*packed.takes, renamed))
        archive.writestr(FILE_NAME, capture_text(packed), zipfile.ZIP_DEFLATED)
    return packed


def unpack_capture(source: str | Path, folder: str | Path) -> Capture:
    """Check a packed capture and open it as the new folder `folder`; returns the capture.

    Raises CaptureError for anything but a whole, plain capture (and then nothing is left of it), OptionError where
    `folder` is there already, OutputError where the disk is full.
    """
    source, folder = Path(source), Path(folder)
    if folder.exists():
        raise OptionError(f"{folder} is there already; name a new folder for the capture")
    if not folder.resolve().parent.is_dir():
        raise OptionError(f"cannot make {folder}: the folder around it does not exist; create it first")
    if not source.is_file():
        raise CaptureError(f"{source}: there is no such file; expected a packed capture")
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.resolve().parent))
    except OSError as error:
        raise OutputError(f"cannot make {folder}: {error.strerror}") from error
    try:
        _extract(source, temporary)
        _check_unpacked(source, temporary)
        temporary.chmod(0o755)
        temporary.rename(folder)
    except OSError as error:
        raise OutputError(f"cannot unpack {source}: {error.strerror or error}; free some space") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return read_capture(folder)


def _add_audio(archive: zipfile.ZipFile, name: str, audio: Audio, taken: Mapping[str, str]) -> str:
    """Store one audio file; returns its name in the archive."""
    stem = re.sub(r"[^A-Za-z0-9_]+", "-", Path(name).stem).strip("-")[:100] or "audio"
    stems = {Path(other).stem.lower() for other in taken.values()} | {Path(FILE_NAME).stem}
    free, number = stem, 2
    while free.lower() in stems:
        free, number = f"{stem}-{number}", number + 1
    scaled = np.round(audio.samples.astype(np.float64) * 2**23)
    data = BytesIO()
    if np.min(scaled) >= -(2**23) and np.max(scaled) < 2**23:
        # Integers, not floats: libsndfile scales floats by 2^23 - 1.
        soundfile.write(data, (scaled * 256).astype(np.int32), audio.rate_hz, subtype="PCM_24", format="FLAC")
        packed = f"{free}.flac"
    else:
        soundfile.write(data, audio.samples, audio.rate_hz, subtype="FLOAT", format="WAV")
        packed = f"{free}.wav"
    archive.writestr(packed, data.getvalue())
    return packed


def _extract(source: Path, folder: Path) -> None:
    """The files of the archive into `folder`, after everything that its directory says is found to be plain."""
    try:
        with zipfile.ZipFile(source) as archive:
            entries = list(_checked_entries(source, archive))
            for entry in entries:
                # zipfile reads no more of an entry than it announced.
                with archive.open(entry) as file, (folder / entry.filename).open("xb") as out:
                    shutil.copyfileobj(file, out)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, RuntimeError) as error:
        raise CaptureError(f"{source}: not a packed capture, or damaged ({error}); get it again") from error


def _checked_entries(source: Path, archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    entries = archive.infolist()
    names = Counter(entry.filename.lower() for entry in entries)
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_FILES or total > MOST_BYTES:
        raise CaptureError(f"{source}: {len(entries)} files of {total} bytes in all; a capture is smaller")
    if total > MOST_SHRINKING * source.stat().st_size + FREE_BYTES:
        size = source.stat().st_size
        raise CaptureError(f"{source}: {total} bytes from a file of {size}: this is no audio; do not use it")
    if FILE_NAME not in names:
        raise CaptureError(f"{source}: it holds no {FILE_NAME}; expected a packed capture")
    for entry in entries:
        if not PLAIN_NAME.fullmatch(entry.filename) or entry.is_dir() or stat.S_ISLNK(entry.external_attr >> 16):
            raise CaptureError(f"{source}: it holds {entry.filename[:80]!r}, which does not belong in a capture")
        if names[entry.filename.lower()] > 1:
            raise CaptureError(f"{source}: it holds {entry.filename!r} twice; get it again")
        if entry.filename.endswith((".toml", ".json")) and entry.file_size > MOST_TEXT_BYTES:
            raise CaptureError(f"{source}: its {entry.filename} has {entry.file_size} bytes; expected a page or two")
        yield entry


def _check_unpacked(source: Path, folder: Path) -> None:
    """Raise CaptureError where what was unpacked is no whole capture with licence and author."""
    try:
        capture = read_capture(folder)
        for key in ("licence", "author"):
            if not capture.metadata.get(key, "").strip():
                raise CaptureError(f"it says no {key}")
        for name in dict.fromkeys(name for take in capture.takes for name in (take.dry, take.wet)):
            # Before decoding: a few bytes of FLAC can stand for days.
            info = soundfile.info(folder / name)
            if info.frames > MOST_SECONDS * info.samplerate or info.channels != 1:
                raise CaptureError(f"{name} has {info.frames} samples in {info.channels} channels")
        for take in capture.takes:
            load_take(capture, take)
            take_manifest(capture, take)
    except (TriodeError, soundfile.LibsndfileError) as error:
        text = str(error).replace(f"{folder}/", "").replace(str(folder), "it")
        raise CaptureError(f"{source}: what it holds is no whole capture: {text}") from error
