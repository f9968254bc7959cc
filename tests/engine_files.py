"""Model files for the engine's tests, written by nothing but json and the safetensors library."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from models import LEAKY_RELU, SEVEN_TRACES, TANH, block_architecture, convnet_architecture, recurrent_architecture

Tensors = Mapping[str, NDArray[Any]]

ACTIVATIONS = [
    TANH,
    LEAKY_RELU,
    {"type": "Fasttanh"},
    {"type": "Hardtanh"},
    {"type": "ReLU"},
    {"type": "PReLU", "negative_slopes": [0.1, -0.2, 0.3, 0.4]},
    {"type": "PReLU", "negative_slope": 0.2},
    {"type": "Sigmoid"},
    {"type": "SiLU"},
    {"type": "Hardswish"},
    {"type": "LeakyHardtanh", "min_val": -0.3, "max_val": 0.4, "min_slope": 0.1, "max_slope": 0.2},
    {"type": "Softsign"},
]
EIGHT_FILMS = {
    "conv_pre_film": {"active": True, "shift": True, "groups": 2},
    "conv_post_film": {"active": True, "shift": False},
    "input_mixin_pre_film": {"active": True, "groups": 2},
    "input_mixin_post_film": {"active": True},
    "activation_pre_film": {"active": True, "shift": False},
    "activation_post_film": {"active": True},
    "layer1x1_post_film": {"active": True},
    "head1x1_post_film": {"active": True, "groups": 2},
}


def array(channels: int, count: int, out_channels: int = 1, **changes: Any) -> dict[str, Any]:
    """A layer array of `count` layers with every activation in turn."""
    return {
        "input_size": 1,
        "channels": channels,
        "bottleneck": 4,
        "kernel_sizes": [2 + index % 3 for index in range(count)],
        "dilations": [1 + 7 * index for index in range(count)],
        "activations": [ACTIVATIONS[index % len(ACTIVATIONS)] for index in range(count)],
        "head": {"out_channels": out_channels, "kernel_size": 1, "bias": True},
        **changes,
    }


def gated(mode: str, count: int) -> dict[str, Any]:
    return {"gating": [mode] * count, "secondary_activations": [{"type": "Sigmoid"}, TANH][:count]}


CONDITION = {"name": "wavenet", "arrays": [array(3, 2, 4)]}
WAVENETS: dict[str, dict[str, Any]] = {
    "every activation": {"arrays": [array(5, 12)]},
    "gated": {"arrays": [array(6, 2, **gated("gated", 2))]},
    "blended": {"arrays": [array(6, 2, **gated("blended", 2))]},
    "two arrays": {"arrays": [array(7, 3, 4), array(9, 3, input_size=7)]},
    "wide": {"arrays": [array(33, 2, bottleneck=19)]},
    "groups": {"arrays": [array(8, 3, groups_input=4, layer1x1={"groups": 2})]},
    "head kernel": {"arrays": [array(4, 2, head={"out_channels": 1, "kernel_size": 16, "head_dilation": 3})]},
    "head 1x1": {"arrays": [array(4, 2, head1x1={"active": True, "out_channels": 6, "groups": 2})]},
    "no layer 1x1": {"arrays": [array(4, 2, layer1x1={"active": False})]},
    "rechannel bias": {"arrays": [array(5, 2, 3), array(4, 2, input_size=5, rechannel_bias=True, bottleneck=3)]},
    "own head": {
        "arrays": [array(4, 2, 3)],
        "head": {"channels": 5, "out_channels": 1, "kernel_sizes": [3, 1, 4], "activation": TANH},
    },
    "traces": {"arrays": [array(7, 3, 4, input_size=8), array(9, 3, input_size=7)], "traces": SEVEN_TRACES},
    "one trace": {"arrays": [array(6, 2, input_size=2, **gated("gated", 2))], "traces": SEVEN_TRACES[:1]},
    "nested condition": {
        "arrays": [array(4, 2, condition_size=4, groups_input_mixin=2)],
        "condition_dsp": CONDITION,
    },
    **{
        f"eight films, {mode}": {
            "arrays": [
                array(
                    6,
                    2,
                    condition_size=4,
                    head1x1={"active": True, "out_channels": 4},
                    **(gated(mode, 2) if mode != "none" else {}),
                    **EIGHT_FILMS,
                )
            ],
            "condition_dsp": CONDITION,
        }
        for mode in ("none", "gated", "blended")
    },
}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    **{f"wavenet, {name}": {"name": "wavenet", **rest} for name, rest in WAVENETS.items()},
    "lstm": recurrent_architecture("lstm", 16),
    "lstm of two layers, no skip": recurrent_architecture("lstm", 9, 2, skip=False),
    "lstm, wide": recurrent_architecture("lstm", 40),
    "gru": recurrent_architecture("gru", 16),
    "gru of three layers": recurrent_architecture("gru", 5, 3),
    "conv": {"name": "conv", "kernel_size": 5, "dilation": 70, "activation": {"type": "SiLU"}},
    "sequential": {
        "name": "sequential",
        "layers": [
            {"name": "conv", "output_size": 6, "kernel_size": 3, "dilation": 30, "activation": TANH},
            {"name": "conv", "input_size": 6, "output_size": 4, "groups": 2},
            {**recurrent_architecture("gru", 5, skip=False), "input_size": 4, "output_size": 3},
            {**recurrent_architecture("lstm", 7, skip=True), "input_size": 3},
        ],
        "skip": True,
    },
    "linear": {"name": "linear", "taps": 777},
    "block-oriented": block_architecture(),
    "block-oriented, one curve": {"name": "block-oriented", "blocks": [{"type": "curve"}]},
    "convnet": convnet_architecture(batchnorm=False),
    "convnet with batchnorm": convnet_architecture(batchnorm=True),
}


def triode_object(architecture: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """The `triode` entry of a file's header, with as little in it as the specification allows."""
    return {
        "format_version": 1,
        "name": "test device",
        "architecture": dict(architecture),
        "sample_rate": 48000,
        "warm_up_samples": 600,
        "knobs": [],
        **changes,
    }


def write_triode(path: Path, architecture: Mapping[str, Any], tensors: Tensors, **changes: Any) -> Path:
    save_file(dict(tensors), path, metadata={"triode": json.dumps(triode_object(architecture, **changes))})
    return path


def write_nam(path: Path, architecture: str, config: Mapping[str, Any], parts: list[NDArray[Any]]) -> Path:
    """A .nam file whose weights are `parts`, flattened one after the other."""
    weights = [float(value) for part in parts for value in np.ravel(part)]
    model = {"version": "0.5.4", "architecture": architecture, "config": dict(config), "weights": weights}
    path.write_text(json.dumps(model | {"sample_rate": 44100, "metadata": {"name": "test device"}}))
    return path
