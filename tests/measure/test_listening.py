"""Listening tests: anchors as BS.1534 has them, trials from folders, and statistics that can be worked out on paper."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from triode.audio import write_audio
from triode.errors import AudioFileError, OptionError
from triode.measure.listening import (
    COLUMNS,
    Answer,
    abx_scores,
    low_passed,
    mushra_scores,
    read_results,
    read_trials,
    rejected_listeners,
)
from triode.measure.listening_page import render_listening

RATE = 48_000


def rating(listener: str, condition: str, value: float, role: str = "condition", trial: str = "riff") -> Answer:
    return Answer(listener, "mushra", trial, condition, role, "1", "", value)


def noise(seconds: float = 1.0, amplitude: float = 0.1, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (amplitude * rng.standard_normal(round(seconds * RATE))).astype(np.float32)


@pytest.mark.parametrize(("corner_hz", "stop_25_hz", "stop_50_hz"), [(3500, 4000, 4500), (7000, 8000, 9000)])
def test_anchors_are_those_of_the_recommendation(corner_hz: float, stop_25_hz: float, stop_50_hz: float) -> None:
    impulse = np.zeros(RATE, dtype=np.float32)
    impulse[RATE // 2] = 1.0
    anchor = low_passed(impulse, corner_hz, RATE)
    assert len(anchor) == RATE
    assert np.argmax(np.abs(anchor)) == RATE // 2, "in time with the reference"
    gain_db = 20 * np.log10(np.abs(np.fft.rfft(anchor)) + 1e-9)  # 1 Hz a bin
    assert np.abs(gain_db[: corner_hz + 1]).max() < 0.1
    assert gain_db[stop_25_hz:].max() < -25
    assert gain_db[stop_50_hz:].max() < -50


def test_folders_become_trials(tmp_path: Path) -> None:
    for name in ("clean", "lead"):
        (tmp_path / name).mkdir()
        write_audio(tmp_path / name / "reference.wav", noise(), RATE)
        write_audio(tmp_path / name / "lstm.wav", noise(0.9), RATE)
    trials = read_trials(tmp_path)
    assert [trial.name for trial in trials] == ["clean", "lead"]
    names = [(c.name, c.role) for c in trials[0].conditions]
    assert names == [("reference", "reference"), ("lstm", "condition"), ("anchor 3.5 kHz", "anchor"),
                     ("anchor 7 kHz", "anchor")]  # fmt: skip
    assert {len(c.samples) for c in trials[0].conditions} == {round(0.9 * RATE)}
    # A comparison's folder is one trial, whatever other folders it has.
    (tmp_path / "audio").mkdir()
    for name in ("reference", "gru"):
        write_audio(tmp_path / "audio" / f"{name}.wav", noise(), RATE)
    (trial,) = read_trials(tmp_path)
    assert trial.name == tmp_path.name
    assert trial.conditions[1].name == "gru"


def test_folders_that_make_no_test_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"no reference\.wav"):
        read_trials(tmp_path)
    with pytest.raises(OptionError, match="not a folder"):
        read_trials(tmp_path / "nothing")
    write_audio(tmp_path / "reference.wav", noise(), RATE)
    with pytest.raises(OptionError, match=r"nothing but reference\.wav"):
        read_trials(tmp_path)
    write_audio(tmp_path / "a.wav", noise(), 44_100)
    with pytest.raises(AudioFileError, match="44100 Hz"):
        read_trials(tmp_path)
    write_audio(tmp_path / "a.wav", noise(0.1), RATE)
    with pytest.raises(AudioFileError, match="half a second"):
        read_trials(tmp_path)
    for index in range(10):
        write_audio(tmp_path / f"{index}.wav", noise(), RATE)
    with pytest.raises(OptionError, match="at most 9"):
        read_trials(tmp_path)


def test_means_and_intervals_are_those_of_the_textbook() -> None:
    answers = [rating("a", "lstm", value, trial=str(i)) for i, value in enumerate((70, 80, 90))]
    answers += [rating("a", "hidden", 100, "reference"), *(rating("a", "gru", v) for v in (40, 60))]
    hidden, lstm, gru = mushra_scores(answers)
    assert (hidden.condition, hidden.ratings, hidden.mean) == ("hidden", 1, 100)
    assert np.isnan(hidden.low), "one rating has no interval"
    # t(0.975, 2) = 4.303, standard deviation 10, three ratings.
    assert (lstm.mean, lstm.median) == (80, 80)
    assert lstm.low == pytest.approx(80 - 4.303 * 10 / 3**0.5, abs=0.01)
    assert lstm.high == pytest.approx(80 + 4.303 * 10 / 3**0.5, abs=0.01)
    assert (gru.mean, gru.median) == (50, 50)


def test_guessing_is_told_from_hearing() -> None:
    answers = [Answer("a", "abx", "riff", "lstm", "condition", str(i), "", float(i < 10)) for i in range(12)]
    (score,) = abx_scores(answers)
    # (66 + 12 + 1) / 4096: 10, 11 or 12 of 12 right.
    assert (score.right, score.answers) == (10, 12)
    assert score.p_value == pytest.approx(79 / 4096)


def test_listeners_who_miss_the_hidden_reference_are_left_out() -> None:
    def listener(name: str, hidden: list[float], anchor: float) -> list[Answer]:
        found = [rating(name, "reference", value, "reference", str(i)) for i, value in enumerate(hidden)]
        return found + [rating(name, "anchor 7 kHz", anchor, "anchor", str(i)) for i in range(len(hidden))]

    answers = listener("good", [100] * 7 + [80], 50) + listener("guesses", [100] * 6 + [80, 70], 50)
    answers += listener("deaf", [100] * 8, 95)
    assert rejected_listeners(answers) == ["guesses", "deaf"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a,mushra,t,c,condition,1,,101", "101 is no answer"),
        ("a,mushra,t,c,condition,1,,loud", "'loud' is not a number"),
        ("a,mushra,t,c,condition,1,,nan", "no answer"),
        ("a,abx,t,c,condition,1,,0.5", "no answer"),
        ("a,dance,t,c,condition,1,,50", "dance"),
        ("a,mushra,t", "not a number"),
    ],
)
def test_results_are_not_believed(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "results.csv"
    path.write_text(",".join(COLUMNS) + "\n" + line + "\n")
    with pytest.raises(OptionError, match=message) as error:
        read_results([path])
    assert "results.csv, line 2" in str(error.value)
    path.write_text("name,value\nx,1\n")
    with pytest.raises(OptionError, match="expected the columns"):
        read_results([path])


def test_names_are_text_in_the_page(tmp_path: Path) -> None:
    write_audio(tmp_path / "reference.wav", noise(), RATE)
    write_audio(tmp_path / "a.wav", noise(), RATE)
    (trial,) = read_trials(tmp_path)
    hostile = "</script><img src=x onerror=alert(1)>"
    conditions = [dataclasses.replace(c, name=hostile) for c in trial.conditions]
    page = render_listening(hostile, [dataclasses.replace(trial, name=hostile, conditions=conditions)])
    assert "<img" not in page
    assert page.count("</script>") == page.count("<script")
