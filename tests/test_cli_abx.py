"""`triode abx` with a listener who hears the difference, one who does not, and wrong files."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from triode.cli import listening
from triode.cli.app import app
from triode.measure.abx import AbxTest
from triode.measure.listening import pair_trial, read_results, write_results

RATE_HZ = 48000


@pytest.fixture
def sounds(tmp_path: Path) -> tuple[Path, Path]:
    """A tone, and the same a tenth as loud with an overtone."""
    t = np.arange(RATE_HZ) / RATE_HZ
    tone, other = np.sin(2 * np.pi * 220 * t), np.sin(2 * np.pi * 220 * t) + 0.5 * np.sin(2 * np.pi * 880 * t)
    for name, samples in (("amp", 0.5 * tone), ("model", 0.03 * other)):
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE_HZ, subtype="FLOAT")
    return tmp_path / "amp.wav", tmp_path / "model.wav"


def overtone(samples: np.ndarray) -> float:
    """How much of a sound is at 880 Hz."""
    spectrum = np.abs(np.fft.rfft(samples))
    return float(spectrum[round(880 * len(samples) / RATE_HZ)] / spectrum.max())


def test_a_listener_who_hears_the_difference_is_believed(sounds, tmp_path, monkeypatch) -> None:
    heard: list[np.ndarray] = []
    monkeypatch.setattr(listening, "play_sound", lambda samples, rate_hz, interface: heard.append(samples))
    words = iter([])

    def listen(*_, **__) -> str:
        """Hears X, then answers by its overtone."""
        nonlocal words
        try:
            return next(words)
        except StopIteration:
            words = iter([lambda: "xb" if overtone(heard[-1]) > 0.2 else "xa"])
            return "x"

    def prompt(*arguments, **options) -> str:
        word = listen()
        return word() if callable(word) else word

    monkeypatch.setattr(listening.typer, "prompt", prompt)
    out = tmp_path / "answers.csv"
    result = CliRunner().invoke(app, ["abx", *map(str, sounds), "--rounds", "8", "--seconds", "0.5", "-o", str(out)])
    assert result.exit_code == 0, result.output
    answers = read_results([out])
    assert [answer.value for answer in answers] == [1.0] * 8
    assert {answer.position for answer in answers} == {str(number) for number in range(1, 9)}
    assert "0.004" in result.output  # 2 ** -8


def test_both_sounds_are_equally_loud(sounds, monkeypatch) -> None:
    heard: list[np.ndarray] = []
    monkeypatch.setattr(listening, "play_sound", lambda samples, rate_hz, interface: heard.append(samples))
    CliRunner().invoke(app, ["abx", *map(str, sounds), "--seconds", "0.5"], input="a\nb\nxa\nq\n")
    first, second = (float(np.sqrt(np.mean(np.square(samples)))) for samples in heard)
    assert 0.5 < second / first < 1.5, "one was recorded 20 dB softer"


def test_x_is_drawn_anew(sounds) -> None:
    test = AbxTest(pair_trial(*sounds), 200, "ears")
    drawn = []
    for _ in range(200):
        drawn.append(test.sound("x"))
        test.answer("a")
    assert 60 < sum(drawn) < 140
    assert test.finished
    assert sum(answer.value for answer in test.answers) == 200 - sum(drawn)


def test_what_was_answered_before_the_end_counts(sounds, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(listening, "play_sound", lambda *_: None)
    out = tmp_path / "answers.csv"
    result = CliRunner().invoke(app, ["abx", *map(str, sounds), "-o", str(out)], input="x\nnonsense\nxa\nxb\nq\n")
    assert result.exit_code == 0, result.output
    assert len(read_results([out])) == 2


def test_results_survive_a_round_trip_and_awkward_names(sounds, tmp_path) -> None:
    test = AbxTest(pair_trial(*sounds), 2, 'a "quoted", name')
    test.answer("a")
    test.answer("b")
    write_results(tmp_path / "a.csv", test.answers)
    assert read_results([tmp_path / "a.csv"]) == test.answers
    with (tmp_path / "a.csv").open() as file:
        assert len(list(csv.reader(file))) == 3


@pytest.mark.parametrize("wrong", ["missing", "rate", "short", "nothing answered"])
def test_wrong_input_is_one_line_and_writes_nothing(wrong: str, sounds, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(listening, "play_sound", lambda *_: None)
    first, second = sounds
    if wrong == "missing":
        second = tmp_path / "none.wav"
    elif wrong == "rate":
        soundfile.write(second, np.zeros(44100), 44100)
    elif wrong == "short":
        soundfile.write(second, np.zeros(100), RATE_HZ)
    out = tmp_path / "answers.csv"
    result = CliRunner().invoke(app, ["abx", str(first), str(second), "-o", str(out)], input="q\n")
    assert result.exit_code != 0
    assert not out.exists()
