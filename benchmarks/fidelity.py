"""How close models come: `python -m benchmarks.fidelity --data FOLDER [--time 10m | --epochs 95] [--only NAME ...]
[--models ARCH:SIZE ...]`.

FOLDER holds captures/{ts9,bigchump,fuzzface}/output.flac beside captures/input.flac (train 0-180 s, validate 180-210,
test 210-240), and captures/ts9_real (train 0-30 s, test 30-37). Every number is what the command line prints: `triode
train`, with its defaults but for what is named, then `triode evaluate` on audio that was neither trained on nor chosen
by. Beside the three captures stand the errors of Neural Amp Modeler 0.13 after its 100 epochs on the same stretches,
which are the audio of 95 passes here.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.page import table, write_section

# Test ESR of A2-Lite and A2-Full after the default recipe on a GPU.
NAM: Mapping[str, tuple[float, float]] = {
    "ts9": (0.0015, 0.00041),
    "bigchump": (0.0132, 0.0058),
    "fuzzface": (0.0061, 0.0028),
}
PEERS = ((0, "A2-Lite"), (1, "A2-Full"))


def triode(*arguments: object) -> dict[str, Any]:
    """Run a command with --json."""
    words = [sys.executable, "-m", "triode", *map(str, arguments), "--json"]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


def cases(data: Path) -> dict[str, tuple[Path, Path, tuple[str, ...], tuple[str, ...]]]:
    """Dry, wet, options of train, options of evaluate, by name."""
    captures = data / "captures"
    split = ("--train", "0:180", "--validate", "180:210"), ("--from", "210", "--to", "240")
    found = {
        name: (captures / "input.flac", captures / name / "output.flac", *split)
        for name in ("ts9", "bigchump", "fuzzface")
    }
    real = captures / "ts9_real"
    found["ts9_real"] = (
        real / "input.flac",
        real / "output.flac",
        ("--train", "0:27", "--validate", "27:30"),
        ("--from", "30"),
    )
    return found


def measure(name: str, model_name: str, data: Path, budget: Sequence[str], seed: int) -> tuple[float, list[str]]:
    """Test ESR, and a row that says how it was reached."""
    arch, _, size = model_name.partition(":")
    dry, wet, train_options, test_options = cases(data)[name]
    files = "--input", dry, "--output", wet
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.triode"
        trained = triode(
            "train", *files, "-o", model, *budget, "--seed", seed, "--arch", arch, "--size", size, *train_options
        )
        tested = triode("evaluate", model, *files, *test_options)
    print(f"{name}, {model_name}: test ESR {tested['esr']:.5f} after {trained['seconds']:.0f} s", flush=True)
    row = [
        name,
        model_name,
        f"{tested['esr']:.5f}",
        f"{trained['esr']:.5f}",
        f"{tested['mrstft']:.2f}",
        str(trained["parameters"]),
        f"{trained['seconds']:.0f} s",
        f"{trained['epochs']:.0f}",
        f"{trained['audio_seconds_per_second']:.0f}",
    ]
    return float(tested["esr"]), row


def against_nam(found: Mapping[tuple[str, str], float], models: Sequence[str]) -> str:
    """A sentence for each model that was measured on all three captures: its geometric mean over NAM's."""
    words = []
    for model in models:
        if all((name, model) in found for name in NAM):
            ours = geometric_mean(found[name, model] for name in NAM)
            shares = (f"{ours / geometric_mean(row[i] for row in NAM.values()):.2f} of {peer}'s" for i, peer in PEERS)
            words.append(f"{model} {ours:.5f}, {' and '.join(shares)}")
    return f"Geometric mean of {', '.join(NAM)}: {'; '.join(words)}.\n\n" if words else ""


def geometric_mean(values: Iterable[float]) -> float:
    """Of positive numbers."""
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms))


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--time", default="10m")
    parser.add_argument("--epochs", help="instead of the time")
    parser.add_argument("--models", nargs="+", default=["triode:medium"], metavar="ARCH:SIZE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=["ts9", "bigchump", "fuzzface", "ts9_real"])
    options = parser.parse_args()
    budget = ("--epochs", options.epochs) if options.epochs else ("--time", options.time)
    rows, found = [], {}
    for model in options.models:
        for name in options.only:
            found[name, model], row = measure(name, model, options.data, budget, options.seed)
            rows.append(row)
    nam = table(["NAM 0.13, 100 epochs", *(peer for _, peer in PEERS)], [[n, *map(str, e)] for n, e in NAM.items()])
    head = ["capture", "model", "test ESR", "validation ESR", "MRSTFT", "weights", "trained", "epochs", "audio s per s"]
    body = (
        f"`triode train {' '.join(budget)}`, seed {options.seed}, otherwise default.\n\n{table(head, rows)}\n\n"
        f"{against_nam(found, options.models)}{nam}"
    )
    write_section("Fidelity on real captures", "python -m benchmarks.fidelity", body)


if __name__ == "__main__":
    main()
