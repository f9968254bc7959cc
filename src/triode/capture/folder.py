"""A capture: a folder with `capture.toml` and the audio of its takes. Read, checked, written, extended here.

Audio is stored so that no bit is lost: 24-bit FLAC where the samples are 24-bit numbers, else float32 wav.
Nothing in the folder is ever half written: new audio goes in first under new names, then `capture.toml` is
replaced in one step, then audio that no take names any more is removed.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import soundfile
import tomli_w
from pydantic import ConfigDict, Field, Strict, TypeAdapter, ValidationError

from triode.audio import Audio, read_audio, write_audio
from triode.capture.couplings import Coupling, check_couplings, coupling_table
from triode.capture.knob_tables import knob_table, named_values_replaced, settings_table
from triode.capture.manifest import SignalManifest, find_manifest, manifest_path, read_manifest, write_manifest
from triode.errors import AudioFileError, CaptureError, OptionError, OutputError
from triode.files import atomic_path, make_folder, write_text
from triode.knobs import Knob, checked_settings

FILE_NAME = "capture.toml"
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True)
class Take:
    """One dry/wet recording at one setting of the knobs.

    `dry` and `wet` are paths relative to the folder; takes may share a dry file. `settings` holds every knob's value
    in the knob's unit.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: Name
    dry: Name
    wet: Name
    settings: dict[str, Number] = field(default_factory=dict)
    notes: str = ""


@dataclass(frozen=True)
class Levels:
    """What full scale means in volts: the level in dBu of a 1 kHz sine of 0 dBFS peak, None where not measured."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    input_dbu: Number | None = None
    output_dbu: Number | None = None


@dataclass(frozen=True)
class Capture:
    """A device's takes, and what is known about it. `metadata` is free text by key (maker, gear_model, notes, ...)."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    folder: Path
    name: Name
    rate_hz: Annotated[int, Strict(), Field(gt=0)]
    version: Literal[1] = 1
    knobs: tuple[Knob, ...] = ()
    couplings: tuple[Coupling, ...] = ()
    takes: tuple[Take, ...] = ()
    levels: Levels = Levels()
    metadata: dict[str, str] = field(default_factory=dict)

    def take(self, name: str) -> Take:
        """The take called `name`. Raises CaptureError naming those there are."""
        for take in self.takes:
            if take.name == name:
                return take
        known = ", ".join(take.name for take in self.takes) or "none"
        raise CaptureError(f"{self.folder / FILE_NAME}: there is no take {name!r}; the takes here: {known}")


def is_capture(path: str | Path) -> bool:
    """Whether `path` is a capture folder (it holds a capture.toml)."""
    return (Path(path) / FILE_NAME).is_file()


def read_capture(folder: str | Path) -> Capture:
    """Read and check a capture folder; knobs a take leaves out have their default.

    Raises CaptureError naming the file, the key and the take: folder or file missing, no TOML, unknown or missing key,
    value of the wrong type, unknown knob, value out of range, two takes or knobs of one name, audio missing or
    outside the folder.
    """
    folder = Path(folder)
    path = folder / FILE_NAME
    if not folder.is_dir():
        raise CaptureError(f"{folder}: there is no such folder; expected a capture, a folder with {FILE_NAME}")
    if not path.is_file():
        raise CaptureError(f"{folder} holds no {FILE_NAME}; make it with `triode capture {folder} --files DRY WET`")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CaptureError(f"{path}: not readable as TOML ({error}); correct it") from error
    except OSError as error:
        raise CaptureError(f"{path}: cannot be read ({error.strerror})") from error
    capture = _parse(path, document)
    for take in capture.takes:
        for key, name in (("dry", take.dry), ("wet", take.wet)):
            if not _inside(folder, name).is_file():
                raise CaptureError(f"{path}: take {take.name!r}, key {key}: there is no file {name}; put it back")
    return capture


def write_capture(capture: Capture) -> None:
    """Write `capture.toml` in one step. Raises CaptureError where the capture contradicts itself."""
    write_text(capture.folder / FILE_NAME, capture_text(capture))


