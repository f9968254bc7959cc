"""Trainings that are killed or that share a file: nothing is lost but seconds, and nothing is harmed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from triode.audio import write_audio
from triode.engine import load
from triode.training import train as train_module
from triode.training.checkpoint import read_checkpoint

RATE = 16000
# The command line with a state that is kept more often, so that a test need not wait for one.
PROGRAM = """
from triode.training import train
train.CHECKPOINT_SECONDS = 0.2
from triode.cli import main
main()
"""


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """10 s through a soft clipper."""
    folder = tmp_path_factory.mktemp("recording")
    rng = np.random.default_rng(7)
    t = np.arange(10 * RATE) / RATE
    dry = (0.3 * np.sin(2 * np.pi * 110 * t) * np.exp(-2 * (t % 0.5)) + 0.02 * rng.normal(size=len(t))).astype(
        np.float32
    )
    write_audio(folder / "dry.wav", dry, RATE)
    write_audio(folder / "wet.wav", np.tanh(3 * dry), RATE)
    return folder


def start(recording: Path, target: Path, *options: object) -> subprocess.Popen[str]:
    files = "--input", recording / "dry.wav", "--output", recording / "wet.wav"
    words = ["train", *files, "-o", target, "--size", "nano", "--json", *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def finish(process: subprocess.Popen[str]) -> dict[str, float]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return dict(json.loads(out))


def test_kill_9_loses_no_more_than_the_last_seconds(recording, tmp_path) -> None:
    """And not the model that an earlier training left."""
    assert train_module.CHECKPOINT_SECONDS <= 25, "and the step and the validation that may be under way"
    target, state = tmp_path / "amp.triode", tmp_path / "amp.triode.training"
    target.write_bytes(b"an earlier model")
    process = start(recording, target, "--epochs", 20)
    deadline = time.monotonic() + 60
    while not state.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert target.read_bytes() == b"an earlier model"
    before = read_checkpoint(state).numbers
    assert before["samples"] > 0
    summary = finish(start(recording, target, "--epochs", 20, "--resume"))
    curve = load(target).info["metadata"]["training"]["learning_curve"]
    assert curve[: len(before["history"])] == before["history"]
    assert curve[-1]["epoch"] == pytest.approx(20, abs=1)
    assert summary["seconds"] > before["seconds"]
    assert not state.exists()


def test_two_trainings_of_one_file_leave_one_whole_model(recording, tmp_path) -> None:
    target = tmp_path / "amp.triode"
    for process in [start(recording, target, "--epochs", epochs, "--seed", epochs) for epochs in (4, 7)]:
        finish(process)
    model = load(target)
    learned = model.info["metadata"]["training"]
    assert learned["epochs"] == pytest.approx(learned["seed"], abs=0.5)
    difference = model.self_test()
    assert difference is not None
    assert difference < 1e-4
    assert [path.name for path in tmp_path.iterdir()] == ["amp.triode"]
