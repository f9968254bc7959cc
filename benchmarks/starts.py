"""What a warm start buys: `python -m benchmarks.starts --data FOLDER [--epochs 1 3] [--seeds 3]`.

FOLDER is that of benchmarks.tricks, and so are stretches and measure: the default recipe from fresh weights, and with
`--start-from` a model of a built-in circuit that comes with the package.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
import torch

from benchmarks.page import table, write_section
from benchmarks.tricks import CAPTURES, read_capture
from triode.training.dataset import Dataset
from triode.training.job import Job, starting_network
from triode.training.recipes import recipe
from triode.training.train import train
from triode.training.updates import validation_esr

STARTS = (None, "triode:overdrive-mid")


def test_esr(start: str | None, data: Dataset, test: Dataset, epochs: float, seed: int) -> float:
    """Train once and evaluate."""
    job = Job(start_from=None if start is None else Path(start), seed=seed)
    network, arch = starting_network(job, data)
    train(network, data, recipe(arch, epochs=epochs, rate_hz=data.rate_hz, seed=seed))
    network.eval()
    return validation_esr(network, test)


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=float, nargs="+", default=[1.0, 3.0])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    captures = [read_capture(options.data / "captures", name) for name in CAPTURES]
    rows = []
    for epochs, start in itertools.product(options.epochs, STARTS):
        found = []
        for data, test in captures:
            runs = [test_esr(start, data, test, epochs, seed) for seed in range(options.seeds)]
            found.append(f"{np.median(runs):.5f} ({min(runs):.5f} to {max(runs):.5f})")
        rows.append([f"{epochs:g}", start or "fresh weights", *found])
        print(*rows[-1], sep=" | ", flush=True)
    body = (
        f"Test ESR (feather), medians (and ranges) over seeds 0 to {options.seeds - 1}. The models to start from have "
        f"heard none of these devices.\n\n{table(['passes', 'start', *CAPTURES], rows)}"
    )
    write_section("What a warm start buys", "python -m benchmarks.starts", body)


if __name__ == "__main__":
    main()
