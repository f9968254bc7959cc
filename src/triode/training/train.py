"""The training loop, readable top to bottom.

Draw a batch, take the loss, descend; every few seconds listen to held-out audio and keep the best weights. The
budget is wall time or epochs, and the learning rate follows the share of it that is spent: a short rise, then a cosine.
"""

import copy
import dataclasses
import functools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from triode.errors import OptionError, RecordingError, TrainingError
from triode.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from triode.training.config import Observer, Progress, TrainConfig, Validation
from triode.training.dataset import Dataset
from triode.training.descent import make_descent, optimiser_name
from triode.training.networks.linear import Linear, fit_by_sweep, fit_least_squares
from triode.training.networks.sizes import Network
from triode.training.updates import heard, validation_esr

REPORT_SECONDS = 0.5
CHECKPOINT_SECONDS = 20.0
VALIDATIONS = 40  # per budget, unless they would take more than VALIDATION_SHARE of the time
VALIDATION_SHARE = 0.08
LATE_SHARE = 0.5  # of the budget: tones are heard from then on, when the device is mostly learned
MOST_RESTARTS = 4
# Regularisations of a linear system, the first for those so long that trying takes more than seconds.
RIDGES = (1e-6, 1e-4, 1e-2)
MOST_TAPS_TO_TRY = 8192


@dataclass(frozen=True)
class TrainResult:
    """The network with its best weights, and how they were found."""

    network: Network
    esr: float
    history: tuple[Validation, ...]
    seconds: float
    epochs: float
    audio_seconds_per_second: float
    interrupted: bool


def train(
    network: Network,
    data: Dataset,
    config: TrainConfig,
    observer: Observer | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
) -> TrainResult:
    """Train `network` in place on `data` and return it with the weights that did best on the held-out audio.

    `checkpoint` names a file that is rewritten every 20 s and from which `resume` goes on; it is removed at the end.
    Ctrl-C ends training early with the best weights so far. Raises TrainingError if the loss keeps diverging or
    nothing was learned before an interruption.
    """
    if isinstance(network, Linear):
        return _solve(network, data, config.method)
    if config.method == "identify":
        return _as_it_is(network, data)
    loop = _Loop(network, heard(network, data), config)
    if resume:
        if checkpoint is None or not checkpoint.exists():
            raise OptionError(f"--resume: there is no interrupted training at {checkpoint}; start without --resume")
        loop.restore(read_checkpoint(checkpoint))
    interrupted = False
    try:
        loop.run(observer or (lambda progress: None), checkpoint)
    except KeyboardInterrupt:
        interrupted = True
        if loop.best_weights is None:
            raise TrainingError("interrupted before anything was learned; no model was written") from None
        if checkpoint is not None:
            loop.save(checkpoint)
    if checkpoint is not None and not interrupted:
        checkpoint.unlink(missing_ok=True)
    assert loop.best_weights is not None
    network.load_state_dict(loop.best_weights)
    return TrainResult(
        network=network,
        esr=loop.best_esr,
        history=tuple(loop.history),
        seconds=loop.seconds,
        epochs=loop.samples / data.train_samples,
        audio_seconds_per_second=loop.speed(),
        interrupted=interrupted,
    )


def learning_rate(share: float, config: TrainConfig) -> float:
    """The learning rate when `share` (0 to 1) of the budget is spent."""
    if share < config.rising_share:
        return config.learning_rate * (0.05 + 0.95 * share / config.rising_share)
    fall = (share - config.rising_share) / max(1 - config.rising_share, 1e-9)
    cosine = 0.5 * (1 + math.cos(math.pi * min(fall, 1.0)))
    return config.learning_rate * (config.final_learning_rate + (1 - config.final_learning_rate) * cosine)


