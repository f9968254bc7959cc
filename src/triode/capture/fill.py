"""Filling a plan without a hand: take after take through a device that sets its own knobs.

Each take is added to the capture as soon as it is there, so that an interrupted run goes on where it stopped. A take
that the device fails at is left out and named at the end, when all others are there; the next run tries it again.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from triode.audio import Audio, Samples
from triode.capture.folder import Capture, add_take, is_capture, read_capture
from triode.capture.plan import (
    Plan,
    PlannedTake,
    PlanSource,
    capture_for_plan,
    extended_plan,
    planned_settings,
    read_plan,
    signal_of,
    tick_off,
    write_plan,
)
from triode.capture.signal import CaptureSignal, check_length, make_signal
from triode.errors import DeviceError, OptionError
from triode.knobs import Knob, parse_settings

# A device that fails so often in a row fails always.
MOST_FAILURES = 3


class Device(Protocol):
    """A device that can be recorded: `play` sends samples (n,) through it and returns what comes out."""

    def play(self, dry: Samples, rate_hz: int, settings: Mapping[str, float]) -> Samples:
        """What comes out (m,) with the knobs at `settings`; raises DeviceError where the device fails."""
        ...


Observer = Callable[[PlannedTake, int, int], None]


def plan_device(
    folder: Path,
    source: PlanSource,
    knobs: tuple[Knob, ...],
    takes: int,
    knob_texts: tuple[str, ...] = (),
    *,
    seed: int = 0,
    seconds: float = 60.0,
    rate_hz: int = 48000,
    name: str | None = None,
) -> Plan:
    """The plan with which the capture in `folder` gets to `takes` takes of the device `source`.

    The same request again returns the plan that is there; another one plans the missing takes anew, around those that
    are recorded. Raises OptionError and CaptureError.
    """
    check_length(seconds)
    old = read_plan(folder)
    if old is not None and old.source is not None and old.source != source:
        _refuse_takes_of(old.source, folder, source)
    capture = capture_for_plan(folder, name or source.name, rate_hz, () if is_capture(folder) else knobs)
    missing = takes - len(capture.takes)
    pending = old.pending(capture) if old is not None else ()
    request = (source, knob_texts, seed, seconds)
    if old and len(pending) == missing and (old.source, old.knobs, old.seed, old.seconds) == request:
        return old
    if missing < 1:
        raise OptionError(f"{folder} has {len(capture.takes)} takes; ask for more than that with --takes")
    plan = extended_plan(capture, missing, knob_texts, seed=seed, seconds=seconds, with_dry=False, source=source)
    write_plan(plan, capture)
    return plan


def fill_plan(plan: Plan, device: Device, observe: Observer = lambda take, number, count: None) -> Capture:
    """Record the pending takes of `plan`; returns the capture with all of them.

    `observe` is told of each take before it is played, with its number and how many there are. Raises DeviceError
    naming the takes that the device failed at, after the others are recorded (or three in a row have failed).
    """
    capture = read_capture(plan.folder)
    pending = plan.pending(capture)
    failed: dict[str, str] = {}
    in_a_row = 0
    for number, take in enumerate(pending, 1):
        observe(take, number, len(pending))
        try:
            capture = _record(plan, take, capture, device)
            in_a_row = 0
        except DeviceError as error:
            failed[take.name] = str(error)
            in_a_row += 1
            if in_a_row == MOST_FAILURES:
                break
    if failed:
        named = "; ".join(f"{name}: {why}" for name, why in failed.items())
        there = f"{len(plan.takes) - len(plan.pending(capture))} of {len(plan.takes)} takes are recorded"
        raise DeviceError(f"{there}, the device failed at {named}; run the command again to go on")
    return capture


def record_again(plan: Plan, name: str, device: Device) -> Capture:
    """Record one take of `plan` anew, whether it is there or not; raises OptionError for a name that is not planned."""
    take = plan.take(name)
    if take is None:
        raise OptionError(f"--take {name}: it is not planned; the plan has {', '.join(t.name for t in plan.takes)}")
    return _record(plan, take, read_capture(plan.folder), device)


def asked_take(
    folder: Path,
    take: str | None,
    knob_texts: Sequence[str],
    knobs: Sequence[Knob],
    *,
    seconds: float,
    rate_hz: int,
    seed: int,
) -> tuple[dict[str, float], CaptureSignal]:
    """Settings and signal of one take to play: what the plan says where `take` is planned, but for knobs named here.

    Raises OptionError for knobs that are not there and values out of range.
    """
    plan = read_plan(folder)
    planned = plan.take(take) if plan is not None and take is not None else None
    if plan is None or planned is None:
        return parse_settings(knob_texts, knobs), make_signal(seconds=seconds, rate_hz=rate_hz, seed=seed)
    settings = parse_settings(knob_texts, knobs, at=planned_settings(plan, planned, knobs))
    return settings, signal_of(plan, planned, read_capture(folder).rate_hz)


def check_source(folder: Path, asked: PlanSource) -> PlanSource:
    """The device as the plan in `folder` has it, with what it holds fixed; `asked` where there is no plan for it.

    Raises OptionError where the folder has takes of another device.
    """
    old = read_plan(folder)
    if old is None or old.source is None:
        return asked
    if (old.source.kind, old.source.name) == (asked.kind, asked.name):
        return old.source
    _refuse_takes_of(old.source, folder, asked)
    return asked


def _refuse_takes_of(source: PlanSource, folder: Path, asked: PlanSource) -> None:
    if read_capture(folder).takes:
        raise OptionError(f"{folder} is a capture of {source}; choose another folder for {asked}")


def play_take(
    folder: Path,
    device: Device,
    knobs: Sequence[Knob],
    settings: Mapping[str, float],
    signal: CaptureSignal,
    *,
    take: str | None = None,
    name: str | None = None,
    notes: str = "",
) -> Capture:
    """Send `signal` through `device` at `settings` and add what comes out as a take; a retake replaces.

    `knobs` are declared where the capture is new, `name` is then the device's. Raises DeviceError, also for samples
    that are no numbers, OptionError and CaptureError.
    """
    wet = device.play(signal.samples, signal.rate_hz, settings)
    if not np.all(np.isfinite(wet)):
        raise DeviceError("it returned NaN or infinite samples")
    capture = add_take(
        folder,
        Audio(signal.samples, signal.rate_hz),
        Audio(wet, signal.rate_hz),
        settings,
        name=take,
        notes=notes,
        replace_existing=True,
        device=name,
        knobs=knobs,
        manifest=signal.manifest,
    )
    tick_off(capture)
    return capture


def _record(plan: Plan, take: PlannedTake, capture: Capture, device: Device) -> Capture:
    signal = signal_of(plan, take, capture.rate_hz)
    settings = planned_settings(plan, take, capture.knobs)
    return play_take(capture.folder, device, (), settings, signal, take=take.name)
