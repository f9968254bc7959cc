"""One training step after another: draw a batch, take the loss, move the weights."""

import math
from collections.abc import Iterator, Mapping
from typing import Protocol

import torch
from torch import Tensor

from triode.training.config import TrainConfig
from triode.training.dataset import Dataset
from triode.training.gpu.step import GraphStep, can_step
from triode.training.losses import Loss
from triode.training.networks.parametric import Parametric
from triode.training.networks.sizes import Network
from triode.training.networks.wavenet import WaveNet
from triode.training.soap import Soap, weight_matrices
from triode.training.updates import losses

State = Mapping[int, Mapping[str, Tensor]]


class Descent(Protocol):
    """What the training loop needs of a way to descend."""

    def step(self, learning_rate: float, late: bool = False) -> int:
        """One step, early or late in a training; target samples it was taken over."""
        ...

    def loss(self) -> float:
        """The latest loss that is known without waiting."""
        ...

    def settled_loss(self) -> float:
        """The loss of the last step."""
        ...

    def start_again(self) -> None:
        """Forget earlier gradients: the weights were set back."""
        ...

    def state(self) -> State:
        """The optimiser's state by number."""
        ...

    def restore(self, state: State) -> None:
        """Take over what `state` returned."""
        ...


def make_descent(network: Network, data: Dataset, config: TrainConfig, generator: torch.Generator) -> Descent:
    """The fastest way to descend with `network` where its weights are."""
    loss = Loss(config.loss, data.rate_hz).to(data.powers.device)
    if isinstance(network, WaveNet | Parametric) and can_step([network], config):
        return GraphStep([network], [data], loss, config, [generator])
    return EagerDescent(network, data, loss, config, generator)


def optimiser_name(network: Network, config: TrainConfig) -> str:
    """The optimiser of `config`; on MPS, which has no QR decomposition in every version of torch, Adam."""
    return "adam" if _elsewhere(network) else config.optimiser


def make_optimiser(network: Network, config: TrainConfig) -> torch.optim.Optimizer:
    """A fresh one of the name that `optimiser_name` gives.

    Adam goes over all parameters in one pass: a small network has a hundred, and going through them one by one costs a
    tenth of a step or more.
    """
    if optimiser_name(network, config) == "soap":
        return Soap(weight_matrices(network), config.learning_rate, clip=config.clip_gradient)
    return torch.optim.Adam(list(network.parameters()), lr=config.learning_rate, fused=not _elsewhere(network))


def _elsewhere(network: Network) -> bool:
    return any(parameter.device.type not in ("cpu", "cuda") for parameter in network.parameters())


class EagerDescent:
    """Steps in torch's own operations, one after another: for every network and device."""

    def __init__(
        self, network: Network, data: Dataset, loss: Loss, config: TrainConfig, generator: torch.Generator
    ) -> None:
        self._network, self._config = network, config
        self._late = False
        self._arguments = (network, data, loss, config, generator, lambda: self._late)
        self._latest = math.nan
        self._optimiser = make_optimiser(network, config)
        self._stream: Iterator[tuple[Tensor, int]] = iter(())

    def step(self, learning_rate: float, late: bool = False) -> int:
        """One step, early or late in a training; target samples it was taken over."""
        self._late = late
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate
        self._optimiser.zero_grad(set_to_none=True)
        loss, samples = self._next()
        loss.backward()  # type: ignore[no-untyped-call]
        if not isinstance(self._optimiser, Soap):  # which does this itself
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._config.clip_gradient)
        self._optimiser.step()
        self._latest = float(loss.detach())
        return samples

    def loss(self) -> float:
        """The loss of the last step."""
        return self._latest

    def settled_loss(self) -> float:
        """The loss of the last step."""
        return self._latest

    def start_again(self) -> None:
        """Forget earlier gradients: the weights were set back."""
        self._optimiser = make_optimiser(self._network, self._config)
        self._stream = iter(())

    def state(self) -> State:
        """The optimiser's state by parameter number."""
        state: State = self._optimiser.state_dict()["state"]
        return state

    def restore(self, state: State) -> None:
        """Take over what `state` returned."""
        self._optimiser.load_state_dict({**self._optimiser.state_dict(), "state": state})

    def _next(self) -> tuple[Tensor, int]:
        """From a stream that begins at the first step: a checkpoint may set the random generator back before."""
        first = next(self._stream, None)
        if first is None:
            self._stream = losses(*self._arguments)
            first = next(self._stream)
        return first
