"""The `.nam` file, written: layouts of Neural Amp Modeler's trainer 0.13 and its player, Core 0.5.

Where the two disagree, the player is followed.
"""

import contextlib
import json
import re
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triode.architecture import BlockOriented, Conv, ConvNet, Linear, Parametric, Recurrent, Sequential
from triode.architecture_wavenet import Activation, Head, WaveNet, WaveNetArray
from triode.errors import OptionError
from triode.model_file import Levels, ModelFile, checked_network
from triode.recurrent_tensors import Tensors, with_wire

__all__ = ["GEAR_TYPES", "TONE_TYPES", "nam_bytes", "one_of", "told_in_nam"]

LEGACY_VERSION = "0.5.4"
CURRENT_VERSION = "0.7.0"
GEAR_TYPES = ("amp", "pedal", "pedal_amp", "amp_cab", "amp_pedal_cab", "preamp", "studio")
"""What the format calls kinds of devices."""
TONE_TYPES = ("clean", "overdrive", "crunch", "hi_gain", "fuzz")
"""What the format calls kinds of sound."""


def nam_bytes(model: ModelFile) -> bytes:
    """The bytes of a `.nam` file; raises OptionError where the format cannot hold the model, and says why.

    Ungated tanh WaveNets of NAM's first generation are written as version 0.5.4 with its keys, so that old players and
    hardware load them; all others as 0.7.0 with every key, which NAM's fast path for the second generation asks for.
    """
    if model.knobs:
        names = ", ".join(knob.name for knob in model.knobs)
        raise OptionError(
            f"a .nam file has no knobs, this model has {names}; hold them at a setting with --knob NAME=VALUE, or keep "
            f"it as .triode"
        )
    architecture, tensors = checked_network(model)
    if isinstance(architecture, WaveNet):
        if architecture.traces:
            raise OptionError(
                "a .nam WaveNet hears the audio alone, this one also traces of what came long before; keep it as "
                ".triode, or add --distil"
            )
        contents = _wavenet(architecture, tensors, model.sample_rate)
    elif isinstance(architecture, Linear):
        contents = _linear(architecture, tensors)
    elif isinstance(architecture, ConvNet):
        contents = _convnet(architecture, tensors)
    elif isinstance(architecture, Conv | Sequential | Parametric | BlockOriented):
        raise OptionError(
            f"the .nam format has no {architecture.name} networks; write .aidax or .triode, or add --distil"
        )
    else:
        contents = _lstm(architecture, tensors, model.warm_up_samples)
    contents["metadata"] = _metadata(model)
    contents["sample_rate"] = _plain(model.sample_rate)
    return json.dumps(contents, allow_nan=False).encode()


def _numbers(values: NDArray[np.float32]) -> list[float]:
    """Flat list in C order, each number with no more digits than float32 needs."""
    return [float(str(value)) for value in values.ravel()]


def _plain(number: float) -> int | float:
    return int(number) if float(number).is_integer() else float(number)


def _wavenet(net: WaveNet, tensors: Tensors, sample_rate: float, prefix: str = "") -> dict[str, Any]:
    """The complete object of a WaveNet or of the one nested in it."""
    net, tensors = _without_first_bias(net, tensors, prefix)
    own = {name: tensors[prefix + name] for name in net.tensor_shapes() if not name.startswith("condition_dsp.")}
    for index, (before, array) in enumerate(zip(net.arrays, net.arrays[1:], strict=False), start=1):
        if before.head.out_channels != array.channels:
            raise OptionError(
                f".nam players need as many channels in array {index} ({array.channels}) as the head of the array "
                f"before puts out ({before.head.out_channels}); keep this model as .triode, or add --distil"
            )
    legacy = net.head is None and net.condition_dsp is None and all(_is_legacy(array) for array in net.arrays)
    config: dict[str, Any] = {
        "layers": [_legacy_array(array) if legacy else _current_array(array) for array in net.arrays],
        "head": None,
        "head_scale": _numbers(own["head_scale"])[0],
    }
    if net.head:
        config["head"] = {
            "channels": net.head.channels,
            "out_channels": net.head.out_channels,
            "kernel_sizes": list(net.head.kernel_sizes),
            "activation": net.head.activation.json(),
        }
    if net.condition_dsp:
        nested = _wavenet(net.condition_dsp, tensors, sample_rate, f"{prefix}condition_dsp.")
        config["condition_dsp"] = nested | {"sample_rate": _plain(sample_rate)}
    weights = [number for tensor in own.values() for number in _numbers(tensor)]
    return {
        "version": LEGACY_VERSION if legacy else CURRENT_VERSION,
        "architecture": "WaveNet",
        "config": config,
        "weights": weights,
    }


