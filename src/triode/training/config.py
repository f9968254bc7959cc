"""What a training is asked to do, and what it reports while it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from triode.errors import OptionError
from triode.training.losses import LossConfig

OPTIMISERS = ("adam", "soap")


@dataclass(frozen=True)
class TrainConfig:
    """The recipe. Exactly one of `seconds` (wall time) and `epochs` (passes over the training audio) is the budget."""

    seconds: float | None = None
    epochs: float | None = None
    batch_size: int = 16
    segment_samples: int = 8192
    learning_rate: float = 0.004
    final_learning_rate: float = 0.01  # as a share of learning_rate, reached by a cosine at the end of the budget
    rising_share: float = 0.02  # share of the budget over which the learning rate rises from 0
    clip_gradient: float = 1.0
    patience: int | None = None  # validations without a better ESR before stopping early
    loss: LossConfig = field(default_factory=LossConfig)
    seed: int = 0
    optimiser: str = "adam"
    # Where there is more than one way: "least-squares" or "sweep" (linear); "identify", without descent (chains).
    method: str = ""
    # Recurrent networks only: Wright's truncated back-propagation.
    settle_samples: int = 200  # run without loss at the start of a segment
    update_samples: int = 1000  # an update, with the state carried on, every so many samples

    def __post_init__(self) -> None:
        if (self.seconds is None) == (self.epochs is None):
            raise OptionError("give a budget either as time or as epochs, not both and not neither")
        budget = self.seconds if self.seconds is not None else self.epochs
        if budget is None or not 0 < budget < 1e9:
            raise OptionError(f"the training budget {budget} makes no sense; for example --time 3m or --epochs 100")
        if self.optimiser not in OPTIMISERS:
            raise OptionError(f"--optimiser {self.optimiser}: unknown; choose {' or '.join(OPTIMISERS)}")
        if min(self.batch_size, self.segment_samples, self.update_samples) < 1 or self.settle_samples < 0:
            raise OptionError("batch size, segment and update lengths must be at least 1 sample")


@dataclass(frozen=True)
class Progress:
    """Where a training is; sent after every report interval, and when there is something to tell."""

    share: float  # of the budget, 0 to 1
    seconds: float
    epoch: float
    loss: float
    esr: float | None  # of the last validation
    best_esr: float | None
    audio_seconds_per_second: float
    notice: str = ""  # what a person should be told, once


@dataclass(frozen=True)
class Validation:
    """One point of the learning curve."""

    seconds: float
    epoch: float
    loss: float
    validation_esr: float


Observer = Callable[[Progress], None]
