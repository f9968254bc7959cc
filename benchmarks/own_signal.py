"""Is the capture signal as good as real playing? `python -m benchmarks.own_signal --data FOLDER [--epochs 30]`.

The built-in circuits are trained once on the capture signal and once on as many seconds of real dry guitar (FOLDER/di),
with the same number of updates, and both models are tested on other real guitar. A ratio of 1 is as good as real.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.fidelity import triode
from benchmarks.page import table, write_section
from triode.audio import Samples, read_audio, write_audio
from triode.capture.devices import run_circuit
from triode.capture.signal import make_signal

RATE_HZ = 48000
SECONDS = 90
DEVICES: tuple[tuple[str, Mapping[str, float]], ...] = (("overdrive", {}), ("preamp", {}))
TEST = ("john-guitar", "powerthrash-guitar", "slidelead-guitar")


def playing(folder: Path, names: list[str]) -> Samples:
    """Real playing, file after file, each at most 12 s and with a peak of half of full scale."""
    parts = []
    for name in names:
        samples = read_audio(folder / f"{name}.flac").samples[: 12 * RATE_HZ]
        parts.append(samples * (0.5 / np.max(np.abs(samples))))
    return np.concatenate(parts)


def test_esr(
    dry: Samples, unheard: Samples, circuit: str, settings: Mapping[str, float], epochs: float, seed: int
) -> float:
    """Test ESR of the default model trained on `dry` through the circuit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for stem, samples in (("train", dry), ("test", unheard)):
            write_audio(folder / f"{stem}.wav", samples, RATE_HZ)
            write_audio(folder / f"{stem}-wet.wav", run_circuit(circuit, samples, RATE_HZ, settings), RATE_HZ)
        model = folder / "model.triode"
        files = "--input", folder / "train.wav", "--output", folder / "train-wet.wav"
        triode("train", *files, "-o", model, "--epochs", epochs, "--seed", seed)
        unseen = "--input", folder / "test.wav", "--output", folder / "test-wet.wav"
        return float(triode("evaluate", model, *unseen)["esr"])


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=float, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    folder = options.data / "di"
    names = sorted(path.stem for path in folder.glob("*-guitar.flac") if path.stem not in TEST)
    real = playing(folder, names)[: SECONDS * RATE_HZ]
    unheard = playing(folder, list(TEST))
    rows = []
    for circuit, settings in DEVICES:
        scores = np.array(
            [
                [
                    test_esr(dry, unheard, circuit, settings, options.epochs, seed)
                    for dry in (make_signal(SECONDS, RATE_HZ, seed).samples, real)
                ]
                for seed in range(options.seeds)
            ]
        )
        print(circuit, scores.tolist(), flush=True)
        own, played = np.median(scores, axis=0)
        rows.append([circuit, f"{own:.5f}", f"{played:.5f}", f"{own / played:.2f}"])
    head = ["device", "trained on the capture signal", "trained on real playing", "ratio"]
    seeds = f"medians over {options.seeds} seeds (of the signal and of the training)"
    body = f"{SECONDS} s each, {options.epochs:g} epochs, {seeds}; test on {', '.join(TEST)}.\n\n{table(head, rows)}"
    write_section("The capture signal against real playing", "python -m benchmarks.own_signal", body)


if __name__ == "__main__":
    main()
