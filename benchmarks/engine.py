"""Measures how fast the engine plays, on one core in blocks of 64 samples.

`python -m benchmarks.engine [--peer 'NAME=PROGRAM {model} {input} {output}' ...]` measures networks of the usual sizes
with random weights and writes docs/benchmarks.md; `python -m benchmarks.engine MODEL ...` measures model files and
prints. A peer is a program that renders a .nam model in blocks of 64; its column counts the CPU time that another
minute of audio takes it, beside the same of ours.
"""

import argparse
import os
import resource
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.page import table, write_section
from triode.architecture import parse_architecture
from triode.audio import Samples, write_audio
from triode.engine import Model, compiler, load
from triode.errors import TriodeError
from triode.export import export
from triode.model_file import ModelFile, SelfTest, self_test_signal, write_model

if TYPE_CHECKING:
    from triode.training.networks.sizes import Network

RATE_HZ = 48_000.0
BLOCK = 64
SECONDS = 5.0
PEER_SECONDS = 60
USUAL = (
    *(("triode", size) for size in ("small", "medium", "full")),
    *(("wavenet", size) for size in ("nano", "feather", "lite", "standard", "a2-lite", "a2-full")),
    *(("lstm", size) for size in ("8", "16", "24", "40")),
    *(("gru", size) for size in ("8", "16", "40")),
    ("linear", "8192"),
)
SHORT, LONG = 16, 256  # blocks, in samples
HEAD = (
    "model",
    "parameters",
    "x real time",
    "of the core's peak",
    "median block",
    "slowest 1 % from",
    f"x real time, blocks of {SHORT}",
    f"of {LONG}",
    f"{SHORT} over {LONG}",
    "x real time, AVX2",
    "memory",
)


def pin_to_one_core() -> None:
    """Stay on the last core this process may use: the first has the most to do for others."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def row(name: str, path: Path, model: Model) -> tuple[str, ...]:
    """What the table says of one model: the median block, so that other programs on the machine matter little."""
    found = model.bench(BLOCK, SECONDS)
    assert found["allocations"] == 0, f"{name} allocated memory while playing"
    short, long = (model.bench(block, SECONDS)["realtime_factor"] for block in (SHORT, LONG))
    narrow = f"{load(path, isa='avx2').bench(BLOCK, SECONDS)['realtime_factor']:.0f}" if model.isa == "avx512" else ""
    return (
        name,
        str(model.info["parameters"]),
        f"{found['realtime_factor']:.0f}",
        f"{100 * found['fma_peak_fraction']:.0f} %",
        f"{found['p50_us']:.1f} us",
        f"{found['p99_us']:.1f} us",
        f"{short:.0f}",
        f"{long:.0f}",
        f"{100 * short / long:.0f} %",
        narrow,
        f"{found['memory_bytes'] / 1024:.0f} KiB",
    )


def usual_models(folder: Path) -> Iterator[tuple[str, Path]]:
    """Freshly initialised networks: how long playing takes does not depend on the weights."""
    from triode.training.networks.sizes import make_network

    for arch, size in USUAL:
        path = folder / "model.triode"
        write_network(path, f"{arch} {size}", make_network(arch, size, seed=0))
        yield f"{arch} {size}", path


def write_network(path: Path, name: str, network: "Network") -> None:
    """A model file of a network as it is."""
    signal = self_test_signal(RATE_HZ)
    architecture = network.architecture()
    tensors = {name: tensor.detach().numpy() for name, tensor in network.tensors(1.0).items()}
    warm_up_samples = parse_architecture(architecture).receptive_field
    model = ModelFile(name, architecture, tensors, RATE_HZ, warm_up_samples, SelfTest(signal, signal))
    write_model(path, model)
    # Exporting checks the self-test.
    write_model(path, replace(model, self_test=SelfTest(signal, load(path).render(signal))))


def noise(seconds: float) -> Samples:
    """White noise at guitar level, so that no activation runs saturated all the time."""
    return (0.1 * np.random.default_rng(0).standard_normal(int(seconds * RATE_HZ))).astype(np.float32)


def own_factor(model: Model) -> float:
    """Times real time, by CPU time."""
    audio = noise(PEER_SECONDS)
    model.process(audio[:48000])
    start = time.process_time()
    model.render(audio, BLOCK)
    return PEER_SECONDS / (time.process_time() - start)


def peer_factor(command: str, model: Path, folder: Path) -> float | None:
    """The same of a peer: what a minute more of audio costs it, start-up apart. None where it refuses the model."""
    spent = []
    for name, seconds in (("short", 5.0), ("long", 5.0 + PEER_SECONDS)):
        audio = folder / f"{name}.wav"
        if not audio.exists():
            write_audio(audio, noise(seconds), int(RATE_HZ), subtype="FLOAT")
        words = [word.format(model=model, input=audio, output=folder / "out.wav") for word in shlex.split(command)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        if subprocess.run(words, capture_output=True, check=False).returncode != 0:
            return None
        spent.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
    return PEER_SECONDS / (spent[1] - spent[0])


def beside(model: Model, path: Path, peers: Mapping[str, str]) -> tuple[str, ...]:
    """The last columns of a row: ours and each peer's times real time, by CPU time."""
    nam = path.with_suffix(".nam")
    try:
        export(path, nam)
    except TriodeError:
        return (f"{own_factor(model):.0f}", *("" for _ in peers))
    factors = [peer_factor(command, nam, path.parent) for command in peers.values()]
    return (f"{own_factor(model):.0f}", *("" if factor is None else f"{factor:.0f}" for factor in factors))


def measured(models: Iterable[tuple[str, Path]], peers: Mapping[str, str]) -> tuple[str, str]:
    """The table, and the instruction set that was used."""
    rows, isa = [], ""
    for name, path in models:
        model = load(path)
        rows.append(row(name, path, model) + (beside(model, path, peers) if peers else ()))
        isa = model.isa
        print(*rows[-1], sep="  ", flush=True)
    extra = ("by CPU time: Triode", *peers) if peers else ()
    return table(HEAD + extra, rows), isa


def main() -> None:
    """Measure the files named, or the usual networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND")
    options = parser.parse_args()
    peers = dict(peer.split("=", 1) for peer in options.peer)
    pin_to_one_core()
    if options.models:
        measured(((path.name, path) for path in options.models), {})
        return
    with tempfile.TemporaryDirectory() as folder:
        body, isa = measured(usual_models(Path(folder)), peers)
    text = (
        f"Blocks of {BLOCK} samples at 48 kHz where nothing else is said, on one core, instruction set {isa}, compiled "
        f"by {compiler()}; x real time is of the median block."
    )
    if peers:
        text += (
            f" The last columns are x real time by CPU time, over {PEER_SECONDS} s of noise: Triode, and peers that "
            "play the same model as .nam in the same run."
        )
    write_section("Speed of the engine", "python -m benchmarks.engine", f"{text}\n\n{body}")


if __name__ == "__main__":
    main()
