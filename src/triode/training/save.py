"""From a trained network to a model file."""

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

import triode
from triode.audio import Samples
from triode.knobs import Knob
from triode.model_file import Alignment, Levels, ModelFile, SelfTest, loudness_db, self_test_signal
from triode.training.config import TrainConfig
from triode.training.dataset import Dataset
from triode.training.networks.block_oriented import BlockOriented
from triode.training.networks.recurrent import Recurrent
from triode.training.networks.sizes import Network
from triode.training.train import TrainResult


@torch.no_grad()
def play(
    network: Network,
    samples: Samples,
    warm_up_samples: int,
    target_gain: float = 1.0,
    travels: Sequence[float] = (),
) -> Samples:
    """The network's output (n,) for `samples` (n,) from the start state: what any engine has to reproduce.

    `travels` are the positions of the knobs, 0 to 1.
    """
    parameter = next(network.parameters())
    x = torch.from_numpy(np.concatenate([np.zeros(warm_up_samples, np.float32), samples])).to(parameter)
    network.eval()
    exact = {"exact": True} if isinstance(network, BlockOriented) else {}
    y = network(x.unsqueeze(0), travels=x.new_tensor([travels]), **exact)
    y = y[0] if isinstance(y, tuple) else y
    return np.asarray((y[0, -len(samples) :] * target_gain).float().cpu().numpy(), dtype=np.float32)


def warm_up_samples(network: Network, rate_hz: int) -> int:
    """Silence that leads to the start state: a second for what remembers as a state, the memory of all others."""
    return rate_hz if isinstance(network, Recurrent | BlockOriented) else network.receptive_field


def to_model_file(
    result: TrainResult,
    data: Dataset,
    config: TrainConfig,
    alignment: Alignment,
    *,
    name: str,
    knobs: Sequence[Knob] = (),
    levels: Levels | None = None,
    metadata: Mapping[str, str] | None = None,
    training: Mapping[str, Any] | None = None,
) -> ModelFile:
    """The model file of a finished training; `levels`, `metadata` and `training` add what the capture knows."""
    network = result.network
    warm_up = warm_up_samples(network, data.rate_hz)
    signal = self_test_signal(data.rate_hz)
    output = play(network, signal, warm_up, data.target_gain, [knob.travel(knob.default) for knob in knobs])
    levels = dataclasses.replace(levels or Levels(), target_gain=data.target_gain, loudness_db=loudness_db(output))
    return ModelFile(
        name=name,
        architecture=network.architecture(),
        tensors={key: tensor.detach().cpu().numpy() for key, tensor in network.tensors(data.target_gain).items()},
        sample_rate=data.rate_hz,
        warm_up_samples=warm_up,
        self_test=SelfTest(signal, output),
        levels=levels,
        knobs=tuple(knobs),
        alignment=alignment,
        metadata={"created": time.strftime("%Y-%m-%d"), **(metadata or {})},
        training={
            "seconds_of_audio": data.train_samples / data.rate_hz,
            "settings": len(set(data.settings)),
            "epochs": result.epochs,
            "wall_seconds": result.seconds,
            "seed": config.seed,
            "loss": dataclasses.asdict(config.loss),
            "esr": result.esr,
            # A divergence that was recovered from leaves points that no JSON can hold.
            "learning_curve": [
                point for point in map(dataclasses.asdict, result.history) if all(map(math.isfinite, point.values()))
            ],
            "triode_version": triode.__version__,
            **(training or {}),
        },
    )
