"""How our own architecture was found: `python -m benchmarks.own_architecture --data FOLDER [--epochs 3] [--seed 0]`.

WaveNets of several shapes, with and without traces, after the same passes over 180 s of five devices: three captures in
FOLDER, as `benchmarks.tricks` reads them, and the built-in preamp playing the same audio, its supply sagging fully or
not at all. Cost is the median block of 64 samples in the engine over that of A2-Full, all measured in one run, the
best of several rounds. Writes a table of docs/fidelity.md.
"""

import argparse
import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.engine import BLOCK, RATE_HZ, write_network
from benchmarks.page import machine, replace_section, table
from benchmarks.tricks import CAPTURES, read_capture, with_test
from triode.audio import read_audio
from triode.capture.devices import run_circuit
from triode.engine import load
from triode.training.dataset import Dataset, Pair, make_dataset
from triode.training.networks.sizes import (
    OWN,
    TANH,
    WAVENETS,
    a1_shape,
    a2_shape,
    count_parameters,
    traces,
    with_inputs,
)
from triode.training.networks.wavenet import ArrayConfig, HeadConfig, WaveNet, WaveNetConfig
from triode.training.recipes import recipe
from triode.training.train import train
from triode.training.updates import lead_samples, validation_esr

PAGE = Path(__file__).resolve().parents[1] / "docs" / "fidelity.md"
COMMAND = "python -m benchmarks.own_architecture"
PREAMPS: Mapping[str, Mapping[str, float]] = {
    "preamp, sagging": {"gain": 6.0, "master": 7.0, "sag": 1.0},
    "preamp, clean": {"gain": 3.0, "master": 5.0, "sag": 0.0},
}
SHORT = (range(7), (*range(7, 10), *range(10)))  # feather's dilations, as powers of two
REFERENCE = "A2-Full, the audio alone"
ROUNDS = 5


def two_arrays(first: int, second: int, layers: Sequence[Sequence[int]] = SHORT) -> WaveNetConfig:
    """A1's shape of so many channels."""
    return a1_shape(first, second, [[2**power for power in array] for array in layers])


def one_array(channels: int, layers: Sequence[int]) -> WaveNetConfig:
    """A single array of tanh layers of 3 taps, and a head that only sums."""
    array = ArrayConfig(
        input_size=1,
        channels=channels,
        kernel_sizes=(3,) * len(layers),
        dilations=tuple(2**power for power in layers),
        activations=(TANH,) * len(layers),
        head=HeadConfig(bias=True),
    )
    return WaveNetConfig((array,), head_scale=0.02)


def hearing(config: WaveNetConfig, kinds: Sequence[str] = ("low_pass", "envelope")) -> WaveNetConfig:
    """The same shape with our traces of these kinds."""
    heard = tuple(trace for trace in traces(RATE_HZ) if trace.type in kinds)
    return with_inputs(dataclasses.replace(config, traces=heard), 1)


VARIANTS: Mapping[str, WaveNetConfig] = {
    "8 and 4 channels (feather), the audio alone": WAVENETS["feather"],
    "feather, averages": hearing(WAVENETS["feather"], ["low_pass"]),
    "feather, envelopes": hearing(WAVENETS["feather"], ["envelope"]),
    "feather, both": hearing(WAVENETS["feather"]),
    "feather with 0.45 s of memory (`long`), the audio alone": WAVENETS["long"],
    "A2-Lite, the audio alone": a2_shape(3),
    "A2-Lite, both": hearing(a2_shape(3)),
    "10 layers of 8 channels, both": hearing(one_array(8, range(10))),
    "18 layers of 5 channels, both": hearing(one_array(5, (*range(10), *range(8)))),
    "8 and 4 channels, 5 and 10 layers, both": hearing(two_arrays(8, 4, (range(5), range(10)))),
    "6 and 4 channels, both": hearing(two_arrays(6, 4)),
    "**5 and 2 channels, both** (`small`)": hearing(OWN["small"]),
    "**8 and 6 channels, both** (`medium`)": hearing(OWN["medium"]),
    "**16 and 6 channels, both** (`full`)": hearing(OWN["full"]),
    REFERENCE: a2_shape(8),
}


def devices(data: Path) -> dict[str, tuple[Dataset, Dataset]]:
    """What is trained on, and the same with the test stretch held out, by name."""
    found = {name: read_capture(data, name) for name in CAPTURES}
    dry = read_audio(data / "input.flac")
    second = round(dry.rate_hz)
    for name, settings in PREAMPS.items():
        wet = run_circuit("preamp", dry.samples, dry.rate_hz, settings)
        learned = make_dataset([Pair(dry.samples, wet, (0, 180 * second), (180 * second, 190 * second))], second)
        found[name] = learned, with_test(learned)
    return found


def block_times_us(configs: Mapping[str, WaveNetConfig]) -> dict[str, float]:
    """Median block of each in the engine, the best of several rounds through all of them."""
    best = dict.fromkeys(configs, np.inf)
    with tempfile.TemporaryDirectory() as folder:
        players = {}
        for name, config in configs.items():
            path = Path(folder) / "model.triode"
            write_network(path, name, WaveNet(config))
            players[name] = load(path)
        for _ in range(ROUNDS):
            for name, player in players.items():
                best[name] = min(best[name], player.bench(BLOCK, 1.0)["p50_us"])
    return best


def test_esr(config: WaveNetConfig, data: Dataset, test: Dataset, epochs: float, seed: int) -> float:
    """Train once and evaluate."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = WaveNet(config)
    changes = {"rate_hz": data.rate_hz, "memory_samples": lead_samples(network), "seed": seed}
    changes["loss_weights"] = {"mse": 1.0, "aliasing": 0.0}  # shapes are compared, not what tones cost
    train(network, data, recipe("triode", epochs=epochs, **changes))
    network.eval()
    return validation_esr(network, test)


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    times = block_times_us(VARIANTS)
    torch.set_flush_denormal(True)
    heard = devices(options.data / "captures")
    rows = []
    for name, config in VARIANTS.items():
        found = [test_esr(config, *pair, options.epochs, options.seed) for pair in heard.values()]
        mean = float(np.exp(np.mean(np.log(found))))
        weights, cost = count_parameters(WaveNet(config)), times[name] / times[REFERENCE]
        rows.append([name, str(weights), f"{cost:.2f}", *(f"{esr:.5f}" for esr in found), f"{mean:.5f}"])
        print(*rows[-1], sep=" | ", flush=True)
    head = ["WaveNet and what it hears", "weights", "cost", *heard, "geometric mean"]
    told = f"`{COMMAND}` on {machine()}: test ESR after {options.epochs:g} passes over 180 s, seed {options.seed}."
    replace_section(PAGE, COMMAND, f"{told}\n\n{table(head, rows)}")


if __name__ == "__main__":
    main()
