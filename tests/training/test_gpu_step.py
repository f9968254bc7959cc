"""Steps over the vector of all parameters: the same descent as one network at a time, and networks do not touch."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from triode.training.config import TrainConfig
from triode.training.dataset import Dataset, Pair, make_dataset
from triode.training.descent import EagerDescent
from triode.training.gpu.step import GraphStep
from triode.training.losses import Loss
from triode.training.many import can_train_together, shared_batch_size
from triode.training.networks.sizes import make_network
from triode.training.networks.wavenet import WaveNet

RATE_HZ = 48000
CONFIG = TrainConfig(seconds=1, batch_size=2, segment_samples=512, learning_rate=0.01, optimiser="soap")


def recording(seed: int, drive: float, travels: tuple[float, ...] = ()) -> Dataset:
    generator = np.random.default_rng(seed)
    dry = (0.3 * generator.standard_normal(RATE_HZ)).astype(np.float32)
    wet = np.tanh(drive * dry).astype(np.float32)
    takes = [Pair(dry, wet * (1 + t), (0, 40000), (40000, RATE_HZ), (t,)) for t in travels]
    return make_dataset(takes or [Pair(dry, wet, (0, 40000), (40000, RATE_HZ))], RATE_HZ)


def nano(seed: int) -> WaveNet:
    network = make_network("wavenet", "nano", seed)
    assert isinstance(network, WaveNet)
    return network


def weights(network: torch.nn.Module) -> Tensor:
    return torch.cat([p.detach().reshape(-1).clone() for p in network.parameters()])


def seeded(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(7) for _ in range(count)]


@pytest.mark.parametrize("knobs", [0, 1])
def test_descends_as_the_readable_loop(knobs: int) -> None:
    """By the loss: along directions that no gradient knows yet SOAP moves by rounding errors."""
    data = recording(1, 3.0, (0.0, 0.5, 1.0) if knobs else ())
    first, second = (make_network("wavenet", "nano", 3, knobs) for _ in range(2))
    criterion = Loss(CONFIG.loss, RATE_HZ)
    graph = GraphStep([first], [data], criterion, CONFIG, seeded(1))
    eager = EagerDescent(second, data, criterion, CONFIG, seeded(1)[0])
    for _ in range(8):
        assert graph.step(0.01) == eager.step(0.01)
        assert graph.settled_loss() == pytest.approx(eager.settled_loss(), rel=1e-2)


def test_networks_side_by_side_learn_what_they_learn_alone() -> None:
    data = [recording(1, 1.0), recording(2, 8.0)]
    criterion = Loss(CONFIG.loss, RATE_HZ)
    together = [nano(1), nano(2)]
    both = GraphStep(together, data, criterion, CONFIG, seeded(2))
    alone = [nano(1), nano(2)]
    single = [GraphStep([n], [d], criterion, CONFIG, seeded(1)) for n, d in zip(alone, data, strict=True)]
    for _ in range(8):
        both.step(0.01)
        for one in single:
            one.step(0.01)
        mean = sum(one.settled_loss() for one in single) / 2
        assert both.settled_loss() == pytest.approx(mean, rel=2e-3)


def test_one_that_explodes_leaves_the_others_alone() -> None:
    data = [recording(1, 1.0), recording(2, 8.0)]
    networks = [nano(1), nano(2)]
    both = GraphStep(networks, data, Loss(CONFIG.loss, RATE_HZ), CONFIG, seeded(2))
    with torch.no_grad():
        next(networks[0].parameters()).fill_(float("nan"))
    for _ in range(2):
        both.step(0.01)
    assert not torch.isfinite(weights(networks[0])).all()
    assert torch.isfinite(weights(networks[1])).all()


def test_goes_on_from_a_saved_state_as_if_never_interrupted() -> None:
    data, criterion = recording(1, 3.0), Loss(CONFIG.loss, RATE_HZ)
    straight, broken = nano(4), nano(4)
    generator, again = seeded(2)
    whole = GraphStep([straight], [data], criterion, CONFIG, [generator])
    part = GraphStep([broken], [data], criterion, CONFIG, [again])
    for _ in range(3):
        whole.step(0.01)
        part.step(0.01)
    resumed = nano(4)
    resumed.load_state_dict(broken.state_dict())
    rest = GraphStep([resumed], [data], criterion, CONFIG, [again])
    rest.restore({k: {n: t.clone() for n, t in v.items()} for k, v in part.state().items()})
    for _ in range(3):
        whole.step(0.01)
        rest.step(0.01)
    torch.testing.assert_close(weights(straight), weights(resumed))


def test_several_networks_take_smaller_batches_only_where_memory_is_short() -> None:
    config = dataclasses.replace(CONFIG, batch_size=16, segment_samples=16384)
    sixteen = [make_network("wavenet", "a2-full", seed) for seed in range(16)]
    networks = [network for network in sixteen if isinstance(network, WaveNet)]
    assert shared_batch_size(config, networks, 80 << 30) == 16
    assert 4 <= shared_batch_size(config, networks, 12 << 30) < 16
    assert shared_batch_size(config, networks[:1], 12 << 30) == 16


def test_snapshots_of_one_shape_for_a_time_go_together_and_only_on_a_gpu() -> None:
    data = [recording(1, 1.0)] * 2
    assert not can_train_together([nano(1), nano(2)], data, CONFIG)


def test_a_batch_is_as_large_as_it_says() -> None:
    config = dataclasses.replace(CONFIG, batch_size=3, segment_samples=700)
    step = GraphStep([nano(1)], [recording(1, 1.0)], Loss(config.loss, RATE_HZ), config, seeded(1))
    assert step.step(0.001) == 2100
