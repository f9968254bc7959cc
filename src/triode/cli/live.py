"""Recording through an interface at a terminal: what is asked and told between takes."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from triode.cli.console import say
from triode.errors import OptionError

if TYPE_CHECKING:
    from triode.capture.interface import Levels
    from triode.capture.live import Session


def open_session(
    device: str | None,
    input_channel: int,
    output_channel: int,
    repeats: int,
    midi_cc: Sequence[str],
    midi_port: str | None,
) -> "Session":
    """The interface and, where knobs are set by MIDI, the port."""
    from triode.capture.interface import MidoPort, SoundPort, parse_controllers
    from triode.capture.live import Session

    controllers = parse_controllers(midi_cc)
    midi = MidoPort(midi_port) if controllers else None
    port = SoundPort(device, input_channel, output_channel)
    return Session(port, ask_for, tell_levels, repeats, controllers, midi)


def ask_for(settings: Mapping[str, str]) -> None:
    """Ask a person to set the knobs; `q` stops, and the same command goes on later."""
    values = ", ".join(f"{name} to {value}" for name, value in settings.items())
    say(f"set {values}; then press Enter (q and Enter to stop, and go on later)")
    answer = sys.stdin.readline()
    if not answer:
        raise OptionError("there is nobody to set the knobs: run this at a terminal, or use --midi-cc")
    if answer.strip().lower() == "q":
        raise KeyboardInterrupt


def tell_levels(levels: "Levels") -> None:
    """What the level check found."""
    say(
        f"level check: return peaks at {levels.peak_dbfs:.1f} dBFS, noise {levels.noise_dbfs:.0f} dBFS, "
        f"latency {levels.latency_samples:.1f} samples"
    )
    if levels.advice:
        say(f"warning: {levels.advice}")
