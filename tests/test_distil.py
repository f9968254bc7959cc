"""Distillation: what `.nam` cannot hold teaches a WaveNet that it can, and the error against the teacher is told."""

import json
from pathlib import Path

import numpy as np
import pytest

from models import model_file, played, random_tensors, recurrent_architecture
from triode.audio import write_audio
from triode.capture.signal import make_signal, playing
from triode.cli.distilling import UNHEARD_SECONDS, UNHEARD_SEED
from triode.engine import load, read
from triode.knobs import Knob
from triode.model_file import write_model

RATE = 24_000
DRIVE = Knob("drive", low=0.0, high=10.0, default=5.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GRU with a knob, which no `.nam` file holds, and six seconds for it to play."""
    folder = tmp_path_factory.mktemp("distil")
    architecture = recurrent_architecture("gru", skip=False) | {"input_size": 2}
    tensors = random_tensors(architecture)
    # The knob opens the network's input: closed it is nearly silent, open it distorts.
    tensors["lin.weight"] *= 3
    teacher = model_file(
        architecture, tensors=tensors, knobs=(DRIVE,), sample_rate=RATE, warm_up_samples=RATE, name="squeezer"
    )
    write_model(folder / "teacher.triode", played(teacher))
    write_audio(folder / "dry.wav", make_signal(6, RATE, seed=1).samples, RATE)
    return folder


def esr(wanted: np.ndarray, found: np.ndarray) -> float:
    return float(np.sum((wanted - found) ** 2) / np.sum(wanted**2))


def test_a_student_plays_like_its_teacher_at_the_setting(triode, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "m.nam"
    options = ("--knob", "drive=9", "--distil", "--with", folder / "dry.wav", "--epochs", 10, "--size", "nano")
    done = triode("convert", folder / "teacher.triode", target, *options, "--gear-make", "Triode")
    assert done.status == 0, done.err
    assert read(target).architecture["name"] == "wavenet"
    teacher, student = load(folder / "teacher.triode"), load(target)
    assert (student.sample_rate, student.knobs) == (RATE, [])
    unheard = playing(UNHEARD_SECONDS, RATE, UNHEARD_SEED)
    errors = {}
    for drive in (0.0, 9.0):
        teacher.set("drive", drive)
        errors[drive] = esr(teacher.render(unheard), student.render(unheard))
    assert errors[9.0] < 0.3
    assert errors[9.0] < errors[0.0]
    told = json.loads(target.read_text())["metadata"]
    assert float(told["distillation_esr"]) == pytest.approx(errors[9.0], rel=1e-3, abs=1e-5)
    assert f"ESR {errors[9.0]:.5f}" in " ".join(done.err.split())
    assert told["training"]["validation_esr"] == pytest.approx(errors[9.0], rel=1e-3)
    assert (told["name"], told["gear_make"], told["knob_drive"]) == ("squeezer", "Triode", "9")
    assert told["distilled_from"] == "squeezer (triode, gru)"


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("m.nam", ("--knob", "drive=9"), "has no GRU; write .aidax, .json or .triode, or add --distil"),
        ("m.nam", ("--distil", "--epochs", 1), "the knobs drive; hold them at a setting with --knob"),
        ("m.nam", ("--knob", "drive=9", "--epochs", 1), "say how to distil; add --distil"),
        ("m.nam", ("--knob", "drive=9", "--distil", "--epochs", 1, "--time", "1m"), "give one of the two"),
        ("m.nam", ("--knob", "drive=9", "--distil", "--epochs", 1, "--size", "huge"), "--size huge: unknown"),
        ("m.aidax", ("--knob", "drive=9", "--distil"), "is distilled into a WaveNet, which .nam, .triode can hold"),
        ("gone/m.nam", ("--knob", "drive=9", "--distil"), "the folder"),
    ],
)
def test_what_cannot_be_distilled_is_one_line(triode, folder: Path, tmp_path: Path, target, options, words) -> None:
    dry = ("--with", folder / "dry.wav") if "--distil" in options else ()
    done = triode("convert", folder / "teacher.triode", tmp_path / target, *options, *dry)
    (line,) = [line for line in done.err.splitlines() if line.startswith("triode: ")]
    assert (done.status, words in line) == (2, True), line
    assert list(tmp_path.iterdir()) == []


def test_a_silent_teacher_has_nothing_to_teach(triode, folder: Path, tmp_path: Path) -> None:
    architecture = recurrent_architecture("lstm", skip=False)
    silent = {name: np.zeros_like(tensor) for name, tensor in random_tensors(architecture).items()}
    write_model(tmp_path / "silent.triode", model_file(architecture, tensors=silent, sample_rate=RATE))
    options = ("--distil", "--with", folder / "dry.wav", "--epochs", 1)
    done = triode("convert", tmp_path / "silent.triode", tmp_path / "m.nam", *options)
    assert done.status == 2
    assert "is silent at this setting" in done.err
    assert not (tmp_path / "m.nam").exists()
