"""The models that come with the package: they are all there, whole, and play what the circuits play."""

from pathlib import Path

import numpy as np
import pytest

import triode as library
from triode.capture.devices import run_circuit
from triode.capture.signal import playing as played
from triode.errors import ModelFileError
from triode.factory import factory_models, model_path

RATE_HZ = 48000
SETTINGS = {
    "triode:overdrive": ("overdrive", {"drive": 6.5, "tone": 4.0, "level": 6.0}),
    "triode:overdrive-mid": ("overdrive", {"drive": 5.0, "tone": 5.0, "level": 7.0}),
    "triode:preamp": ("preamp", {"gain": 6.3, "treble": 4.0, "master": 6.0, "sag": 0.0}),
    "triode:preamp-clean": ("preamp", {"gain": 2.5, "master": 7.0, "treble": 6.0}),
    "triode:preamp-lead": ("preamp", {"gain": 8.5, "master": 6.0, "middle": 7.0}),
}
KNOBS = {
    "triode:overdrive": ["drive", "tone", "level"],
    "triode:preamp": ["gain", "treble"],
}


@pytest.fixture(scope="module")
def playing() -> np.ndarray:
    """Six seconds that no model has learned from."""
    return played(6.0, RATE_HZ, seed=17)


def test_five_models_two_of_them_with_knobs() -> None:
    assert sorted(factory_models()) == sorted(SETTINGS)
    knobs = {name: [knob.name for knob in library.load(name).knobs] for name in factory_models()}
    assert {name: found for name, found in knobs.items() if found} == KNOBS


@pytest.mark.parametrize("name", SETTINGS)
def test_they_play_what_the_circuit_plays(name: str, playing: np.ndarray) -> None:
    circuit, settings = SETTINGS[name]
    wanted = run_circuit(circuit, playing, RATE_HZ, settings)
    model = library.load(name)
    for knob in model.knobs:
        model.set(knob.name, settings[knob.name])
    # What looks like an onset before the input, and the margin before it, make a model some samples late.
    late = -int(model.info["metadata"]["alignment"]["latency_samples"])
    assert 0 <= late <= 16
    error = np.roll(model.render(playing), -late)[RATE_HZ:] - wanted[RATE_HZ:]
    assert np.sum(error**2) / np.sum(wanted[RATE_HZ:] ** 2) < 0.01


@pytest.mark.parametrize("name", SETTINGS)
def test_they_are_whole_and_say_what_they_are(name: str) -> None:
    model = library.load(name)
    assert model.self_test() < 1e-5
    told = model.info["metadata"]["metadata"]
    assert told["licence"] == "MIT"
    assert told["gear_model"].startswith(SETTINGS[name][0])


def test_a_name_that_no_model_has_names_those_there_are() -> None:
    with pytest.raises(ModelFileError, match="triode:preamp-lead"):
        library.load("triode:nosuch")


def test_other_paths_stay_themselves() -> None:
    assert model_path("amp.triode") == Path("amp.triode")
    assert model_path(Path("triode") / "amp.nam") == Path("triode/amp.nam")


def test_the_list_names_them(triode) -> None:
    found = triode("models", "--json").json["models"]
    assert [entry["name"] for entry in found] == sorted(SETTINGS)
    lines = triode("models").out.splitlines()
    assert any("triode:overdrive " in line and "drive, tone, level" in line for line in lines)
