"""What each part of the recipe buys: `python -m benchmarks.tricks --data FOLDER [--epochs 3] [--seeds 3]`.

FOLDER holds captures/{ts9,bigchump,fuzzface}/output.flac beside captures/input.flac. Every variant differs from `triode
train`'s defaults in one thing; the test ESR (210 to 240 s, neither trained on nor chosen by) is the median over seeds.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.fidelity import cases, triode
from benchmarks.page import table, write_section

CAPTURES = ("ts9", "bigchump", "fuzzface")
VARIANTS: dict[str, tuple[str, ...]] = {
    "the default": (),
    "Adam, its best rate": ("--optimiser", "adam", "--learning-rate", "0.008"),
    "half the learning rate": ("--learning-rate", "0.0075"),
    "twice the learning rate": ("--learning-rate", "0.03"),
    "2 crops an update": ("--batch-size", "2"),
    "8 crops an update": ("--batch-size", "8"),
    "MRSTFT added": ("--loss", "mse=1,mrstft=0.0005"),
    "pre-emphasis 0.85": ("--pre-emphasis", "0.85"),
}


def test_esr(capture: str, data: Path, options: tuple[str, ...], epochs: float, seed: int) -> float:
    """Train once and evaluate."""
    dry, wet, train_options, test_options = cases(data)[capture]
    files = "--input", dry, "--output", wet
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.triode"
        triode("train", *files, "-o", model, "--epochs", epochs, "--seed", seed, *train_options, *options)
        return float(triode("evaluate", model, *files, *test_options)["esr"])


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    options = parser.parse_args()
    rows = []
    for name in options.only:
        found = []
        for capture in CAPTURES:
            runs = [
                test_esr(capture, options.data, VARIANTS[name], options.epochs, seed) for seed in range(options.seeds)
            ]
            found.append(float(np.median(runs)))
        mean = float(np.exp(np.mean(np.log(found))))
        rows.append([name, *(f"{error:.5f}" for error in found), f"{mean:.5f}"])
        print(*rows[-1], flush=True)
    body = (
        f"`triode train --epochs {options.epochs:g}` (feather), medians over seeds 0 to {options.seeds - 1}.\n\n"
        + table(["variant", *CAPTURES, "geometric mean"], rows)
    )
    write_section("What each part of the recipe buys", "python -m benchmarks.tricks", body)


if __name__ == "__main__":
    main()
