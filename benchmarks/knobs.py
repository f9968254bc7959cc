"""How close one model with knobs comes: `python -m benchmarks.knobs --data FOLDER [--time 4m] [--only NAME ...]`.

FOLDER/grids/ts9 holds takes of an overdrive at 24 settings of three knobs to learn from and at 8 others to test on, and
settings.json. Every number is what the command line prints: `triode train` with its defaults on the first takes, then
`triode evaluate` on the 8 settings that were not learned from.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fidelity import triode
from benchmarks.page import table, write_section
from triode.audio import Audio, read_audio
from triode.capture.folder import add_take
from triode.engine import load
from triode.knobs import Knob

UNITS = {"drive": "", "tone_hz": "Hz", "level_db": "dB"}
# Takes, and what is asked of `triode train` beside them.
CASES: dict[str, tuple[int, tuple[str, ...]]] = {
    "FiLM, 6 settings": (6, ()),
    "FiLM, 12 settings": (12, ()),
    "FiLM, 24 settings": (24, ()),
    "FiLM, A2 shape": (24, ("--size", "full")),
    "knobs as inputs": (24, ("--conditioning", "inputs")),
    "LSTM of 40, knobs as inputs": (24, ("--arch", "lstm", "--size", "40")),
}
# The network settles on the first second of a test take, which begins in the middle of playing.
SETTLE_SECONDS = 1


def make_capture(folder: Path, grid: Path, contents: dict[str, Any], split: str, count: int) -> Path:
    """A capture of the first `count` settings of one split."""
    ranges = contents["ranges"]
    knobs = [Knob(name, UNITS[name], low, high, (low + high) / 2) for name, (low, high) in ranges.items()]
    dry = read_audio(grid / contents["input"])
    chosen = [entry for entry in contents["settings"] if entry["split"] == split][:count]
    for entry in chosen:
        wet = read_audio(grid / entry["file"])
        start = round(entry["input_start_s"] * wet.rate_hz)
        played = Audio(dry.samples[start : start + len(wet.samples)], wet.rate_hz)
        add_take(folder, played, wet, entry["knobs"], name=Path(entry["file"]).stem, knobs=knobs, device="ts9")
    return folder


def measure(name: str, folder: Path, grid: Path, time: str, seed: int) -> list[str]:
    """A row: what the settings that were not learned from sound like."""
    contents = json.loads((grid / "settings.json").read_text())
    takes, options = CASES[name]
    train, test = folder / f"train{takes}", folder / "test"
    for place, split in ((train, "train"), (test, "heldout")):
        if not place.exists():
            make_capture(place, grid, contents, split, takes if split == "train" else 99)
    model = folder / "model.triode"
    trained = triode("train", train, "-o", model, "--time", time, "--seed", seed, *options)
    found = triode("evaluate", model, test, "--from", SETTLE_SECONDS)
    errors = [take["esr"] for take in found["takes"]]
    speed = load(model).bench(seconds=3.0)["realtime_factor"]
    print(f"{name}: {[round(error, 5) for error in errors]}", flush=True)
    return [
        name,
        f"{np.mean(errors):.4f}",
        f"{np.median(errors):.4f}",
        f"{max(errors):.4f}",
        f"{trained['esr']:.4f}",
        str(trained["parameters"]),
        f"{speed:.0f}",
        f"{trained['epochs']:.1f}",
        f"{trained['audio_seconds_per_second']:.0f}",
    ]


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--time", default="4m")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=list(CASES), choices=list(CASES))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        grid = options.data / "grids" / "ts9"
        rows = [measure(name, Path(folder), grid, options.time, options.seed) for name in options.only]
    head = ["conditioning", "mean ESR", "median", "worst", "learned settings", "weights", "x real time"]
    head += ["epochs", "audio s per s"]
    body = (
        f"`triode train --time {options.time}` on takes of 20 s, seed {options.seed}, otherwise default, tested on 8 "
        f"settings (and playing) that were not learned from. The ESR at the learned settings is that of their held-out "
        f"ends.\n\n{table(head, rows)}"
    )
    write_section("Knobs", "python -m benchmarks.knobs", body)


if __name__ == "__main__":
    main()
