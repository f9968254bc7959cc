"""Distillation: a model teaches a network of another shape (Hinton, Vinyals and Dean 2015), without any recording.

The teacher plays whatever is asked of it, in the engine, so that every file the engine reads can be a teacher. The
student learns the teacher and not the device: it is judged by its ESR against the teacher, on playing of its own.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from triode.audio import Samples
from triode.engine import Model, load
from triode.errors import OptionError, RecordingError
from triode.model_file import Alignment, ModelFile, write_model
from triode.training.config import Observer
from triode.training.dataset import Pair, make_dataset, split
from triode.training.networks.sizes import make_network
from triode.training.prepare import Stretch
from triode.training.recipes import recipe
from triode.training.runtime import choose_device, settle_threads
from triode.training.save import to_model_file
from triode.training.train import train

DEFAULT_SIZE = "a2-full"


@dataclass(frozen=True)
class Lesson:
    """What a teacher plays and for how long its student, a WaveNet of `size`, listens (`seconds` or `epochs`).

    `dry` (n,) is learned from, but for what is held out of it; `unheard` (m,) is what the student is judged by. Both
    run at the teacher's rate.
    """

    dry: Samples
    unheard: Samples
    seconds: float | None = None
    epochs: float | None = None
    size: str = DEFAULT_SIZE
    seed: int = 0
    train_seconds: Stretch | None = None
    validate_seconds: Stretch | None = None


@dataclass(frozen=True)
class Student:
    """What was learned: a snapshot, and its ESR against the teacher on the unheard playing."""

    model_file: ModelFile
    esr: float
    interrupted: bool


def distil(
    teacher: Model,
    told: ModelFile,
    lesson: Lesson,
    settings: Mapping[str, float] | None = None,
    observer: Observer | None = None,
) -> Student:
    """A WaveNet that plays as `teacher` does with its knobs at `settings`, the others at their defaults.

    `told` is the teacher's file; name, levels, alignment and metadata are taken over, and who the teacher was and how
    close the student came is added. Raises OptionError for knobs without settings and unknown sizes, RecordingError
    for a teacher that is silent, TrainingError.
    """
    held = _turned(teacher, settings)
    rate_hz = round(teacher.sample_rate)
    settle_threads()
    wet = teacher.render(lesson.dry)
    if float(np.max(np.abs(wet))) < 1e-6:
        raise RecordingError(f"{told.name} is silent at this setting; there is nothing to learn from it")
    pair = Pair(lesson.dry, wet, *split(len(wet), rate_hz, lesson.train_seconds, lesson.validate_seconds))
    device = choose_device("auto")
    data = make_dataset([pair], rate_hz, device)
    network = make_network("wavenet", lesson.size, lesson.seed)
    network.to(device)
    config = recipe("wavenet", seconds=lesson.seconds, epochs=lesson.epochs, rate_hz=rate_hz, seed=lesson.seed)
    result = train(network, data, config, observer)
    student = to_model_file(result, data, config, Alignment(), name=told.name, levels=told.levels)
    esr = _esr(student, teacher, lesson.unheard)
    kind = str(told.architecture["name"])
    taught = {
        "distilled_from": f"{told.name} ({teacher.info['format']}, {kind})",
        "distillation_esr": f"{esr:.6f}",
        **{f"knob_{name}": f"{value:g}" for name, value in held.items()},
    }
    student = replace(
        student,
        alignment=told.alignment,
        metadata={**told.metadata, **taught},
        training={**student.training, "esr": esr, "teacher": {"architecture": kind, "esr": told.training.get("esr")}},
    )
    return Student(student, esr, result.interrupted)


def _turned(teacher: Model, settings: Mapping[str, float] | None) -> dict[str, float]:
    """Turn the teacher's knobs; where each of them stands now."""
    if teacher.knobs and settings is None:
        names = ", ".join(knob.name for knob in teacher.knobs)
        raise OptionError(f"the teacher has the knobs {names}; hold them at a setting with --knob NAME=VALUE")
    held = {knob.name: knob.default for knob in teacher.knobs} | dict(settings or {})
    for name, value in held.items():
        teacher.set(name, value)
    teacher.reset()
    return held


def _esr(student: ModelFile, teacher: Model, unheard: Samples) -> float:
    """ESR of the student as the engine plays it, against the teacher."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "student.triode"
        write_model(path, student)
        played = load(path).render(unheard).astype(np.float64)
    wanted = teacher.render(unheard).astype(np.float64)
    return float(np.sum((played - wanted) ** 2) / max(float(np.sum(wanted**2)), 1e-12))
