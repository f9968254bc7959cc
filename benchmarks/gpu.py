"""Training on a GPU: how fast, how many captures at once, and what ten seconds and a minute buy.

    python -m benchmarks.gpu --data FOLDER [--page FILE] [--seeds 3] [--seconds 10] [--together 60]

An audio-second is 48,000 target samples through forward pass, loss, backward pass and the optimiser; speeds are those
of 64 steps in a row, after the first ones, in which Triton compiles. FOLDER holds captures/input.flac and
captures/NAME/output.flac: trained on 0 to 180 s, chosen by 180 to 210 s, tested on 210 to 240 s. The compiled engine is
not needed. FILE is the page to write the section to, docs/benchmarks.md by default.
"""

import argparse
import dataclasses
import time
from pathlib import Path
from statistics import median

import soundfile
import torch

from benchmarks.page import PAGE, machine, replace_section, table
from triode.training.config import TrainConfig
from triode.training.dataset import Dataset, Pair, make_dataset
from triode.training.gpu.step import GraphStep
from triode.training.losses import Loss, LossConfig
from triode.training.many import shared_batch_size, train_together
from triode.training.networks.sizes import make_network
from triode.training.networks.wavenet import WaveNet
from triode.training.recipes import recipe
from triode.training.train import train
from triode.training.updates import validation_esr

COMMAND = "python -m benchmarks.gpu"
RATE_HZ = 48_000
# Test ESR of NAM 0.13's default recipe, A2-Full, 100 epochs, 350 s on an H100, on the same stretches.
PEER = {"ts9": 0.00041, "bigchump": 0.0058, "fuzzface": 0.0028}
# Size, crops, samples of each, networks side by side, weight of MRSTFT.
SPEEDS = (
    ("a2-full", 4, 8192, 1, 0.0),
    ("a2-full", 16, 16384, 1, 0.0),
    ("a2-full", 16, 65536, 1, 0.0),
    ("a2-full", 8, 131072, 1, 0.0),
    ("a2-full", 16, 65536, 1, 5e-4),
    ("a2-full", 4, 16384, 16, 0.0),
    ("a2-full", 4, 32768, 16, 0.0),
    ("standard", 16, 65536, 1, 0.0),
    ("feather", 16, 65536, 1, 0.0),
)
STEPS = 64


def snapshot(size: str, seed: int) -> WaveNet:
    """A fresh network on the GPU."""
    network = make_network("wavenet", size, seed).cuda()
    assert isinstance(network, WaveNet)
    return network


def load(data: Path, name: str) -> tuple[Dataset, Dataset]:
    """What is trained on, and the same with the test stretch held out."""
    dry, _ = soundfile.read(data / "captures" / "input.flac", dtype="float32")
    wet, _ = soundfile.read(data / "captures" / name / "output.flac", dtype="float32")
    edges = [seconds * RATE_HZ for seconds in (180, 210, 240)]
    dataset = make_dataset([Pair(dry, wet, (0, edges[0]), (edges[0], edges[1]))], RATE_HZ, "cuda")
    return dataset, dataclasses.replace(dataset, validate=((edges[1], edges[2]),))


def speed_row(dataset: Dataset, size: str, batch: int, samples: int, networks: int, mrstft: float) -> list[str]:
    """Audio-seconds per second of all networks together."""
    torch.cuda.reset_peak_memory_stats()
    config = TrainConfig(
        seconds=1, batch_size=batch, segment_samples=samples, optimiser="soap", loss=LossConfig(mrstft=mrstft)
    )
    generators = [torch.Generator().manual_seed(seed) for seed in range(networks)]
    criterion = Loss(config.loss, RATE_HZ).cuda()
    steps = GraphStep(
        [snapshot(size, seed) for seed in range(networks)], [dataset] * networks, criterion, config, generators
    )
    for _ in range(24):
        steps.step(1e-3)
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(STEPS):
        steps.step(1e-3)
    torch.cuda.synchronize()
    seconds = (time.perf_counter() - began) / STEPS
    memory = torch.cuda.max_memory_allocated() / 2**30
    audio = networks * batch * samples / RATE_HZ
    loss = "MSE and MRSTFT" if mrstft else "MSE"
    shape = f"{batch} x {samples}" + (f" for each of {networks}" if networks > 1 else "")
    return [size, shape, loss, f"{1e3 * seconds:.2f} ms", f"{audio / seconds:.0f}", f"{memory:.1f} GiB"]


