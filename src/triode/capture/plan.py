"""A plan: which settings of the knobs to record, in which order, and what to play into the device for each.

It lies in the capture's folder as `plan.json` for programs and `plan.md` to print and tick off; `plan/` holds a dry
file for each take. Which takes are done is not written down twice: those are the ones that `capture.toml` has.

Each take plays another seed of the capture signal. A model of a device with knobs must know every setting for every
kind of playing; with the same playing in each take, it would hear few notes at many settings, and a take that is held
out would be judged on notes that it was trained on. What makes takes comparable (sweeps, levels) is in all of them.
"""

import itertools
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from triode.capture.design import Space, choose_settings
from triode.capture.folder import FILE_NAME, Capture, is_capture, read_capture, with_knobs, write_capture
from triode.capture.knob_ranges import declared_knobs, parse_ranges
from triode.capture.signal import CaptureSignal, check_length, make_signal, write_signal
from triode.errors import CaptureError, OptionError
from triode.files import make_folder, write_text
from triode.knobs import Knob, checked_settings

PLAN_NAME, TABLE_NAME, DRY_FOLDER = "plan.json", "plan.md", "plan"
MOST_TAKES = 1000
SECONDS = 60.0
# Seeds of one plan's takes are neighbours; those of another plan's seed are far away.
SEEDS_PER_PLAN = 100_000


@dataclass(frozen=True)
class PlannedTake:
    """A take to record: `settings` of all knobs, `seed` of the signal, `dry` the file to play ('' for none)."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    settings: dict[str, Annotated[float, Field(allow_inf_nan=False)]]
    seed: Annotated[int, Field(ge=0)]
    dry: str = ""


@dataclass(frozen=True)
class PlanSource:
    """The device that fills the plan by itself: a built-in circuit, or a plug-in with its other controls `fixed`."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: Literal["circuit", "plugin"]
    name: Annotated[str, Field(min_length=1)]
    fixed: dict[str, Annotated[float, Field(allow_inf_nan=False)]]
    oversample: Annotated[int, Field(ge=1, le=16)] = 1

    def __str__(self) -> str:
        held = "".join(f", {name} {value:g}" for name, value in self.fixed.items())
        return f"the {self.kind} {self.name} ({self.oversample}x{held})"


@dataclass(frozen=True)
class Plan:
    """The takes to record in `folder`, each `seconds` of the capture signal.

    `knobs` and `seed` are what was asked for (`drive=0:10`), so that the same request again goes on with the plan.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    folder: Path
    seconds: float
    takes: tuple[PlannedTake, ...]
    source: PlanSource | None = None
    knobs: tuple[str, ...] = ()
    seed: int = 0
    version: Literal[1] = 1

    def pending(self, capture: Capture) -> tuple[PlannedTake, ...]:
        """The takes that the capture does not have yet, in order."""
        there = {take.name for take in capture.takes}
        return tuple(take for take in self.takes if take.name not in there)

    def take(self, name: str) -> PlannedTake | None:
        """The planned take called `name`, None where there is none."""
        return next((take for take in self.takes if take.name == name), None)


def capture_for_plan(folder: Path, name: str, rate_hz: int, knobs: Sequence[Knob]) -> Capture:
    """The capture in `folder`, or one without takes that is still to be written; `knobs` it does not have are added.

    Raises CaptureError where they contradict it.
    """
    capture = read_capture(folder) if is_capture(folder) else Capture(folder, name, rate_hz)
    return with_knobs(capture, knobs)


def make_plan(
    folder: str | Path,
    takes: int,
    knob_texts: Sequence[str] = (),
    *,
    seed: int = 0,
    seconds: float = SECONDS,
    rate_hz: int = 48000,
    name: str | None = None,
) -> Plan:
    """Plan `takes` more takes of a device that is recorded by hand, and write table and dry files into the folder.

    Knobs are those of capture.toml and of `knob_texts` (`gain=0:10` declares or narrows one, `gain=3` holds it). Takes
    of an older plan that were not recorded are dropped. Raises OptionError and CaptureError.
    """
    folder = Path(folder)
    check_length(seconds)
    known = read_capture(folder).knobs if is_capture(folder) else ()
    added = declared_knobs(knob_texts, known)
    capture = capture_for_plan(folder, name or folder.resolve().name or "capture", rate_hz, added)
    plan = extended_plan(capture, takes, knob_texts, seed=seed, seconds=seconds, with_dry=True)
    signals = ((take, signal_of(plan, take, capture.rate_hz)) for take in plan.pending(capture))
    write_plan(plan, capture, signals)
    return plan


def extended_plan(
    capture: Capture,
    takes: int,
    knob_texts: Sequence[str],
    *,
    seed: int,
    seconds: float,
    with_dry: bool,
    source: PlanSource | None = None,
) -> Plan:
    """A plan of the takes recorded by an older plan and of `takes` new ones; nothing is written.

    By hand (`with_dry`) values are half marks; a program sets knobs more finely.
    """
    _check_count(takes)
    if not capture.knobs:
        raise OptionError(
            f"{capture.folder / FILE_NAME} declares no knobs; add one with --knob, like --knob drive=0:10"
        )
    ranges = parse_ranges(knob_texts, capture.knobs)
    limits = {**ranges.limits, **{name: (value, value) for name, value in ranges.held.items()}}
    space = Space(capture.knobs, limits, capture.couplings, by_hand=with_dry)
    settings = choose_settings(space, takes, [take.settings for take in capture.takes], seed)
    old = read_plan(capture.folder)
    done = () if old is None else tuple(take for take in old.takes if take not in old.pending(capture))
    planned = _planned(settings, {take.name for take in capture.takes}, seed, with_dry)
    return Plan(capture.folder, seconds, done + planned, source, tuple(knob_texts), seed)


def appended_plan(capture: Capture, settings: Sequence[dict[str, float]], source: PlanSource | None = None) -> Plan:
    """The plan in the capture's folder, or a new one for `source`, with takes at `settings` added; nothing is written.

    New takes play as long as those of the plan, and where that is by hand, from dry files.
    """
    old = read_plan(capture.folder) or Plan(capture.folder, SECONDS, (), source)
    taken = {take.name for take in capture.takes} | {take.name for take in old.takes}
    return replace(old, takes=old.takes + _planned(settings, taken, old.seed, with_dry=old.source is None))


def _planned(
    settings: Sequence[dict[str, float]], taken: Collection[str], seed: int, with_dry: bool
) -> tuple[PlannedTake, ...]:
    """Takes at `settings`, with the first numbers that are not `taken`."""
    free = (number for number in itertools.count(1) if f"take-{number:02d}" not in taken)
    return tuple(
        PlannedTake(
            f"take-{number:02d}",
            values,
            seed * SEEDS_PER_PLAN + number,
            f"{DRY_FOLDER}/take-{number:02d}.wav" if with_dry else "",
        )
        for number, values in zip(free, settings, strict=False)
    )


def signal_of(plan: Plan, take: PlannedTake, rate_hz: int) -> CaptureSignal:
    """What is played for a planned take."""
    return make_signal(seconds=plan.seconds, rate_hz=rate_hz, seed=take.seed)


def read_plan(folder: str | Path) -> Plan | None:
    """The plan in a capture's folder, None where there is none. Raises CaptureError for a file that is no plan."""
    path = Path(folder) / PLAN_NAME
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_bytes())
        if not isinstance(document, dict):
            raise ValueError("not a JSON object")
        return TypeAdapter(Plan).validate_python({**document, "folder": path.parent})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise CaptureError(f"{path}: not a plan: {key}: {first['msg']}; make it again with `triode plan`") from error
    except (ValueError, OSError, RecursionError) as error:
        raise CaptureError(f"{path}: not a plan ({error}); make it again with `triode plan`") from error


