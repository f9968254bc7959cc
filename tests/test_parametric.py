"""Models whose weights follow the knobs: they play what docs/model-file.md says, at rest, in motion, and baked."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reference
from engine_files import write_triode
from models import LEAKY_RELU, SEVEN_TRACES, TANH, a2_architecture, model_file, played, random_tensors
from triode import engine
from triode.bake import bake
from triode.engine import Model, load
from triode.errors import ModelFileError, OptionError
from triode.export import export
from triode.knobs import Knob
from triode.model_file import ModelFile, write_model

RATE, RAMP, LOOK, SETTLED = 48_000, 960, 64, 7_000
DRIVE, TONE = Knob("drive", "", 0.0, 10.0, 4.0), Knob("tone", "Hz", 100.0, 10_000.0, 1_000.0, "log")
KNOBS = [knob.in_model_file() for knob in (DRIVE, TONE)]


def array(channels: int, **changes: Any) -> dict[str, Any]:
    return {
        "input_size": 1,
        "condition_size": 1,
        "channels": channels,
        "kernel_sizes": [3, 2, 4],
        "dilations": [1, 11, 50],
        "activations": [TANH, LEAKY_RELU, TANH],
        "head": {"out_channels": 1, "kernel_size": 1, "bias": True},
        **changes,
    }


def parametric(network: dict[str, Any], hidden_sizes: list[int]) -> dict[str, Any]:
    return {"name": "parametric", "knobs": 2, "hidden_sizes": hidden_sizes, "network": network}


GATED = {"gating": ["gated", "blended", "none"], "secondary_activations": [{"type": "Sigmoid"}, TANH, None]}
NETWORKS = {
    "one kernel a layer": parametric({"name": "wavenet", "arrays": [array(4)]}, [6, 5]),
    "kernels one by one": parametric({"name": "wavenet", "arrays": [array(7, bottleneck=3)]}, [6]),
    "gated, in groups": parametric({"name": "wavenet", "arrays": [array(6, groups_input=2, **GATED)]}, [5]),
    "two arrays": parametric(
        {
            "name": "wavenet",
            "arrays": [
                array(5, head={"out_channels": 4, "kernel_size": 3, "bias": False}),
                array(4, input_size=5, rechannel_bias=True, head={"out_channels": 1, "kernel_size": 5, "bias": True}),
            ],
        },
        [],
    ),
    "traces": parametric({"name": "wavenet", "arrays": [array(4, input_size=8)], "traces": SEVEN_TRACES}, [5]),
    "a2": parametric(a2_architecture(3), [8, 8]),
    "tapers": parametric({"name": "wavenet", "arrays": [array(4)]}, [5]) | {"tapers": ["linear", "log", "reverse-log"]},
    "one taper": parametric({"name": "wavenet", "arrays": [array(3)]}, []) | {"tapers": ["log"]},
}


def tensors_of(architecture: dict[str, Any], seed: int = 0) -> dict[str, np.ndarray]:
    """Knobs that turn the sound around without driving any row out of its range."""
    tensors = random_tensors(architecture, seed)
    return tensors | {n: 0.8 * t for n, t in tensors.items() if n.startswith("knobs.output")}


def model_of(folder: Path, name: str) -> Model:
    architecture = NETWORKS[name]
    path = write_triode(
        folder / "m.triode", architecture, tensors_of(architecture), knobs=KNOBS, warm_up_samples=SETTLED
    )
    return load(path)


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(5).uniform(-0.7, 0.7, count).astype(np.float32)


@pytest.mark.parametrize("name", NETWORKS)
def test_at_rest_it_plays_what_the_specification_says(tmp_path: Path, name: str) -> None:
    model, audio, sounds = model_of(tmp_path, name), noise(1_500), []
    for drive, hz, travels in ((0.0, 100.0, (0.0, 0.0)), (4.0, 1_000.0, (0.4, 0.5)), (10.0, 5_011.9, (1.0, 0.85))):
        model.set("drive", drive)
        model.set("tone", hz)
        expected = reference.play(NETWORKS[name], tensors_of(NETWORKS[name]), audio, SETTLED, travels)
        assert np.abs(model.render(audio) - expected).max() < 1e-5 * max(1.0, np.abs(expected).max())
        sounds.append(expected)
    assert min(np.std(sounds[i] - sounds[j]) for i, j in ((0, 1), (1, 2), (0, 2))) > 1e-3, "the knobs do something"


def turned(model: Model, audio: np.ndarray, block: int) -> np.ndarray:
    """`audio` with knobs turned at samples 700 and 1100, the second time before the first is over."""
    model.set("drive", 1.0)
    model.set("tone", 1_000.0)
    model.configure(RATE)
    out = []
    for start, stop, turns in (
        (0, 700, {}),
        (700, 1_100, {"drive": 9.0}),
        (1_100, 4_000, {"drive": 3.0, "tone": 200.0}),
    ):
        for knob, value in turns.items():
            model.set(knob, value)
        out += [model.process(audio[at : min(at + block, stop)]) for at in range(start, stop, block)]
    return np.concatenate(out)


def travels_while_turned() -> np.ndarray:
    """The same turns as the travels' straight lines of 20 ms, sample by sample."""
    drive, tone = np.full(4_000, 0.1), np.full(4_000, 0.5)
    drive[700:1_100] = 0.1 + 0.8 * np.arange(1, 401) / RAMP
    middle = drive[1_099]
    drive[1_100:] = middle + (0.3 - middle) * np.minimum(np.arange(1, 2_901) / RAMP, 1)
    tone[1_100:] = 0.5 + (np.log10(2) / 2 - 0.5) * np.minimum(np.arange(1, 2_901) / RAMP, 1)
    return np.stack([drive, tone])


