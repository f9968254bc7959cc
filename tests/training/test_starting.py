"""A packaged model as a warm start: another setting of the device it knows is learned in a second."""

from pathlib import Path

import pytest

from triode.capture.devices import run_circuit
from triode.capture.signal import playing
from triode.training.dataset import Pair, make_dataset
from triode.training.job import Job, starting_network
from triode.training.recipes import recipe
from triode.training.train import train

pytestmark = pytest.mark.usefixtures("one_thread")

RATE_HZ = 48000


def test_a_packaged_model_is_ahead_of_fresh_weights() -> None:
    dry = playing(10.0, RATE_HZ, seed=3)
    wet = run_circuit("overdrive", dry, RATE_HZ, {"drive": 8.0, "tone": 3.0, "level": 2.0})
    data = make_dataset([Pair(dry, wet, (0, 8 * RATE_HZ), (8 * RATE_HZ, 10 * RATE_HZ))], RATE_HZ)
    reached = {}
    for start in (None, Path("triode:overdrive-mid")):
        network, arch = starting_network(Job(start_from=start), data)
        reached[start] = train(network, data, recipe(arch, epochs=2, rate_hz=RATE_HZ)).esr
    assert reached[Path("triode:overdrive-mid")] < reached[None] / 4
