"""`triode play`: a model live, through an audio interface."""

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live
from rich.text import Text

from triode.cli.console import print_table, say, stderr, stdout
from triode.cli.options import KnobValues
from triode.cli.rig_options import Fast, Oversample, Quality, RigOptions, with_rig_options
from triode.errors import OptionError

if TYPE_CHECKING:
    from triode.play import LivePlayer, Meters

LOOKS_PER_SECOND = 10


@with_rig_options
def play(
    model: Annotated[Path | None, typer.Argument(help="Any model file.")] = None,
    list_devices: Annotated[bool, typer.Option("--list", help="List the audio interfaces and stop.")] = False,
    device: Annotated[str | None, typer.Option(help="Name or number of the audio interface.")] = None,
    input_channel: Annotated[int, typer.Option(help="Channel of the guitar, counted from 1.")] = 1,
    rate: Annotated[float | None, typer.Option(help="Sample rate in Hz, if not the interface's own.")] = None,
    block: Annotated[int, typer.Option(help="Samples played at once; 0 lets the driver choose.")] = 64,
    seconds: Annotated[float | None, typer.Option(min=0.0, help="Stop after so long, not at Ctrl-C.")] = None,
    knob: KnobValues = [],  # noqa: B006
    *,
    rig: RigOptions,
    quality: Quality = 1.0,
    oversample: Oversample = 1,
    fast: Fast = False,
) -> None:
    """Play a model live through an audio interface, until Ctrl-C."""
    from triode.audio import read_audio
    from triode.engine import load
    from triode.knobs import parse_settings
    from triode.play import Interface, LivePlayer, default_rate_hz, devices
    from triode.rig import Rig

    if list_devices:
        for line in devices():
            stdout.print(line, markup=False)
        if not devices():
            say("there is no audio interface on this machine")
        return
    if model is None:
        raise OptionError("say which model to play: triode play MODEL")
    settings, second = rig.settings(), rig.second_files(quality)
    player = load(model, quality=quality, oversample=oversample, fast=fast)
    for name, value in parse_settings(knob, player.knobs).items():
        player.set(name, value)
    response = None if rig.ir is None else read_audio(rig.ir, channel=rig.ir_channel, option="--ir-channel")
    interface = Interface(device, input_channel, block)
    chain = Rig(
        player,
        settings,
        response=response,
        second=second.model(quality, oversample, fast),
        pairing=second.pairing,
        second_response=second.response(),
        sample_rate=rate or default_rate_hz(interface),
    )
    with LivePlayer(chain, interface) as live:
        say("playing; Ctrl-C stops")
        _watch(live, seconds)


def _watch(live: "LivePlayer", seconds: float | None) -> None:
    """Show the meters until the time is over or somebody presses Ctrl-C; then sum up."""
    began = time.monotonic()
    loudest = -1e3
    with suppress(KeyboardInterrupt), Live(console=stderr, transient=True, auto_refresh=False) as line:
        while seconds is None or time.monotonic() - began < seconds:
            live.wait(1 / LOOKS_PER_SECOND)
            meters = live.meters()
            loudest = max(loudest, meters.output_db)
            line.update(Text(_in_a_line(meters)), refresh=True)
    meters = live.meters()
    rows = {
        "played": f"{time.monotonic() - began:.1f} s",
        "loudest": f"{max(loudest, meters.output_db):.1f} dBFS" + (", clipped" if meters.clipped else ""),
        "latency": f"{1000 * meters.latency_seconds:.1f} ms",
        "xruns": meters.xruns,
    }
    print_table(rows)


def _in_a_line(meters: "Meters") -> str:
    clipped = "  CLIPPED" if meters.clipped else ""
    return (
        f"in {meters.input_db:6.1f} dBFS   out {meters.output_db:6.1f} dBFS{clipped}   "
        f"latency {1000 * meters.latency_seconds:.1f} ms   load {meters.load:.0%}   xruns {meters.xruns}"
    )
