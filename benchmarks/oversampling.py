"""What oversampling does to a model: `python -m benchmarks.oversampling [--time 1m] [--data FOLDER] [MODEL ...]`.

Models of the built-in circuits are trained for a minute each, and of the captures in FOLDER too (as in
benchmarks.fidelity); then they play unheard audio and steady tones at their own rate, twice and four times it. ESR says
whether a model that runs faster is still the same device; the aliasing-to-signal ratio (docs/measures.md) says what
is gained. Model files named are measured with tones alone.
"""

import argparse
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.fidelity import aliasing_of, cases, decibels, triode
from benchmarks.page import table, write_section
from triode.audio import Samples, read_audio, write_audio
from triode.capture.devices import run_circuit
from triode.capture.signal import make_signal
from triode.engine import load
from triode.measure.aliasing import aliasing_to_signal_ratio
from triode.measure.evaluation import evaluate
from triode.measure.tones import Process

RATE_HZ = 48_000
TRAIN_SECONDS, TEST_SECONDS = 60, 15
FACTORS = (1, 2, 4)
CIRCUITS = ("overdrive", "preamp")
CAPTURES = ("ts9", "fuzzface")
HEAD = ("model", *(f"ESR {n}x" for n in FACTORS), "aliasing: device", *(f"{n}x" for n in FACTORS))


def aliasing_at_each(model: Path) -> list[str]:
    """Aliasing of a model file at each factor."""
    return [decibels(aliasing_of(load(model, oversample=factor))) for factor in FACTORS]


def trained(
    name: str, files: tuple[Path, Path], options: tuple[str, ...], test: tuple[Samples, Samples], device: Process | None
) -> list[str]:
    """The row of a model trained on `files` (dry, wet) and tested on `test` (dry, wet)."""
    own = "" if device is None else decibels(aliasing_to_signal_ratio(device, RATE_HZ))
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.triode"
        triode("train", "--input", files[0], "--output", files[1], "-o", model, *options)
        errors = [evaluate(load(model, oversample=factor), *test, RATE_HZ, 1.0).esr for factor in FACTORS]
        row = [name, *(f"{error:.5f}" for error in errors), own, *aliasing_at_each(model)]
    print(*row, sep="  ", flush=True)
    return row


def circuits(time: str) -> Iterator[list[str]]:
    """Rows of the built-in circuits, each at its own settings to begin with."""
    dry, unheard = (
        make_signal(seconds, RATE_HZ, seed=seed).samples for seconds, seed in ((TRAIN_SECONDS, 0), (TEST_SECONDS, 1))
    )
    for circuit in CIRCUITS:
        device = partial(run_circuit, circuit, rate_hz=RATE_HZ, settings={})
        with tempfile.TemporaryDirectory() as name:
            files = Path(name) / "dry.wav", Path(name) / "wet.wav"
            write_audio(files[0], dry, RATE_HZ)
            write_audio(files[1], device(dry), RATE_HZ)
            yield trained(circuit, files, ("--time", time, "--force"), (unheard, device(unheard)), device)


def captures(data: Path, time: str) -> Iterator[list[str]]:
    """Rows of real captures, tested on 210 to 240 s."""
    for name in CAPTURES:
        dry, wet, options, _ = cases(data)[name]
        unheard = tuple(read_audio(path).samples[209 * RATE_HZ : 240 * RATE_HZ] for path in (dry, wet))
        yield trained(name, (dry, wet), ("--time", time, *options), (unheard[0], unheard[1]), None)


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time", default="1m")
    parser.add_argument("--data", type=Path)
    parser.add_argument("models", type=Path, nargs="*")
    options = parser.parse_args()
    rows = list(circuits(options.time))
    if options.data is not None:
        rows += captures(options.data, options.time)
    for model in options.models:
        info = load(model).info
        name = f"{info['format']}, {info['architecture']['name']} of {info['parameters']} weights"
        rows.append([name, "", "", "", "", *aliasing_at_each(model)])
        print(*rows[-1], sep="  ", flush=True)
    body = (
        f"Trained for {options.time} each. ESR on unheard audio, the model at its own rate, twice and four times it. "
        "Aliasing-to-signal ratio in dB: mean of 15 tones (331 Hz to 4 kHz at -24 to -6 dBFS), worst in brackets."
    )
    write_section("Oversampling", "python -m benchmarks.oversampling", f"{body}\n\n{table(HEAD, rows)}")


if __name__ == "__main__":
    main()
