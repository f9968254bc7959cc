"""The writer of `.triode` files, against docs/model-file.md, read back by the safetensors library."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from models import a1_architecture, a2_architecture, convnet_architecture, model_file, recurrent_architecture
from triode.architecture import parse_architecture
from triode.errors import ModelFileError
from triode.knobs import Knob
from triode.model_file import Alignment, Levels, SelfTest, loudness_db, self_test_signal, write_model

LSTM = recurrent_architecture("lstm")
LINEAR = {"name": "linear", "taps": 4}


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    with safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["triode"])
    return header, load_file(path)


def test_everything_comes_back(tmp_path: Path) -> None:
    architecture = LSTM | {"input_size": 3}
    model = model_file(
        architecture,
        levels=Levels(input_dbu=12.5, loudness_db=-17.25, target_gain=0.5),
        alignment=Alignment(latency_samples=81.25, polarity=-1),
        knobs=(Knob("drive", "%", 0, 100, 50), Knob("tone", "Hz", 100, 5000, 700, "log")),
        metadata={"maker": "Åsa", "gear_type": "amp"},
        training={"esr": 0.0125, "epochs": 40, "takes": ["a", "b"]},
    )
    write_model(tmp_path / "m.triode", model)
    header, tensors = read(tmp_path / "m.triode")
    assert header == {
        "format_version": 1,
        "name": "test device",
        "architecture": architecture,
        "sample_rate": 48_000,
        "warm_up_samples": 1,
        "levels": {"input_dbu": 12.5, "output_dbu": None, "loudness_db": -17.25, "target_gain": 0.5},
        "alignment": {"latency_samples": 81.25, "polarity": -1},
        "knobs": [
            {"name": "drive", "unit": "%", "low": 0, "high": 100, "default": 50, "taper": "linear"},
            {"name": "tone", "unit": "Hz", "low": 100, "high": 5000, "default": 700, "taper": "log"},
        ],
        "metadata": {"maker": "Åsa", "gear_type": "amp"},
        "training": {"esr": 0.0125, "epochs": 40, "takes": ["a", "b"]},
    }
    expected = {**model.tensors, "selftest.input": model.self_test.input, "selftest.output": model.self_test.output}
    assert tensors.keys() == expected.keys()
    for name, tensor in tensors.items():
        assert tensor.dtype == np.float32
        np.testing.assert_array_equal(tensor, expected[name])


def test_same_model_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_model(tmp_path / name, model_file(a1_architecture(4, 2)))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("architecture", "count"),
    [
        (a1_architecture(), 13_802),
        (a2_architecture(8), 12_146),
        (a2_architecture(3), 1_871),
        # One layer: 4H(1 + H) weights, two biases of 4H, the output H + 1, the scale.
        (LSTM, 4 * 8 * 9 + 2 * 32 + 9 + 1),
        (recurrent_architecture("gru", 8, 2), 3 * 8 * (9 + 16) + 4 * 24 + 9 + 1),
        (LINEAR, 5),
        # Two blocks: (1 + 3) * 3 * 2 taps, five norms of 3 less one scalar each, the output 3 + 1.
        (convnet_architecture(batchnorm=True), 24 + 2 * (4 * 3 + 1) + 4),
        (convnet_architecture(batchnorm=False), 24 + 2 * 3 + 4),
    ],
)
def test_number_of_weights(tmp_path: Path, architecture: dict[str, Any], count: int) -> None:
    """The published sizes of NAM's architectures, and the textbook's for the others."""
    write_model(tmp_path / "m.triode", model_file(architecture))
    _, tensors = read(tmp_path / "m.triode")
    assert sum(tensor.size for name, tensor in tensors.items() if not name.startswith("selftest.")) == count


def wavenet_with_every_part() -> dict[str, Any]:
    film = {"active": True, "shift": True, "groups": 1}
    array = {
        "input_size": 1,
        "condition_size": 2,
        "channels": 4,
        "bottleneck": 6,
        "kernel_sizes": [3],
        "dilations": [5],
        "activations": [{"type": "PReLU", "negative_slopes": [0.1] * 6}],
        "gating": ["blended"],
        "secondary_activations": [{"type": "Sigmoid"}],
        "groups_input": 2,
        "layer1x1": {"active": True, "groups": 2},
        "head1x1": {"active": True, "out_channels": 3, "groups": 3},
        "conv_pre_film": film,
        "activation_post_film": {"active": True, "shift": False, "groups": 2},
        "head": {"out_channels": 5, "kernel_size": 2, "bias": False, "head_dilation": 3},
    }
    nested = {"name": "wavenet", "arrays": [a1_architecture(2, 2)["arrays"][0]]}
    head = {"channels": 7, "out_channels": 1, "kernel_sizes": [2, 1], "activation": {"type": "ReLU"}}
    return {"name": "wavenet", "arrays": [array], "head": head, "condition_dsp": nested}


def test_wavenet_with_every_part(tmp_path: Path) -> None:
    """Shapes of the rarer parts, worked out by hand from the table in docs/model-file.md."""
    write_model(tmp_path / "m.triode", model_file(wavenet_with_every_part()))
    _, tensors = read(tmp_path / "m.triode")
    shapes = {name: tensor.shape for name, tensor in tensors.items() if ".layers.1" not in name}
    assert {name: shape for name, shape in shapes.items() if not name.startswith(("condition", "selftest"))} == {
        "arrays.0.rechannel.weight": (4, 1, 1),
        "arrays.0.layers.0.conv.weight": (12, 2, 3),
        "arrays.0.layers.0.conv.bias": (12,),
        "arrays.0.layers.0.mixin.weight": (12, 2, 1),
        "arrays.0.layers.0.layer1x1.weight": (4, 3, 1),
        "arrays.0.layers.0.layer1x1.bias": (4,),
        "arrays.0.layers.0.head1x1.weight": (3, 2, 1),
        "arrays.0.layers.0.head1x1.bias": (3,),
        "arrays.0.layers.0.conv_pre_film.weight": (8, 2, 1),
        "arrays.0.layers.0.conv_pre_film.bias": (8,),
        "arrays.0.layers.0.activation_post_film.weight": (6, 1, 1),
        "arrays.0.layers.0.activation_post_film.bias": (6,),
        "arrays.0.head.weight": (5, 3, 2),
        "head.0.weight": (7, 5, 2),
        "head.0.bias": (7,),
        "head.1.weight": (1, 7, 1),
        "head.1.bias": (1,),
        "head_scale": (1,),
    }
    assert shapes["condition_dsp.arrays.0.head.weight"] == (2, 2, 1)


@pytest.mark.parametrize(
    ("architecture", "samples"),
    [
        # The published numbers of NAM's two generations.
        (a1_architecture(), 4093),
        (a2_architecture(8), 6347),
        (LINEAR, 4),
        (LSTM, 1),
        # Two taps each, 1 and 4 samples apart.
        (convnet_architecture(batchnorm=True), 6),
        # The layer (3 - 1) * 5, its head (2 - 1) * 3, the blocks after it 1 + 0, the nested condition's own 2046.
        (wavenet_with_every_part(), 1 + 10 + 3 + 1 + 2 * 1023),
    ],
)
def test_receptive_field(architecture: dict[str, Any], samples: int) -> None:
    assert parse_architecture(architecture).receptive_field == samples


def changed(**changes: Any) -> Any:
    return lambda model: replace(model, **changes)


def without(name: str) -> Any:
    return lambda model: replace(model, tensors={k: v for k, v in model.tensors.items() if k != name})


def with_tensor(name: str, values: Any) -> Any:
    return lambda model: replace(model, tensors={**model.tensors, name: np.asarray(values)})


SIGNAL = self_test_signal(48_000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed(name=""), "name: String should have at least 1 character"),
        (changed(sample_rate=0), "sample_rate: Input should be greater than or equal to 1000"),
        (changed(sample_rate=float("nan")), "finite"),
        (changed(warm_up_samples=-1), "warm_up_samples"),
        (changed(warm_up_samples=0.5), "warm_up_samples"),
        (changed(metadata={"maker": 3}), "metadata.maker"),
        (changed(training={"esr": float("inf")}), "finite"),
        (changed(training={"esr": np.float32(1)}), "plain JSON"),
        (changed(architecture={"name": "transformer"}), "'wavenet', 'lstm', 'gru', 'linear'"),
        (changed(architecture=LSTM | {"dropout": 0.1}), "dropout"),
        (changed(architecture=LSTM | {"hidden_size": 0}), "hidden_size"),
        (changed(architecture=LSTM | {"hidden_size": 9}), "has shape (32, 1); expected (36, 1)"),
        (without("lin.bias"), "missing: lin.bias"),
        (with_tensor("lin.extra", [0.0]), "does not have: lin.extra"),
        (with_tensor("rec.c0", np.zeros((1, 7))), "rec.c0 has shape (1, 7); expected (1, 8)"),
        (with_tensor("lin.bias", [float("nan")]), "lin.bias holds 1 NaN or infinite"),
        (with_tensor("lin.bias", [1e300]), "lin.bias holds 1 NaN or infinite"),
        (changed(self_test=SelfTest(SIGNAL[:1000], SIGNAL[:1000])), "1024 to 96000 samples"),
        (changed(self_test=SelfTest(SIGNAL, SIGNAL[:-1])), "selftest.output"),
        (changed(self_test=SelfTest(SIGNAL, SIGNAL * np.nan)), "selftest.output"),
    ],
)
def test_wrong_contents_are_refused_and_harm_nothing(tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "m.triode"
    write_model(path, model_file(LSTM))
    before = path.read_bytes()
    with pytest.raises(ModelFileError) as caught:
        write_model(path, change(model_file(LSTM)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("array", "change", "message"),
    [
        (0, {"input_size": 2}, "array 0"),
        (1, {"input_size": 3}, "array 1"),
        (0, {"head": {"out_channels": 3, "kernel_size": 1, "bias": False}}, "array 1"),
        (1, {"head": {"out_channels": 2, "kernel_size": 1, "bias": True}}, "2 output channels"),
        (0, {"dilations": [1, 2]}, "kernel_sizes has 10 entries for 2 dilations"),
        (0, {"gating": ["gated"] * 10}, "secondary_activations must be null exactly where gating is none"),
        (0, {"activations": [{"type": "Tanh", "negative_slope": 0.1}] * 10}, "Tanh has no option negative_slope"),
        (0, {"activations": [{"type": "GELU"}] * 10}, "GELU"),
        (0, {"groups_input": 3}, "cannot be split into 3 groups"),
        (0, {"allowed_channels": [2, 1, 4]}, "must ascend to the 4 channels"),
        (0, {"allowed_channels": [1, 2]}, "must ascend to the 4 channels"),
        (0, {"head1x1_post_film": {"active": True}}, "needs an active head1x1"),
        (0, {"layer1x1_post_film": {"active": True}, "layer1x1": {"active": False}}, "needs an active layer1x1"),
    ],
)
def test_wavenets_that_do_not_fit_together(tmp_path: Path, array: int, change: dict[str, Any], message: str) -> None:
    architecture = a1_architecture(4, 2)
    model = model_file(architecture)
    architecture["arrays"][array] |= change
    with pytest.raises(ModelFileError, match=message):
        write_model(tmp_path / "m.triode", model)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000, 96_000, 192_000])
def test_self_test_signal(rate_hz: int) -> None:
    signal = self_test_signal(rate_hz)
    assert len(signal) == round(0.4 * rate_hz)
    assert loudness_db(signal) == pytest.approx(-15, abs=1e-3)
    assert np.abs(signal).max() < 0.8
    np.testing.assert_array_equal(signal, self_test_signal(rate_hz))
    burst = signal[int(0.6 * len(signal)) : int(0.8 * len(signal))]
    spectrum = np.abs(np.fft.rfft(burst)) ** 2
    upper = spectrum[len(spectrum) // 2 :].sum() / spectrum.sum()
    assert upper > 0.2, "the burst must reach the upper half of the band"
    np.testing.assert_array_equal(signal[int(0.8 * len(signal)) :], 0)


def test_loudness() -> None:
    time = np.arange(48_000) / 48_000
    assert loudness_db(np.sin(2 * np.pi * 1000 * time).astype(np.float32)) == pytest.approx(-3.0103, abs=1e-3)
    assert loudness_db(np.zeros(10, dtype=np.float32)) is None