def capture_text(capture: Capture) -> str:
    """The text of `capture.toml`. Raises CaptureError where the capture contradicts itself."""
    path = capture.folder / FILE_NAME
    document = {
        key: value
        for key, value in asdict(capture).items()
        if key != "folder" and value not in ((), {}, {"input_dbu": None, "output_dbu": None})
    }
    if "levels" in document:
        document["levels"] = {key: value for key, value in document["levels"].items() if value is not None}
    if capture.knobs:
        document["knobs"] = [knob_table(knob) for knob in capture.knobs]
    if capture.couplings:
        document["couplings"] = [coupling_table(coupling) for coupling in capture.couplings]
    if capture.takes:
        document["takes"] = [
            {**asdict(take), "settings": settings_table(take.settings, capture.knobs)} for take in capture.takes
        ]
    _parse(path, document)
    return tomli_w.dumps(document)


def add_take(
    folder: str | Path,
    dry: str | Path | Audio,
    wet: str | Path | Audio,
    settings: Mapping[str, float] | None = None,
    *,
    name: str | None = None,
    notes: str = "",
    replace_existing: bool = False,
    device: str | None = None,
    knobs: Sequence[Knob] = (),
    levels: Levels | None = None,
    metadata: Mapping[str, str] | None = None,
    manifest: SignalManifest | None = None,
) -> Capture:
    """Add a take; the folder and its capture.toml come into being with the first one.

    `knobs` declares the device's knobs (only needed with the first take); `settings` are values in the knobs' units.
    A take of the same `name`, or where no name is given of the same settings, is a retake: it takes the old one's
    place with `replace_existing`, else CaptureError. The manifest beside a dry file comes along.
    Raises CaptureError, AudioFileError, OptionError; on any error the capture is as it was.
    """
    folder = Path(folder)
    dry_audio, wet_audio = _as_audio(dry), _as_audio(wet)
    if manifest is None and not isinstance(dry, Audio):
        manifest = find_manifest(dry)
    if dry_audio.rate_hz != wet_audio.rate_hz:
        raise AudioFileError(
            f"dry runs at {dry_audio.rate_hz} Hz, wet at {wet_audio.rate_hz} Hz; record both at one rate"
        )
    capture = _existing_or_new(folder, dry_audio.rate_hz, device, knobs)
    capture = replace(
        capture,
        levels=capture.levels if levels is None else levels,
        metadata={**capture.metadata, **(metadata or {})},
    )
    if dry_audio.rate_hz != capture.rate_hz:
        raise CaptureError(
            f"{folder / FILE_NAME}: the capture runs at {capture.rate_hz} Hz, this take at {dry_audio.rate_hz} Hz; "
            "record all takes at one rate"
        )
    values = checked_settings(settings or {}, capture.knobs)
    old = _retaken(capture, name, values, replace_existing)
    if name is None:
        name = old.name if old else _free_name(_name_from(values), [take.name for take in capture.takes])
    take = Take(name, "", "", values, notes)
    return _put(capture, take, old, dry_audio, wet_audio, manifest)


def with_knobs(capture: Capture, knobs: Sequence[Knob]) -> Capture:
    """`capture` with `knobs` added that it does not declare yet; nothing is written.

    Raises CaptureError where it has takes, which do not say where a new knob stood, and where a knob is another one.
    """
    path, declared = capture.folder / FILE_NAME, {knob.name: knob for knob in capture.knobs}
    for knob in knobs:
        if knob.name not in declared and capture.takes:
            raise CaptureError(
                f"{path}: knob {knob.name!r} is new, and the takes there do not say where it stood; "
                "declare it there and give each take its value"
            )
        if declared.setdefault(knob.name, knob) != knob:
            raise CaptureError(f"{path}: knob {knob.name!r} is declared differently; correct one of them")
    return replace(capture, knobs=tuple(declared.values()))


def load_take(capture: Capture, take: Take) -> tuple[Audio, Audio]:
    """The dry and the wet audio of a take, as recorded (not aligned, not cut).

    Raises AudioFileError where a file is unreadable or does not have the capture's rate.
    """
    audios = []
    for key, name in (("dry", take.dry), ("wet", take.wet)):
        audio = read_audio(_inside(capture.folder, name), option=None)
        if audio.rate_hz != capture.rate_hz:
            raise AudioFileError(
                f"{capture.folder / FILE_NAME}: take {take.name!r}, key {key}: {name} runs at {audio.rate_hz} Hz, "
                f"the capture at {capture.rate_hz} Hz; record or export it at one rate"
            )
        audios.append(audio)
    return audios[0], audios[1]


