"""`triode signal` and `triode check`: what to send through a device, and whether what came back is any good."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from triode.cli.console import print_findings, print_json, print_table, say
from triode.cli.options import Channel, DryFile, Json, Take, WetFile
from triode.cli.takes import sources

if TYPE_CHECKING:
    from triode.capture.checks import CheckReport


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
    entries = [{"take": name, **report.to_json()} for name, report in reports]
    whole = _check_whole(folder, dict(reports), entries) if folder is not None and take is None else []
    if as_json:
        print_json(entries[0] if len(entries) == 1 else {"takes": entries, "findings": whole})
    else:
        for entry in entries:
            _print_report(entry)
        print_findings(whole)
    if any(finding.severity == "refuse" for _, report in reports for finding in report.findings):
        raise typer.Exit(1)


def _check_whole(
    folder: Path, reports: "Mapping[str, CheckReport]", entries: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What is found about the capture as a whole; what concerns a take goes into its entry."""
    from triode.capture.coherence import check_capture
    from triode.capture.folder import read_capture

    whole = []
    for names, finding in check_capture(read_capture(folder), reports):
        for entry in entries:
            if entry["take"] in names or len(entries) == 1:
                entry["findings"].append(asdict(finding))
        if not names:
            whole.append(asdict(finding))
    return whole


def _print_report(report: dict[str, Any]) -> None:
    findings = report.pop("findings")
    print_table({key.replace("_", " "): _short(value) for key, value in report.items()})
    print_findings(findings)


def _short(value: object) -> object:
    return f"{value:.4g}" if isinstance(value, float) else "not measured" if value is None else value
