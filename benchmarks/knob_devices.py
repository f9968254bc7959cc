"""One model with knobs of other devices: `python -m benchmarks.knob_devices [--data FOLDER] [--time 4m | --epochs N]
[--only NAME ...] [--keep FOLDER]`.

The built-in preamp with all its knobs, recorded by a plan; an overdrive plug-in (Guitarix's TS9, an LV2) recorded
unattended with two and with three knobs; and, with FOLDER/captures/hotrod_deluxe, a real amp of which two settings at a
time are left out. Settings to test on are drawn after the plan and never learned from, and what is played at them comes
from another seed of the capture signal. Every number is what the command line prints. What `--keep` holds is not
measured again, and the table has all of it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.fidelity import triode
from benchmarks.page import table, write_section
from triode.audio import read_audio
from triode.capture.folder import add_take
from triode.files import write_text
from triode.knobs import Knob

TS9 = ("--plugin", "http://guitarix.sourceforge.net/plugins/gxts9#ts9sim")
TS9_KNOBS = ("drive", "tone", "level")
PREAMP_KNOBS = ("gain", "bass", "middle", "treble", "master", "sag")
# By then the playing of a test take has begun and its sweep has faded. No playing resembles that: 20 Hz to 20 kHz at
# full level, a third of a quiet take's energy.
PLAYING_SECONDS = 3
LOW, HIGH = 5.0, 95.0  # % of a knob's travel that plans and tests stay within
CORNERS = tuple({"drive": drive, "tone": tone, "level": 50.0} for drive in (LOW, HIGH) for tone in (LOW, HIGH))


@dataclass(frozen=True)
class Case:
    """A device, the knobs to turn, how many takes of how long; where to test: at `count` random settings or `at`."""

    device: tuple[str, ...]
    knobs: tuple[str, ...]
    takes: int
    seconds: float
    count: int = 0
    at: tuple[Mapping[str, float], ...] = ()
    held: tuple[str, ...] = field(default=())
    options: tuple[str, ...] = field(default=())  # of the training


CASES = {
    # Its supply remembers for longer than the default network does.
    "preamp, 6 knobs": Case(
        ("--circuit", "preamp"), PREAMP_KNOBS, takes=40, seconds=10, count=12, options=("--size", "long")
    ),
    "TS9 plug-in, 2 knobs": Case(TS9, TS9_KNOBS[:2], takes=8, seconds=10, count=6, held=("level=-10",)),
    "TS9 plug-in, 3 knobs, its corners": Case(TS9, TS9_KNOBS, takes=24, seconds=10, at=CORNERS),
}
HOTROD = "real amp, two settings left out"
HEAD = ("device", "takes", "settings tested", "budget", "seed", "mean ESR", "median", "worst", "epochs")


def command(*words: object) -> None:
    """Run a command that has no result but its files."""
    subprocess.run([sys.executable, "-m", "triode", *map(str, words)], check=True, capture_output=True)


def learn_and_test(name: str, case: Case, folder: Path, budget: Sequence[str], seed: int) -> list[str]:
    """A row: plan, record, train, and the error at settings that were not in the plan."""
    train, test, model = folder / "train", folder / "test", folder / "model.triode"
    ranges = [word for knob in case.knobs for word in ("--knob", f"{knob}={LOW}%:{HIGH}%")]
    held = [word for text in case.held for word in ("--knob", text)]
    recorded = "--seconds", case.seconds, "--seed"
    command("capture", train, *case.device, "--takes", case.takes, *recorded, 0, *ranges, *held)
    draw = np.random.default_rng(1)
    settings = case.at or tuple({knob: draw.uniform(LOW, HIGH) for knob in case.knobs} for _ in range(case.count))
    for index, setting in enumerate(settings):
        at = [word for knob, travel in setting.items() for word in ("--knob", f"{knob}={travel:.4f}%")]
        command("capture", test, *case.device, "--take", f"held{index}", *recorded, 1, *at, *held)
    trained = triode("train", train, "-o", model, *budget, "--seed", seed, *case.options)
    found = triode("evaluate", model, test, "--from", PLAYING_SECONDS)
    return row(name, case.takes, [take["esr"] for take in found["takes"]], trained["epochs"], budget, seed)


def leave_two_out(capture: Path, folder: Path, budget: Sequence[str], seed: int) -> list[str]:
    """A row: the mean over trainings of which each leaves out two settings, so that every setting but one is once."""
    entries = json.loads((capture / "manifest.json").read_text())["clips"]
    dry = read_audio(capture / "input.flac")
    names = sorted(entries[0]["knobs"])
    values = {name: [entry["knobs"][name] for entry in entries] for name in names}
    knobs = [Knob(name, low=min(v), high=max(v), default=v[0]) for name, v in values.items()]
    takes = []
    for entry in entries:
        takes.append(Path(entry["file"]).stem)
        wet = read_audio(capture / entry["file"])
        add_take(folder / "takes", dry, wet, entry["knobs"], name=takes[-1], knobs=knobs, device="amp")
    errors, epochs, model = [], 0.0, folder / "model.triode"
    for first, second in zip(takes[1::2], takes[2::2], strict=False):
        options = "--hold-out", f"{first},{second}", *budget, "--seed", seed, "--force"
        trained = triode("train", folder / "takes", "-o", model, *options)
        errors += [take["esr"] for take in trained["takes"] if take["held_out"]]
        epochs = trained["epochs"]
    return row(HOTROD, len(takes) - 2, errors, epochs, budget, seed)


def row(name: str, takes: int, errors: Sequence[float], epochs: float, budget: Sequence[str], seed: int) -> list[str]:
    """What the table says of one device."""
    print(f"{name}: {[round(error, 5) for error in errors]}", flush=True)
    numbers = (f"{value:.4f}" for value in (np.mean(errors), np.median(errors), max(errors)))
    told = " ".join(budget).replace("--", "")
    return [name, str(takes), str(len(errors)), told, str(seed), *numbers, f"{epochs:.0f}"]


def measure(name: str, data: Path, budget: Sequence[str], seed: int) -> list[str]:
    """The row of one device; `data` is needed for the real amp only."""
    with tempfile.TemporaryDirectory() as folder:
        if name in CASES:
            return learn_and_test(name, CASES[name], Path(folder), budget, seed)
        return leave_two_out(data / "captures" / "hotrod_deluxe", Path(folder), budget, seed)


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--time", default="4m")
    parser.add_argument("--epochs", help="instead of the time: what is found then is the same on a busy machine")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=[*CASES, HOTROD], choices=[*CASES, HOTROD])
    parser.add_argument("--keep", type=Path, help="folder of results, of this run and of earlier ones")
    options = parser.parse_args()
    budget = ("--epochs", options.epochs) if options.epochs else ("--time", options.time)
    with tempfile.TemporaryDirectory() as temporary:
        kept = options.keep or Path(temporary)
        kept.mkdir(parents=True, exist_ok=True)
        for name in options.only:
            path = kept / f"{'-'.join([name, *budget, 'seed', str(options.seed)]).replace('--', '')}.json"
            if not path.exists() and (name in CASES or options.data):
                write_text(path, json.dumps(measure(name, options.data, budget, options.seed)))
        rows = [json.loads(path.read_text()) for path in sorted(kept.glob("*.json"))]
    body = (
        "`triode train`, otherwise default (the preamp: `--size long`); knobs "
        f"between {LOW:g} and {HIGH:g} % of their travel. Settings to test on were drawn after the plan (the corners "
        f"apart); another seed of the capture signal's playing is played there.\n\n{table(HEAD, rows)}"
    )
    write_section("Knobs of other devices", "python -m benchmarks.knob_devices", body)


if __name__ == "__main__":
    main()