def write_plan(plan: Plan, capture: Capture, signals: Iterable[tuple[PlannedTake, CaptureSignal]] = ()) -> None:
    """Write a plan: capture.toml where it is new, the dry files of `signals`, the plan and its table, each in one step.

    The plan is written when its dry files are there.
    """
    if not capture.folder.is_dir():
        make_folder(capture.folder)
    if not is_capture(capture.folder) or read_capture(capture.folder) != capture:
        write_capture(capture)
    for take, signal in signals:
        path = plan.folder / take.dry
        if not path.parent.is_dir():
            make_folder(path.parent)
        write_signal(path, signal)
    document: dict[str, Any] = {key: value for key, value in asdict(plan).items() if key != "folder"}
    write_text(plan.folder / PLAN_NAME, json.dumps(document, indent=1) + "\n")
    write_text(plan.folder / TABLE_NAME, plan_table(plan, capture))


def tick_off(capture: Capture) -> None:
    """Bring the table up to date with the takes that are there; nothing happens where there is no plan."""
    plan = read_plan(capture.folder)
    if plan is not None:
        write_text(plan.folder / TABLE_NAME, plan_table(plan, capture))


def planned_settings(plan: Plan, take: PlannedTake, knobs: Sequence[Knob]) -> dict[str, float]:
    """The settings of a planned take, checked against the knobs as they are declared now. Raises CaptureError."""
    try:
        return checked_settings(take.settings, knobs)
    except OptionError as error:
        text = str(error).removeprefix("--knob ")
        raise CaptureError(f"{plan.folder / PLAN_NAME}: take {take.name!r}: {text}; plan again") from error


def plan_table(plan: Plan, capture: Capture) -> str:
    """The plan as a Markdown table: what is done, where each knob goes, and which to turn from the take before."""
    pending = plan.pending(capture)
    knobs = capture.knobs
    how = (
        ["`triode capture` with the name of this folder records the others."]
        if plan.source
        else [
            "For each take: set the knobs, play its dry file through the device, record what comes out, and add it:",
            "",
            "    triode capture FOLDER --files DRY WET",
        ]
    )
    lines = [
        f"# Plan: {capture.name}",
        "",
        f"{len(plan.takes) - len(pending)} of {len(plan.takes)} takes are recorded.",
        *how,
        "",
        "| done | take | " + " | ".join(_heading(knob) for knob in knobs) + " | turn | play |",
        "|---|---|" + "---|" * len(knobs) + "---|---|",
    ]
    before: dict[str, float] | None = None
    for take in plan.takes:
        settings = planned_settings(plan, take, knobs)
        turned = [knob.name for knob in knobs if before is not None and before[knob.name] != settings[knob.name]]
        values = " | ".join(knob.shown(settings[knob.name]) for knob in knobs)
        turn = "all" if before is None else ", ".join(turned)
        lines.append(f"| [{' ' if take in pending else 'x'}] | {take.name} | {values} | {turn} | {take.dry} |")
        before = settings
    return "\n".join(lines) + "\n"


def _heading(knob: Knob) -> str:
    ends = knob.choices() if knob.steps else f"{knob.low:g} to {knob.high:g}"
    return f"{knob.name} ({ends}{' ' + knob.unit if knob.unit else ''})"


def _check_count(takes: int) -> None:
    if not 1 <= takes <= MOST_TAKES:
        raise OptionError(f"--takes {takes}: expected 1 to {MOST_TAKES}")
