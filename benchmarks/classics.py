"""What each rung of the ladder buys: `make fidelity`, or `python -m benchmarks.classics [--epochs 2] [--keep FOLDER]`.

Built-in circuits, recorded anew, nothing downloaded: `triode capture`, then `triode compare` of all architectures with
the same number of passes over the audio, on the passage that our own signal holds out. Writes docs/fidelity.md's table.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.page import machine, replace_section, table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "fidelity.md"
DEVICES = {"overdrive": ("--knob", "drive=7"), "preamp": ()}
LADDER = (
    "linear",
    "hammerstein",
    "wiener-hammerstein@eichas2017",
    "wiener-hammerstein",
    "grey-box",
    "gru:16",
    "lstm:16",
    "lstm:32",
    "wavenet:nano",
    "wavenet:feather",
    "wavenet:wavenet2@damskagg2019",
    "wavenet:a2-lite",
    "wavenet:a2-full",
    "triode:small",
    "triode:medium",
    "triode:full",
)


def triode(*words: object) -> str:
    """Run a command line; what it printed."""
    command = [sys.executable, "-m", "triode", *map(str, words)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def measured(device: str, folder: Path, seconds: float, epochs: float, seed: int) -> list[dict[str, Any]]:
    """All contenders on one circuit, the closest first."""
    capture = folder / device
    if not capture.exists():
        triode("capture", capture, "--circuit", device, "--seconds", seconds, *DEVICES[device])
    out = folder / f"{device}-comparison"
    words = ("--arch", ",".join(LADDER), "--epochs", epochs, "--seed", seed, "-o", out, "--json")
    return list(json.loads(triode("compare", capture, *words))["contenders"])


def row(found: dict[str, Any]) -> list[str]:
    """A contender as a line of the table."""
    return [
        found["name"],
        f"{found['esr']:.4f}",
        f"{found['mrstft']:.2f}",
        f"{found['aliasing_db']:.0f} dB",
        f"{found['parameters']:,}",
        f"{found['realtime_factor']:.0f}",
        f"{found['audio_seconds']:,.0f} s",
    ]


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=DEVICES, default=list(DEVICES))
    parser.add_argument("--keep", type=Path, help="keep captures, models and pages here, and go on with what is there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        parts = []
        for device in options.only:
            found = sorted(
                measured(device, folder, options.seconds, options.epochs, options.seed), key=lambda c: c["esr"]
            )
            head = ["model", "ESR", "MRSTFT", "aliasing", "parameters", "x real time", "audio heard"]
            knobs = " ".join(DEVICES[device]).replace("--knob ", "") or "knobs at their defaults"
            parts.append(f"**{device}** ({knobs})\n\n{table(head, map(row, found))}")
    told = f"{options.seconds:g} s of our own signal, {options.epochs:g} passes over it for what is descended, "
    body = f"{told}seed {options.seed}, on {machine()}; speed while the machine was in use.\n\n" + "\n\n".join(parts)
    replace_section(PAGE, "python -m benchmarks.classics", body)


if __name__ == "__main__":
    main()
