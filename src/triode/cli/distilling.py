"""`triode convert --distil`: a model that teaches a WaveNet which `.nam` can hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from triode.audio import read_audio, resample
from triode.cli.console import say, training_progress
from triode.cli.options import budget_of
from triode.errors import OptionError

if TYPE_CHECKING:
    from triode.model_file import ModelFile
    from triode.training.distil import Lesson

SIGNAL_SECONDS = 180.0
UNHEARD_SECONDS, UNHEARD_SEED = 12.0, 2027
ENDINGS = (".nam", ".triode")


@dataclass(frozen=True)
class Distillation:
    """What was asked for: whether to distil at all, what from, how long, into what."""

    wanted: bool
    dry: Path | None = None
    time: str | None = None
    epochs: float | None = None
    size: str | None = None
    seed: int = 0

    def check(self, target: Path) -> None:
        """Refuse at once what could not be done after a long training."""
        given = (self.dry, self.time, self.epochs, self.size)
        if not self.wanted and any(value is not None for value in given):
            raise OptionError("--with, --time, --epochs and --size say how to distil; add --distil")
        if self.wanted and target.suffix.lower() not in ENDINGS:
            raise OptionError(f"{target}: a model is distilled into a WaveNet, which {', '.join(ENDINGS)} can hold")


def distilled(
    asked: Distillation, model: Path, source: "ModelFile", quality: float, settings: Mapping[str, float] | None
) -> "ModelFile":
    """The student of the model file `model`, whose contents and names are those of `source`."""
    from triode.training.runtime import prepare_process

    prepare_process()
    from triode.engine import load
    from triode.training.distil import distil

    teacher = load(model, quality=quality)
    lesson = _lesson(asked, round(teacher.sample_rate))
    with training_progress(f"distilling {source.name}") as observer:
        student = distil(teacher, source, lesson, settings, observer)
    if student.interrupted:
        say("interrupted: the best student so far is kept")
    say(f"ESR {student.esr:.5f} against {model}, on {UNHEARD_SECONDS:g} s of playing that was not learned from")
    return student.model_file


def _lesson(asked: Distillation, rate_hz: int) -> "Lesson":
    from triode.capture.signal import make_signal, playing
    from triode.training.distil import DEFAULT_SIZE, Lesson

    seconds, epochs = budget_of(asked.time, asked.epochs)
    unheard = playing(UNHEARD_SECONDS, rate_hz, UNHEARD_SEED)
    if asked.dry is not None:
        audio = read_audio(asked.dry, option=None)
        dry = resample(audio.samples, audio.rate_hz, rate_hz)
        return Lesson(dry, unheard, seconds, epochs, asked.size or DEFAULT_SIZE, asked.seed)
    signal = make_signal(SIGNAL_SECONDS, rate_hz, asked.seed)
    stretches = signal.manifest.train_seconds, signal.manifest.held_out_seconds
    return Lesson(signal.samples, unheard, seconds, epochs, asked.size or DEFAULT_SIZE, asked.seed, *stretches)
