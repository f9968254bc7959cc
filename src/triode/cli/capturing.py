"""`triode plan` and `triode capture`: which takes to record, and recording them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triode.cli.console import print_json, print_table, say
from triode.cli.options import Channel, Json, KnobValues
from triode.errors import OptionError

if TYPE_CHECKING:
    from triode.capture.folder import Capture
    from triode.capture.plan import PlannedTake

PLANNED_SECONDS, SINGLE_SECONDS = 60.0, 180.0

Folder = Annotated[Path, typer.Argument(metavar="CAPTURE", help="The capture folder, made if it is not there.")]
Ranges = Annotated[
    list[str], typer.Option("--knob", help="name=low:high to vary, name=value to hold, name=a,b,c for a switch.")
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
    folder: Folder,
    files: Annotated[tuple[Path, Path] | None, typer.Option(metavar="DRY WET", help="A recorded take.")] = None,
    circuit: Annotated[str | None, typer.Option(help="A built-in circuit: overdrive or preamp.")] = None,
    takes: Annotated[int | None, typer.Option(help="Plan and record so many takes by itself.")] = None,
    knob: KnobValues = [],  # noqa: B006
    seconds: Annotated[float | None, typer.Option(help="Length of the signal sent through the device.")] = None,
    rate: Annotated[int, typer.Option(help="Sample rate of the signal sent through the device.")] = 48000,
    seed: Annotated[int, typer.Option(help="Seed of the signal, and of the plan.")] = 0,
    take: Annotated[str | None, typer.Option(help="Name of the take; an existing one is replaced.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the device.")] = None,
    notes: Annotated[str, typer.Option(help="Anything worth remembering about this take.")] = "",
    channel: Channel = None,
) -> None:
    """Add takes to a capture folder: from two files, from a built-in circuit, or all takes of a plan."""
    if files is not None and circuit is not None:
        raise OptionError("give takes either as --files DRY WET or as --circuit NAME")
    from triode.capture import record

    if files is not None:
        added = record.file_take(folder, *files, knob, channel=channel, take=take, name=name, notes=notes)
    elif takes is not None and circuit is not None:
        _refuse_single(take, notes)
        length = PLANNED_SECONDS if seconds is None else seconds
        added = record.circuit_takes(
            folder, circuit, takes, knob, seed=seed, seconds=length, rate_hz=rate, name=name, observe=_announce
        )
    elif circuit is not None:
        length = SINGLE_SECONDS if seconds is None else seconds
        added = record.circuit_take(
            folder, circuit, knob, seconds=length, rate_hz=rate, seed=seed, take=take, name=name, notes=notes
        )
    else:
        added = _go_on(folder)
    say(f"{folder}: {len(added.takes)} {'take' if len(added.takes) == 1 else 'takes'} of {added.name}")


def _refuse_single(take: str | None, notes: str) -> None:
    if take is not None or notes:
        raise OptionError("--take and --notes are for one take; leave them out with --takes")


def _go_on(folder: Path) -> "Capture":
    """Record what is left of the plan in `folder`, with the device it was made for."""
    from triode.capture.fill import fill_plan
    from triode.capture.plan import read_plan
    from triode.capture.record import device_of

    found = read_plan(folder)
    if found is None or found.source is None:
        raise OptionError("give a take as --files DRY WET, or a device as --circuit NAME")
    return fill_plan(found, device_of(found.source), _announce)


def _announce(take: "PlannedTake", number: int, count: int) -> None:
    values = ", ".join(f"{name} {value:g}" for name, value in take.settings.items())
    say(f"take {number} of {count}: {take.name}: {values}")
