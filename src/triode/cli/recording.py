"""`triode signal`, `capture` and `check`: everything left of the dataset."""

from pathlib import Path
from typing import Annotated

import typer

from triode.cli.console import print_findings, print_json, print_table, say
from triode.cli.options import Channel, DryFile, Json, KnobValues, Take, WetFile
from triode.cli.takes import sources
from triode.errors import OptionError


def signal(
    target: Annotated[Path, typer.Argument(metavar="OUT.wav", help="The wav to write; its manifest goes beside it.")],
    seconds: Annotated[float, typer.Option(help="Length in seconds.")] = 180.0,
    rate: Annotated[int, typer.Option(help="Sample rate in Hz.")] = 48000,
    level: Annotated[float, typer.Option(help="Peak level in dBFS.")] = -1.0,
    seed: Annotated[int, typer.Option(help="Another seed plays other phrases.")] = 0,
    di: Annotated[Path | None, typer.Option(help="A dry guitar recording to append.")] = None,
    channel: Channel = None,
) -> None:
    """Write the capture signal: what to send through an amp so that everything it does can be learned."""
    from triode.audio import read_audio, resample
    from triode.capture.signal import make_signal, write_signal

    extra = None
    if di is not None:
        audio = read_audio(di, channel=channel)
        extra = resample(audio.samples, audio.rate_hz, rate)
    made = make_signal(seconds=seconds, rate_hz=rate, seed=seed, level_dbfs=level, di=extra)
    write_signal(target, made)
    say(
        f"{target}: {len(made.samples) / rate:.1f} s at {rate} Hz; play it through the device and record what comes out"
    )


def capture(
    folder: Annotated[Path, typer.Argument(metavar="CAPTURE", help="The capture folder, made if it is not there.")],
    files: Annotated[tuple[Path, Path] | None, typer.Option(metavar="DRY WET", help="A recorded take.")] = None,
    circuit: Annotated[str | None, typer.Option(help="A built-in circuit: overdrive or preamp.")] = None,
    knob: KnobValues = [],  # noqa: B006
    seconds: Annotated[float, typer.Option(help="Length of the signal sent through a circuit.")] = 180.0,
    rate: Annotated[int, typer.Option(help="Sample rate of the signal sent through a circuit.")] = 48000,
    seed: Annotated[int, typer.Option(help="Seed of the signal sent through a circuit.")] = 0,
    take: Annotated[str | None, typer.Option(help="Name of the take; an existing one is replaced.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the device.")] = None,
    notes: Annotated[str, typer.Option(help="Anything worth remembering about this take.")] = "",
    channel: Channel = None,
) -> None:
    """Add a take to a capture folder, from two files or from a built-in circuit."""
    if (files is None) == (circuit is None):
        raise OptionError("give a take either as --files DRY WET or as --circuit NAME")
    from triode.capture import record

    if circuit is not None:
        added = record.circuit_take(
            folder, circuit, knob, seconds=seconds, rate_hz=rate, seed=seed, take=take, name=name, notes=notes
        )
    else:
        assert files is not None
        added = record.file_take(folder, *files, knob, channel=channel, take=take, name=name, notes=notes)
    say(f"{folder}: {len(added.takes)} {'take' if len(added.takes) == 1 else 'takes'} of {added.name}")


def check(
    folder: Annotated[Path | None, typer.Argument(metavar="[CAPTURE]", help="A capture folder.")] = None,
    dry: DryFile = None,
    wet: WetFile = None,
    channel: Channel = None,
    take: Take = None,
    as_json: Json = False,
) -> None:
    """Check a recording: latency, polarity, drift, clipping, noise, and whether it can be learned from at all."""
    from triode.capture.checks import check_take

    found = sources([folder] if folder else [], dry, wet, channel, take, one_setting=False)
    reports = [
        (name, check_take(*pair, manifest))
        for source in found
        for name, pair, manifest in zip(source.take_names, source.takes, source.manifests, strict=True)
    ]
    if as_json:
        entries = [{"take": name, **report.to_json()} for name, report in reports]
        print_json(entries[0] if len(entries) == 1 else {"takes": entries})
    for name, report in reports:
        if not as_json:
            _print_report(name, report.to_json())
    if any(finding.severity == "refuse" for _, report in reports for finding in report.findings):
        raise typer.Exit(1)


def _print_report(name: str, report: dict[str, object]) -> None:
    findings = report.pop("findings")
    print_table({"take": name, **{key.replace("_", " "): _short(value) for key, value in report.items()}})
    assert isinstance(findings, list)
    print_findings(findings)


def _short(value: object) -> object:
    return f"{value:.4g}" if isinstance(value, float) else "not measured" if value is None else value