def take_manifest(capture: Capture, take: Take) -> SignalManifest | None:
    """The manifest of the take's dry signal, None where the dry signal is the user's own."""
    path = manifest_path(_inside(capture.folder, take.dry))
    return read_manifest(path) if path.is_file() else None


def _parse(path: Path, document: dict[str, Any]) -> Capture:
    """A checked Capture from the TOML document; every error names `path`."""
    _refuse_unknown(path, "", document, [f.name for f in fields(Capture) if f.name != "folder"])
    knobs = document.get("knobs", [])
    if isinstance(knobs, list):
        for knob in knobs:
            if isinstance(knob, dict):
                _refuse_unknown(path, f"knob {knob.get('name', '?')}, ", knob, [f.name for f in fields(Knob)])
    try:
        document = named_values_replaced(document)
        capture = TypeAdapter(Capture).validate_python({**document, "folder": path.parent})
    except ValidationError as error:
        raise CaptureError(f"{path}: {_describe(error, document)}") from error
    except OptionError as error:
        raise CaptureError(f"{path}: {error}") from error
    for what, names in (("knob", [k.name for k in capture.knobs]), ("take", [t.name for t in capture.takes])):
        for name in names:
            if names.count(name) > 1:
                raise CaptureError(f"{path}: {what} {name!r} is there {names.count(name)} times; name each once")
    try:
        check_couplings(capture.couplings, capture.knobs)
    except OptionError as error:
        raise CaptureError(f"{path}: {error}") from error
    return replace(capture, takes=tuple(_checked_take(path, capture, take) for take in capture.takes))


def _checked_take(path: Path, capture: Capture, take: Take) -> Take:
    for key, name in (("dry", take.dry), ("wet", take.wet)):
        try:
            _inside(path.parent, name)
        except CaptureError as error:
            raise CaptureError(f"{path}: take {take.name!r}, key {key}: {error}") from error
    try:
        return replace(take, settings=checked_settings(take.settings, capture.knobs))
    except OptionError as error:
        text = str(error).removeprefix("--knob ")
        raise CaptureError(f"{path}: take {take.name!r}, key settings: {text}") from error


