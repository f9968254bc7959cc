"""The `.aidax` file, written: a keras stack as RTNeural reads it, with the gains and metadata of AIDA-X."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triode.architecture import BlockOriented, Conv, ConvNet, Linear, Parametric, Recurrent, Sequential
from triode.architecture_wavenet import Activation, WaveNet
from triode.errors import OptionError
from triode.model_file import ModelFile, checked_network, knobs_json
from triode.recurrent_tensors import Tensors, with_wire

__all__ = ["keras_bytes", "told_in_keras"]

Json = dict[str, Any]

KERAS_ACTIVATIONS = {"Tanh": "tanh", "ReLU": "relu", "Sigmoid": "sigmoid"}
# What AIDA-X's trainer calls what docs/model-file.md calls ...
TEXTS = {"author": "maker", "license": "licence", "based": "gear_model", "style": "tone_type"}


def keras_bytes(model: ModelFile) -> bytes:
    """The bytes of an `.aidax` file; raises OptionError where the format cannot hold the model, and says why.

    Players start from the zero state, and AIDA-X takes one LSTM or GRU of certain sizes only; RTNeural takes them all.
    """
    net, found = checked_network(model)
    if isinstance(net, BlockOriented):
        raise OptionError("a keras stack has no recursive filters, this model is made of them; write .triode")
    if isinstance(net, WaveNet | Parametric):
        raise OptionError(
            "a keras stack has its layers one after the other, a WaveNet connects them otherwise; write .nam or .triode"
        )
    tensors: Tensors = found
    contents: Json = {"in_shape": [None, None, net.inputs]}
    skip, scale = _skip_and_scale(net, tensors)
    if skip and scale > 0.0:
        # The input is added before the output gain.
        contents |= {"in_skip": 1, "in_gain": 0.0, "out_gain": 20 * math.log10(scale)}
        scale = 1.0
    elif skip and isinstance(net, Recurrent):
        net, tensors = with_wire(net, tensors, 1.0)
    elif skip:
        raise OptionError(f"the input is added with a factor of {scale}, a keras stack needs one above 0")
    contents["layers"] = _layers(net, tensors, scale)
    contents["metadata"] = _metadata(model)
    return json.dumps(contents, allow_nan=False).encode()


def _skip_and_scale(net: Any, tensors: Tensors) -> tuple[bool, float]:
    scale = float(tensors["output_scale"][0]) if "output_scale" in tensors else 1.0
    return bool(getattr(net, "skip", False)), scale


def _layers(net: Recurrent | Linear | ConvNet | Conv | Sequential, tensors: Tensors, scale: float) -> list[Json]:
    """The stack, the last of its weights times `scale`."""
    if isinstance(net, Recurrent):
        return _cells(net, tensors, scale)
    if isinstance(net, Linear):
        taps = tensors["taps"][np.newaxis, np.newaxis, ::-1]
        return [_conv(Conv("conv", kernel_size=net.taps), taps, tensors["bias"])]
    if isinstance(net, Conv):
        return [_conv(net, tensors["weight"], tensors["bias"]), *_bend(net.activation, net.output_size)]
    if isinstance(net, ConvNet):
        return _convnet(net, tensors)
    layers: list[Json] = []
    for index, layer in enumerate(net.layers):
        inner = {name.removeprefix(f"layers.{index}."): tensor for name, tensor in tensors.items()}
        inner = {name: inner[name] for name in layer.tensor_shapes()}
        skip, own_scale = _skip_and_scale(layer, inner)
        if skip:
            raise OptionError(f"layer {index} adds its input to its output, which a keras stack cannot; keep .triode")
        layers += _layers(layer, inner, own_scale)
    if scale != 1.0:
        layers.append(_dense(np.array([[scale]], np.float32), np.zeros(1, np.float32)))
    return layers


def _cells(net: Recurrent, tensors: Tensors, scale: float) -> list[Json]:
    layers = []
    for index in range(net.num_layers):
        w, u, b, d = (tensors[f"rec.{name}_l{index}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        if net.name == "lstm":
            bias = (b.astype(np.float64) + d).astype(np.float32)
        else:
            # PyTorch's gates are r, z, n; Keras' are z, r, n.
            order = np.arange(len(w)).reshape(3, -1)[[1, 0, 2]].ravel()
            w, u, bias = w[order], u[order], np.stack([b[order], d[order]])
        layers.append(_layer(net.name, net.hidden_size, [w.T, u.T, bias]))
    layers.append(_dense(tensors["lin.weight"] * np.float32(scale), tensors["lin.bias"] * np.float32(scale)))
    return layers


def _convnet(net: ConvNet, tensors: Tensors) -> list[Json]:
    layers: list[Json] = []
    for index, dilation in enumerate(net.dilations):
        block, inputs = f"blocks.{index}.", net.input_size if index == 0 else net.channels
        weight = tensors[f"{block}conv.weight"].astype(np.float64)
        bias = tensors.get(f"{block}conv.bias", np.zeros(net.channels)).astype(np.float64)
        if net.batchnorm:
            mean, variance, gamma, beta, epsilon = (
                tensors[f"{block}norm.{name}"].astype(np.float64)
                for name in ("mean", "variance", "weight", "bias", "epsilon")
            )
            factor = gamma / np.sqrt(variance + epsilon)
            weight, bias = weight * factor[:, None, None], beta - factor * mean
        shape = Conv("conv", inputs, net.channels, 2, dilation, net.groups)
        layers += [_conv(shape, weight, bias), *_bend(net.activation, net.channels)]
    return [*layers, _dense(tensors["head.weight"], tensors["head.bias"])]


def _layer(kind: str, size: int, weights: list[NDArray[Any]], **more: Any) -> Json:
    values = [_lists(np.asarray(weight, dtype=np.float32)) for weight in weights]
    return {"type": kind, "activation": "", "shape": [None, None, size], "weights": values, **more}


def _dense(weight: NDArray[Any], bias: NDArray[Any]) -> Json:
    return _layer("dense", len(weight), [weight.T, bias])


def _conv(shape: Conv, weight: NDArray[Any], bias: NDArray[Any]) -> Json:
    if shape.kernel_size == 1 and shape.groups == 1:
        return _dense(weight[:, :, 0], bias)
    more = {"kernel_size": [shape.kernel_size], "dilation": [shape.dilation], "groups": shape.groups}
    return _layer("conv1d", shape.output_size, [weight.transpose(2, 1, 0), bias], **more)


def _bend(activation: Activation | None, channels: int) -> list[Json]:
    """The layer for an activation, if there is one."""
    if activation is None:
        return []
    if activation.type in ("PReLU", "LeakyReLU"):
        slope = 0.01 if activation.negative_slope is None else activation.negative_slope
        slopes = activation.negative_slopes or (slope,)
        return [_layer("prelu", channels, [np.broadcast_to(np.array(slopes), (1, channels))])]
    if activation.type not in KERAS_ACTIVATIONS:
        raise OptionError(f"RTNeural has no activation {activation.type}; keep this model as .triode")
    return [_layer("activation", channels, []) | {"activation": KERAS_ACTIVATIONS[activation.type]}]


def _lists(values: Any) -> Any:
    """Nested lists, each number with no more digits than float32 needs."""
    return float(str(values)) if np.ndim(values) == 0 else [_lists(entry) for entry in values]


def _metadata(model: ModelFile) -> Json:
    """What AIDA-X shows, and whatever else is known; the sample rate is a text there."""
    names = {ours: theirs for theirs, ours in TEXTS.items()}
    text = {names.get(key, key): value for key, value in model.metadata.items()}
    rate = model.sample_rate
    told: Json = {"name": model.name, "samplerate": str(int(rate) if float(rate).is_integer() else float(rate))}
    if "esr" in model.training:
        told["esr"] = model.training["esr"]
    return {**text, **told, "knobs": knobs_json(model.knobs)}


def told_in_keras(root: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, float]]:
    """What the metadata of a keras file tells, under the names of docs/model-file.md: texts, training.

    `root` is the file without its network: older files have everything at the top. Anyone may have written anything
    there: what is not of the kind expected counts as not told.
    """
    inner = root.get("metadata")
    found = {**root, **inner} if isinstance(inner, dict) else dict(root)
    text = {TEXTS.get(key, key): value for key, value in found.items() if isinstance(value, str) and value}
    text.pop("samplerate", None)
    esr = found.get("esr")
    told = isinstance(esr, int | float) and not isinstance(esr, bool) and 0 <= esr < 1e30
    return text, {"esr": float(esr)} if told and esr is not None else {}
