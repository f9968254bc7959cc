"""Listening tests: what is put before a listener, and what the answers say.

MUSHRA after Recommendation ITU-R BS.1534-3 (2015): every trial has a reference to compare with, the same hidden among
the conditions, and two anchors, low-passed at 3.5 and 7 kHz. ABX after D. Clark, JAES 30(5), 1982: is X the one or the
other?
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triode.audio import Samples, read_audio
from triode.errors import AudioFileError, OptionError
from triode.files import write_text

__all__ = [
    "Abx",
    "Answer",
    "Condition",
    "Score",
    "Trial",
    "abx_scores",
    "low_passed",
    "mushra_scores",
    "pair_trial",
    "read_results",
    "read_trials",
    "rejected_listeners",
    "write_results",
]

REFERENCE = "reference"
ANCHORS_HZ = {"anchor 3.5 kHz": 3500.0, "anchor 7 kHz": 7000.0}
MOST_CONDITIONS = 12  # with the hidden reference and the anchors, as the recommendation has it
SHORTEST_SECONDS = 0.5
COLUMNS = ("listener", "test", "trial", "condition", "role", "position", "answer", "value")
# A listener who misses the hidden reference, or takes the mid anchor for it, in more trials than this is left out.
HIDDEN_LEAST, ANCHOR_MOST, SLIPS_SHARE = 90.0, 90.0, 0.15

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Condition:
    """One signal to rate: `role` is "reference" (hidden), "anchor" or "condition"."""

    name: str
    role: str
    samples: Samples


@dataclass(frozen=True)
class Trial:
    """Signals of one length that are compared with each other; the first is the reference."""

    name: str
    rate_hz: int
    conditions: Sequence[Condition]


@dataclass(frozen=True)
class Answer:
    """A row of a results file: a rating (0 to 100) of MUSHRA, or whether (1 or 0) an ABX answer was right."""

    listener: str
    test: str
    trial: str
    condition: str
    role: str
    position: str
    answer: str
    value: float


@dataclass(frozen=True)
class Score:
    """What all ratings of a condition say: `low` and `high` are the 95 % confidence interval of the mean."""

    condition: str
    role: str
    ratings: int
    mean: float
    low: float
    high: float
    median: float


@dataclass(frozen=True)
class Abx:
    """Right answers of all, and the probability of so many or more by guessing."""

    condition: str
    right: int
    answers: int
    p_value: float


def read_trials(folder: str | Path) -> list[Trial]:
    """The trials in a folder: `reference.wav` and other sound files in it, or in each of its folders.

    The folder that `triode compare` writes is one trial. Raises OptionError or AudioFileError where there is nothing to
    compare, files differ in sample rate, or there are more than BS.1534 allows.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise OptionError(f"{folder} is not a folder; name one with reference.wav and the sounds to compare with it")
    places = [folder / "audio", folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    found = [place for place in dict.fromkeys(places) if (place / "reference.wav").is_file()]
    if found and found[0] in places[:2]:
        found = found[:1]
    if not found:
        raise OptionError(f"{folder} holds no reference.wav, nor do its folders; put the device's sound there")
    return [_read_trial(place, folder.name if place.name == "audio" else place.name) for place in found]


def _read_trial(folder: Path, name: str) -> Trial:
    reference = read_audio(folder / "reference.wav")
    paths = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".wav", ".flac", ".aiff", ".aif")]
    others = {path.stem: read_audio(path) for path in paths if path.name != "reference.wav"}
    if not others:
        raise OptionError(f"{folder} holds nothing but reference.wav; put what is to be compared with it there")
    if len(others) + 1 + len(ANCHORS_HZ) > MOST_CONDITIONS:
        raise OptionError(
            f"{folder} holds {len(others)} sounds to rate; at most {MOST_CONDITIONS - 1 - len(ANCHORS_HZ)}, spread "
            "them over several folders"
        )
    for stem, audio in others.items():
        if audio.rate_hz != reference.rate_hz:
            raise AudioFileError(
                f"{folder / stem} is at {audio.rate_hz} Hz, the reference at {reference.rate_hz} Hz; convert one"
            )
    length = min(len(audio.samples) for audio in (reference, *others.values()))
    if length < SHORTEST_SECONDS * reference.rate_hz:
        raise AudioFileError(f"{folder}: the shortest sound has {length} samples; expected half a second or more")
    target = reference.samples[:length]
    conditions = [Condition(REFERENCE, "reference", target)]
    conditions += [Condition(stem, "condition", audio.samples[:length]) for stem, audio in others.items()]
    for anchor, hz in ANCHORS_HZ.items():
        conditions.append(Condition(anchor, "anchor", low_passed(target, hz, reference.rate_hz)))
    return Trial(name, reference.rate_hz, conditions)


