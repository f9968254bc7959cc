"""Several captures in one `triode train`: what ends it loses nothing, and the same command goes on."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triode.audio import Audio
from triode.capture.folder import add_take
from triode.engine import read
from triode.training import job as job_module
from triode.training import train as train_module
from triode.training.checkpoint import read_checkpoint

RATE = 16000
NAMES = ("one", "two", "three")
Command = Callable[..., Any]


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """4 s through a soft clipper, three times."""
    dry = (0.3 * np.random.default_rng(1).standard_normal(4 * RATE)).astype(np.float32)
    folders = [tmp_path_factory.mktemp("captures") / name for name in NAMES]
    for gain, folder in enumerate(folders, 1):
        add_take(folder, Audio(dry, RATE), Audio(np.tanh(gain * dry), RATE), {})
    return folders


@pytest.fixture
def asked(captures: list[Path], tmp_path: Path) -> tuple[Any, ...]:
    return ("train", *captures, "-o", tmp_path / "models", "--size", "nano", "--epochs", 3)


def made(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Died(BaseException):
    """The process is killed."""


def test_a_process_that_died_goes_on_with_the_capture_where_it_was(
    triode: Command, asked: tuple[Any, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, real = tmp_path / "models", train_module._Loop.save

    def save_and_die(loop: train_module._Loop, path: Path) -> None:
        real(loop, path)
        if path.name == "two.triode.training":
            raise Died

    with monkeypatch.context() as patch:
        patch.setattr(train_module, "CHECKPOINT_SECONDS", 0.0)
        patch.setattr(train_module._Loop, "save", save_and_die)
        with pytest.raises(Died):
            triode(*asked)
    assert made(models) == ["one.triode", "two.triode.training"]
    finished, kept = (models / "one.triode").read_bytes(), read_checkpoint(models / "two.triode.training").numbers
    assert kept["history"]
    result = triode(*asked, "--resume", "--json")
    assert result.status == 0, result.err
    assert [Path(entry["model"]).stem for entry in result.json["models"]] == ["two", "three"]
    assert "one.triodeisthere" in "".join(result.err.split()), "lines break anywhere in a long path"
    assert (models / "one.triode").read_bytes() == finished
    curve = read(models / "two.triode").metadata["training"]["learning_curve"]
    assert curve[: len(kept["history"])] == kept["history"], "it went on where it was"
    assert made(models) == ["one.triode", "three.triode", "two.triode"]


def test_ctrl_c_ends_all_and_resume_does_the_rest(
    triode: Command, asked: tuple[Any, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, real = tmp_path / "models", train_module._Loop._validate

    def validate_and_stop(loop: train_module._Loop) -> None:
        real(loop)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train_module._Loop, "_validate", validate_and_stop)
        stopped = triode(*asked)
    assert stopped.status == 130
    assert "--resume goes on from here" in " ".join(stopped.err.split())
    assert "not begun: two, three" in stopped.err
    assert made(models) == ["one.triode", "one.triode.training"]
    result = triode(*asked, "--resume", "--json")
    assert result.status == 0, result.err
    assert [entry["interrupted"] for entry in result.json["models"]] == [False] * 3
    assert made(models) == ["one.triode", "three.triode", "two.triode"]


def test_only_what_can_be_resumed_is_said_to_be(
    triode: Command, asked: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trainings side by side on a GPU keep no state; when they are interrupted, all of them are."""

    def side_by_side(tasks: list[job_module.Task], observer: object) -> list[job_module.Outcome]:
        outcomes = [job_module.run_task(task) for task in tasks]
        results = [dataclasses.replace(outcome.result, interrupted=True) for outcome in outcomes]
        return [dataclasses.replace(o, result=result) for o, result in zip(outcomes, results, strict=True)]

    monkeypatch.setattr(job_module, "run_together", side_by_side)
    result = triode(*asked)
    assert result.status == 0, result.err
    assert result.err.count("interrupted: the best model so far was written") == 3
    assert "--resume" not in result.err


@pytest.mark.parametrize("place", ["file", "file/models"])
def test_a_place_that_can_be_no_folder_is_one_line(
    triode: Command, captures: list[Path], tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_bytes(b"precious")
    result = triode("train", *captures, "-o", tmp_path / place)
    assert result.status == 2
    assert "is a file, or lies in one" in result.err
    assert result.err.count("\n") == 1
    assert (tmp_path / "file").read_bytes() == b"precious"


def test_a_folder_that_is_there_may_have_a_dot_in_its_name(
    triode: Command, captures: list[Path], tmp_path: Path
) -> None:
    """Only one that is to be made looks like the name of a file."""
    asked = ("train", *captures, "--arch", "linear", "--size", "16", "-o", tmp_path / "models.v2")
    assert "has to be a folder" in triode(*asked).err
    (tmp_path / "models.v2").mkdir()
    result = triode(*asked)
    assert result.status == 0, result.err
    assert len(made(tmp_path / "models.v2")) == 3


def test_resuming_where_nothing_was_begun_is_refused(triode: Command, asked: tuple[Any, ...], tmp_path: Path) -> None:
    result = triode(*asked, "--resume")
    assert result.status == 2
    assert "no interrupted training in" in result.err
    assert made(tmp_path / "models") == []