def alone_row(data: Path, name: str, seconds: float, seeds: int) -> list[str]:
    """What `seconds` of training buy, over several seeds."""
    dataset, test = load(data, name)
    found, passes = [], 0.0
    for seed in range(seeds):
        network = snapshot("a2-full", seed)
        result = train(network, dataset, recipe("wavenet", seconds=seconds, seed=seed, in_graphs=True))
        found.append(validation_esr(network, test))
        passes = result.epochs
        print(name, seconds, seed, f"{found[-1]:.5f}", f"{result.audio_seconds_per_second:.0f}", flush=True)
    every = ", ".join(f"{esr:.5f}" for esr in found)
    middle = median(found)
    return [name, f"{seconds:g} s", f"{passes:.0f}", every, f"{middle:.5f}", f"{middle / PEER[name]:.2f}"]


def together_rows(data: Path, seconds: float) -> list[list[str]]:
    """The three captures side by side for as long as one would take."""
    both = {name: load(data, name) for name in PEER}
    networks = [snapshot("a2-full", 0) for _ in both]
    config = recipe("wavenet", seconds=seconds, in_graphs=True)
    config = dataclasses.replace(config, batch_size=shared_batch_size(config, networks, torch.cuda.mem_get_info()[0]))
    results = train_together(networks, [dataset for dataset, _ in both.values()], config)
    rows = []
    for (name, (_, test)), network, result in zip(both.items(), networks, results, strict=True):
        esr = validation_esr(network, test)
        print(name, "together", seconds, f"{esr:.5f}", f"{result.audio_seconds_per_second:.0f}", flush=True)
        budget = f"{seconds:g} s for all three"
        rows.append([name, budget, f"{result.epochs:.0f}", f"{esr:.5f}", f"{esr:.5f}", f"{esr / PEER[name]:.2f}"])
    return rows


def main() -> None:
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--together", type=float, default=60)
    options = parser.parse_args()
    began = time.perf_counter()
    dataset, _ = load(options.data, "ts9")
    warm = snapshot("a2-full", 0)
    train(warm, dataset, recipe("wavenet", seconds=1, in_graphs=True))
    first = time.perf_counter() - began
    print(f"first training, with Triton's compilation: {first:.0f} s", flush=True)
    speeds = []
    for shape in SPEEDS:
        speeds.append(speed_row(dataset, *shape))
        print(*speeds[-1], flush=True)
    trained = [alone_row(options.data, name, options.seconds, options.seeds) for name in PEER]
    trained += together_rows(options.data, options.together)
    head = ("network", "crops of a step", "loss", "step", "audio-s per s", "peak memory")
    body = f"{table(head, speeds)}\n\nA2-Full with the defaults of `triode train`, the loss of which is MSE. "
    body += f"The first training on a machine takes {first:.0f} s longer, in which Triton compiles.\n\n"
    head = ("capture", "budget", "passes", f"test ESR of seeds 0 to {options.seeds - 1}", "median", "over NAM's")
    body += f"{table(head, trained)}\n\nNAM's: test ESR of NAM 0.13's default recipe for A2-Full, 100 epochs, "
    body += "350 s on an H100: " + ", ".join(f"{name} {esr}" for name, esr in PEER.items()) + "."
    gpu = f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {machine()}"
    replace_section(options.page, COMMAND, f"## Training on a GPU\n\n`{COMMAND}` on one {gpu}.\n\n{body}")


if __name__ == "__main__":
    main()