def _without_first_bias(net: WaveNet, tensors: Tensors, prefix: str) -> tuple[WaveNet, Tensors]:
    """The same network without a bias in the first convolutions, which the format does not know.

    The residual path carries it past every layer: what the layers' convolutions make of it goes into their biases.
    """
    if not any(array.rechannel_bias for array in net.arrays):
        return net, tensors
    folded, arrays = dict(tensors), []
    carried = np.zeros(net.inputs)
    for index, array in enumerate(net.arrays):
        name = f"{prefix}arrays.{index}."
        carried = tensors[f"{name}rechannel.weight"][:, :, 0].astype(np.float64) @ carried
        carried = carried + folded.pop(f"{name}rechannel.bias", 0.0)
        if array.conv_pre_film.active and carried.any():
            raise OptionError(
                "a .nam WaveNet has no bias before conv_pre_film, this one has; keep it as .triode, or add --distil"
            )
        for layer in range(len(array.dilations)):
            conv = f"{name}layers.{layer}.conv"
            weight = tensors[f"{conv}.weight"].sum(axis=2, dtype=np.float64)  # over the taps
            outputs, inputs = weight.shape
            groups = weight.reshape(array.groups_input, outputs // array.groups_input, inputs)
            bias = (groups @ carried.reshape(array.groups_input, inputs, 1)).reshape(outputs)
            folded[f"{conv}.bias"] = (tensors[f"{conv}.bias"] + bias).astype(np.float32)
        arrays.append(replace(array, rechannel_bias=False))
    return replace(net, arrays=tuple(arrays)), folded


def _is_legacy(array: WaveNetArray) -> bool:
    """Whether to write this array with the first generation's keys.

    They could also say gating and another activation, but a widespread player (NeuralAudio) takes every file of that
    version for ungated tanh and would play it wrong without a word; it hands the current version to NAM Core.
    """
    layers = len(array.dilations)
    plain = WaveNetArray(
        input_size=array.input_size,
        channels=array.channels,
        kernel_sizes=array.kernel_sizes[:1] * layers,
        dilations=array.dilations,
        activations=(Activation("Tanh"),) * layers,
        head=Head(array.head.out_channels, 1, array.head.bias),
        condition_size=array.condition_size,
    )
    return array == plain


def _legacy_array(array: WaveNetArray) -> dict[str, Any]:
    return {
        "input_size": array.input_size,
        "condition_size": array.condition_size,
        "head_size": array.head.out_channels,
        "channels": array.channels,
        "kernel_size": array.kernel_sizes[0],
        "dilations": list(array.dilations),
        "activation": "Tanh",
        "gated": False,
        "head_bias": array.head.bias,
    }


def _current_array(array: WaveNetArray) -> dict[str, Any]:
    head: dict[str, Any] = {
        "out_channels": array.head.out_channels,
        "kernel_size": array.head.kernel_size,
        "bias": array.head.bias,
    }
    if array.head.head_dilation != 1:
        head["head_dilation"] = array.head.head_dilation
    widths = list(array.allowed_channels)
    slimmable = {"method": "slice_channels_uniform", "kwargs": {"allowed_channels": widths}} if widths else None
    layer1x1, head1x1 = array.layer1x1, array.head1x1
    films = {f"{position}_film": film for position, film in array.films.items()}
    return {
        "input_size": array.input_size,
        "condition_size": array.condition_size,
        "head": head,
        "channels": array.channels,
        "kernel_sizes": list(array.kernel_sizes),
        "dilations": list(array.dilations),
        "activation": [activation.json() for activation in array.activations],
        "bottleneck": array.width,
        "head1x1": {"active": head1x1.active, "out_channels": head1x1.out_channels, "groups": head1x1.groups},
        "layer1x1": {"active": layer1x1.active, "groups": layer1x1.groups},
        "groups_input": array.groups_input,
        "groups_input_mixin": array.groups_input_mixin,
        **{k: {"active": film.active, "shift": film.shift, "groups": film.groups} for k, film in films.items()},
        "gating_mode": list(array.gating),
        "secondary_activation": [second.json() if second else None for second in array.secondary_activations],
        "slimmable": slimmable,
    }


def _linear(linear: Linear, tensors: Tensors) -> dict[str, Any]:
    """Core's order: the first weight belongs to the current sample (the trainer has it the other way round)."""
    return {
        "version": LEGACY_VERSION,
        "architecture": "Linear",
        "config": {"receptive_field": linear.taps, "bias": True},
        "weights": _numbers(np.concatenate([tensors["taps"], tensors["bias"]])),
    }


def _convnet(net: ConvNet, tensors: Tensors) -> dict[str, Any]:
    return {
        "version": CURRENT_VERSION if len(net.activation.json()) > 1 else LEGACY_VERSION,
        "architecture": "ConvNet",
        "config": {
            "channels": net.channels,
            "dilations": list(net.dilations),
            "batchnorm": net.batchnorm,
            "activation": net.activation.json() if len(net.activation.json()) > 1 else net.activation.type,
            "groups": net.groups,
        },
        "weights": [number for name in net.tensor_shapes() for number in _numbers(tensors[name])],
    }


def _lstm(net: Recurrent, tensors: Tensors, warm_up_samples: int) -> dict[str, Any]:
    if net.name == "gru":
        raise OptionError("the .nam format has no GRU; write .aidax, .json or .triode, or add --distil")
    if net.skip:
        net, tensors = with_wire(net, tensors, 1.0)
    layers = [_lstm_layer(tensors, layer) for layer in range(net.num_layers)]
    scale = tensors["output_scale"].astype(np.float64)
    states = _settled(layers, _initial_states(net, tensors), warm_up_samples)
    weights: list[NDArray[Any]] = []
    for (weight, bias), (h, c) in zip(layers, states, strict=True):
        weights += [weight.ravel(), bias, h, c]
    weights += [tensors["lin.weight"][0] * scale, tensors["lin.bias"] * scale]
    return {
        "version": LEGACY_VERSION,
        "architecture": "LSTM",
        "config": {"input_size": 1, "hidden_size": net.hidden_size, "num_layers": net.num_layers},
        "weights": _numbers(np.concatenate(weights).astype(np.float32)),
    }


Layer = tuple[NDArray[np.float64], NDArray[np.float64]]


def _lstm_layer(tensors: Tensors, layer: int) -> Layer:
    """[W_ih | W_hh] (4H, in + H) and the summed bias (4H,), gates i, f, g, o."""
    weight = np.hstack([tensors[f"rec.weight_ih_l{layer}"], tensors[f"rec.weight_hh_l{layer}"]])
    bias = tensors[f"rec.bias_ih_l{layer}"].astype(np.float64) + tensors[f"rec.bias_hh_l{layer}"]
    return weight.astype(np.float64), bias


def _initial_states(net: Recurrent, tensors: Tensors) -> list[Layer]:
    zero = np.zeros((net.num_layers, net.hidden_size))
    return [
        (h.astype(np.float64), c.astype(np.float64))
        for h, c in zip(tensors.get("rec.h0", zero), tensors.get("rec.c0", zero), strict=True)
    ]


def _settled(layers: list[Layer], states: list[Layer], samples: int) -> list[Layer]:
    """The states (h, c) of all layers after `samples` of silence; stops where nothing changes any more."""
    for _ in range(samples):
        signal, moved = np.zeros(1), 0.0
        for index, (weight, bias) in enumerate(layers):
            h, c = states[index]
            i, f, g, o = (weight @ np.concatenate([signal, h]) + bias).reshape(4, -1)
            c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            signal = np.tanh(c) / (1 + np.exp(-o))
            moved = max(moved, float(np.abs(signal - h).max()), float(np.abs(c - states[index][1]).max()))
            states[index] = (signal, c)
        if moved < 1e-12:
            break
    return states


def _metadata(model: ModelFile) -> dict[str, Any]:
    """What players and libraries of `.nam` files show; text entries without a name there go along as they are."""
    text = dict(model.metadata)
    found: dict[str, Any] = {
        "name": model.name,
        "modeled_by": text.pop("maker", None) or text.get("author"),
        "gear_type": one_of(GEAR_TYPES, text.pop("gear_type", None)),
        "gear_make": text.pop("gear_make", None),
        "gear_model": text.pop("gear_model", None),
        "tone_type": one_of(TONE_TYPES, text.pop("tone_type", None)),
        "date": _date(text.pop("created", None)),
        "loudness": model.levels.loudness_db,
        "input_level_dbu": model.levels.input_dbu,
        "output_level_dbu": model.levels.output_dbu,
        "training": {"validation_esr": model.training.get("esr")},
    }
    return {**text, **found}


def one_of(known: tuple[str, ...], value: str | None) -> str | None:
    """`value` in the spelling of the format's own list, None where it has no such entry."""
    spelled = re.sub(r"[^a-z]+", "_", (value or "").lower())
    return spelled if spelled in known else None


def _date(created: str | None) -> dict[str, int] | None:
    try:
        when = datetime.fromisoformat(created or "")
    except ValueError:
        return None
    return {unit: getattr(when, unit) for unit in ("year", "month", "day", "hour", "minute", "second")}


def told_in_nam(metadata: object) -> tuple[dict[str, str], Levels, dict[str, float]]:
    """What the `metadata` of a `.nam` file tells, under the names of docs/model-file.md: texts, levels, training.

    Anyone may have written anything there: what is not of the kind expected counts as not told. The loudness is left
    to be measured anew, because its definition is another.
    """
    found = metadata if isinstance(metadata, dict) else {}
    text = {key: value for key, value in found.items() if isinstance(value, str) and value}
    if "modeled_by" in text:
        text["maker"] = text.pop("modeled_by")
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        text["created"] = datetime(**found.get("date", {})).isoformat()
    trained = found.get("training")
    esr = _finite(trained.get("validation_esr")) if isinstance(trained, dict) else None
    levels = Levels(input_dbu=_finite(found.get("input_level_dbu")), output_dbu=_finite(found.get("output_level_dbu")))
    return text, levels, {} if esr is None else {"esr": esr}


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e30:
        return None
    return float(value)
