"""Baking: a model with knobs as a snapshot of one setting, as exact and as fast as if it had never had any."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triode import engine
from triode.architecture import Architecture, Conv, Parametric, Recurrent, Sequential
from triode.architecture_wavenet import WaveNet
from triode.errors import OptionError
from triode.knobs import checked_settings
from triode.model_file import ModelFile, SelfTest, checked_network, write_model

__all__ = ["bake"]

Tensors = dict[str, NDArray[np.float32]]
Values = NDArray[np.float64]

MOST_LOG = 20.0
"""Logarithms of the factors that knobs make are limited to plus and minus this."""
TAPER = 20.0
"""A logarithmic scale of travels is that of a pot whose resistance grows by a factor of 1 + this over its travel."""


def bake(model: ModelFile, settings: Mapping[str, float]) -> ModelFile:
    """`model` with its knobs held at `settings`, in their own units, the others at their defaults: a snapshot.

    The knobs' inputs being constant, they go into the biases. The self-test is played anew by the model with its knobs
    turned. Raises OptionError for unknown knobs, values out of range, and networks that cannot be baked.
    """
    wanted = checked_settings(settings, model.knobs)
    if not model.knobs:
        return model
    travels = np.array([np.float32(knob.travel(wanted[knob.name])) for knob in model.knobs], dtype=np.float64)
    architecture, tensors = _baked(dict(model.architecture), *checked_network(model), travels)
    test = SelfTest(model.self_test.input, _played(model, wanted))
    told = {**model.metadata, **{f"knob_{name}": f"{value:g}" for name, value in wanted.items()}}
    return replace(model, architecture=architecture, tensors=tensors, knobs=(), self_test=test, metadata=told)


def _played(model: ModelFile, settings: Mapping[str, float]) -> NDArray[np.float32]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.triode"
        write_model(path, model)
        player = engine.load(path)
    for name, value in settings.items():
        player.set(name, value)
    return player.render(model.self_test.input)


def _baked(
    architecture: dict[str, Any], net: Architecture, tensors: Tensors, travels: Values
) -> tuple[dict[str, Any], Tensors]:
    """Architecture and tensors with the inputs after the first held at `travels`."""
    if isinstance(net, Recurrent):
        _hold(tensors, "rec.weight_ih_l0", "rec.bias_ih_l0", travels)
        return architecture | {"input_size": 1}, tensors
    if isinstance(net, Conv):
        tensors["weight"] = _dense(tensors["weight"], net.groups)
        _hold(tensors, "weight", "bias", travels)
        return {**architecture, "input_size": 1, "groups": 1}, tensors
    if isinstance(net, Sequential):
        first = {name.removeprefix("layers.0."): t for name, t in tensors.items() if name.startswith("layers.0.")}
        layer, first = _baked(dict(architecture["layers"][0]), net.layers[0], first, travels)
        tensors |= {f"layers.0.{name}": tensor for name, tensor in first.items()}
        return {**architecture, "layers": [layer, *architecture["layers"][1:]]}, tensors
    if isinstance(net, Parametric):
        return dict(architecture["network"]), _folded(net, tensors, travels)
    if isinstance(net, WaveNet):
        return _baked_wavenet(architecture, net, tensors, travels, "")
    raise OptionError(f"a {net.name} network with knobs cannot be baked; keep the knobs, or add --distil")


def told_travels(taper: str, travels: Values) -> Values:
    """How travels (n,) are told to a network, -1 to 1: as they are, or on a scale that is fine near one of the ends."""
    if taper == "linear":
        return 2 * travels - 1
    if taper == "log":
        return np.asarray(2 * np.log1p(TAPER * np.clip(travels, 0, 1)) / np.log1p(TAPER) - 1)
    return -told_travels("log", 1 - travels)


def _folded(net: Parametric, tensors: Tensors, travels: Values) -> Tensors:
    """The tensors of the network with what the knobs make of them at `travels` folded in: docs/model-file.md."""
    weights = {name.removeprefix("network."): t.astype(np.float64) for name, t in tensors.items()}
    told = np.concatenate([told_travels(taper, travels) for taper in net.tapers])
    features = told
    for layer in range(len(net.hidden_sizes)):
        name = f"knobs.hidden.{layer}"
        features = np.tanh(weights[f"{name}.weight"] @ features + weights[f"{name}.bias"])
    if net.hidden_sizes:
        features = np.concatenate([features, told])
    modulation = weights["knobs.output.weight"] @ features + weights["knobs.output.bias"]
    factors = np.exp(np.clip(modulation, -MOST_LOG, MOST_LOG))
    weights["arrays.0.rechannel.weight"] *= factors[0]
    weights["head_scale"] *= factors[-1]
    first = 1
    for index, array in enumerate(net.network.arrays):
        names = [f"arrays.{index}.layers.{layer}." for layer in range(len(array.dilations))]
        rows = sum(len(weights[f"{name}conv.bias"]) for name in names)
        for name in names:
            place = slice(first, first + len(weights[f"{name}conv.bias"]))
            scale, shift = factors[place], modulation[place.start + rows : place.stop + rows]
            weights[f"{name}conv.weight"] *= scale[:, None, None]
            weights[f"{name}mixin.weight"] *= (scale * factors[0])[:, None, None]
            weights[f"{name}conv.bias"] = weights[f"{name}conv.bias"] * scale + shift
            first = place.stop
        first += rows
    return {name: t.astype(np.float32) for name, t in weights.items() if not name.startswith("knobs.")}


def _baked_wavenet(
    architecture: dict[str, Any], net: WaveNet, tensors: Tensors, travels: Values, prefix: str
) -> tuple[dict[str, Any], Tensors]:
    """The knobs reach a WaveNet through its first convolution and, as a part of the condition, through every layer."""
    arrays = []
    for index, (entry, array) in enumerate(zip(architecture["arrays"], net.arrays, strict=True)):
        name = f"{prefix}arrays.{index}."
        changed = dict(entry)
        if index == 0:
            tensors.setdefault(f"{name}rechannel.bias", np.zeros(array.channels, np.float32))
            _hold(tensors, f"{name}rechannel.weight", f"{name}rechannel.bias", travels)
            changed |= {"input_size": array.input_size - len(travels), "rechannel_bias": True}
        if net.condition_dsp is None:
            if array.groups_input_mixin != 1 or any(film.active for film in array.films.values()):
                raise OptionError(
                    "a WaveNet whose knobs act by FiLM or in groups cannot be baked; keep the knobs, or add --distil"
                )
            for layer in range(len(array.dilations)):
                _hold(tensors, f"{name}layers.{layer}.mixin.weight", f"{name}layers.{layer}.conv.bias", travels)
            changed["condition_size"] = 1
        arrays.append(changed)
    architecture = {**architecture, "arrays": arrays}
    if net.condition_dsp is not None:
        nested = dict(architecture["condition_dsp"])
        nested, tensors = _baked_wavenet(nested, net.condition_dsp, tensors, travels, f"{prefix}condition_dsp.")
        architecture["condition_dsp"] = nested
    return architecture, tensors


def _hold(tensors: Tensors, weight_name: str, bias_name: str, travels: Values) -> None:
    """Moves the last inputs, the knobs', of a weight (outputs, inputs[, taps]) into the bias."""
    weight, knobs = tensors[weight_name].astype(np.float64), len(travels)
    held = weight[:, -knobs:].reshape(len(weight), knobs, -1).sum(axis=2) @ travels
    tensors[bias_name] = (tensors[bias_name] + held).astype(np.float32)
    tensors[weight_name] = np.ascontiguousarray(tensors[weight_name][:, :-knobs])


def _dense(weight: NDArray[np.float32], groups: int) -> NDArray[np.float32]:
    """A grouped weight (outputs, inputs / groups, taps) with all inputs, zeros between the groups."""
    outputs, inputs, taps = weight.shape
    dense = np.zeros((outputs, inputs * groups, taps), np.float32)
    for group in range(groups):
        rows = slice(group * outputs // groups, (group + 1) * outputs // groups)
        dense[rows, group * inputs : (group + 1) * inputs] = weight[rows]
    return dense