def _refuse_unknown(path: Path, where: str, table: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in table:
        if key not in known:
            raise CaptureError(f"{path}: {where}unknown key {key!r}; the keys here: {', '.join(known)}")


def _describe(error: ValidationError, document: Mapping[str, Any]) -> str:
    """`take 'a', key wet: Field required` from pydantic's first error."""
    first = error.errors(include_url=False)[0]
    location = list(first["loc"])
    where = ""
    if len(location) > 1 and location[0] in ("takes", "knobs") and isinstance(location[1], int):
        entry = document[location[0]][location[1]]
        name = entry.get("name") if isinstance(entry, dict) else None
        where = f"{str(location[0])[:-1]} {name!r}, " if name else f"{str(location[0])[:-1]} {location[1] + 1}, "
        location = location[2:]
    key = ".".join(str(part) for part in location)
    message = "unknown key" if first["type"] in ("extra_forbidden", "unexpected_keyword_argument") else first["msg"]
    found = "" if first["type"] in ("missing", "extra_forbidden") else f" (found {str(first['input'])[:60]!r})"
    return f"{where}key {key}: {message}{found}; correct it" if key else f"{where}{message}{found}; correct it"


def _inside(folder: Path, name: str) -> Path:
    """The path of `name` in `folder`. Raises CaptureError for a name that leads out of it."""
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\\" in name or ":" in name or "\0" in name:
        raise CaptureError(f"{name!r} is not a plain path inside the capture folder; move the file there")
    path = folder / pure
    if not path.resolve().is_relative_to(folder.resolve()):
        raise CaptureError(f"{name!r} leads out of the capture folder; move the file into it")
    return path


def _as_audio(source: str | Path | Audio) -> Audio:
    return source if isinstance(source, Audio) else read_audio(source)


def _existing_or_new(folder: Path, rate_hz: int, device: str | None, knobs: Sequence[Knob]) -> Capture:
    """The capture there is, or an empty one; `knobs` must not contradict those declared."""
    if not is_capture(folder):
        if folder.exists() and not folder.is_dir():
            raise CaptureError(f"{folder} is a file; name a folder for the capture")
        return Capture(folder, device or folder.resolve().name or "capture", rate_hz, knobs=tuple(knobs))
    return with_knobs(read_capture(folder), knobs)


def _retaken(capture: Capture, name: str | None, settings: Mapping[str, float], allowed: bool) -> Take | None:
    """The take that the new one is a retake of; raises CaptureError where it may not be replaced."""
    for take in capture.takes:
        if take.name == name or (name is None and capture.knobs and take.settings == settings):
            if not allowed:
                raise CaptureError(
                    f"{capture.folder / FILE_NAME}: take {take.name!r} is already there; ask for a retake "
                    "to replace it, or give this one another name"
                )
            return take
    return None


def _name_from(settings: Mapping[str, float]) -> str:
    return "-".join(f"{name}{value:g}" for name, value in settings.items()) or "take"


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", name).strip("-.") or "take"


def _free_name(base: str, taken: Sequence[str]) -> str:
    candidate, number = base, 2
    while candidate in taken:
        candidate, number = f"{base}-{number}", number + 1
    return candidate


def _put(
    capture: Capture, take: Take, old: Take | None, dry: Audio, wet: Audio, manifest: SignalManifest | None
) -> Capture:
    """Write the audio, then capture.toml with `take` in the place of `old`; on failure take the audio out again."""
    folder = capture.folder
    is_new = not folder.is_dir()
    if is_new:
        make_folder(folder)
    before = set(folder.iterdir())
    try:
        dry_name = _shared_dry(capture, dry) or _store(capture, "dry", dry)
        if manifest is not None:
            write_manifest(manifest_path(folder / dry_name), manifest)
        take = replace(take, dry=dry_name, wet=_store(capture, _slug(take.name), wet))
        takes = tuple(take if other is old else other for other in capture.takes) + (() if old else (take,))
        capture = replace(capture, takes=takes)
        write_capture(capture)
    except BaseException:
        for path in set(folder.iterdir()) - before:
            path.unlink()
        if is_new:
            folder.rmdir()
        raise
    if old:
        _remove_unused(capture, old)
    return capture


def _store(capture: Capture, base: str, audio: Audio) -> str:
    """Write `audio` under a new name without losing a bit; returns the name."""
    stems = [path.stem for path in capture.folder.iterdir()]
    stem = _free_name(base, stems)
    scaled = audio.samples.astype(np.float64) * 2**23
    if np.all(scaled == np.round(scaled)) and scaled.min() >= -(2**23) and scaled.max() < 2**23:
        path = capture.folder / f"{stem}.flac"
        with atomic_path(path) as temporary:
            # Integers, not floats: libsndfile scales floats by 2^23 - 1 and would change the samples.
            integers = (scaled * 256).astype(np.int32)
            try:
                soundfile.write(temporary, integers, audio.rate_hz, subtype="PCM_24", format="FLAC")
            except soundfile.LibsndfileError as error:
                raise OutputError(f"cannot write {path}: {error}") from error
        return path.name
    write_audio(capture.folder / f"{stem}.wav", audio.samples, audio.rate_hz, subtype="FLOAT")
    return f"{stem}.wav"


def _shared_dry(capture: Capture, dry: Audio) -> str | None:
    """The name of a dry file already in the capture that holds the same samples."""
    for name in dict.fromkeys(take.dry for take in capture.takes):
        path = _inside(capture.folder, name)
        if soundfile.info(path).frames == len(dry.samples) and np.array_equal(read_audio(path).samples, dry.samples):
            return name
    return None


def _remove_unused(capture: Capture, old: Take) -> None:
    """Remove the audio of `old` that no take names any more, with its manifest."""
    used = {name for take in capture.takes for name in (take.dry, take.wet)}
    for name in {old.dry, old.wet} - used:
        path = _inside(capture.folder, name)
        path.unlink(missing_ok=True)
        if name == old.dry:
            manifest_path(path).unlink(missing_ok=True)
