"""Training on a CPU: how fast, how soon it sounds right, in how much memory.

    python -m benchmarks.training [--data FOLDER] [--peer-python PATH] [--reference]

An audio-second is 48,000 target samples through forward pass, loss, backward pass and the optimiser. Times are the
best of several pairs of steps, once the optimiser is past its first ones. "per CPU second" counts the processor time
that the process used, which other programs on the machine disturb less: times the number of free cores it is the speed
to expect. The last column compares the multiplications per CPU second (those over the receptive field before the
targets included) with those of torch's product of two matrices of 256 x 256 on one core, which is close to the most
that a core can do.

FOLDER holds captures/input.flac and captures/NAME/output.flac: on each, `triode train` with its defaults, and when the
held-out audio (180 to 210 s) was first met at an ESR of .01. PATH is the interpreter of an environment that has
neural-amp-modeler, whose own default recipe is measured beside: one step makes a model of 3 and one of 8 channels.
"""

import argparse
import dataclasses
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Literal
from unittest.mock import patch

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # torch's idle threads would take the processor from the kernels'

import torch

from benchmarks.page import table, write_section
from triode.engine import load
from triode.training.losses import Loss, LossConfig
from triode.training.networks.recurrent import Recurrent, RecurrentConfig
from triode.training.networks.sizes import WAVENETS
from triode.training.networks.wavenet import Array, ArrayConfig, WaveNet
from triode.training.recipes import recipe
from triode.training.soap import FIRST_STEPS, Soap, weight_matrices

RATE_HZ = 48_000
SIZES = ("feather", "standard", "a2-full")
SHAPES = ((4, 8192), (16, 8192), (4, 32768))
LOSSES = {"MSE": LossConfig(), "MSE and MRSTFT": LossConfig(mrstft=5e-4)}
PAIRS = 5  # of steps: the optimiser does more at every second one
RECURRENT: tuple[tuple[Literal["lstm", "gru"], int], ...] = (("lstm", 16), ("lstm", 40), ("gru", 16), ("gru", 40))
CAPTURES = ("ts9", "bigchump", "fuzzface")
GOOD_ESR = 0.01
# What the peer's interpreter runs: its default recipe on random audio, without its progress bars and files.
PEER = """
import sys, time, torch
from nam.train import core
threads, steps, batch, samples = map(int, sys.argv[1:])
torch.set_num_threads(threads)
config = core._get_packed_model_config()
module = core._get_lightning_module_cls(config).init_from_config(config)
module.net.sample_rate = 48000
module.log = lambda *arguments, **options: None
x = 0.1 * torch.randn(batch, module.net.receptive_field - 1 + samples)
y = 0.1 * torch.randn(batch, samples)
optimiser = module.configure_optimizers()["optimizer"]
walls, cpus = [], []
for _ in range(steps):
    wall, cpu = time.perf_counter(), time.process_time()
    optimiser.zero_grad()
    loss = module.training_step((x, y), 0)
    (loss["loss"] if isinstance(loss, dict) else loss).backward()
    optimiser.step()
    walls.append(time.perf_counter() - wall)
    cpus.append(time.process_time() - cpu)
print(min(walls), min(cpus))
"""


@dataclasses.dataclass(frozen=True)
class Speed:
    """The best of several training steps."""

    wall_seconds: float
    cpu_seconds: float
    audio_seconds: float


def measure(network: WaveNet | Recurrent, batch: int, samples: int, pairs: int, config: LossConfig) -> Speed:
    """Steps of training on noise."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(batch, network.receptive_field - 1 + samples, generator=generator) * 0.3
    target, powers = torch.randn(batch, samples, generator=generator) * 0.01, torch.full((batch,), 1e-4)
    optimiser, loss = Soap(weight_matrices(network), 1e-4, clip=1.0), Loss(config, RATE_HZ)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        y = network(x)
        loss(y[0] if isinstance(y, tuple) else y, target, powers).backward()
        optimiser.step()

    step()
    for _ in range(FIRST_STEPS):
        optimiser.step()
    walls, cpus = [], []
    for _ in range(pairs):
        wall, cpu = time.perf_counter(), time.process_time()
        step()
        step()
        walls.append((time.perf_counter() - wall) / 2)
        cpus.append((time.process_time() - cpu) / 2)
    return Speed(min(walls), min(cpus), batch * samples / RATE_HZ)


def multiplications(network: WaveNet, batch: int, samples: int) -> int:
    """Multiplications of a forward and a backward pass, over exactly the samples that each layer has to make."""
    length, total = samples + network.receptive_field - 1, 0
    for array in network.arrays:
        assert isinstance(array, Array)
        config: ArrayConfig = array.config
        total += length * config.input_size * config.channels
        for kernel, dilation in zip(config.kernel_sizes, config.dilations, strict=True):
            length -= (kernel - 1) * dilation
            per_sample = config.channels * kernel + config.condition_size + config.channels
            total += length * per_sample * config.bottleneck
        head = config.head
        total += (length - head.kernel_size + 1) * config.bottleneck * head.kernel_size * head.out_channels
    return 3 * batch * total


def matrix_product_speed() -> float:
    """Multiplications per CPU second of torch's matrix product on one core."""
    torch.set_num_threads(1)
    size, products = 256, 4
    a, b, out = torch.randn(size, size), torch.randn(size, size), torch.empty(size, size)
    best = float("inf")
    for _ in range(50):
        began = time.process_time()
        for _ in range(products):
            torch.mm(a, b, out=out)
        best = min(best, time.process_time() - began)
    return products * size**3 / best


