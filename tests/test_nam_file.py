"""The `.nam` writer: exact keys, order of the weights, and what the format cannot hold."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models import a1_architecture, a2_architecture, convnet_architecture, model_file, recurrent_architecture
from triode.errors import ModelFileError, OptionError
from triode.knobs import Knob
from triode.model_file import Levels, ModelFile
from triode.nam_file import nam_bytes, told_in_nam

SIGMOID = {"type": "Sigmoid"}


def written(model: ModelFile) -> dict[str, Any]:
    return json.loads(nam_bytes(model))


def numbered(model: ModelFile) -> ModelFile:
    """The same model with the weights 1, 2, 3, ... through the tensors in the order of the specification's table."""
    tensors, count = {}, 0
    for name, tensor in model.tensors.items():
        tensors[name] = np.arange(count + 1, count + 1 + tensor.size, dtype=np.float32).reshape(tensor.shape)
        count += tensor.size
    return replace(model, tensors=tensors)


def test_first_generation_has_the_keys_that_old_players_know() -> None:
    """As the trainer wrote them up to 0.5.4."""
    file = written(model_file(a1_architecture(16, 8)))
    weights = file.pop("weights")
    metadata = file.pop("metadata")
    octaves = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert file == {
        "version": "0.5.4",
        "architecture": "WaveNet",
        "config": {
            "layers": [
                {
                    "input_size": 1,
                    "condition_size": 1,
                    "head_size": 8,
                    "channels": 16,
                    "kernel_size": 3,
                    "dilations": octaves,
                    "activation": "Tanh",
                    "gated": False,
                    "head_bias": False,
                },
                {
                    "input_size": 16,
                    "condition_size": 1,
                    "head_size": 1,
                    "channels": 8,
                    "kernel_size": 3,
                    "dilations": octaves,
                    "activation": "Tanh",
                    "gated": False,
                    "head_bias": True,
                },
            ],
            "head": None,
            "head_scale": 0.5,
        },
        "sample_rate": 48_000,
    }
    assert len(weights) == 13_802
    assert weights[-1] == 0.5, "players take the scale from the end of the weights"
    assert metadata["name"] == "test device"


def test_second_generation_has_the_keys_of_the_fast_path() -> None:
    """NAM Core takes its fast path only where every one of these says exactly this."""
    file = written(model_file(a2_architecture(8)))
    assert file["version"] == "0.7.0"
    assert file["config"].keys() == {"layers", "head", "head_scale"}
    (array,) = file["config"]["layers"]
    off = {"active": False, "shift": True, "groups": 1}
    assert array == {
        "input_size": 1,
        "condition_size": 1,
        "head": {"out_channels": 1, "kernel_size": 16, "bias": True},
        "channels": 8,
        "kernel_sizes": [6] * 14 + [15] * 2 + [6] * 7,
        "dilations": [1, 3, 7, 17, 41, 101, 239, 1, 3, 7, 17, 41, 101, 239, 1, 13, 1, 3, 7, 17, 41, 101, 239],
        "activation": [{"type": "LeakyReLU", "negative_slope": 0.01}] * 23,
        "bottleneck": 8,
        "head1x1": {"active": False, "out_channels": 1, "groups": 1},
        "layer1x1": {"active": True, "groups": 1},
        "groups_input": 1,
        "groups_input_mixin": 1,
        "conv_pre_film": off,
        "conv_post_film": off,
        "input_mixin_pre_film": off,
        "input_mixin_post_film": off,
        "activation_pre_film": off,
        "activation_post_film": off,
        "layer1x1_post_film": off,
        "head1x1_post_film": off,
        "gating_mode": ["none"] * 23,
        "secondary_activation": [None] * 23,
        "slimmable": None,
    }
    assert len(file["weights"]) == 12_146


@pytest.mark.parametrize(
    "change",
    [
        {"activations": [{"type": "ReLU"}] * 10},
        {"gating": ["gated"] * 10, "secondary_activations": [SIGMOID] * 10},
        {"gating": ["none"] * 9 + ["gated"], "secondary_activations": [None] * 9 + [SIGMOID]},
        {"kernel_sizes": [3] * 9 + [5]},
        {"head": {"out_channels": 1, "kernel_size": 4, "bias": True}},
        {"head1x1": {"active": True, "out_channels": 2, "groups": 1}},
    ],
)
def test_what_old_players_would_get_wrong_is_written_for_new_ones(change: dict[str, Any]) -> None:
    """Some players take every file up to 0.5.4 for an ungated tanh network with one kernel size."""
    architecture = a1_architecture(4, 2)
    architecture["arrays"][1] |= change
    assert written(model_file(architecture))["version"] == "0.7.0"


