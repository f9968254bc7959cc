"""Do suggested takes teach more than a plan's? `python -m benchmarks.suggest [--seeds 5] [--epochs 20]`.

Models of the built-in circuits learn equally many takes, with equally many updates: those of a plan that fills the
space of the knobs, and those of a smaller plan with what `triode suggest` adds to it. Both are tested at random
settings, on other playing.
"""

import argparse
import functools
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.page import table, write_section
from triode.audio import Samples
from triode.capture.acquisition import suggest_settings
from triode.capture.design import Space, candidate_settings, choose_settings
from triode.capture.devices import circuits, run_circuit
from triode.capture.manifest import SignalManifest
from triode.capture.signal import make_signal, playing
from triode.cli.suggesting import CANDIDATES, PROBE_SECONDS, PROBE_SEED
from triode.knobs import Knob
from triode.training.committee import train_committee
from triode.training.dataset import Pair, make_dataset, split
from triode.training.networks.parametric import Parametric
from triode.training.networks.sizes import Network, make_network
from triode.training.recipes import recipe
from triode.training.save import play, warm_up_samples
from triode.training.train import train

RATE_HZ, TAKE_SECONDS, SIZE = 24000, 5.0, "nano"
FIRST, LAST, AT_ONCE = 6, 12, 3
ENDS = (0.05, 0.95)  # of the knobs' travel
TEST_SETTINGS, TEST_SECONDS, TEST_SEED = 32, 2.0, 4242
# A device's name, its circuit, and the knobs that are turned.
CASES = (
    ("overdrive, 3 knobs", "overdrive", ("drive", "tone", "level")),
    ("preamp, 3 of 6 knobs", "preamp", ("gain", "treble", "master")),
)
Settings = Mapping[str, float]


@dataclass(frozen=True)
class Device:
    """A circuit with the knobs that are turned, the settings to choose from, and what it makes of the test."""

    circuit: str
    knobs: tuple[Knob, ...]
    space: Space
    test: Sequence[Settings]
    dry: Samples
    wet: Sequence[Samples]

    def travels(self, settings: Settings) -> tuple[float, ...]:
        """Where the knobs stand."""
        return tuple(knob.travel(settings[knob.name]) for knob in self.knobs)

    def pairs(self, settings: Sequence[Settings], seed: int) -> list[Pair]:
        """Takes at `settings`, each of other playing."""
        return [self._pair(values, 1000 * seed + number) for number, values in enumerate(settings)]

    def _pair(self, settings: Settings, seed: int) -> Pair:
        dry, wet, told = recorded(self.circuit, tuple(settings.items()), seed)
        stretches = split(len(wet), RATE_HZ, told.train_seconds, told.held_out_seconds)
        return Pair(dry, wet, *stretches, self.travels(settings))


@functools.cache
def recorded(
    circuit: str, settings: tuple[tuple[str, float], ...], seed: int
) -> tuple[Samples, Samples, SignalManifest]:
    """The capture signal, what the circuit makes of it, and what stands where."""
    signal = make_signal(TAKE_SECONDS, RATE_HZ, seed)
    return signal.samples, run_circuit(circuit, signal.samples, RATE_HZ, dict(settings)), signal.manifest


def make_device(circuit: str, turned: Sequence[str]) -> Device:
    """The circuit with the other knobs held at their defaults."""
    knobs = circuits()[circuit].knobs
    limits = {
        knob.name: (knob.value(ENDS[0]), knob.value(ENDS[1])) if knob.name in turned else (knob.default,) * 2
        for knob in knobs
    }
    rng = np.random.default_rng(TEST_SEED)
    test = [{name: float(rng.uniform(*ends)) for name, ends in limits.items()} for _ in range(TEST_SETTINGS)]
    dry = playing(TEST_SECONDS, RATE_HZ, TEST_SEED)
    wet = [run_circuit(circuit, dry, RATE_HZ, settings) for settings in test]
    chosen = tuple(knob for knob in knobs if knob.name in turned)
    return Device(circuit, chosen, Space(knobs, limits, by_hand=False), test, dry, wet)


def test_esr(device: Device, network: Network, target_gain: float) -> float:
    """Mean ESR at the test settings."""
    errors = []
    for settings, wet in zip(device.test, device.wet, strict=True):
        travels = device.travels(settings)
        played = play(network, device.dry, warm_up_samples(network, RATE_HZ), target_gain, travels)
        errors.append(float(np.sum((played - wet) ** 2, dtype=np.float64) / np.sum(wet**2, dtype=np.float64)))
    return float(np.mean(errors))


