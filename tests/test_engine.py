"""The engine from Python: what it plays is what the file says, however it is streamed; arguments; descriptions."""

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reference
from engine_files import ARCHITECTURES, array, write_nam, write_triode
from models import TANH, a1_architecture, random_tensors, recurrent_architecture
from triode import engine
from triode.errors import ModelFileError, OptionError

GOLDEN_TOLERANCE = 2e-5  # of full scale: of the loudest output where that is beyond 1.0
TOLERANCE = 1e-5


def noise(count: int, seed: int = 0) -> np.ndarray:
    """Loud and quiet stretches in turn."""
    samples = np.random.default_rng(seed).uniform(-1, 1, count)
    return (samples * np.repeat([1.0, 0.01, 0.3, 0.0001], -(-count // 4))[:count]).astype(np.float32)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_output_is_that_of_the_reference(tmp_path: Path, name: str) -> None:
    architecture = ARCHITECTURES[name]
    tensors = random_tensors(architecture, seed=1)
    model = engine.load(write_triode(tmp_path / "m.triode", architecture, tensors))
    audio = noise(2500)
    expected = reference.play(architecture, tensors, audio, warm_up_samples=600)
    assert np.std(expected) > 1e-3  # the network does something
    full_scale = max(1.0, np.abs(expected).max())
    assert np.abs(model.render(audio) - expected).max() < TOLERANCE * full_scale


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_output_does_not_depend_on_the_block(tmp_path: Path, name: str) -> None:
    architecture = ARCHITECTURES[name]
    model = engine.load(write_triode(tmp_path / "m.triode", architecture, random_tensors(architecture)))
    audio = noise(4096)
    whole = model.render(audio, len(audio))
    for block in (1, 5, 63, 64, 65, 1000):
        np.testing.assert_array_equal(model.render(audio, block), whole)
    model.reset()
    edges = np.cumsum(np.random.default_rng(2).integers(1, 300, 40))
    pieces = np.split(audio, edges[edges < len(audio)])
    np.testing.assert_array_equal(np.concatenate([model.process(piece) for piece in pieces]), whole)


def test_a_lesser_instruction_set_plays_the_same(tmp_path: Path) -> None:
    architecture = ARCHITECTURES["wavenet, two arrays"]
    path = write_triode(tmp_path / "m.triode", architecture, random_tensors(architecture))
    baseline, best = engine.load(path, isa="baseline"), engine.load(path)
    assert baseline.isa == "baseline"
    np.testing.assert_allclose(baseline.render(noise(2500)), best.render(noise(2500)), atol=TOLERANCE)
    with pytest.raises(OptionError, match='isa = "mmx": this processor can play with baseline'):
        engine.load(path, isa="mmx")


def test_initial_states_replace_the_zero_state(tmp_path: Path) -> None:
    architecture = recurrent_architecture("lstm", 4, 2)
    tensors = random_tensors(architecture)
    rng = np.random.default_rng(3)
    tensors |= {name: rng.uniform(-1, 1, (2, 4)).astype(np.float32) for name in ("rec.h0", "rec.c0")}
    model = engine.load(write_triode(tmp_path / "m.triode", architecture, tensors, warm_up_samples=0))
    audio = noise(300)
    assert np.abs(model.render(audio) - reference.play(architecture, tensors, audio, 0)).max() < TOLERANCE


def relative_power(difference: np.ndarray, of: np.ndarray) -> float:
    return float(np.sum(difference.astype(np.float64) ** 2) / np.sum(of.astype(np.float64) ** 2))


def test_golden_outputs(shared_data: Path) -> None:
    """Every .nam file sounds as in NAM Core, at each of its sizes, in blocks of any size."""
    models = shared_data / "models"
    entries = [entry for entry in json.loads((models / "index.json").read_text()) if entry["format"] == "nam"]
    assert len(entries) >= 11
    for entry in entries:
        quality = 1.0 if entry["quality"] is None else entry["quality"]
        model = engine.load(models / entry["file"], quality=quality)
        with np.load(models / entry["golden"]) as data:
            audio, expected = data["x"], data["y"]
        output = model.render(audio, 64)
        full_scale = max(1.0, float(np.abs(expected).max()))
        error = float(np.abs(output - expected).max()) / full_scale
        assert error < GOLDEN_TOLERANCE, f"{entry['golden']}: off by {error:.1e} of full scale"
        np.testing.assert_array_equal(model.render(audio[:6000], 37), output[:6000])


def test_golden_outputs_with_fast_activations(shared_data: Path) -> None:
    """Files of every format: an ESR below 1e-5, and the same in blocks of any size."""
    models = shared_data / "models"
    changed = 0
    for entry in json.loads((models / "index.json").read_text()):
        quality = 1.0 if entry.get("quality") is None else entry["quality"]
        model = engine.load(models / entry["file"], quality=quality, fast=True)
        with np.load(models / entry.get("golden", f"{entry['file']}.golden.npz")) as data:
            audio, expected, settings = data["x"], data["y"], data.get("knobs", ())
        for knob, value in zip(model.knobs, settings, strict=True):
            model.set(knob.name, float(value))
        output = model.render(audio, 64)
        error = relative_power(output - expected, expected)
        assert error < 1e-5, f"{entry['file']}: ESR {error:.1e}"
        changed += error > 1e-10
        np.testing.assert_array_equal(model.render(audio[:1000], 37), output[:1000])
    assert changed > 10  # it is not the exact engine that played


def test_nam_lstm(tmp_path: Path) -> None:
    """Layer by layer: input and state weights side by side, both biases summed, the state to start from."""
    architecture = recurrent_architecture("lstm", 3, 2, skip=False)
    tensors = random_tensors(architecture) | {"output_scale": np.ones(1, np.float32)}
    tensors |= {"rec.h0": np.full((2, 3), 0.1, np.float32), "rec.c0": np.full((2, 3), -5.0, np.float32)}
    parts: list[Any] = []
    for k in range(2):
        parts += [np.hstack([tensors[f"rec.weight_ih_l{k}"], tensors[f"rec.weight_hh_l{k}"]])]
        parts += [tensors[f"rec.bias_ih_l{k}"] + tensors[f"rec.bias_hh_l{k}"]]
        parts += [tensors["rec.h0"][k], tensors["rec.c0"][k]]
    parts += [tensors["lin.weight"], tensors["lin.bias"]]
    config = {"input_size": 1, "hidden_size": 3, "num_layers": 2}
    model = engine.load(write_nam(tmp_path / "m.nam", "LSTM", config, parts))
    audio = noise(1000)
    expected = reference.play(architecture, tensors, audio, warm_up_samples=22050)  # half a second at 44.1 kHz
    assert np.abs(model.render(audio) - expected).max() < TOLERANCE
    # Half a second of silence leaves nothing of the state in the file, but who writes the model again needs it.
    found = engine.read(tmp_path / "m.nam").tensors
    for name in ("rec.h0", "rec.c0", "rec.weight_ih_l1", "lin.weight"):
        np.testing.assert_array_equal(found[name], tensors[name])


@pytest.mark.parametrize("bias", [False, True])
def test_nam_linear_is_an_impulse_response(tmp_path: Path, bias: bool) -> None:
    taps = noise(50)
    parts = [taps, [0.25]] if bias else [taps]
    model = engine.load(write_nam(tmp_path / "m.nam", "Linear", {"receptive_field": 50, "bias": bias}, parts))
    impulse = np.zeros(80, np.float32)
    impulse[7] = 1.0
    expected = np.zeros(80)
    expected[7:57] = taps
    assert np.abs(model.render(impulse) - expected - 0.25 * bias).max() < 1e-7


@pytest.mark.parametrize("batchnorm", [False, True])
def test_nam_convnet(tmp_path: Path, batchnorm: bool) -> None:
    architecture = {"name": "convnet", "channels": 3, "dilations": [1, 4], "batchnorm": batchnorm, "activation": TANH}
    tensors = random_tensors(architecture)
    parts = list(tensors.values())  # in the order of the .nam format
    model = engine.load(write_nam(tmp_path / "m.nam", "ConvNet", architecture, parts))
    audio = noise(500)
    assert np.abs(model.render(audio) - reference.play(architecture, tensors, audio, 6)).max() < TOLERANCE


def two_sizes(tmp_path: Path) -> Path:
    """A container of a one-tap gain of 0.5, for quality below 0.4, and one of 2."""

    def gain(factor: float) -> dict[str, Any]:
        config = {"receptive_field": 1, "bias": False}
        return json.loads(write_nam(tmp_path / "part.nam", "Linear", config, [np.array([factor])]).read_text())

    submodels = [{"max_value": 0.4, "model": gain(0.5)}, {"max_value": 1.0, "model": gain(2.0)}]
    path = tmp_path / "sizes.nam"
    model = {"version": "0.7.0", "architecture": "SlimmableContainer", "config": {"submodels": submodels}}
    path.write_text(json.dumps(model | {"weights": [], "metadata": {"loudness": -3.0}}))
    return path


@pytest.mark.parametrize(("quality", "factor"), [(0.0, 0.5), (0.39, 0.5), (0.4, 2.0), (1.0, 2.0)])
def test_quality_chooses_a_size(tmp_path: Path, quality: float, factor: float) -> None:
    audio = noise(100)
    model = engine.load(two_sizes(tmp_path), quality=quality)
    np.testing.assert_allclose(model.render(audio), factor * audio, rtol=1e-6)
    assert model.info["metadata"]["metadata"] == {"name": "test device", "loudness": -3.0}
    assert engine.read(two_sizes(tmp_path), quality=quality).tensors["taps"] == [factor]


def test_reading_all_sizes_at_once(tmp_path: Path) -> None:
    """What is read can be written as a .triode file that has the same sizes."""
    everything = engine.read(two_sizes(tmp_path), quality=None)
    assert everything.architecture["name"] == "container"
    assert sorted(everything.tensors) == [f"submodels.{i}.{name}" for i in (0, 1) for name in ("bias", "taps")]
    path = write_triode(tmp_path / "again.triode", everything.architecture, everything.tensors)
    audio = noise(100)
    for quality in (0.0, 1.0):
        expected = engine.load(two_sizes(tmp_path), quality=quality).render(audio)
        np.testing.assert_array_equal(engine.load(path, quality=quality).render(audio), expected)


def test_a_wavenet_is_cut_down_to_its_first_channels(tmp_path: Path) -> None:
    """Cut to width 2, the rest of the weights may be anything."""
    architecture = {"name": "wavenet", "arrays": [array(4, 2, bottleneck=4, allowed_channels=[2, 4])]}
    architecture["arrays"][0]["activations"] = [TANH, TANH]
    small = {"name": "wavenet", "arrays": [architecture["arrays"][0] | {"channels": 2, "bottleneck": 2}]}
    del small["arrays"][0]["allowed_channels"]
    tensors, rng = random_tensors(small), np.random.default_rng(4)
    plain = {"name": "wavenet", "arrays": [architecture["arrays"][0] | {"allowed_channels": [4]}]}
    wide = random_tensors(plain)
    for name, tensor in tensors.items():
        wide[name] = rng.uniform(-1, 1, wide[name].shape).astype(np.float32)
        wide[name][tuple(slice(length) for length in tensor.shape)] = tensor
    path = write_triode(tmp_path / "wide.triode", architecture, wide)
    expected = engine.load(write_triode(tmp_path / "small.triode", small, tensors)).render(noise(500))
    np.testing.assert_array_equal(engine.load(path, quality=0.2).render(noise(500)), expected)
    assert np.abs(engine.load(path).render(noise(500)) - expected).max() > 1e-3
    np.testing.assert_array_equal(
        engine.read(path, quality=0).tensors["arrays.0.rechannel.weight"], tensors["arrays.0.rechannel.weight"]
    )


def test_description(tmp_path: Path) -> None:
    architecture = ARCHITECTURES["wavenet, gated"]
    tensors = random_tensors(architecture)
    path = write_triode(tmp_path / "m.anything", architecture, tensors, sample_rate=44100.5, notes={"by": "hand"})
    found = engine.read(path)
    assert (found.format, found.sample_rate, found.warm_up_samples) == ("triode", 44100.5, 600)
    assert found.metadata["notes"] == {"by": "hand"}
    assert found.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(found.tensors[name], tensor)
    # Every key that the file left to its default is told.
    assert found.architecture["arrays"][0]["condition_size"] == 1
    assert found.architecture["arrays"][0]["secondary_activations"] == [{"type": "Sigmoid"}, TANH]


def test_info_has_the_keys_of_the_command_line(tmp_path: Path) -> None:
    architecture = recurrent_architecture("gru", 4)
    tensors = random_tensors(architecture)
    info = engine.load(write_triode(tmp_path / "m.triode", architecture, tensors)).info
    assert sorted(info) == sorted(
        ["format", "architecture", "parameters", "sample_rate", "knobs", "latency_samples", "metadata"]
    )
    assert info["parameters"] == sum(tensor.size for tensor in tensors.values())
    assert info["architecture"] == architecture
    assert (info["format"], info["knobs"], info["latency_samples"]) == ("triode", [], 0)


def test_receptive_field(tmp_path: Path) -> None:
    architecture = ARCHITECTURES["wavenet, head kernel"]  # kernels 2 and 3, dilations 1 and 8, head 16 taps 3 apart
    model = engine.load(write_triode(tmp_path / "m.triode", architecture, random_tensors(architecture)))
    assert model.receptive_field == 1 + 1 * 1 + 2 * 8 + 15 * 3
    audio = np.zeros(200, np.float32)
    quiet = model.render(audio)
    audio[10] = 1.0
    moved = np.flatnonzero(model.render(audio) - quiet)
    assert moved[0] == 10
    assert moved[-1] < 10 + model.receptive_field


def test_memory_follows_the_network_and_its_rate(tmp_path: Path) -> None:
    """A model holds at least its weights, more for a longer history, and gives back what it no longer needs."""
    small, large = (
        engine.load(write_triode(tmp_path / f"{channels}.triode", shape, random_tensors(shape, seed=1)))
        for channels, shape in ((4, a1_architecture(4, 2)), (16, a1_architecture()))
    )
    assert 4 * large.info["parameters"] < large.memory_bytes < 4e6
    assert small.memory_bytes < large.memory_bytes
    before = large.memory_bytes
    large.configure(96_000)
    assert large.memory_bytes > 1.5 * before
    large.configure(48_000)
    assert large.memory_bytes == pytest.approx(before, rel=0.01)


def test_self_test(tmp_path: Path) -> None:
    architecture = recurrent_architecture("lstm", 4)
    tensors = random_tensors(architecture)
    assert engine.load(write_triode(tmp_path / "m.triode", architecture, tensors)).self_test() is None
    audio = noise(2000)
    expected = reference.play(architecture, tensors, audio, 600).astype(np.float32)
    good = write_triode(
        tmp_path / "good.triode", architecture, tensors | {"selftest.input": audio, "selftest.output": expected}
    )
    error = engine.load(good).self_test()
    assert error is not None
    assert error < TOLERANCE
    expected[1234] += 0.5
    bad = write_triode(
        tmp_path / "bad.triode", architecture, tensors | {"selftest.input": audio, "selftest.output": expected}
    )
    assert engine.load(bad).self_test() == pytest.approx(0.5, abs=1e-4)


def test_bad_samples_count_as_silence(tmp_path: Path) -> None:
    architecture = recurrent_architecture("lstm", 8)
    model = engine.load(write_triode(tmp_path / "m.triode", architecture, random_tensors(architecture)))
    bad, clean = noise(500), noise(500)
    bad[[3, 100, 101]] = np.nan, np.inf, -np.inf
    clean[[3, 100, 101]] = 0.0
    np.testing.assert_array_equal(model.render(bad), model.render(clean))


def test_models_run_side_by_side(tmp_path: Path) -> None:
    architecture = ARCHITECTURES["wavenet, two arrays"]
    path = write_triode(tmp_path / "m.triode", architecture, random_tensors(architecture))
    audio = [noise(20000, seed) for seed in range(4)]
    expected = [engine.load(path).render(samples, 64) for samples in audio]
    models = [engine.load(path) for _ in audio]
    results: list[Any] = [None] * len(audio)

    def play(index: int) -> None:
        results[index] = models[index].render(audio[index], 64)

    threads = [threading.Thread(target=play, args=(index,)) for index in range(len(audio))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(results, expected)


def test_a_strided_view_is_played_like_its_copy(tmp_path: Path) -> None:
    architecture = {"name": "linear", "taps": 3}
    model = engine.load(write_triode(tmp_path / "m.triode", architecture, random_tensors(architecture)))
    stereo = noise(200).reshape(100, 2)
    np.testing.assert_array_equal(model.render(stereo[:, 1]), model.render(stereo[:, 1].copy()))
    assert model.render(np.zeros(0, np.float32)).shape == (0,)


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    architecture = {"name": "linear", "taps": 3}
    model = engine.load(write_triode(tmp_path / "m.triode", architecture, random_tensors(architecture)))
    for wrong in (np.zeros(10), np.zeros((10, 1), np.float32), np.zeros(10, np.int16), [0.0], None):
        with pytest.raises(OptionError, match="expected a float32 array of shape"):
            model.process(wrong)  # type: ignore[arg-type]
    for block in (0, -1, 1.5):
        with pytest.raises(OptionError, match="at least 1"):
            model.render(noise(10), block)  # type: ignore[arg-type]


@pytest.mark.parametrize("quality", [-0.1, 1.5, float("nan"), "best"])
def test_quality_outside_its_range(tmp_path: Path, quality: float) -> None:
    with pytest.raises(OptionError, match="expected a number from 0"):
        engine.load(tmp_path / "model.nam", quality=quality)
    with pytest.raises(OptionError, match="expected a number from 0"):
        engine.read(tmp_path / "model.nam", quality=quality)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"nothing\.nam: the file does not exist"):
        engine.load(tmp_path / "nothing.nam")
    with pytest.raises(ModelFileError, match="this is a folder"):
        engine.load(tmp_path)
    with pytest.raises(ModelFileError, match=r"null: this is no regular file"):
        engine.load("/dev/null")
    huge = tmp_path / "huge.triode"
    with huge.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(ModelFileError, match=r"huge\.triode: the file has 1073741824 bytes"):
        engine.load(huge)


def test_a_name_with_odd_characters_is_told(tmp_path: Path) -> None:
    path = tmp_path / "Brüllwürfel\n.nam"
    path.write_text("{}")
    with pytest.raises(ModelFileError, match=r"Brüllwürfel\?\.nam: the file has no"):
        engine.load(path)
