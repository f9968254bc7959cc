"""`triode plan`, `capture`, `pack` and `unpack`: which takes to record, recording them, and sharing them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from triode.cli.console import print_json, print_table, say
from triode.cli.live import open_session
from triode.cli.options import (
    Channel,
    GearMake,
    GearModel,
    GearType,
    Json,
    KnobValues,
    Licence,
    Maker,
    ToneType,
    told,
)
from triode.errors import OptionError

if TYPE_CHECKING:
    from triode.capture.folder import Capture
    from triode.capture.plan import PlannedTake

PLANNED_SECONDS, SINGLE_SECONDS = 60.0, 180.0

# What says how a take comes about, and the options that then have an effect; without any, a plan is gone on with.
_PLAYED = frozenset({"--takes", "--knob", "--seconds", "--rate", "--seed", "--take", "--name", "--notes"})
_AT_THE_INTERFACE = frozenset(
    {"--device", "--input-channel", "--output-channel", "--repeat", "--midi-cc", "--midi-port"}
)
EFFECTIVE: Mapping[str, frozenset[str]] = {
    "--files": frozenset({"--knob", "--take", "--name", "--notes", "--channel"}),
    "--circuit": _PLAYED,
    "--plugin": _PLAYED | {"--oversample"},
    "--interface": _PLAYED | _AT_THE_INTERFACE,
    "": frozenset({"--take"}),
}

Folder = Annotated[Path, typer.Argument(metavar="CAPTURE", help="The capture folder, made if it is not there.")]
Ranges = Annotated[
    list[str],
    typer.Option("--knob", help="name=low:high to vary (5%:95%: all), name=value to hold, name=a,b,c: a switch."),
]


def plan(
    folder: Folder,
    takes: Annotated[int, typer.Option(help="How many takes to record, beyond those that are there.")] = 12,
    knob: Ranges = [],  # noqa: B006
    seconds: Annotated[float, typer.Option(help="Length of each take's signal.")] = PLANNED_SECONDS,
    rate: Annotated[int, typer.Option(help="Sample rate of a new capture.")] = 48000,
    seed: Annotated[int, typer.Option(help="Another seed plans other settings and plays other phrases.")] = 0,
    name: Annotated[str | None, typer.Option(help="Name of the device, for a new capture.")] = None,
    as_json: Json = False,
) -> None:
    """Plan which knob settings to record: a table to tick off, and a dry file to play for each take."""
    from triode.capture.folder import read_capture
    from triode.capture.plan import TABLE_NAME, make_plan

    made = make_plan(folder, takes, knob, seed=seed, seconds=seconds, rate_hz=rate, name=name)
    capture = read_capture(folder)
    pending = made.pending(capture)
    if as_json:
        entries = [{"name": t.name, "settings": t.settings, "dry": t.dry, "done": t not in pending} for t in made.takes]
        print_json({"table": str(folder / TABLE_NAME), "seconds": made.seconds, "takes": entries})
        return
    by_name = {k.name: k for k in capture.knobs}
    for take in pending:
        values = ", ".join(f"{n} {by_name[n].shown(value)}" for n, value in take.settings.items())
        print_table({take.name: values})
    say(f"{folder / TABLE_NAME}: {len(pending)} takes to record, the table to tick off; their dry files are in plan/")


def capture(
    context: typer.Context,
    folder: Folder,
    files: Annotated[tuple[Path, Path] | None, typer.Option(metavar="DRY WET", help="A recorded take.")] = None,
    circuit: Annotated[str | None, typer.Option(help="A built-in circuit: overdrive or preamp.")] = None,
    plugin: Annotated[str | None, typer.Option(help="An LV2 plug-in (URI or .lv2) or a .vst3.")] = None,
    takes: Annotated[int | None, typer.Option(help="Plan and record so many takes by itself.")] = None,
    knob: KnobValues = [],  # noqa: B006
    seconds: Annotated[float | None, typer.Option(help="Length of the signal sent through the device.")] = None,
    rate: Annotated[int, typer.Option(help="Sample rate of the signal sent through the device.")] = 48000,
    seed: Annotated[int, typer.Option(help="Seed of the signal, and of the plan.")] = 0,
    interface: Annotated[bool, typer.Option("--interface", help="Record a device at an audio interface.")] = False,
    device: Annotated[str | None, typer.Option(help="The interface, by name or number.")] = None,
    input_channel: Annotated[int, typer.Option(help="Where the device comes back.")] = 1,
    output_channel: Annotated[int, typer.Option(help="Where the device is fed from.")] = 1,
    repeat: Annotated[int, typer.Option(help="Play each take so often and average, against noise and hum.")] = 1,
    midi_cc: Annotated[list[str], typer.Option(help="Set a knob by MIDI: knob=controller.")] = [],  # noqa: B006
    midi_port: Annotated[str | None, typer.Option(help="The MIDI output, by part of its name.")] = None,
    oversample: Annotated[int, typer.Option(help="Run the plug-in at so many times the rate.")] = 4,
    take: Annotated[str | None, typer.Option(help="Name of the take; an existing one is replaced.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the device.")] = None,
    notes: Annotated[str, typer.Option(help="Anything worth remembering about this take.")] = "",
    maker: Maker = None,
    gear_make: GearMake = None,
    gear_model: GearModel = None,
    gear_type: GearType = None,
    tone_type: ToneType = None,
    licence: Licence = None,
    author: Annotated[str | None, typer.Option(help="Who recorded it.")] = None,
    channel: Channel = None,
) -> None:
    """Add takes to a capture folder: two files, or one take or a plan of them from a circuit, plug-in or interface.

    What is told about the device is kept in the folder and goes into every model of it.
    """
    if sum(given is not None for given in (files, circuit, plugin)) + interface > 1:
        raise OptionError("give takes as one of --files DRY WET, --circuit NAME, --plugin NAME and --interface")
    _check_effect(context)
    text = told(maker=maker, gear_make=gear_make, gear_model=gear_model, gear_type=gear_type) | told(
        tone_type=tone_type, licence=licence, author=author
    )
    from triode.capture import live, record

    planned: dict[str, Any] = {"seed": seed, "seconds": seconds or PLANNED_SECONDS, "rate_hz": rate, "name": name}
    single: dict[str, Any] = {**planned, "seconds": seconds or SINGLE_SECONDS, "take": take, "notes": notes}
    planned["observe"] = _announce
    if takes is not None and (take is not None or notes or files):
        raise OptionError("--take, --notes and --files are for one take; leave them out with --takes")
    with _described(folder, text):
        if files is not None:
            record.file_take(folder, *files, knob, channel=channel, take=take, name=name, notes=notes)
        elif interface:
            session = open_session(device, input_channel, output_channel, repeat, midi_cc, midi_port)
            if takes is None and (take or knob or not _has_plan(folder)):
                live.interface_take(folder, session, knob, **single)
            else:
                asked = {**planned, "seed": seed or None, "seconds": seconds}  # what is not said, the plan decides
                live.interface_takes(folder, session, takes, knob, **asked)
        elif circuit is not None and takes is None:
            record.circuit_take(folder, circuit, knob, **single)
        elif circuit is not None:
            record.circuit_takes(folder, circuit, takes or 0, knob, **planned)
        elif plugin is not None and takes is None:
            record.plugin_take(folder, plugin, knob, oversample=oversample, **single)
        elif plugin is not None:
            record.plugin_takes(folder, plugin, takes or 0, knob, oversample=oversample, **planned)
        elif not text or take is not None:
            _go_on(folder, take)
    from triode.capture.folder import read_capture

    added = read_capture(folder)
    say(f"{folder}: {len(added.takes)} {'take' if len(added.takes) == 1 else 'takes'} of {added.name}")


def pack(
    folder: Annotated[Path, typer.Argument(metavar="CAPTURE", help="The capture folder.")],
    target: Annotated[Path | None, typer.Argument(metavar="[OUT.zip]", help="The file; CAPTURE.zip if none.")] = None,
    licence: Annotated[str | None, typer.Option(help="Under which licence others may use it, like CC-BY-4.0.")] = None,
    author: Annotated[str | None, typer.Option(help="Who recorded it.")] = None,
    as_json: Json = False,
) -> None:
    """Make one file of a capture, to share it; licence and author are required, here or in its metadata."""
    from triode.capture.pack import pack_capture

    out = target or folder.resolve().parent / f"{folder.resolve().name}.zip"
    packed = pack_capture(folder, out, licence=licence, author=author)
    _tell(as_json, out, packed, f"{out}: {len(packed.takes)} takes of {packed.name}")


def unpack(
    source: Annotated[Path, typer.Argument(metavar="FILE.zip", help="A packed capture.")],
    folder: Annotated[Path | None, typer.Argument(metavar="[CAPTURE]", help="The new folder; FILE if none.")] = None,
    as_json: Json = False,
) -> None:
    """Check a packed capture and open it as a folder."""
    from triode.capture.pack import unpack_capture

    out = folder or source.with_suffix("")
    opened = unpack_capture(source, out)
    who = f"{opened.metadata['author']}, {opened.metadata['licence']}"
    _tell(as_json, out, opened, f"{out}: {len(opened.takes)} takes of {opened.name} ({who})")


def _tell(as_json: bool, out: Path, told: "Capture", text: str) -> None:
    if as_json:
        names = [take.name for take in told.takes]
        print_json({"path": str(out), "name": told.name, "takes": names, "metadata": told.metadata})
    else:
        say(text)


@contextmanager
def _described(folder: Path, text: Mapping[str, str]) -> Iterator[None]:
    """Keep `text` in the capture's metadata whatever comes of the recording: what is there can be gone on with."""
    from triode.capture.folder import is_capture, read_capture, write_capture

    try:
        yield
    finally:
        if text and is_capture(folder):
            capture = read_capture(folder)
            write_capture(replace(capture, metadata={**capture.metadata, **text}))