@pytest.mark.parametrize("name", NETWORKS)
def test_in_motion_it_plays_what_the_specification_says(tmp_path: Path, name: str) -> None:
    """Scales and shifts go on straight lines from look to look, whatever the blocks are."""
    model, audio = model_of(tmp_path, name), noise(4_000)
    whole = turned(model, audio, 4_000)
    for block in (1, 16, 37, 64, 512):
        np.testing.assert_array_equal(turned(model, audio, block), whole)
    # Looks are counted from the start state on.
    past = -(-SETTLED // LOOK) * LOOK
    rows = np.concatenate([np.full((2, past), [[0.1], [0.5]]), travels_while_turned()], axis=1)
    x = np.concatenate([np.concatenate([np.zeros(past), audio])[None], rows])
    expected = reference.network(NETWORKS[name], tensors_of(NETWORKS[name]), x)[0, past:]
    assert np.abs(whole - expected).max() < 2e-5 * max(1.0, np.abs(expected).max())


def test_after_a_turn_it_is_as_if_it_had_always_stood_there(tmp_path: Path) -> None:
    model, audio = model_of(tmp_path, "one kernel a layer"), noise(4_000)
    model.process(audio)
    model.set("drive", 9.5)
    model.process(noise(RAMP + 2 * LOOK + model.receptive_field))
    found = model.process(audio)
    still = model_of(tmp_path, "one kernel a layer")
    still.set("drive", 9.5)
    still.render(noise(RAMP + 2 * LOOK + model.receptive_field))
    np.testing.assert_array_equal(found[300:], still.process(audio)[300:])


@pytest.mark.parametrize("block", [16, 64, 512])
def test_a_sweep_makes_no_zipper_noise(tmp_path: Path, block: int) -> None:
    """A knob over its whole travel in a second, set anew with every block, under a sine of 1040 Hz.

    Its harmonics, also those that fold back at half the sample rate, lie on multiples of 80 Hz; side bands at multiples
    of the block rate that lie between them show what turning adds.
    """
    model, sine_hz, lines_hz = model_of(tmp_path, "a2"), 1_040, 80
    sine = (0.3 * np.sin(2 * np.pi * sine_hz * np.arange(2 * RATE) / RATE)).astype(np.float32)
    model.set("drive", 0.0)
    model.reset()
    out = [model.process(sine[:24_000])]
    for at in range(24_000, 72_000, block):
        model.set("drive", 10.0 * min((at + block - 24_000) / 48_000, 1.0))
        out.append(model.process(sine[at : at + block]))
    heard = np.concatenate(out)[26_000:70_000].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(heard * np.blackman(len(heard)) ** 2))
    hz = np.fft.rfftfreq(len(heard), 1 / RATE)
    carrier = spectrum[np.abs(hz - sine_hz) < 40].max()
    spurs = [abs(sine_hz + multiple * RATE / block) for multiple in range(-24, 25) if multiple]
    free = [spur for spur in spurs if 30 < spur < 20_000 and abs(spur - lines_hz * round(spur / lines_hz)) > 24]
    assert len(free) >= 4
    for spur in free:
        level = spectrum[np.abs(hz - spur) < 8].max() / carrier
        assert 20 * np.log10(level) < -80, f"{spur:.0f} Hz"


