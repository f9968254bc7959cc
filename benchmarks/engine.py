"""Measures how fast the engine plays, on one core in blocks of 64 samples.

`python -m benchmarks.engine` measures networks of the usual sizes with random weights and writes docs/benchmarks.md;
`python -m benchmarks.engine MODEL ...` measures model files and prints.
"""

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.page import table, write_section
from triode.architecture import parse_architecture
from triode.engine import Model, load
from triode.model_file import ModelFile, SelfTest, self_test_signal, write_model

RATE_HZ = 48_000.0
BLOCK = 64
SECONDS = 10.0
USUAL = (
    *(("wavenet", size) for size in ("nano", "feather", "lite", "standard", "a2-lite", "a2-full")),
    *(("lstm", size) for size in ("8", "16", "24", "40")),
    *(("gru", size) for size in ("8", "16", "40")),
    ("linear", "8192"),
)
HEAD = ("model", "parameters", "x real time", "of the core's peak", "median block", "slowest 1 % from")


def pin_to_one_core() -> None:
    """Stay on the last core this process may use: the first has the most to do for others."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def row(name: str, model: Model) -> tuple[str, ...]:
    """What the table says of one model: the median block, so that other programs on the machine matter little."""
    found = model.bench(BLOCK, SECONDS)
    assert found["allocations"] == 0, f"{name} allocated memory while playing"
    times = (f"{found['p50_us']:.1f} us", f"{found['p99_us']:.1f} us")
    factor, share = f"{found['realtime_factor']:.0f}", f"{100 * found['fma_peak_fraction']:.0f} %"
    return (name, str(model.info["parameters"]), factor, share, *times)


def usual_models(folder: Path) -> Iterator[tuple[str, Model]]:
    """Freshly initialised networks: how long playing takes does not depend on the weights."""
    from triode.training.networks.sizes import make_network

    signal = self_test_signal(RATE_HZ)
    for arch, size in USUAL:
        network = make_network(arch, size, seed=0)
        architecture = network.architecture()
        tensors = {name: tensor.detach().numpy() for name, tensor in network.tensors(1.0).items()}
        warm_up_samples = parse_architecture(architecture).receptive_field
        path = folder / "model.triode"
        model = ModelFile(f"{arch} {size}", architecture, tensors, RATE_HZ, warm_up_samples, SelfTest(signal, signal))
        write_model(path, model)
        yield model.name, load(path)


def measured(models: Iterable[tuple[str, Model]]) -> tuple[str, str]:
    """The table, and the instruction set that was used."""
    rows, isa = [], ""
    for name, model in models:
        rows.append(row(name, model))
        isa = model.isa
        print(*rows[-1], sep="  ", flush=True)
    return table(HEAD, rows), isa


def main() -> None:
    """Measure the files named, or the usual networks."""
    pin_to_one_core()
    if len(sys.argv) > 1:
        measured((Path(name).name, load(name)) for name in sys.argv[1:])
        return
    with tempfile.TemporaryDirectory() as folder:
        body, isa = measured(usual_models(Path(folder)))
    text = (
        f"Blocks of {BLOCK} samples at 48 kHz on one core, instruction set {isa}; x real time is of the median block."
    )
    write_section("Speed of the engine", "python -m benchmarks.engine", f"{text}\n\n{body}")


if __name__ == "__main__":
    main()
