"""Checking a capture as a whole: takes that contradict each other, and planned takes that are not there."""

from collections.abc import Mapping, Sequence

import numpy as np

from triode.audio import Audio
from triode.capture.align import apply_alignment
from triode.capture.checks import CheckReport, Finding
from triode.capture.folder import Capture, Take, load_take, take_manifest
from triode.capture.manifest import SignalManifest
from triode.capture.neighbours import Contradiction, HeardTake, Kind, contradictions
from triode.capture.plan import read_plan
from triode.knobs import Knob

# So much of a dry file that takes share is compared directly, where it is loudest.
COMPARED_SECONDS = 2.0

WHY = "a model is told the wrong place of a knob, and cannot get better than that"
STORIES: Mapping[Kind, tuple[str, str]] = {
    "unturned": ("{0} and {1} sound the same, at different settings", "a knob was not turned? Record {1} again"),
    "exchanged": (
        "{0} and {1} fit the other takes if they change places",
        "exchange their settings, or record both",
    ),
    "odd": (
        "{0} fits none of the other takes",
        "another device, or a knob that is not noted? Record it again",
    ),
}
ONE_UNTURNED = (
    "{1} fits the other takes if {2} still stood where it was in {0}",
    "{2} was not turned? Record {1} again",
)


def check_capture(capture: Capture, reports: Mapping[str, CheckReport]) -> list[tuple[tuple[str, ...], Finding]]:
    """What is wrong with the capture as a whole: the names of the takes concerned, and the finding.

    `reports` are those of the takes by name; takes that could not be aligned are left out.
    """
    found = [
        (contradiction.takes, _finding(contradiction, capture.knobs))
        for contradiction in contradictions(_heard(capture, reports))
    ]
    plan = read_plan(capture.folder)
    missing = [take.name for take in plan.pending(capture)] if plan else []
    if missing:
        text = f"{len(missing)} planned takes are not recorded: {', '.join(missing)}"
        why = "the plan covers the knobs only as a whole"
        found.append(((), Finding("missing", "info", text, why, "record them, or plan anew")))
    return found


def _finding(contradiction: Contradiction, knobs: Sequence[Knob]) -> Finding:
    story, knob = STORIES[contradiction.kind], contradiction.knob
    names = contradiction.takes if knob is None else (*contradiction.takes, knobs[knob].name)
    measured, what_to_do = (text.format(*names) for text in (story if knob is None else ONE_UNTURNED))
    return Finding(contradiction.kind, "warning", measured, WHY, what_to_do)


def _heard(capture: Capture, reports: Mapping[str, CheckReport]) -> list[HeardTake]:
    """The capture's takes as they are compared, in the order of recording."""
    if not capture.knobs or len(capture.takes) < 2:
        return []
    return [
        _heard_take(capture.knobs, take, load_take(capture, take), take_manifest(capture, take), reports[take.name])
        for take in capture.takes
        if take.name in reports and reports[take.name].alignment is not None
    ]


def _heard_take(
    knobs: tuple[Knob, ...],
    take: Take,
    audio: tuple[Audio, Audio],
    manifest: SignalManifest | None,
    report: CheckReport,
) -> HeardTake:
    assert report.alignment is not None
    rate_hz = audio[0].rate_hz
    dry, wet = apply_alignment(audio[0].samples, audio[1].samples, report.alignment, 0)
    travel = np.array([knob.travel(take.settings[knob.name]) for knob in knobs])
    sweep = next((segment for segment in manifest.segments if segment.kind == "sweep"), None) if manifest else None
    if sweep is None:
        length = round(COMPARED_SECONDS * rate_hz)
        loudness = np.add.reduceat(dry.astype(np.float64) ** 2, np.arange(0, len(dry), length))
        start = int(np.argmax(loudness)) * length
        return HeardTake(take.name, travel, dry, wet, rate_hz, take.dry, (start, start + length))
    # What alignment cut off at the beginning of dry.
    late = max(0, -report.alignment.removed_samples(0))
    ends = (round(sweep.start_seconds * rate_hz) - late, round(sweep.end_seconds * rate_hz) - late)
    excitation = f"sweep {sweep.level_dbfs} {ends[1] + late} {ends[0] + late} {rate_hz}"
    return HeardTake(take.name, travel, dry, wet, rate_hz, excitation, (max(0, ends[0]), ends[1]), is_sweep=True)
