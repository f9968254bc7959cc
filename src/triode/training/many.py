"""Several networks of one shape trained side by side on one GPU, each on its own recordings.

A small network leaves a GPU idle for most of a step.
"""

import copy
import math
import time
from collections.abc import Sequence

import torch
from torch import Tensor

from triode.errors import TrainingError
from triode.training.config import Observer, Progress, TrainConfig, Validation
from triode.training.dataset import Dataset
from triode.training.gpu.packing import padded
from triode.training.gpu.step import GraphStep, can_step
from triode.training.losses import Loss
from triode.training.networks.sizes import Network
from triode.training.networks.wavenet import WaveNet
from triode.training.train import REPORT_SECONDS, VALIDATION_SHARE, VALIDATIONS, TrainResult, learning_rate
from triode.training.updates import heard, validation_esr

SMALLEST_BATCH = 4  # crops of each network at a step
FREE_SHARE = 0.6  # of the free memory, for the signals that a step keeps


def can_train_together(networks: Sequence[Network], data: Sequence[Dataset], config: TrainConfig) -> bool:
    """Whether `train_together` can: snapshots of one shape on a GPU with Triton, trained for a time."""
    alike = len({str(network.architecture()) for network in networks}) == 1
    rates = {dataset.rate_hz for dataset in data}
    plain = config.seconds is not None and config.patience is None
    return plain and alike and len(rates) == 1 and isinstance(networks[0], WaveNet) and can_step(networks, config)


def shared_batch_size(config: TrainConfig, networks: Sequence[WaveNet], free_bytes: int) -> int:
    """Crops of each network at a step: those of `config`, or fewer where so many do not fit into the free memory.

    Fewer are worse: at the same rate of descent a step knows less (docs/training.md).
    """
    first = networks[0]
    # The residual path, the activations and the gradients of both are kept for every layer.
    numbers = sum(padded(array.channels) * (4 * len(array.dilations) + 6) for array in first.config.arrays)
    crop_bytes = 4 * numbers * (first.receptive_field - 1 + config.segment_samples)
    fitting = int(FREE_SHARE * free_bytes / (len(networks) * crop_bytes))
    return max(SMALLEST_BATCH, min(config.batch_size, fitting))


def train_together(
    networks: Sequence[WaveNet], data: Sequence[Dataset], config: TrainConfig, observer: Observer | None = None
) -> list[TrainResult]:
    """Train all `networks` in place, each on its data, within the one budget of time, and return them with their best
    weights.

    Crops are drawn for each by its own generator with the seed of `config`. A network whose error becomes infinite is
    left at its best weights. Ctrl-C ends the training with the best weights so far. Raises TrainingError where one has
    learned nothing.
    """
    return _Together(networks, data, config).run(observer or (lambda progress: None))


class _Together:
    def __init__(self, networks: Sequence[WaveNet], data: Sequence[Dataset], config: TrainConfig) -> None:
        assert config.seconds is not None
        self.networks, self.config, self.budget = networks, config, config.seconds
        self.data = [heard(network, dataset) for network, dataset in zip(networks, data, strict=True)]
        generators = [torch.Generator().manual_seed(config.seed) for _ in networks]
        criterion = Loss(config.loss, data[0].rate_hz).to(data[0].powers.device)
        self.steps = GraphStep(networks, self.data, criterion, config, generators)
        self.started = time.monotonic()
        self.samples = 0
        self.validating = 0.0
        self.best: list[tuple[float, dict[str, Tensor]]] = [(math.inf, {})] * len(networks)
        self.histories: list[list[Validation]] = [[] for _ in networks]

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def run(self, observer: Observer) -> list[TrainResult]:
        interrupted = False
        try:
            self._descend(observer)
        except KeyboardInterrupt:
            interrupted = True
        return [self._result(number, interrupted) for number in range(len(self.networks))]

    def _descend(self, observer: Observer) -> None:
        reported, next_validation = self.seconds, 0.0
        while (share := self.seconds / self.budget) < 1.0:
            self.samples += self.steps.step(learning_rate(share, self.config))
            if share >= next_validation:
                cost = self._validate()
                next_validation = share + max(1 / VALIDATIONS, cost / VALIDATION_SHARE / self.budget)
            if self.seconds - reported >= REPORT_SECONDS:
                reported = self.seconds
                observer(self._progress(share))
        self._validate()
        observer(self._progress(1.0))

    def _validate(self) -> float:
        """Listen to the held-out audio of all; the seconds that this took."""
        loss = self.steps.settled_loss()
        before = self.seconds
        for number, (network, dataset) in enumerate(zip(self.networks, self.data, strict=True)):
            found = validation_esr(network, dataset)
            epoch = self.samples / dataset.train_samples
            self.histories[number].append(Validation(self.seconds, epoch, loss, found))
            if found < self.best[number][0]:
                self.best[number] = (found, copy.deepcopy(network.state_dict()))
        self.validating += self.seconds - before
        return self.seconds - before

    def _speed(self) -> float:
        """Seconds of audio trained on per second, of all networks together, validation apart."""
        heard = len(self.networks) * self.samples / self.data[0].rate_hz
        return heard / max(self.seconds - self.validating, 1e-9)

    def _progress(self, share: float) -> Progress:
        """Of all networks: the means."""
        last = [history[-1] for history in self.histories]
        esr = sum(point.validation_esr for point in last) / len(last)
        best = sum(found for found, _ in self.best) / len(self.best)
        return Progress(min(share, 1.0), self.seconds, last[0].epoch, last[0].loss, esr, best, self._speed())

    def _result(self, number: int, interrupted: bool) -> TrainResult:
        esr, weights = self.best[number]
        if not weights:
            why = "interrupted before anything was learned" if interrupted else "the error of a model was never finite"
            raise TrainingError(f"{why}; no model was written")
        network = self.networks[number]
        network.load_state_dict(weights)
        epochs = self.samples / self.data[number].train_samples
        history = tuple(self.histories[number])
        return TrainResult(network, esr, history, self.seconds, epochs, self._speed(), interrupted)
