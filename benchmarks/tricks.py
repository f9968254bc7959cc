"""What each part of the recipe buys: `python -m benchmarks.tricks --data FOLDER [--epochs 3] [--seeds 3]`.

FOLDER holds captures/{ts9,bigchump,fuzzface}/output.flac beside captures/input.flac: 0 to 180 s are trained on, 180 to
190 s choose the best weights. Every variant differs from the default recipe in one thing; the test ESR (210 to 240 s,
neither trained on nor chosen by) is the median over seeds.
"""

import argparse
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from benchmarks.page import table, write_section
from triode.audio import read_audio
from triode.training.dataset import Dataset, make_dataset
from triode.training.networks.sizes import Network, make_network
from triode.training.prepare import prepare
from triode.training.recipes import recipe
from triode.training.train import train
from triode.training.updates import validation_esr

CAPTURES = ("ts9", "bigchump", "fuzzface")
AVERAGE_MEMORY = 0.98  # of the mean of the weights, in updates, of which 3 passes have 790


def orthogonal(network: nn.Module) -> None:
    """Rows of every weight orthogonal (Saxe, McClelland, Ganguli 2014), biases 0."""
    for parameter in network.parameters():
        if parameter.dim() > 1:
            nn.init.orthogonal_(parameter)
        else:
            nn.init.zeros_(parameter)


@dataclass(frozen=True)
class Variant:
    """Fields of the recipe to replace, how to initialise, and whether the running mean of the weights is judged."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    initialise: Callable[[nn.Module], None] = lambda network: None
    averaged: bool = False


VARIANTS: dict[str, Variant] = {
    "the default": Variant(),
    "Adam, its best rate": Variant({"optimiser": "adam", "learning_rate": 0.008}),
    "half the learning rate": Variant({"learning_rate": 0.0075}),
    "twice the learning rate": Variant({"learning_rate": 0.03}),
    "2 crops of 16,384": Variant({"batch_size": 2, "segment_samples": 16384}),
    "2 crops an update": Variant({"batch_size": 2}),
    "8 crops an update": Variant({"batch_size": 8}),
    "MRSTFT added": Variant({"loss_weights": {"mse": 1.0, "mrstft": 0.0005}}),
    "pre-emphasis 0.85": Variant({"pre_emphasis": 0.85}),
    "orthogonal start": Variant(initialise=orthogonal),
    "mean of the weights": Variant(averaged=True),
}


class RunningMean:
    """The exponential mean of what an optimiser moves, free of its start."""

    def __init__(self) -> None:
        self.means: dict[Tensor, Tensor] = {}
        self.updates = 0

    @torch.no_grad()
    def follow(self, optimiser: torch.optim.Optimizer, *_: object) -> None:
        """After every step."""
        self.updates += 1
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                mean = self.means.setdefault(parameter, torch.zeros_like(parameter))
                mean.lerp_(parameter, 1 - AVERAGE_MEMORY)

    @torch.no_grad()
    def apply(self) -> None:
        """Put the means in the parameters' place."""
        for parameter, mean in self.means.items():
            parameter.copy_(mean / (1 - AVERAGE_MEMORY**self.updates))


def read_capture(folder: Path, name: str) -> tuple[Dataset, Dataset]:
    """What is trained on and chosen by, and the same audio with the test stretch held out."""
    take = read_audio(folder / "input.flac"), read_audio(folder / name / "output.flac")
    prepared = prepare([take], (0.0, 180.0), (180.0, 190.0))
    data = make_dataset(list(prepared.pairs), prepared.rate_hz)
    return data, with_test(data)


def with_test(data: Dataset) -> Dataset:
    """The same audio with the test stretch held out."""
    test = 210 * data.rate_hz, min(240 * data.rate_hz, len(data.dry[0]))
    return dataclasses.replace(data, validate=(test,))


def test_esr(variant: Variant, data: Dataset, test: Dataset, epochs: float, seed: int) -> float:
    """Train once and evaluate."""
    network: Network = make_network("wavenet", "feather", seed)
    variant.initialise(network)
    mean = RunningMean()
    hook = register_optimizer_step_post_hook(mean.follow) if variant.averaged else None
    train(network, data, recipe("wavenet", epochs=epochs, rate_hz=data.rate_hz, seed=seed, **variant.changes))
    if hook is not None:
        hook.remove()
        mean.apply()
    network.eval()
    return validation_esr(network, test)


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    captures = [read_capture(options.data / "captures", name) for name in CAPTURES]
    rows = []
    for name in options.only:
        found = []
        for data, test in captures:
            runs = [test_esr(VARIANTS[name], data, test, options.epochs, seed) for seed in range(options.seeds)]
            found.append((float(np.median(runs)), min(runs), max(runs)))
        mean = float(np.exp(np.mean(np.log([median for median, *_ in found]))))
        rows.append([name, *(f"{m:.5f} ({low:.5f} to {high:.5f})" for m, low, high in found), f"{mean:.5f}"])
        print(*rows[-1], sep=" | ", flush=True)
    body = (
        f"{options.epochs:g} passes over 180 s (feather), medians (and ranges) over seeds 0 to {options.seeds - 1}.\n\n"
        + table(["variant", *CAPTURES, "geometric mean"], rows)
    )
    write_section("What each part of the recipe buys", "python -m benchmarks.tricks", body)


if __name__ == "__main__":
    main()
