"""Making takes: from two files, or by sending the capture signal through a built-in circuit."""

from collections.abc import Sequence
from pathlib import Path

from triode.audio import Audio, read_audio
from triode.capture.devices import circuits, run_circuit
from triode.capture.folder import Capture, add_take, guess_knob, is_capture, read_capture
from triode.capture.manifest import find_manifest
from triode.capture.signal import make_signal
from triode.errors import OptionError
from triode.knobs import parse_settings


def circuit_take(
    folder: Path,
    circuit: str,
    knob_texts: Sequence[str],
    *,
    seconds: float = 180.0,
    rate_hz: int = 48000,
    seed: int = 0,
    take: str | None = None,
    name: str | None = None,
    notes: str = "",
) -> Capture:
    """Send the capture signal through a built-in circuit and add what comes out as a take; a retake replaces."""
    known = circuits()
    if circuit not in known:
        raise OptionError(f"--circuit {circuit}: unknown; the built-in circuits are {', '.join(known)}")
    knobs = known[circuit].knobs
    settings = parse_settings(knob_texts, knobs)
    signal = make_signal(seconds=seconds, rate_hz=rate_hz, seed=seed)
    wet = run_circuit(circuit, signal.samples, rate_hz, settings)
    return add_take(
        folder,
        Audio(signal.samples, rate_hz),
        Audio(wet, rate_hz),
        settings,
        name=take,
        notes=notes,
        replace_existing=True,
        device=name or circuit,
        knobs=knobs,
        manifest=signal.manifest,
    )


def file_take(
    folder: Path,
    dry: Path,
    wet: Path,
    knob_texts: Sequence[str],
    *,
    channel: int | None = None,
    take: str | None = None,
    name: str | None = None,
    notes: str = "",
) -> Capture:
    """Add a recorded take; knobs that the capture does not know yet are declared 0 to 10 when it is new."""
    if is_capture(folder):
        knobs = read_capture(folder).knobs
    else:
        knobs = tuple(guess_knob(*_named_value(text)) for text in knob_texts)
    return add_take(
        folder,
        read_audio(dry, channel=channel),
        read_audio(wet, channel=channel),
        parse_settings(knob_texts, knobs),
        name=take,
        notes=notes,
        replace_existing=True,
        device=name,
        knobs=knobs,
        manifest=find_manifest(dry),
    )


def _named_value(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise OptionError(f"--knob {text}: expected name=number, like drive=7") from None
