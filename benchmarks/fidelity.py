"""How close models come: `python -m benchmarks.fidelity --data FOLDER [--time 10m | --epochs 95] [--only NAME ...]
[--models ARCH:SIZE[@RECIPE] ...] [--keep FOLDER]`.

FOLDER holds captures/{ts9,bigchump,fuzzface}/output.flac beside captures/input.flac (train 0-180 s, validate 180-210,
test 210-240), and captures/ts9_real (train 0-30 s, test 30-37). Every number is what the command line prints: `triode
train`, with its defaults but for what is named, then `triode evaluate` on audio that was neither trained on nor chosen
by. Beside the three captures stand the errors of Neural Amp Modeler 0.13 after its 100 epochs on the same stretches,
which are the audio of 95 passes here. Aliasing is measured as in `benchmarks.oversampling`. What `--keep` holds is not
measured again, so that a long run can be stopped and continued, and its table holds all that the folder does.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.page import table, write_section
from triode.audio import Audio, Samples, read_audio
from triode.engine import Model, load
from triode.files import write_text
from triode.measure.aliasing import Aliasing, aliasing_to_signal_ratio
from triode.measure.evaluation import evaluate
from triode.measure.harmonics import harmonic_fingerprint
from triode.render import render

TONE_LEVELS_DBFS = (-24.0, -12.0, -6.0)
# Test ESR of A2-Lite and A2-Full after the default recipe on a GPU.
NAM: Mapping[str, tuple[float, float]] = {
    "ts9": (0.0015, 0.00041),
    "bigchump": (0.0132, 0.0058),
    "fuzzface": (0.0061, 0.0028),
}
PEERS = ((0, "A2-Lite"), (1, "A2-Full"))
HEAD = (
    "capture",
    "model",
    "budget",
    "seed",
    "test ESR",
    "validation ESR",
    "MRSTFT",
    "aliasing",
    "test ESR at 2x",
    "aliasing at 2x",
    "harmonics moved by 2x",
    "weights",
    "trained",
    "epochs",
    "audio s per s",
)


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


def heard(player: Model, samples: Samples) -> Samples:
    """What a model makes of tones, in time."""
    return render(player, Audio(samples, round(player.sample_rate)), block=256).samples


def aliasing_of(player: Model) -> Aliasing:
    """Aliasing of a model as it plays."""
    return aliasing_to_signal_ratio(partial(heard, player), player.sample_rate)


def decibels(aliasing: Aliasing) -> str:
    """Mean and worst of the tones."""
    return f"{aliasing.mean_db:.0f} ({aliasing.worst_db:.0f})"


def esr_at_twice_the_rate(model: Path, dry: Path, wet: Path, stretch: Sequence[str]) -> float:
    """ESR over the stretch (`--from` and `--to`, in seconds)."""
    recorded = [read_audio(path) for path in (dry, wet)]
    played, device = (audio.samples for audio in recorded)
    return evaluate(load(model, oversample=2), played, device, recorded[0].rate_hz, *map(float, stretch[1::2])).esr


def moved_harmonics_db(model: Path) -> float:
    """How far twice the rate moves the first ten harmonics of a low note at most, those within 60 dB of the loudest."""
    once, twice = (
        harmonic_fingerprint(partial(heard, player), player.sample_rate, levels_dbfs=TONE_LEVELS_DBFS)
        for player in (load(model), load(model, oversample=2))
    )
    levels = once.harmonic_levels_dbfs
    loud = levels > levels.max(axis=1, keepdims=True) - 60
    return float(np.max(np.abs(levels - twice.harmonic_levels_dbfs)[loud]))


def measure(name: str, model_name: str, data: Path, budget: Sequence[str], seed: int, folder: Path) -> None:
    """Train and test a model, and put its test ESR and a row of the table into `folder`, unless they are there."""
    network, _, recipe = model_name.partition("@")
    arch, _, size = network.partition(":")
    dry, wet, train_options, test_options = cases(data)[name]
    files = "--input", dry, "--output", wet
    how = (*budget, "--seed", str(seed), "--arch", arch, "--size", size, *(("--recipe", recipe) if recipe else ()))
    stem = "-".join([name, *how]).replace("--", "")
    kept, model = folder / f"{stem}.json", folder / f"{stem}.triode"
    if kept.exists():
        return
    trained = triode("train", *files, "-o", model, *how, *train_options, "--force")
    tested = triode("evaluate", model, *files, *test_options)
    print(f"{name}, {model_name}: test ESR {tested['esr']:.5f} after {trained['seconds']:.0f} s", flush=True)
    row = [
        name,
        model_name,
        " ".join(budget).replace("--", ""),
        str(seed),
        f"{tested['esr']:.5f}",
        f"{trained['esr']:.5f}",
        f"{tested['mrstft']:.2f}",
        decibels(aliasing_of(load(model))),
        f"{esr_at_twice_the_rate(model, dry, wet, test_options):.5f}",
        decibels(aliasing_of(load(model, oversample=2))),
        f"{moved_harmonics_db(model):.2f} dB",
        str(trained["parameters"]),
        f"{trained['seconds']:.0f} s",
        f"{trained['epochs']:.0f}",
        f"{trained['audio_seconds_per_second']:.0f}",
    ]
    write_text(kept, json.dumps({"esr": tested["esr"], "row": row}))


def against_nam(results: Sequence[Mapping[str, Any]]) -> str:
    """A sentence for each model that was measured on all three captures: its geometric mean over NAM's."""
    words = []
    found: dict[tuple[str, ...], dict[str, float]] = {}
    for result in results:
        capture, *how = result["row"][:4]
        found.setdefault(tuple(how), {})[capture] = result["esr"]
    for (model, budget, seed), errors in found.items():
        if set(NAM) <= set(errors):
            ours = geometric_mean(errors[name] for name in NAM)
            shares = (f"{ours / geometric_mean(row[i] for row in NAM.values()):.2f} of {peer}'s" for i, peer in PEERS)
            words.append(f"{model}, {budget}, seed {seed}: {ours:.5f}, {' and '.join(shares)}")
    return f"Geometric mean of {', '.join(NAM)}: {'; '.join(words)}.\n\n" if words else ""


def write_page(results: Sequence[Mapping[str, Any]]) -> None:
    """The section of docs/benchmarks.md about these results."""
    nam = table(["NAM 0.13, 100 epochs", *(peer for _, peer in PEERS)], [[n, *map(str, e)] for n, e in NAM.items()])
    body = (
        "`triode train`, otherwise with its defaults; wall time, with whatever else the machine did. "
        "Aliasing is the aliasing-to-signal ratio of 15 "
        "tones, mean and worst; *harmonics moved* is what twice the rate changes at most in the first ten of a low "
        f"note.\n\n{table(HEAD, [result['row'] for result in results])}\n\n{against_nam(results)}{nam}"
    )
    write_section("Fidelity on real captures", "python -m benchmarks.fidelity", body)


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
    parser.add_argument("--models", nargs="+", default=["triode:medium"], metavar="ARCH:SIZE[@RECIPE]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=["ts9", "bigchump", "fuzzface", "ts9_real"])
    parser.add_argument("--keep", type=Path, help="folder of models and results, of this run and of earlier ones")
    options = parser.parse_args()
    budget = ("--epochs", options.epochs) if options.epochs else ("--time", options.time)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for model in options.models:
            for name in options.only:
                measure(name, model, options.data, budget, options.seed, folder)
                write_page([json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))])


if __name__ == "__main__":
    main()
