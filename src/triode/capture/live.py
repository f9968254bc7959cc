"""Takes through an audio interface: all that a plan lacks, or a single one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from triode.capture.fill import Observer, asked_take, fill_plan, play_take
from triode.capture.folder import Capture, is_capture, read_capture
from triode.capture.interface import AudioPort, InterfaceDevice, Levels, MidiPort, check_levels
from triode.capture.knob_ranges import guessed_knobs
from triode.capture.plan import Plan, make_plan, read_plan
from triode.errors import OptionError
from triode.knobs import Knob

Asker = Callable[[Mapping[str, str]], None]


@dataclass(frozen=True)
class Session:
    """An interface with a device behind it: who sets its knobs, how often each take is played, who is told levels."""

    port: AudioPort
    ask: Asker
    tell_levels: Callable[[Levels], None] = lambda levels: None
    repeats: int = 1
    controllers: Mapping[str, int] = field(default_factory=dict)
    midi: MidiPort | None = None

    def device(self, knobs: Sequence[Knob]) -> InterfaceDevice:
        """The device behind the interface, with the knobs it has."""
        return InterfaceDevice(
            self.port, knobs, self.ask, repeats=self.repeats, controllers=self.controllers, midi=self.midi
        )


def interface_takes(
    folder: Path,
    session: Session,
    takes: int | None = None,
    knob_texts: Sequence[str] = (),
    *,
    seed: int | None = None,
    seconds: float | None = None,
    rate_hz: int = 48000,
    name: str | None = None,
    observe: Observer = lambda take, number, count: None,
) -> Capture:
    """Record what the plan in `folder` lacks; with `takes`, plan first so that the capture gets to so many.

    A plan that is there and fits is gone on with; where `knob_texts`, `seed` or `seconds` ask for another, what is not
    recorded yet is planned anew.
    The level is checked before the first take. Raises OptionError where there is neither plan nor `takes`, DeviceError
    where nothing comes back.
    """
    plan = _plan_for(folder, takes, knob_texts, seed, seconds, rate_hz, name)
    capture = read_capture(folder)
    device = session.device(capture.knobs)
    if plan.pending(capture):
        session.tell_levels(check_levels(session.port, capture.rate_hz))
    return fill_plan(plan, device, observe)


def interface_take(
    folder: Path,
    session: Session,
    knob_texts: Sequence[str] = (),
    *,
    take: str | None = None,
    seed: int = 0,
    seconds: float = 180.0,
    rate_hz: int = 48000,
    name: str | None = None,
    notes: str = "",
) -> Capture:
    """Record one take at the values of `knob_texts`, or a planned one again by its name; a retake replaces.

    Where `take` is planned, the plan says at which settings, but for `knob_texts`, and with which signal.
    """
    if is_capture(folder):
        capture = read_capture(folder)
        knobs, rate_hz = capture.knobs, capture.rate_hz
    else:
        knobs = guessed_knobs(knob_texts)
    settings, signal = asked_take(folder, take, knob_texts, knobs, seconds=seconds, rate_hz=rate_hz, seed=seed)
    device = session.device(knobs)
    session.tell_levels(check_levels(session.port, rate_hz))
    return play_take(folder, device, knobs, settings, signal, take=take, name=name, notes=notes)


def _plan_for(
    folder: Path,
    takes: int | None,
    knob_texts: Sequence[str],
    seed: int | None,
    seconds: float | None,
    rate_hz: int,
    name: str | None,
) -> Plan:
    plan = read_plan(folder)
    capture = read_capture(folder) if is_capture(folder) else None
    there = len(capture.takes) if capture else 0
    pending = plan.pending(capture) if plan and capture else ()
    if takes is None:
        if plan is None:
            raise OptionError(f"{folder} has no plan; say how many takes to record with --takes")
        return plan
    if plan is not None and there + len(pending) == takes:
        asked = (tuple(knob_texts) or plan.knobs, plan.seed if seed is None else seed, seconds or plan.seconds)
        if asked == (plan.knobs, plan.seed, plan.seconds):
            return plan
    if takes <= there:
        raise OptionError(f"{folder} has {there} takes; ask for more than that with --takes")
    length = {} if seconds is None else {"seconds": seconds}
    return make_plan(folder, takes - there, knob_texts, seed=seed or 0, rate_hz=rate_hz, name=name, **length)