class _Loop:
    """The state of one training: what a checkpoint holds, and the steps that change it."""

    def __init__(self, network: Network, data: Dataset, config: TrainConfig) -> None:
        self.network, self.data, self.config = network, data, config
        self.generator = torch.Generator().manual_seed(config.seed)
        self.descent = make_descent(network, data, config, self.generator)
        self.samples = self.since_validation = 0
        self.earlier_seconds = self.training_seconds = 0.0
        self.started = time.monotonic()
        self.history: list[Validation] = []
        self.best_esr = math.inf
        self.best_weights: dict[str, Tensor] | None = None
        self.slower = 1.0  # the learning rate is multiplied by this after a divergence
        self.restarts = 0
        self.next_validation = 0.0  # as a share of the budget
        self.recent_loss = math.nan

    @property
    def seconds(self) -> float:
        """Wall time spent, over all runs of this training."""
        return self.earlier_seconds + time.monotonic() - self.started

    @property
    def share(self) -> float:
        """Share of the budget that is spent."""
        if self.config.seconds is not None:
            return self.seconds / self.config.seconds
        return self.samples / (self.data.train_samples * (self.config.epochs or 1.0))

    def speed(self) -> float:
        """Seconds of audio trained on per second, validation apart."""
        return self.samples / self.data.rate_hz / max(self.training_seconds, 1e-9)

    def run(self, observer: Observer, checkpoint: Path | None) -> None:
        """Descend until the budget is spent or patience is."""
        reported = saved = time.monotonic()
        while (share := self.share) < 1.0:
            began = time.monotonic()
            self._update(share)
            now = time.monotonic()
            self.training_seconds += now - began
            diverged = not math.isfinite(self.recent_loss)
            if share >= self.next_validation and not diverged:
                self._validate()
                self.next_validation = share + self._validation_interval(time.monotonic() - now)
                if self._out_of_patience():
                    break
                diverged = not math.isfinite(self.history[-1].validation_esr)
            if diverged:
                self._restart()
                observer(dataclasses.replace(self._progress(share), notice=self._restart_words()))
            if now - reported >= REPORT_SECONDS:
                reported = now
                observer(self._progress(share))
            if checkpoint is not None and now - saved >= CHECKPOINT_SECONDS:
                saved = now
                self.save(checkpoint)
        self._validate()
        observer(self._progress(1.0))

    def _update(self, share: float) -> None:
        self.samples += self.descent.step(self.slower * learning_rate(share, self.config), late=share >= LATE_SHARE)
        self.recent_loss = self.descent.loss()

    def _validate(self) -> None:
        self.recent_loss = self.descent.settled_loss()
        self.network.eval()
        found = validation_esr(self.network, self.data)
        self.network.train()
        epoch = self.samples / self.data.train_samples
        self.history.append(Validation(self.seconds, epoch, self.recent_loss, found))
        self.since_validation += 1
        if found < self.best_esr:
            self.best_esr, self.since_validation = found, 0
            self.best_weights = copy.deepcopy(self.network.state_dict())

    def _validation_interval(self, cost_seconds: float) -> float:
        """Share of the budget until the next validation."""
        interval = 1 / VALIDATIONS
        if self.config.seconds is not None:
            interval = max(interval, cost_seconds / VALIDATION_SHARE / self.config.seconds)
        return interval

    def _out_of_patience(self) -> bool:
        return self.config.patience is not None and self.since_validation > self.config.patience

    def _restart(self) -> None:
        """After a divergence: back to the best weights with half the learning rate."""
        self.restarts += 1
        if self.restarts > MOST_RESTARTS or self.best_weights is None:
            raise TrainingError(
                f"the loss became infinite {self.restarts} times; check the recording with 'triode check', "
                "or train with a lower --learning-rate"
            )
        self.slower /= 2
        self.network.load_state_dict(self.best_weights)
        self.descent.start_again()
        self.recent_loss = math.nan if self.best_esr is math.inf else self.best_esr

    def _restart_words(self) -> str:
        rate = self.slower * self.config.learning_rate
        return (
            f"the loss became infinite after {self.samples / self.data.train_samples:.1f} epochs: back to the best "
            f"weights so far (ESR {self.best_esr:.4f}), with half the learning rate ({rate:g}) from here on"
        )

    def _progress(self, share: float) -> Progress:
        last = self.history[-1].validation_esr if self.history else None
        best = self.best_esr if self.history else None
        epoch = self.samples / self.data.train_samples
        return Progress(min(share, 1.0), self.seconds, epoch, self.recent_loss, last, best, self.speed())

    def save(self, path: Path) -> None:
        """Write all that `restore` needs."""
        checkpoint = Checkpoint(
            network=self.network.state_dict(),
            best=self.best_weights or {},
            optimiser=self.descent.state(),
            generator=self.generator.get_state(),
            numbers=self._numbers(),
        )
        write_checkpoint(path, checkpoint)

    def _numbers(self) -> dict[str, Any]:
        return {
            "architecture": self.network.architecture(),
            "optimiser": optimiser_name(self.network, self.config),
            "samples": self.samples,
            "seconds": self.seconds,
            "training_seconds": self.training_seconds,
            "best_esr": self.best_esr,
            "slower": self.slower,
            "restarts": self.restarts,
            "next_validation": self.next_validation,
            "since_validation": self.since_validation,
            "history": [dataclasses.asdict(point) for point in self.history],
        }

    def restore(self, saved: Checkpoint) -> None:
        """Go on where `saved` stopped; raises OptionError if it is of another network or optimiser."""
        numbers, own = saved.numbers, self._numbers()
        if numbers.keys() != own.keys():
            raise OptionError("--resume: the interrupted training is of another version of Triode; start without it")
        if numbers["architecture"] != own["architecture"]:
            raise OptionError("--resume: the interrupted training is of another --arch or --size; choose the same")
        if numbers["optimiser"] != own["optimiser"]:
            raise OptionError(
                f"--resume: the interrupted training used --optimiser {numbers['optimiser']}, this one would use "
                f"{own['optimiser']}; give the same --optimiser and --recipe"
            )
        self.network.load_state_dict(saved.network)
        self.best_weights = dict(saved.best) or None
        self.descent.restore(saved.optimiser)
        self.generator.set_state(saved.generator)
        self.samples, self.earlier_seconds = numbers["samples"], numbers["seconds"]
        self.training_seconds, self.slower = numbers["training_seconds"], numbers["slower"]
        self.best_esr, self.restarts = numbers["best_esr"], numbers["restarts"]
        # It was a share of the old budget: of a longer one it would lie far ahead.
        self.next_validation = min(numbers["next_validation"], self.share + 1 / VALIDATIONS)
        self.since_validation = numbers["since_validation"]
        self.history = [Validation(**point) for point in numbers["history"]]