def test_weights_are_in_the_order_of_the_layers() -> None:
    """Array by array: rechannel; per layer conv, mixin, 1x1; the head; at the very end the scale."""
    model = numbered(model_file(a1_architecture(4, 2)))
    assert written(model)["weights"] == list(range(1, 1 + sum(t.size for t in model.tensors.values())))
    first = a1_architecture(4, 2)["arrays"][0]
    per_layer = 4 * 4 * 3 + 4 + 4 + 4 * 4 + 4
    assert model.tensors["arrays.0.layers.1.conv.weight"].flat[0] == 1 + 4 + per_layer
    assert model.tensors["arrays.1.rechannel.weight"].flat[0] == 1 + 4 + len(first["dilations"]) * per_layer + 2 * 4


def test_numbers_survive() -> None:
    """Written as short as float32 allows, they read back as the same float32."""
    model = model_file(a1_architecture(4, 2))
    expected = np.concatenate([tensor.ravel() for tensor in model.tensors.values()])
    np.testing.assert_array_equal(np.array(written(model)["weights"], dtype=np.float32), expected)


def test_nested_condition_and_post_head() -> None:
    nested = {"name": "wavenet", "arrays": a1_architecture(2, 2)["arrays"][:1]}
    array = a1_architecture(3, 3)["arrays"][0] | {"condition_size": 2}
    head = {"channels": 5, "out_channels": 1, "kernel_sizes": [2, 3], "activation": {"type": "ReLU"}}
    model = model_file({"name": "wavenet", "arrays": [array], "head": head, "condition_dsp": nested})
    file = written(numbered(model))
    inner = file["config"]["condition_dsp"]
    assert file["config"]["head"] == head
    assert (inner["version"], inner["architecture"], inner["sample_rate"]) == ("0.5.4", "WaveNet", 48_000)
    inner_count = sum(t.size for name, t in model.tensors.items() if name.startswith("condition_dsp."))
    outer_count = sum(t.size for t in model.tensors.values()) - inner_count
    assert file["weights"] == list(range(1, 1 + outer_count))
    assert inner["weights"] == list(range(1 + outer_count, 1 + outer_count + inner_count))


def test_rare_parts_of_an_array() -> None:
    """A spread-out head, and the widths that the array may be cut down to."""
    architecture = a1_architecture(4, 2)
    architecture["arrays"][1]["head"] |= {"kernel_size": 2, "head_dilation": 3}
    architecture["arrays"][0]["allowed_channels"] = [1, 2, 4]
    first, second = written(model_file(architecture))["config"]["layers"]
    assert first["head"] == {"out_channels": 2, "kernel_size": 1, "bias": False}
    assert second["head"] == {"out_channels": 1, "kernel_size": 2, "bias": True, "head_dilation": 3}
    assert first["slimmable"] == {"method": "slice_channels_uniform", "kwargs": {"allowed_channels": [1, 2, 4]}}
    assert second["slimmable"] is None


def test_arrays_that_players_cannot_chain() -> None:
    architecture = a1_architecture(4, 2)
    architecture["arrays"][1] |= {"channels": 3}
    with pytest.raises(OptionError, match="as many channels in array 1 \\(3\\) as the head of the array before"):
        nam_bytes(model_file(architecture))


def test_linear_begins_with_the_current_sample() -> None:
    model = model_file({"name": "linear", "taps": 3})
    file = written(replace(model, tensors={"taps": np.array([1.0, 2.0, 3.0]), "bias": np.array([4.0])}))
    assert file["config"] == {"receptive_field": 3, "bias": True}
    assert file["weights"] == [1, 2, 3, 4]


def test_convnet() -> None:
    model = numbered(model_file(convnet_architecture(batchnorm=True)))
    file = written(model)
    config = {"channels": 3, "dilations": [1, 4], "batchnorm": True, "activation": "Tanh", "groups": 1}
    assert (file["architecture"], file["config"]) == ("ConvNet", config)
    assert file["weights"] == list(range(1, 1 + sum(t.size for t in model.tensors.values())))


def test_lstm_without_skip_is_regrouped() -> None:
    """Per layer: the two weight matrices side by side, the sum of the biases, h0, c0; then the scaled output."""
    model = numbered(model_file(recurrent_architecture("lstm", 2, 2, skip=False), warm_up_samples=0))
    tensors = dict(model.tensors, **{"rec.h0": np.array([[0.1, 0.2], [0.3, 0.4]]), "rec.c0": np.full((2, 2), 0.5)})
    file = written(replace(model, tensors=tensors))
    expected: list[float] = []
    for layer, state in ((0, [0.1, 0.2, 0.5, 0.5]), (1, [0.3, 0.4, 0.5, 0.5])):
        for row in range(8):
            expected += [*tensors[f"rec.weight_ih_l{layer}"][row], *tensors[f"rec.weight_hh_l{layer}"][row]]
        expected += [*(tensors[f"rec.bias_ih_l{layer}"] + tensors[f"rec.bias_hh_l{layer}"]), *state]
    scale = tensors["output_scale"][0]
    expected += [*(scale * tensors["lin.weight"][0]), *(scale * tensors["lin.bias"])]
    assert file["config"] == {"input_size": 1, "hidden_size": 2, "num_layers": 2}
    np.testing.assert_allclose(file["weights"], expected, rtol=1e-7)