def pair_trial(reference: str | Path, other: str | Path) -> Trial:
    """Two sound files of one channel to tell apart, over the length of the shorter one.

    Raises AudioFileError where their sample rates differ or one is shorter than half a second.
    """
    paths = Path(reference), Path(other)
    first, second = (read_audio(path) for path in paths)
    if first.rate_hz != second.rate_hz:
        raise AudioFileError(
            f"{paths[1]} is at {second.rate_hz} Hz, {paths[0]} at {first.rate_hz} Hz; convert one of them"
        )
    length = min(len(first.samples), len(second.samples))
    if length < SHORTEST_SECONDS * first.rate_hz:
        raise AudioFileError(f"the shorter of {paths[0]} and {paths[1]} has {length} samples; expected half a second")
    conditions = (
        Condition(paths[0].stem, "reference", first.samples[:length]),
        Condition(paths[1].stem, "condition", second.samples[:length]),
    )
    return Trial(paths[0].stem, first.rate_hz, conditions)


def low_passed(samples: Samples, hz: float, rate_hz: int) -> Samples:
    """`samples` (n,) without what is above `hz`: flat to there within 0.1 dB, 50 dB down at 9/7 of it, in time.

    The anchors of BS.1534-3, section 5.1 (25 dB at 4 kHz and 50 dB at 4.5 kHz for the one of 3.5 kHz).
    """
    from scipy.signal import firwin, kaiserord, oaconvolve

    if hz * 8 / 7 >= rate_hz / 2:
        return samples
    taps, beta = kaiserord(60.0, hz / 7 / (rate_hz / 2))
    filtered = oaconvolve(samples, firwin(taps | 1, hz * 15 / 14, window=("kaiser", beta), fs=rate_hz), mode="same")
    return np.asarray(filtered[: len(samples)], dtype=np.float32)


def read_results(paths: Iterable[str | Path]) -> list[Answer]:
    """All rows of results files as the listening page hands them out; OptionError for anything else."""
    answers = []
    for path in map(Path, paths):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise OptionError(f"{path} cannot be read as results: {error}") from error
        reader = csv.DictReader(io.StringIO(text))
        if reader.fieldnames is None or tuple(reader.fieldnames) != COLUMNS:
            raise OptionError(f"{path} is no results file: expected the columns {','.join(COLUMNS)}")
        for number, row in enumerate(reader, start=2):
            answers.append(_answer(row, f"{path}, line {number}"))
    return answers


def write_results(path: str | Path, answers: Iterable[Answer]) -> None:
    """Write answers as the listening page hands them out, in one step."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**asdict(answer), "value": f"{answer.value:g}"} for answer in answers)
    write_text(path, text.getvalue())


def _answer(row: Mapping[str, str | None], where: str) -> Answer:
    try:
        value = float(row["value"] or "")
    except ValueError:
        raise OptionError(f"{where}: {row['value']!r} is not a number; download the results again") from None
    text = {key: row[key] or "" for key in COLUMNS if key != "value"}
    allowed = (text["test"] == "mushra" and 0 <= value <= 100) or (text["test"] == "abx" and value in (0, 1))
    if None in row.values() or not allowed:
        raise OptionError(f"{where}: {value:g} is no answer of a {text['test'] or 'test'}; download the results again")
    return Answer(**text, value=value)


def rejected_listeners(answers: Sequence[Answer]) -> list[str]:
    """Listeners to leave out after BS.1534-3, section 4.1.2.

    They rated the hidden reference under 90, or the anchor of 7 kHz over 90, in more than 15 % of their trials.
    """
    ratings = [a for a in answers if a.test == "mushra"]
    rejected = []
    for listener in dict.fromkeys(a.listener for a in ratings):
        own = [a for a in ratings if a.listener == listener]
        hidden = [a.value < HIDDEN_LEAST for a in own if a.role == "reference"]
        anchor = [a.value > ANCHOR_MOST for a in own if a.condition == "anchor 7 kHz"]
        if any(slips and np.mean(slips) > SLIPS_SHARE for slips in (hidden, anchor)):
            rejected.append(listener)
    return rejected


def mushra_scores(answers: Sequence[Answer]) -> list[Score]:
    """Mean, confidence interval (Student's t) and median of each condition, the best first."""
    from scipy.stats import t

    scores = []
    for condition in dict.fromkeys(a.condition for a in answers if a.test == "mushra"):
        own = [a for a in answers if a.test == "mushra" and a.condition == condition]
        values = np.array([a.value for a in own])
        n, mean = len(values), float(np.mean(values))
        half = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / math.sqrt(n)) if n > 1 else math.nan
        scores.append(Score(condition, own[0].role, n, mean, mean - half, mean + half, float(np.median(values))))
    return sorted(scores, key=lambda score: -score.mean)


def abx_scores(answers: Sequence[Answer]) -> list[Abx]:
    """How often X was told from the other, and how likely that is by guessing (one-sided binomial test)."""
    from scipy.stats import binomtest

    scores = []
    for condition in dict.fromkeys(a.condition for a in answers if a.test == "abx"):
        values = [a.value for a in answers if a.test == "abx" and a.condition == condition]
        right = int(sum(values))
        p = float(binomtest(right, len(values), 0.5, alternative="greater").pvalue)
        scores.append(Abx(condition, right, len(values), p))
    return scores