def file_of(name: str) -> ModelFile:
    architecture = NETWORKS[name]
    return played(model_file(architecture, tensors=tensors_of(architecture), knobs=(DRIVE, TONE)))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("settings", [{}, {"drive": 0.0, "tone": 100.0}, {"drive": 7.3, "tone": 8_000.0}])
def test_baked_it_sounds_the_same(tmp_path: Path, name: str, settings: dict[str, float]) -> None:
    whole = file_of(name)
    write_model(tmp_path / "m.triode", whole)
    model = load(tmp_path / "m.triode")
    for knob, value in settings.items():
        model.set(knob, value)
    audio = noise(20_000)
    expected = model.render(audio)
    baked = bake(whole, settings)
    assert baked.architecture["name"] == "wavenet"
    write_model(tmp_path / "baked.triode", baked)
    snapshot = load(tmp_path / "baked.triode")
    assert snapshot.knobs == []
    assert np.abs(snapshot.render(audio) - expected).max() < 1e-5
    if name not in ("two arrays", "traces"):  # .nam wants the channels of the next array from a head
        export(whole, tmp_path / "m.nam", settings=settings)
        assert np.abs(load(tmp_path / "m.nam").render(audio) - expected)[SETTLED:].max() < 1e-5


def test_formats_without_such_knobs_say_what_to_do(tmp_path: Path) -> None:
    for ending, message in (
        (".nam", "--knob"),
        (".aidax", "write .nam or .triode"),
        (".json", "write .nam or .triode"),
    ):
        with pytest.raises(OptionError, match=message):
            export(file_of("one kernel a layer"), tmp_path / f"m{ending}")


def test_no_setting_makes_an_infinity(tmp_path: Path) -> None:
    """Factors are limited, whatever a forged file asks for."""
    architecture = NETWORKS["one kernel a layer"]
    tensors = tensors_of(architecture)
    tensors["knobs.output.weight"] = tensors["knobs.output.weight"] * np.float32(1e30)
    model = load(write_triode(tmp_path / "m.triode", architecture, tensors, knobs=KNOBS))
    for drive in (0.0, 10.0, 5.0):
        model.set("drive", drive)
        assert np.isfinite(model.process(noise(2_000))).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_sizes": [6, 6]}, "knobs.hidden.1"),
        ({"knobs": 3}, "knobs"),
        ({"network": {"name": "lstm", "hidden_size": 2, "skip": False}}, "a wavenet"),
        ({"network": {"name": "wavenet", "arrays": [array(4, input_size=2, condition_size=2)]}}, "the audio"),
        ({"network": {"name": "wavenet", "arrays": [array(4, conv_pre_film={"active": True})]}}, "neither"),
        ({"colour": "red"}, "colour"),
        ({"tapers": []}, "tapers"),
        ({"tapers": ["linear", "log", "log", "log"]}, "tapers"),
        ({"tapers": ["linear", "audio"]}, "linear, log or reverse-log"),
        ({"tapers": ["linear", "log"]}, "knobs.hidden.0"),
    ],
)
def test_forged_files_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    architecture = NETWORKS["kernels one by one"]
    path = write_triode(tmp_path / "m.triode", architecture | change, tensors_of(architecture), knobs=KNOBS)
    with pytest.raises(ModelFileError, match=message):
        load(path)
    with pytest.raises(ModelFileError):
        write_model(tmp_path / "w.triode", model_file(architecture | change, tensors={}, knobs=(DRIVE, TONE)))


def test_description_is_that_of_the_file(tmp_path: Path) -> None:
    model_of(tmp_path, "gated, in groups")
    found = engine.read(tmp_path / "m.triode")
    assert found.architecture["hidden_sizes"] == [5]
    assert found.architecture["network"]["arrays"][0]["gating"] == GATED["gating"]
    assert found.tensors.keys() == tensors_of(NETWORKS["gated, in groups"]).keys()