def test_lstm_starts_from_the_settled_state() -> None:
    """After the warm-up one more silent sample changes nothing."""
    net = recurrent_architecture("lstm", 3, skip=False)
    model = model_file(net, warm_up_samples=48_000)
    weights = np.array(written(model)["weights"])
    h, c = weights[60:63], weights[63:66]
    gates = model.tensors["rec.weight_hh_l0"] @ h + model.tensors["rec.bias_ih_l0"] + model.tensors["rec.bias_hh_l0"]
    i, f, g, o = gates.reshape(4, 3)
    after = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    np.testing.assert_allclose(after, c, atol=1e-6)
    np.testing.assert_allclose(np.tanh(after) / (1 + np.exp(-o)), h, atol=1e-6)
    assert np.abs(h).max() > 0.01


@pytest.mark.parametrize(
    ("architecture", "changes", "message"),
    [
        (recurrent_architecture("gru"), {}, "the .nam format has no GRU; write .aidax, .json or .triode"),
        (recurrent_architecture("gru", skip=False), {}, "no GRU"),
        ({"name": "conv"}, {}, "the .nam format has no conv networks"),
        (recurrent_architecture("lstm"), {"knobs": (Knob("drive"), Knob("tone"))}, "has no knobs.*drive, tone"),
    ],
)
def test_what_the_format_cannot_hold(architecture: dict[str, Any], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        nam_bytes(model_file(architecture, **changes))
    assert "\n" not in str(caught.value)
    assert ".triode" in str(caught.value), "says what to do instead"


def test_weights_are_checked() -> None:
    model = model_file(a1_architecture(4, 2))
    with pytest.raises(ModelFileError, match="NaN"):
        nam_bytes(replace(model, tensors={**model.tensors, "head_scale": np.array([np.nan])}))


def test_metadata() -> None:
    model = model_file(
        {"name": "linear", "taps": 1},
        levels=Levels(input_dbu=12.0, output_dbu=None, loudness_db=-19.5),
        metadata={
            "maker": "M",
            "gear_type": "Amp + Cab",
            "gear_make": "Make",
            "gear_model": "Model",
            "tone_type": "Hi-Gain",
            "created": "2026-03-04T05:06:07+00:00",
            "licence": "CC0",
        },
        training={"esr": 0.01},
    )
    assert written(model)["metadata"] == {
        "name": "test device",
        "modeled_by": "M",
        "gear_type": "amp_cab",
        "gear_make": "Make",
        "gear_model": "Model",
        "tone_type": "hi_gain",
        "date": {"year": 2026, "month": 3, "day": 4, "hour": 5, "minute": 6, "second": 7},
        "loudness": -19.5,
        "input_level_dbu": 12.0,
        "output_level_dbu": None,
        "training": {"validation_esr": 0.01},
        "licence": "CC0",
    }


def test_metadata_comes_back() -> None:
    model = model_file(
        {"name": "linear", "taps": 1},
        levels=Levels(input_dbu=12.0, output_dbu=3.5),
        metadata={"maker": "M", "gear_type": "pedal", "created": "2026-03-04T05:06:07", "licence": "CC0"},
        training={"esr": 0.01},
    )
    text, levels, training = told_in_nam(written(model)["metadata"])
    assert text == {"name": "test device", **model.metadata}
    assert (levels, training) == (model.levels, model.training)


def test_metadata_of_another_world() -> None:
    assert written(model_file({"name": "linear", "taps": 1}))["metadata"]["date"] is None
    model = model_file({"name": "linear", "taps": 1}, metadata={"created": "long ago", "gear_type": "toaster"})
    assert written(model)["metadata"]["date"] is None
    assert written(model)["metadata"]["gear_type"] is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["year", "month", "validation_esr"]), inner),
    max_leaves=8,
)
KEYS = ["name", "modeled_by", "date", "training", "input_level_dbu", "output_level_dbu", "x"]


@given(st.dictionaries(st.sampled_from(KEYS), JSON) | JSON)
@example({"input_level_dbu": float("nan"), "output_level_dbu": float("-inf")})
@example({"input_level_dbu": 10**400, "output_level_dbu": True})
@example({"date": {"year": 10**30, "month": 1, "day": 1}})
@example({"training": {"validation_esr": float("inf")}})
def test_any_metadata_is_survived(metadata: Any) -> None:
    text, levels, training = told_in_nam(metadata)
    assert all(isinstance(value, str) for value in text.values())
    numbers = [levels.input_dbu, levels.output_dbu, *training.values()]
    assert all(number is None or np.isfinite(number) for number in numbers)
