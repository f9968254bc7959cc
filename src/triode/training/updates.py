"""Losses to descend, one after another: random crops where memory is finite, carried state where it is not."""

from collections.abc import Iterator

import torch
from torch import Tensor

from triode.training.config import TrainConfig
from triode.training.dataset import Dataset
from triode.training.losses import Loss
from triode.training.networks.recurrent import Recurrent, State
from triode.training.networks.sizes import Network

VALIDATION_SAMPLES = 1 << 17
RECURRENT_LEAD_SAMPLES = 8192


def lead_samples(network: Network) -> int:
    """Dry samples a network has to have heard before its output counts."""
    return RECURRENT_LEAD_SAMPLES if isinstance(network, Recurrent) else network.receptive_field - 1


def losses(
    network: Network, data: Dataset, loss: Loss, config: TrainConfig, generator: torch.Generator
) -> Iterator[tuple[Tensor, int]]:
    """Endless (loss, target samples it was taken over); the caller steps the optimiser between two of them."""
    if isinstance(network, Recurrent):
        yield from _carried_state(network, data, loss, config, generator)
        return
    batches = data.batches(config.batch_size, config.segment_samples, lead_samples(network), generator)
    for x, y in batches:
        yield loss(network(x), y), y.numel()


def _carried_state(
    network: Recurrent, data: Dataset, loss: Loss, config: TrainConfig, generator: torch.Generator
) -> Iterator[tuple[Tensor, int]]:
    """Truncated back-propagation through time (Wright, Damskägg, Välimäki, DAFx 2019).

    The first `settle_samples` of a segment only move the state away from zero; then each `update_samples` are one
    update, and the state is carried on without its history.
    """
    for x, y in data.batches(config.batch_size, config.segment_samples, config.settle_samples, generator):
        state: State | None = None
        if config.settle_samples:
            with torch.no_grad():
                _, state = network(x[:, : config.settle_samples])
        for at in range(0, y.shape[1], config.update_samples):
            target = y[:, at : at + config.update_samples]
            estimate, state = network(x[:, config.settle_samples + at :][:, : target.shape[1]], state)
            yield loss(estimate, target), target.numel()
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()  # type: ignore[assignment]


@torch.no_grad()
def validation_esr(network: Network, data: Dataset) -> float:
    """ESR over all held-out stretches, after the network has settled on the audio before each piece."""
    lead = lead_samples(network)
    length = 2 * RECURRENT_LEAD_SAMPLES if isinstance(network, Recurrent) else VALIDATION_SAMPLES
    error = energy = 0.0
    pieces = list(data.held_out(length, lead))
    if isinstance(network, Recurrent):
        pieces = _stacked(pieces)
    for x, y in pieces:
        estimate = network(x)[0][:, lead:] if isinstance(network, Recurrent) else network(x)
        error += float((estimate - y).square().sum())
        energy += float(y.square().sum())
    return error / max(energy, 1e-20)


def _stacked(pieces: list[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    """Pieces of equal length side by side: a recurrent network takes as long over many as over one."""
    groups: dict[int, list[tuple[Tensor, Tensor]]] = {}
    for x, y in pieces:
        groups.setdefault(y.shape[1], []).append((x, y))
    return [(torch.cat([x for x, _ in g]), torch.cat([y for _, y in g])) for g in groups.values()]
