"""How close models come: `python -m benchmarks.fidelity --data FOLDER [--time 10m] [--only NAME ...]`.

FOLDER holds captures/{ts9,bigchump,fuzzface}/output.flac beside captures/input.flac (train 0-180 s, validate 180-210,
test 210-240), and captures/ts9_real (train 0-30 s, test 30-37). Every number is what the command line prints: `triode
train` with its defaults, then `triode evaluate` on audio that was neither trained on nor chosen by.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.page import table, write_section


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


def measure(name: str, data: Path, time: str, seed: int) -> list[str]:
    """A row: test ESR and how it was reached."""
    dry, wet, train_options, test_options = cases(data)[name]
    files = "--input", dry, "--output", wet
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.triode"
        trained = triode("train", *files, "-o", model, "--time", time, "--seed", seed, *train_options)
        tested = triode("evaluate", model, *files, *test_options)
    print(f"{name}: test ESR {tested['esr']:.5f}", flush=True)
    return [
        name,
        f"{tested['esr']:.5f}",
        f"{trained['esr']:.5f}",
        f"{tested['mrstft']:.2f}",
        str(trained["parameters"]),
        f"{trained['seconds']:.0f} s",
        f"{trained['epochs']:.0f}",
        f"{trained['audio_seconds_per_second']:.0f}",
    ]


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--time", default="10m")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=["ts9", "bigchump", "fuzzface", "ts9_real"])
    options = parser.parse_args()
    rows = [measure(name, options.data, options.time, options.seed) for name in options.only]
    head = ["capture", "test ESR", "validation ESR", "MRSTFT", "weights", "trained", "epochs", "audio s per s"]
    body = f"`triode train --time {options.time}`, seed {options.seed}, otherwise default.\n\n{table(head, rows)}"
    write_section("Fidelity on real captures", "python -m benchmarks.fidelity", body)


if __name__ == "__main__":
    main()