def _check_effect(context: typer.Context) -> None:
    """Refuse what would be ignored: a recording cannot be asked again what it was asked in vain."""
    sources = {p.opts[0]: context.get_parameter_source(p.name) for p in context.command.params if p.name}
    given = [option for option, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    how = next((way for way in EFFECTIVE if way in given), "")
    for option in given:
        ways = [way for way, effective in EFFECTIVE.items() if way and option in effective]
        if ways and option not in EFFECTIVE[how]:
            where = f"with {how}" if how else "alone"
            raise OptionError(f"{option} has no effect {where}; it goes with {' or '.join(ways)}")


def _has_plan(folder: Path) -> bool:
    from triode.capture.plan import read_plan

    return read_plan(folder) is not None


def _go_on(folder: Path, take: str | None) -> None:
    """Record what is left of the plan in `folder` with the device it was made for, or one take of it again."""
    from triode.capture.fill import fill_plan, record_again
    from triode.capture.plan import read_plan
    from triode.capture.record import device_of

    found = read_plan(folder)
    if found is None or found.source is None:
        raise OptionError("give a take as --files DRY WET, or a device as --circuit, --plugin or --interface")
    device = device_of(found.source)
    if take is None:
        fill_plan(found, device, _announce)
    else:
        record_again(found, take, device)


def _announce(take: "PlannedTake", number: int, count: int) -> None:
    values = ", ".join(f"{name} {value:g}" for name, value in take.settings.items())
    say(f"take {number} of {count}: {take.name}: {values}")
