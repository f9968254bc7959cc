"""Training speed on a CPU: audio-seconds per second of the kernels and of the readable reference, forward and backward.

    python -m benchmarks.training_speed [--size a2-full ...] [--threads 1 2] [--reference]

An audio-second is 48,000 target samples through forward pass, mean squared error, backward pass and Adam. Times are
the best of several steps. "per CPU second" counts the processor time that the process used, which other programs on the
machine disturb less: times the number of free cores it is the speed to expect. The last column compares the
multiplications per CPU second (those over the receptive field before the targets included) with those of torch's
product of two matrices of 256 x 256 on one core, which is close to the most that a core can do.
"""

import argparse
import dataclasses
import itertools
import os
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # torch's idle threads would take the processor from the kernels'

import torch

from triode.training.networks.sizes import WAVENETS
from triode.training.networks.wavenet import Array, ArrayConfig, WaveNet

RATE_HZ = 48_000
SHAPES = ((16, 8192), (4, 32768))
STEPS = 8


@dataclasses.dataclass(frozen=True)
class Speed:
    """The best of several training steps."""

    wall_seconds: float
    cpu_seconds: float
    audio_seconds: float


def measure(network: WaveNet, batch: int, samples: int, steps: int) -> Speed:
    """Steps of training on noise."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(batch, network.receptive_field - 1 + samples, generator=generator) * 0.3
    target = torch.randn(batch, samples, generator=generator) * 0.01
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4, fused=True)
    walls, cpus = [], []
    for _ in range(steps):
        wall, cpu = time.perf_counter(), time.process_time()
        optimiser.zero_grad(set_to_none=True)
        (network(x) - target).square().mean().backward()
        optimiser.step()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
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


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", nargs="*", choices=tuple(WAVENETS), default=tuple(WAVENETS))
    parser.add_argument("--threads", nargs="*", type=int, default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--reference", action="store_true", help="the reference too, which takes minutes")
    options = parser.parse_args()
    fused, yardstick = Array.forward, matrix_product_speed()
    print("size      batch    threads what        per second  per CPU second  of a matrix product")
    for size, (batch, samples), threads in itertools.product(options.size, SHAPES, options.threads):
        for what in ("kernels", "reference") if options.reference else ("kernels",):
            Array.forward = fused if what == "kernels" else Array.reference  # type: ignore[method-assign]
            torch.set_num_threads(threads)
            torch.manual_seed(0)
            network = WaveNet(WAVENETS[size])
            found = measure(network, batch, samples, options.steps if what == "kernels" else 3)
            share = multiplications(network, batch, samples) / found.cpu_seconds / yardstick
            wall, cpu = (found.audio_seconds / t for t in (found.wall_seconds, found.cpu_seconds))
            shape = f"{batch}x{samples}"
            print(f"{size:9} {shape:8} {threads:7} {what:9} {wall:12.1f} {cpu:15.1f} {share:20.0%}", flush=True)


if __name__ == "__main__":
    main()