def _as_it_is(network: Network, data: Dataset) -> TrainResult:
    """What identification left: nothing is descended."""
    began = time.monotonic()
    network.eval()
    found = validation_esr(network, data)
    seconds = time.monotonic() - began
    return TrainResult(network, found, (Validation(seconds, 0.0, found, found),), seconds, 0.0, 0.0, False)


def _solve(network: Linear, data: Dataset, method: str) -> TrainResult:
    """A linear system needs no descent: the closest on the held-out audio of what its method offers."""
    began = time.monotonic()
    best, found = None, math.inf
    for fit in _fits(network, data, method):
        fit()
        error = validation_esr(network, data)
        if error < found:
            best, found = copy.deepcopy(network.state_dict()), error
    if best is None:
        raise RecordingError("no impulse response fits this recording; check it with 'triode check'")
    network.load_state_dict(best)
    seconds = time.monotonic() - began
    speed = data.train_samples / data.rate_hz / max(seconds, 1e-9)
    return TrainResult(network, found, (Validation(seconds, 1.0, found, found),), seconds, 1.0, speed, False)


def _fits(network: Linear, data: Dataset, method: str) -> Iterator[Callable[[], None]]:
    """Least squares under several regularisations, or each sweep of each take, loud or quiet."""
    if method == "sweep":
        sweeps = [(take, sweep) for take, all_of_it in enumerate(data.sweeps) for sweep in all_of_it]
        if not sweeps:
            raise OptionError(
                "--recipe farina2000: no sweep of our own signal lies in what is trained on; capture with "
                "'triode signal', or use --recipe least-squares"
            )
        for take, sweep in sweeps:
            yield functools.partial(fit_by_sweep, network, data, take, sweep)
        return
    for ridge in RIDGES if network.config.taps <= MOST_TAPS_TO_TRY else RIDGES[:1]:
        yield functools.partial(fit_least_squares, network, data, ridge)
