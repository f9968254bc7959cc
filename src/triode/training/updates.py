"""Losses to descend, one after another: random crops where memory is finite, carried state where it is not."""

import dataclasses
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from triode.errors import OptionError
from triode.training.config import TrainConfig
from triode.training.dataset import Batch, Dataset
from triode.training.losses import Loss, LossConfig
from triode.training.networks.parametric import Parametric
from triode.training.networks.recurrent import Recurrent
from triode.training.networks.sizes import Network
from triode.training.networks.wavenet import WaveNet
from triode.training.tones import Tones

VALIDATION_SAMPLES = 1 << 17
RECURRENT_LEAD_SAMPLES = 8192


def lead_samples(network: Network) -> int:
    """Dry samples a network has to have heard before its output counts."""
    return RECURRENT_LEAD_SAMPLES if isinstance(network, Recurrent) else network.receptive_field - 1


def _inner(network: Network) -> Network:
    """The network itself, or the one whose weights follow knobs."""
    return network.network if isinstance(network, Parametric) else network


def heard(network: Network, data: Dataset) -> Dataset:
    """The data as `network` hears it: for one with traces, they are worked out over whole takes, once."""
    inner = _inner(network)
    if not isinstance(inner, WaveNet) or not inner.config.traces or data.dry[0].dim() > 1:
        return data
    return dataclasses.replace(data, dry=tuple(inner.heard(signal) for signal in data.dry))


def losses(
    network: Network,
    data: Dataset,
    loss: Loss,
    config: TrainConfig,
    generator: torch.Generator,
    late: Callable[[], bool] = lambda: True,
) -> Iterator[tuple[Tensor, int]]:
    """Endless (loss, target samples it was taken over); the caller steps the optimiser between two of them.

    Where aliasing is to fall, tones are heard beside the recording as long as `late` says so.
    """
    check_loss(network, config.loss)
    if isinstance(network, Recurrent):
        yield from _carried_state(network, data, loss, config, generator)
        return
    tones = None
    for batch in data.batches(config.batch_size, config.segment_samples, lead_samples(network), generator):
        if not (config.loss.aliasing and late()):
            yield loss(network(batch.dry, travels=batch.travels), batch.wet, batch.powers), batch.wet.numel()
            continue
        if tones is None:
            inner = _inner(network)
            assert isinstance(inner, WaveNet)
            device = batch.dry.device
            tones = Tones(inner, config.segment_samples, data.rate_hz, config.loss.aliasing, config.seed, device)
        yield tones.with_aliasing(network, batch, loss, generator), batch.wet.numel()


def check_loss(network: Network, loss: LossConfig) -> None:
    """OptionError where the loss is not for this kind of network."""
    if loss.aliasing and not isinstance(_inner(network), WaveNet):
        raise OptionError("--loss aliasing: only WaveNets learn not to alias (--arch triode or wavenet); leave it out")


def _carried_state(
    network: Recurrent, data: Dataset, loss: Loss, config: TrainConfig, generator: torch.Generator
) -> Iterator[tuple[Tensor, int]]:
    """Truncated back-propagation through time (Wright, Damskägg, Välimäki, DAFx 2019).

    The first `settle_samples` of a segment only move the state away from zero; then each `update_samples` are one
    update, and the state is carried on without its history.
    """
    for batch in data.batches(config.batch_size, config.segment_samples, config.settle_samples, generator):
        x, y, state = batch.dry, batch.wet, None
        if config.settle_samples:
            with torch.no_grad():
                _, state = network(x[:, : config.settle_samples], travels=batch.travels)
        for at in range(0, y.shape[1], config.update_samples):
            target = y[:, at : at + config.update_samples]
            piece = x[:, config.settle_samples + at :][:, : target.shape[1]]
            estimate, state = network(piece, state, travels=batch.travels)
            yield loss(estimate, target, batch.powers), target.numel()
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()


@torch.no_grad()
def validation_esr(network: Network, data: Dataset) -> float:
    """Mean over the knob settings of the ESR over all their held-out stretches.

    The network settles on the audio before each piece.
    """
    lead, data = lead_samples(network), heard(network, data)
    length = 2 * RECURRENT_LEAD_SAMPLES if isinstance(network, Recurrent) else VALIDATION_SAMPLES
    count = max(data.settings) + 1
    error, energy = [0.0] * count, [0.0] * count
    pieces = [([data.settings[take]], batch) for take, batch in data.held_out(length, lead)]
    for settings, batch in _stacked(pieces) if isinstance(network, Recurrent) else pieces:
        y = network(batch.dry, travels=batch.travels)
        estimate = y[0][:, lead:] if isinstance(network, Recurrent) else y
        errors, energies = ((estimate - batch.wet).square().sum(-1), batch.wet.square().sum(-1))
        for row, setting in enumerate(settings):
            error[setting] += float(errors[row])
            energy[setting] += float(energies[row])
    return sum(e / max(s, 1e-20) for e, s in zip(error, energy, strict=True)) / count


def _stacked(pieces: list[tuple[list[int], Batch]]) -> list[tuple[list[int], Batch]]:
    """Pieces of equal length side by side: a recurrent network takes as long over many as over one."""
    groups: dict[int, list[tuple[list[int], Batch]]] = {}
    for settings, batch in pieces:
        groups.setdefault(batch.wet.shape[1], []).append((settings, batch))
    return [
        (
            [setting for settings, _ in group for setting in settings],
            Batch(*(torch.cat([getattr(batch, f.name) for _, batch in group]) for f in dataclasses.fields(Batch))),
        )
        for group in groups.values()
    ]
