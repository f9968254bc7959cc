"""Model files of other programs: each plays as its own program would play it, in blocks of any size."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import field_files as field
from field_files import Json
from triode import engine
from triode.errors import ModelFileError

TOLERANCE = 1e-5
GOLDEN_TOLERANCE = 2e-5  # of full scale: of the loudest output where that is beyond 1.0
RNG = np.random.default_rng(11)

GUITARML = {
    "lstm": field.guitarml(),
    "gru": field.guitarml("GRU", hidden=17),
    "plain rnn": field.guitarml("RNN", hidden=5),
    "plain rnn, two layers, a knob": field.guitarml("RNN", 2, layers=2),
    "no skip": field.guitarml(skip=0),
    "lstm of two layers": field.guitarml(layers=2),
    "lstm, a knob": field.guitarml(inputs=2),
    "gru, three knobs": field.guitarml("GRU", 4, 8),
}
KERAS = {
    "lstm": field.keras([field.keras_cell(RNG, "lstm", 1, 7), field.keras_dense(RNG, 7, 1)]),
    "lstm, skip": field.keras([field.keras_cell(RNG, "lstm", 1, 7), field.keras_dense(RNG, 7, 1)], in_skip=1),
    "gains": field.keras(
        [field.keras_cell(RNG, "gru", 2, 5), field.keras_dense(RNG, 5, 1)], 2, in_skip=1, in_gain=4.5, out_gain=-7
    ),
    "gains, no skip": field.keras(
        [field.keras_cell(RNG, "lstm", 1, 5), field.keras_dense(RNG, 5, 1)], in_gain=-3.25, out_gain=2.5
    ),
    "gains around convolutions": field.keras(
        [field.keras_conv(RNG, 2, 4, 3, 2, groups=2), field.keras_dense(RNG, 4, 1, "tanh")],
        2,
        in_skip=1,
        in_gain=-2.5,
        out_gain=1,
    ),
    "gru, knobs": field.keras([field.keras_cell(RNG, "gru", 3, 6), field.keras_dense(RNG, 6, 1)], 3),
    "dense stack": field.keras(
        [field.keras_dense(RNG, 1, 5, "tanh"), field.keras_dense(RNG, 5, 4, "relu"), field.keras_dense(RNG, 4, 1)]
    ),
    "bent after the cell": field.keras(
        [field.keras_cell(RNG, "lstm", 1, 4), field.keras_dense(RNG, 4, 3, "sigmoid"), field.keras_dense(RNG, 3, 1)]
    ),
    "time-distributed": field.keras(
        [
            field.keras_dense(RNG, 3, 4, kind="time-distributed-dense"),
            field.keras_cell(RNG, "gru", 4, 5),
            field.keras_dense(RNG, 5, 1),
        ],
        3,
    ),
    "two cells": field.keras(
        [field.keras_cell(RNG, "lstm", 1, 4), field.keras_cell(RNG, "gru", 4, 3), field.keras_dense(RNG, 3, 1)]
    ),
    "cell alone": field.keras([field.keras_cell(RNG, "gru", 1, 1)], in_skip=1),
    "everything": field.keras(
        [
            field.keras_layer("activation", 1, [], activation="tanh"),
            field.keras_conv(RNG, 1, 6, 4, 5),
            field.keras_normalisation(RNG, 6, affine=True),
            field.keras_layer("prelu", 6, [[field.random_list(RNG, 6)]]),
            field.keras_conv(RNG, 6, 4, 2, 30, groups=2),
            field.keras_layer("prelu", 4, [[0.2]]),
            field.keras_normalisation(RNG, 4, affine=False),
            field.keras_layer("activation", 4, [], activation="sigmoid"),
            field.keras_layer("activation", 4, [], activation="tanh"),
            field.keras_dense(RNG, 4, 1),
        ]
    ),
}
WAVENET = {
    **{
        name: field.wavenet_va(name) for name in ("gated", "softgated", "tanh", "sigmoid", "relu", "softsign", "linear")
    },
    "numbers": field.wavenet_va(texts=False),
    "a knob": field.wavenet_va(inputs=2),
    "level": field.wavenet_va(level_adjust=0.25),
    "level left alone": field.wavenet_va(level_adjust=0.0, gain_max=20),
}
SMART_AMP_PRO = {
    "as published": field.smart_amp_pro(),
    "old": field.smart_amp_pro(strides=None),
    "padded": field.smart_amp_pro(50, (7, 9), taps=10),
    "taps beyond the window": field.smart_amp_pro(10, (4, 4)),
}
CASES: dict[str, tuple[Json, Callable[..., Any], str]] = {
    **{f"guitarml {name}": (m, field.guitarml_reference, "guitarml_rnn") for name, m in GUITARML.items()},
    **{f"keras {name}": (m, field.keras_reference, "rtneural_keras") for name, m in KERAS.items()},
    **{f"wavenet {name}": (m, field.wavenet_va_reference, "wavenet_smartpedal") for name, m in WAVENET.items()},
    **{f"smartamppro {name}": (m, field.smart_amp_pro_reference, "smartamppro") for name, m in SMART_AMP_PRO.items()},
}


def written(folder: Path, model: Any) -> Path:
    path = folder / "model.json"
    path.write_text(json.dumps(model))
    return path


def playing(count: int) -> np.ndarray:
    """Loud and quiet stretches in turn, and silence."""
    samples = np.random.default_rng(1).uniform(-1, 1, count)
    return (samples * np.repeat([1.0, 0.01, 0.3, 0.0], -(-count // 4))[:count]).astype(np.float32)


@pytest.mark.parametrize("name", CASES)
def test_sounds_as_the_reference_in_any_block(tmp_path: Path, name: str) -> None:
    contents, reference, kind = CASES[name]
    model = engine.load(written(tmp_path, contents))
    assert model.info["format"] == kind
    settings = np.linspace(0.2, 0.9, len(model.knobs))
    for knob, value in zip(model.knobs, settings, strict=True):
        model.set(knob.name, float(value))
    audio = playing(800)
    expected = reference(contents, audio, settings) if len(settings) else reference(contents, audio)
    assert np.std(expected) > 1e-3  # the network does something
    whole = model.render(audio, len(audio))
    assert np.abs(whole - expected).max() < TOLERANCE * max(1.0, np.abs(expected).max())
    for block in (1, 5, 64, 65, 333):
        np.testing.assert_array_equal(model.render(audio, block), whole)


def test_golden_outputs(shared_data: Path) -> None:
    """Every real file, with its knobs where the golden output had them."""
    models = shared_data / "models"
    entries = [entry for entry in json.loads((models / "index.json").read_text()) if entry["format"] != "nam"]
    assert len(entries) >= 24
    for entry in entries:
        model = engine.load(models / entry["file"])
        assert model.info["format"] == entry["format"]
        with np.load(models / f"{entry['file']}.golden.npz") as data:
            audio, expected, settings = data["x"], data["y"], data["knobs"]
        for knob, value in zip(model.knobs, settings, strict=True):
            model.set(knob.name, float(value))
        output = model.render(audio, 64)
        error = float(np.abs(output - expected).max()) / max(1.0, float(np.abs(expected).max()))
        assert error < GOLDEN_TOLERANCE, f"{entry['file']}: off by {error:.1e} of full scale"
        np.testing.assert_array_equal(model.render(audio[:4000], 37), output[:4000])


@pytest.mark.parametrize("newer", [True, False])
def test_the_older_layout_of_guitarml(tmp_path: Path, newer: bool) -> None:
    audio = playing(300)
    expected = engine.load(written(tmp_path, field.guitarml("GRU", 2))).render(audio)
    older = field.recnet(field.guitarml("GRU", 2), newer)
    np.testing.assert_array_equal(engine.load(written(tmp_path, older)).render(audio), expected)
    del older["blocks" if newer else "layers"]["0"]["skip"]  # its first version added the input unless told otherwise
    unsaid = field.guitarml("GRU", 2, skip=0 if newer else 1)
    np.testing.assert_array_equal(
        engine.load(written(tmp_path, older)).render(audio), engine.load(written(tmp_path, unsaid)).render(audio)
    )


def test_an_output_layer_without_bias(tmp_path: Path) -> None:
    model = field.guitarml()
    model["state_dict"]["lin.bias"] = [0.0]
    expected = engine.load(written(tmp_path, model)).render(playing(100))
    del model["state_dict"]["lin.bias"]
    np.testing.assert_array_equal(engine.load(written(tmp_path, model)).render(playing(100)), expected)


@pytest.mark.parametrize(
    ("contents", "rate"),
    [
        (GUITARML["lstm"], 44_100),
        ({**GUITARML["lstm"], "model_data": {**GUITARML["lstm"]["model_data"], "sample_rate": 96_000}}, 96_000),
        (KERAS["lstm"], 48_000),
        ({**KERAS["lstm"], "samplerate": "44100"}, 44_100),
        ({**KERAS["lstm"], "metadata": {"samplerate": "96000"}, "samplerate": 8000}, 96_000),
        ({**KERAS["lstm"], "metadata": {"samplerate": None}, "samplerate": 8000.5}, 48_000),
        (WAVENET["gated"], 44_100),
        (SMART_AMP_PRO["old"], 44_100),
    ],
)
def test_sample_rate(tmp_path: Path, contents: Json, rate: float) -> None:
    assert engine.load(written(tmp_path, contents)).sample_rate == rate


def test_a_model_starts_from_zero_state(tmp_path: Path) -> None:
    assert engine.read(written(tmp_path, GUITARML["lstm"])).warm_up_samples == 0
    model = engine.load(written(tmp_path, GUITARML["lstm"]))
    quiet = model.render(np.zeros(2000, np.float32))
    assert abs(quiet[0] - quiet[-1]) > 1e-3  # silence does move it


def test_what_a_file_tells_goes_along_without_its_network(tmp_path: Path) -> None:
    told = {"name": "Crunch", "style": "high gain", "author": "somebody"}
    contents = {**KERAS["lstm"], "metadata": told, "input_batch": [0.0] * 2048, "output_batch": [0.0] * 2048}
    assert engine.read(written(tmp_path, contents)).metadata == {"in_shape": [None, None, 1], "metadata": told}
    found = engine.read(written(tmp_path, field.wavenet_va(gain_max=20))).metadata
    assert found["gain_max"] == 20
    assert "variables" not in found


def changed(contents: Json, path: str, value: Any) -> Json:
    """A copy with one value replaced (or, for "-", removed); `path` names keys and indices, "/" between them."""
    model = copy.deepcopy(contents)
    place: Any = model
    *steps, last = [int(part) if part.lstrip("-").isdigit() else part for part in path.split("/")]
    for part in steps:
        place = place[part]
    if value == "-":
        del place[last]
    else:
        place[last] = value
    return model


@pytest.mark.parametrize(
    ("case", "path", "value", "message"),
    [
        ("guitarml lstm", "model_data/model", "Transformer", '"SimpleRNN" or "RecNet"'),
        ("guitarml lstm", "model_data/unit_type", "Mamba", '"LSTM", "GRU" or "RNN"'),
        ("guitarml lstm", "model_data/hidden_size", 7, "found a list of 24, expected 28 entries"),
        ("guitarml lstm", "model_data/hidden_size", 10**6, "a whole number from 1 to 1024"),
        ("guitarml lstm", "model_data/skip", 2, "from 0 to 1"),
        ("guitarml lstm", "model_data/output_size", 2, "from 1 to 1"),
        ("guitarml lstm", "model_data/sample_rate", 10, "1,000 to 1,000,000 Hz"),
        ("guitarml lstm", "model_data", "-", 'no "model_data"'),
        ("guitarml lstm", "state_dict/rec.bias_hh_l0", "-", 'no "rec.bias_hh_l0"'),
        ("guitarml lstm", "state_dict/rec.weight_ih_l0_reverse", [[0.0]], "rec.weight_ih_l0_reverse"),
        ("guitarml lstm", "state_dict/lin.weight/0/3", 1e39, "within float32's range"),
        ("guitarml lstm", "state_dict/lin.weight/0/3", "0.5", "a number"),
        ("keras lstm", "layers/0/type", "conv2d", "lstm, gru, dense"),
        ("keras lstm", "layers/1/activation", "elu", "tanh, relu, sigmoid or none"),
        ("keras lstm", "layers/0/weights/2", [0.0] * 27, "found a list of 27, expected 28 entries"),
        ("keras lstm", "layers/1/shape", [None, None, 2], "a list of 1, expected 2 entries"),
        ("keras lstm", "layers", [], "from 1 to 512 entries"),
        ("keras lstm", "in_skip", 2, "from 0 to 1"),
        ("keras lstm", "in_gain", 500, "from -120 to 120 dB"),
        ("keras lstm", "samplerate", "48 kHz", "a number"),
        ("keras dense stack", "layers/2/shape", [None, None, 5], "expected 5 entries"),
        ("keras everything", "layers/1/strides", [2], "puts out every sample"),
        ("keras everything", "layers/4/groups", 1, "a list of 3, expected 6 entries"),
        ("keras everything", "layers/4/groups", 5, "a divisor of the numbers of channels"),
        ("keras everything", "layers/2/weights/3/1", -1.0, "one above 0"),
        ("wavenet gated", "activation", "gelu", "gated, softgated, tanh"),
        ("wavenet gated", "dilations/1", 0, "a whole number from 1"),
        ("wavenet gated", "variables/2/data/5", "0.1x", "a number"),
        ("wavenet gated", "variables/2/data/5", "nan", "a number"),
        ("wavenet gated", "variables/2/data/5", "1e39", "float32's range"),
        ("wavenet gated", "variables/2/data/5", "1e999", "a number"),
        ("wavenet gated", "variables/2/data/5", "[[1]]", "a number"),
        ("wavenet gated", "variables/2/data/5", "-", "found a list of 95, expected 96 entries"),
        ("wavenet gated", "variables/2/name", "W_else", 'no "W" of layer 0'),
        ("wavenet gated", "variables/3", {"layer_idx": 0, "name": "W_conv", "data": []}, "again"),
        ("wavenet gated", "dilations", [1, 2], 'no "W" of layer 2'),
        ("smartamppro as published", "conv1d_1_stride", 5, "2 frames for the LSTM"),
        ("smartamppro as published", "input_size", 10**6, "from 1 to 16384"),
        ("smartamppro as published", "lstm/bias:0", [0.0], "expected 20 entries"),
        ("smartamppro as published", "dense", "-", 'no "dense"'),
        ("smartamppro as published", "conv1d", [1], "an object"),
    ],
)
def test_wrong_contents_are_refused_in_one_line(tmp_path: Path, case: str, path: str, value: Any, message: str) -> None:
    target = written(tmp_path, changed(CASES[case][0], path, value))
    with pytest.raises(ModelFileError) as caught:
        engine.load(target)
    assert str(caught.value).startswith(f"{target}: ")
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_an_object_that_is_no_model_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match='the file has no "architecture", "state_dict"'):
        engine.load(written(tmp_path, {"name": "settings", "volume": 3}))