def learned(device: Device, settings: Sequence[Settings], epochs: float, seed: int) -> float:
    """Test ESR of a model trained on takes at `settings`."""
    data = make_dataset(device.pairs(settings, seed), RATE_HZ)
    network = make_network("wavenet", SIZE, seed, len(device.knobs))
    assert isinstance(network, Parametric)
    network.set_levels(data.travels, data.powers)
    result = train(network, data, recipe("wavenet", epochs=epochs, rate_hz=RATE_HZ, seed=seed))
    return test_esr(device, result.network, data.target_gain)


def suggested(device: Device, epochs: float, seed: int) -> tuple[list[dict[str, float]], float, float]:
    """Settings of a small plan and of what is suggested; the ESR that the first committee expects, and has."""
    settings = choose_settings(device.space, FIRST, seed=seed)
    architecture = make_network("wavenet", SIZE, 0, len(device.knobs)).architecture()
    probe = playing(PROBE_SECONDS, RATE_HZ, PROBE_SEED)
    expected_first = found_first = 0.0
    while len(settings) < LAST:
        pairs = device.pairs(settings, seed)
        committee = train_committee(architecture, pairs, RATE_HZ, epochs=epochs / 2, seed=seed)
        candidates = candidate_settings(device.space, CANDIDATES, settings, seed)
        expected = committee.expected_esr(probe, np.array([device.travels(values) for values in candidates]))
        count = min(AT_ONCE, LAST - len(settings))
        found = suggest_settings(device.space, candidates, expected, committee.learned_esr, settings, count)
        if len(settings) == FIRST:
            expected_first = found[0].mean_before
            found_first = float(np.mean([test_esr(device, *member) for member in committee.members]))
        settings = [*settings, *(one.settings for one in found)]
    return settings, expected_first, found_first


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=float, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    # Where a machine is busy, threads that wait for each other take longer than one alone.
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    began, rows = time.process_time(), []
    for name, circuit, turned in CASES:
        device = make_device(circuit, turned)
        scores = []
        for seed in range(options.seeds):
            active, expected, found = suggested(device, options.epochs, seed)
            plan = choose_settings(device.space, LAST, seed=seed)
            both = [learned(device, settings, options.epochs, seed) for settings in (plan, active)]
            scores.append([*both, expected, found])
            print(name, seed, [round(score, 4) for score in scores[-1]], flush=True)
        rows.append([name, *summary(scores)])
    write_page(rows, options.epochs, options.seeds, (time.process_time() - began) / 60)


def summary(scores: Sequence[Sequence[float]]) -> list[str]:
    """Cells of one device, of (ESR with the plan, ESR with suggestions, ESR expected first, ESR found) by seed."""
    filled, active, expected, found = np.array(scores).T
    return [
        f"{np.mean(filled):.4f} ({np.min(filled):.4f} to {np.max(filled):.4f})",
        f"{np.mean(active):.4f} ({np.min(active):.4f} to {np.max(active):.4f})",
        f"{int(np.sum(active < filled))} of {len(scores)}",
        f"{np.exp(np.mean(np.log(active / filled))):.2f}",
        f"{np.median(expected):.2f} / {np.median(found):.2f}",
    ]


def write_page(rows: Sequence[Sequence[str]], epochs: float, seeds: int, minutes: float) -> None:
    """The section of docs/benchmarks.md."""
    head = ["device", f"plan of {LAST}", f"{FIRST} and {LAST - FIRST} suggested", "suggested wins", "ratio"]
    head += [f"ESR expected / found with {FIRST}"]
    body = (
        f"ESR at {TEST_SETTINGS} random settings, mean (and range) over {seeds} seeds of plan, playing and "
        f"training; takes of {TAKE_SECONDS:g} s at {RATE_HZ / 1000:g} kHz, knobs within {ENDS[0]:.0%} to {ENDS[1]:.0%} "
        f"of their travel, {SIZE} networks, {epochs:g} epochs (half of that for the committees), {AT_ONCE} "
        f"suggestions at once. The ratio is the geometric mean over the seeds. The last column is what the first "
        f"committee expected of its members, and what they reached, medians. {minutes:.0f} minutes "
        f"of one core.\n\n{table(head, rows)}"
    )
    write_section("Suggested takes against a plan", "python -m benchmarks.suggest", body)


if __name__ == "__main__":
    main()