def speed_row(size: str, batch: int, samples: int, loss: str, reference: bool, yardstick: float) -> list[str]:
    """One network, batch and loss: audio-seconds per second."""
    torch.set_num_threads(os.cpu_count() or 1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    fused = Array.forward
    if reference:
        Array.forward = Array.reference  # type: ignore[method-assign]
    network = WaveNet(WAVENETS[size])
    found = measure(network, batch, samples, 1 if reference else PAIRS, LOSSES[loss])
    Array.forward = fused  # type: ignore[method-assign]
    share = multiplications(network, batch, samples) / found.cpu_seconds / yardstick
    wall, cpu = (f"{found.audio_seconds / t:.1f}" for t in (found.wall_seconds, found.cpu_seconds))
    return [size, f"{batch} x {samples}", loss, "torch" if reference else "kernels", wall, cpu, f"{share:.0%}"]


def recurrent_row(unit: Literal["lstm", "gru"], hidden: int, reference: bool) -> list[str]:
    """One recurrent layer, an update of the recipe."""
    torch.set_num_threads(os.cpu_count() or 1)
    torch.manual_seed(0)
    config = recipe(unit, epochs=1, rate_hz=RATE_HZ)
    network = Recurrent(RecurrentConfig(unit, hidden))
    with patch("triode.training.networks.recurrent.fused_recurrent", lambda *_: None) if reference else nullcontext():
        found = measure(network, config.batch_size, config.update_samples, 2 if reference else PAIRS, config.loss)
    wall, cpu = (f"{found.audio_seconds / t:.1f}" for t in (found.wall_seconds, found.cpu_seconds))
    shape = f"{config.batch_size} x {config.update_samples}"
    return [f"{unit} {hidden}", shape, "ESR and DC", "torch" if reference else "kernels", wall, cpu, ""]


def peer_rows(interpreter: str) -> list[list[str]]:
    """The peer's default recipe on the same processor."""
    batch, samples = 16, 8192
    words = [interpreter, "-c", PEER, *map(str, (os.cpu_count() or 1, 3, batch, samples))]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    wall, cpu = (f"{batch * samples / RATE_HZ / float(t):.1f}" for t in done.stdout.split()[-2:])
    return [["A2 (3 and 8 channels)", f"{batch} x {samples}", "MSE and MRSTFT", "NAM's trainer", wall, cpu, ""]]


def train_row(name: str, data: Path, seconds: int) -> list[str]:
    """`triode train` on a capture: when it was good, how good it became, in how much memory."""
    captures = data / "captures"
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.triode"
        files = ["--input", captures / "input.flac", "--output", captures / name / "output.flac"]
        options = ["--train", "0:180", "--validate", "180:210", "--time", f"{seconds}s", "--json"]
        words = [sys.executable, "-c", PEAK, "train", *files, "-o", model, *options]
        done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=True)
        peak_bytes = float(done.stderr.split()[-1])
        tested = ["evaluate", model, *files, "--from", "210", "--to", "240", "--json"]
        words = [sys.executable, "-m", "triode", *tested]
        test = json.loads(subprocess.run([*map(str, words)], stdout=subprocess.PIPE, text=True, check=True).stdout)
        curve = load(model).info["metadata"]["training"]["learning_curve"]
    good = next((f"{p['seconds']:.0f} s" for p in curve if p["validation_esr"] <= GOOD_ESR), "never")
    return [name, f"{seconds} s", good, f"{test['esr']:.5f}", f"{peak_bytes / 2**30:.2f} GiB"]


# The command line, and then the most memory that it held.
PEAK = (
    "import atexit, resource, sys; from triode.cli import main; "
    "atexit.register(lambda: print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)); main()"
)


def main() -> None:
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seconds", type=int, nargs="*", default=[90])
    parser.add_argument("--peer-python")
    parser.add_argument("--reference", action="store_true", help="torch's own operations too, which takes minutes")
    options = parser.parse_args()
    yardstick = matrix_product_speed()
    kinds = (False, True) if options.reference else (False,)
    rows = []
    for size, (batch, samples), loss, reference in itertools.product(SIZES, SHAPES, LOSSES, kinds):
        rows.append(speed_row(size, batch, samples, loss, reference, yardstick))
        print(*rows[-1], flush=True)
    for (unit, hidden), reference in itertools.product(RECURRENT, (False, True)):
        rows.append(recurrent_row(unit, hidden, reference))
        print(*rows[-1], flush=True)
    rows += peer_rows(options.peer_python) if options.peer_python else []
    head = ("network", "batch", "loss", "computed by", "audio-s per s", "per CPU second", "of a matrix product")
    body = f"Steps on noise with {os.cpu_count()} threads, best of {PAIRS} pairs.\n\n{table(head, rows)}"
    if options.data:
        trained = []
        for seconds, name in itertools.product(options.seconds, CAPTURES):
            trained.append(train_row(name, options.data, seconds))
            print(*trained[-1], flush=True)
        head = ("capture", "budget", f"held-out ESR {GOOD_ESR} after", "test ESR", "peak memory")
        body += f"\n\n`triode train` with its defaults, seed 0.\n\n{table(head, trained)}"
    write_section("Training on a CPU", "python -m benchmarks.training", body)


if __name__ == "__main__":
    main()
