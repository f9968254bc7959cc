"""What turning a knob costs, and what it leaves in the sound: `python -m benchmarks.turning`.

Networks of the usual sizes with random weights and three knobs. Instructions are counted by callgrind (AVX2 kernels),
so that they repeat whatever else the machine does. Needs valgrind, and the library that `make build` left.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.instructions import block_instructions, build_native_player
from benchmarks.page import table, write_section
from triode.bake import bake
from triode.engine import Model, load
from triode.knobs import Knob
from triode.model_file import ModelFile, SelfTest, self_test_signal, write_model

RATE_HZ = 48_000
SIZES = ("nano", "feather", "lite", "standard", "a2-lite", "a2-full")
BLOCKS = (16, 64, 512)
# About 1 kHz, such that side bands fall between its harmonics, which all fold back onto multiples of 80 Hz.
SINE_HZ, LINES_HZ = 1_040, 80
KNOBS = (Knob("drive"), Knob("tone"), Knob("level"))


def random_models() -> Iterator[tuple[str, ModelFile]]:
    """Parametric networks whose knobs do something."""
    from triode.architecture import parse_architecture
    from triode.training.networks.sizes import make_network

    rng = np.random.default_rng(0)
    signal = self_test_signal(RATE_HZ)
    for size in SIZES:
        network = make_network("wavenet", size, seed=0, knobs=len(KNOBS))
        tensors = {name: tensor.detach().numpy() for name, tensor in network.tensors(1.0).items()}
        for name in ("knobs.output.weight", "knobs.output.bias"):
            tensors[name] = 0.15 * rng.standard_normal(tensors[name].shape).astype(np.float32)
        architecture = network.architecture()
        memory = parse_architecture(architecture).receptive_field
        yield (
            size,
            ModelFile(size, architecture, tensors, RATE_HZ, memory, SelfTest(signal, signal), knobs=KNOBS),
        )


def spur_db(model: Model, block: int) -> float:
    """The loudest side band of a sine at multiples of the block rate, in dB of the sine.

    A knob goes over all its travel in a second, set anew with every block. Side bands close to a harmonic of the sine,
    or to one that was folded back at half the sample rate, are left out.
    """
    sine = (0.3 * np.sin(2 * np.pi * SINE_HZ * np.arange(2 * RATE_HZ) / RATE_HZ)).astype(np.float32)
    model.set("drive", 0.0)
    model.reset()
    out = [model.process(sine[: RATE_HZ // 2])]
    for at in range(RATE_HZ // 2, 3 * RATE_HZ // 2, block):
        model.set("drive", min(1.0, (at + block - RATE_HZ // 2) / RATE_HZ))
        out.append(model.process(sine[at : at + block]))
    heard = np.concatenate(out)[26_000:70_000].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(heard * np.blackman(len(heard)) ** 2))
    hz: NDArray[np.float64] = np.fft.rfftfreq(len(heard), 1 / RATE_HZ)
    carrier = spectrum[np.abs(hz - SINE_HZ) < 40].max()
    spurs = [abs(SINE_HZ + k * RATE_HZ / block) for k in range(-24, 25) if k]
    free = [spur for spur in spurs if 30 < spur < 20_000 and abs(spur - LINES_HZ * round(spur / LINES_HZ)) > 24]
    return float(20 * np.log10(max(spectrum[np.abs(hz - spur) < 8].max() for spur in free) / carrier))


def row(size: str, model: ModelFile, player: Path, folder: Path) -> list[str]:
    """Instructions a block at rest and in motion over those of the snapshot, spurs, and how exact a snapshot is."""
    path, snapshot_path = folder / "model.triode", folder / "snapshot.triode"
    write_model(path, model)
    write_model(snapshot_path, bake(model, {}))
    snapshot, rest = (float(np.median(block_instructions(player, p.read_bytes(), 60))) for p in (snapshot_path, path))
    moving = float(np.median(block_instructions(player, path.read_bytes(), 60, turning=True)))
    found = load(path)
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, RATE_HZ).astype(np.float32)
    difference = np.abs(found.render(noise) - load(snapshot_path).render(noise)).max()
    spurs = [spur_db(found, block) for block in BLOCKS]
    cells = [f"{snapshot:.0f}", f"{rest / snapshot:.4f}", f"{moving / snapshot:.2f}"]
    return [size, *cells, *(f"{spur:.0f} dB" for spur in spurs), f"{difference:.0e}"]


def main() -> None:
    """Measure and write the section."""
    player, rows = build_native_player(), []
    with tempfile.TemporaryDirectory() as folder:
        for size, model in random_models():
            rows.append(row(size, model, player, Path(folder)))
            print(*rows[-1], sep="  ", flush=True)
    head = ["wavenet", "instructions a block, snapshot", "knobs at rest", "a knob moving"]
    head += [*(f"spurs, blocks of {block}" for block in BLOCKS), "baked"]
    text = (
        "Random weights, three knobs. Instructions for a block of 64 samples (callgrind, AVX2 kernels), those at rest "
        "and in motion over those of the baked snapshot. Spurs: the loudest side band at multiples of the block rate, "
        f"of a sine of {SINE_HZ} Hz, while a knob goes over its travel in a second. Baked: the largest difference "
        "between snapshot and model."
    )
    write_section("Turning knobs", "python -m benchmarks.turning", f"{text}\n\n{table(head, rows)}")


if __name__ == "__main__":
    main()
