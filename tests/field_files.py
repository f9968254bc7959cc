"""Small model files as other programs of the field write them, and what they should sound like.

The references work on the JSON object itself, in plain numpy and float64, and know nothing of the engine's own form.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference import Signal, sigmoid

Json = dict[str, Any]


def random_list(rng: np.random.Generator, *shape: int) -> Any:
    """Nested lists of float32 numbers, as large as trained weights are."""
    fan_in = max(1, int(np.prod(shape[:-1])) if len(shape) > 1 else 4)
    return (1.5 * rng.uniform(-1, 1, shape) / np.sqrt(fan_in)).astype(np.float32).tolist()


def with_knobs(audio: NDArray[Any], knobs: Sequence[float]) -> Signal:
    """(samples, channels): the audio, then each knob."""
    return np.stack([audio.astype(float), *(np.full(len(audio), float(np.float32(value))) for value in knobs)], axis=1)


def step(kind: str, w: Signal, u: Signal, x: Signal, h: Signal, c: Signal) -> tuple[Signal, Signal]:
    """One step of a cell; `w` and `u` are input's and state's part of all gates, biases included."""
    size = len(h)
    if kind == "RNN":
        return np.tanh(w + u), c
    if kind == "LSTM":
        i, f, g, o = (w + u).reshape(4, size)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    (ri, zi, ni), (rh, zh, nh) = w.reshape(3, size), u.reshape(3, size)
    z = sigmoid(zi + zh)
    return (1 - z) * np.tanh(ni + sigmoid(ri + rh) * nh) + z * h, c


def run_cell(kind: str, wi: Signal, bi: Signal, wh: Signal, bh: Signal, x: Signal) -> Signal:
    """A recurrent layer in PyTorch's layout over x (samples, inputs), from the zero state."""
    h = c = np.zeros(wh.shape[1])
    outputs = []
    for sample in x:
        h, c = step(kind, wi @ sample + bi, wh @ h + bh, sample, h, c)
        outputs.append(h)
    return np.array(outputs)


# --- GuitarML -------------------------------------------------------------------------------------------------------

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def guitarml(
    kind: str = "LSTM", inputs: int = 1, hidden: int = 6, layers: int = 1, skip: int = 1, seed: int = 0
) -> Json:
    rng, rows = np.random.default_rng(seed), GATES[kind] * hidden
    state: Json = {}
    for k in range(layers):
        state[f"rec.weight_ih_l{k}"] = random_list(rng, rows, inputs if k == 0 else hidden)
        state[f"rec.weight_hh_l{k}"] = random_list(rng, rows, hidden)
        state[f"rec.bias_ih_l{k}"] = random_list(rng, rows)
        state[f"rec.bias_hh_l{k}"] = random_list(rng, rows)
    state |= {"lin.weight": random_list(rng, 1, hidden), "lin.bias": random_list(rng, 1)}
    sizes = {"input_size": inputs, "hidden_size": hidden, "output_size": 1, "num_layers": layers}
    data = {"model": "SimpleRNN", "skip": skip, "unit_type": kind, "bias_fl": True, **sizes}
    return {"model_data": data, "state_dict": state}


def guitarml_reference(model: Mapping[str, Any], audio: NDArray[Any], knobs: Sequence[float] = ()) -> Signal:
    data, state = model["model_data"], model["state_dict"]
    x = signal = with_knobs(audio, knobs)
    for k in range(data["num_layers"]):
        names = ("weight_ih", "bias_ih", "weight_hh", "bias_hh")
        signal = run_cell(data["unit_type"], *(np.array(state[f"rec.{name}_l{k}"]) for name in names), signal)
    y = signal @ np.array(state["lin.weight"][0]) + state["lin.bias"][0]
    return y + x[:, 0] * data["skip"]


def recnet(model: Mapping[str, Any], newer: bool) -> Json:
    """The same network in the layout before."""
    data = model["model_data"]
    block = {key: data[key] for key in ("input_size", "hidden_size", "output_size", "num_layers", "skip")}
    block["block_type" if newer else "layer_name"] = data["unit_type"]
    state = {f"layers.block_1.{name}": values for name, values in model["state_dict"].items()}
    blocks = {"blocks" if newer else "layers": {"0": block}}
    return {"model_data": {"model": "RecNet", "skip": 0}, **blocks, "state_dict": state}


# --- Keras ----------------------------------------------------------------------------------------------------------


def keras_layer(kind: str, size: int, weights: Sequence[Any], **more: Any) -> Json:
    return {"type": kind, "activation": "", "shape": [None, None, size], "weights": list(weights), **more}


def keras(layers: Sequence[Json], inputs: int = 1, **more: Any) -> Json:
    return {"in_shape": [None, None, inputs], "layers": list(layers), **more}


def keras_dense(rng: np.random.Generator, inputs: int, size: int, activation: str = "", kind: str = "dense") -> Json:
    return keras_layer(kind, size, [random_list(rng, inputs, size), random_list(rng, size)], activation=activation)


def keras_cell(rng: np.random.Generator, kind: str, inputs: int, size: int) -> Json:
    rows = (4 if kind == "lstm" else 3) * size
    bias = random_list(rng, rows) if kind == "lstm" else random_list(rng, 2, rows)
    return keras_layer(kind, size, [random_list(rng, inputs, rows), random_list(rng, size, rows), bias])


def keras_conv(rng: np.random.Generator, inputs: int, size: int, taps: int, dilation: int, groups: int = 1) -> Json:
    weights = [random_list(rng, taps, inputs // groups, size), random_list(rng, size)]
    more = {"kernel_size": [taps], "dilation": [dilation], "groups": groups}
    return keras_layer("conv1d", size, weights, **more)


def keras_normalisation(rng: np.random.Generator, size: int, affine: bool) -> Json:
    mean, variance = random_list(rng, size), rng.uniform(0.2, 2, size).tolist()
    weights = (
        [rng.uniform(0.5, 2, size).tolist(), random_list(rng, size), mean, variance] if affine else [mean, variance]
    )
    return keras_layer("batchnorm", size, weights, epsilon=0.01)


def keras_activate(name: str, x: Signal) -> Signal:
    functions = {"": lambda v: v, "tanh": np.tanh, "relu": lambda v: np.maximum(v, 0), "sigmoid": sigmoid}
    result: Signal = functions[name](x)
    return result


def keras_conv_reference(layer: Mapping[str, Any], x: Signal) -> Signal:
    kernel, (dilation,), groups = np.array(layer["weights"][0]), layer["dilation"], layer["groups"]
    taps, group_inputs, outputs = kernel.shape
    y = np.zeros((len(x), outputs))
    for t in range(len(x)):
        for k in range(taps):
            past = t - (taps - 1 - k) * dilation
            if past < 0:
                continue
            for o in range(outputs):
                first = o // (outputs // groups) * group_inputs
                y[t, o] += x[past, first : first + group_inputs] @ kernel[k, :, o]
    return y + np.array(layer["weights"][1])


def keras_layer_reference(layer: Mapping[str, Any], x: Signal) -> Signal:
    kind, weights = layer["type"], layer["weights"]
    if kind in ("dense", "time-distributed-dense"):
        return keras_activate(layer["activation"], x @ np.array(weights[0]) + np.array(weights[1]))
    if kind == "conv1d":
        return keras_activate(layer["activation"], keras_conv_reference(layer, x))
    if kind == "activation":
        return keras_activate(layer["activation"], x)
    if kind == "prelu":
        return np.where(x > 0, x, np.ravel(weights) * x)
    if kind == "batchnorm":
        gamma, beta, mean, variance = [1.0, 0.0, *weights] if len(weights) == 2 else weights
        scale = np.array(gamma) / np.sqrt(np.array(variance) + layer["epsilon"])
        return (x - np.array(mean)) * scale + np.array(beta)
    wi, wh = np.array(weights[0]).T, np.array(weights[1]).T
    if kind == "lstm":
        return run_cell("LSTM", wi, np.array(weights[2]), wh, np.zeros(len(wh)), x)
    order = np.arange(len(wi)).reshape(3, -1)[[1, 0, 2]].ravel()  # Keras: z, r, n
    bi, bh = np.array(weights[2])
    return run_cell("GRU", wi[order], bi[order], wh[order], bh[order], x)


def keras_reference(model: Mapping[str, Any], audio: NDArray[Any], knobs: Sequence[float] = ()) -> Signal:
    x = with_knobs(audio, knobs)
    x[:, 0] *= 10 ** (model.get("in_gain", 0.0) / 20)
    y = x
    for layer in model["layers"]:
        y = keras_layer_reference(layer, y)
    return 10 ** (model.get("out_gain", 0.0) / 20) * (y[:, 0] + model.get("in_skip", 0) * x[:, 0])


# --- WaveNetVA ------------------------------------------------------------------------------------------------------


def wavenet_va(activation: str = "gated", inputs: int = 1, texts: bool = True, seed: int = 0, **more: Any) -> Json:
    rng, channels, taps, dilations = np.random.default_rng(seed), 4, 3, [1, 2, 7]
    before = 2 * channels if "gated" in activation else channels
    sizes: list[tuple[int, str, tuple[int, ...]]] = [(-1, "W", (inputs, channels)), (-1, "b", (channels,))]
    for layer in range(len(dilations)):
        sizes += [(layer, "W_conv", (taps, channels, before)), (layer, "b_conv", (before,))]
        sizes += [(layer, "W_out", (channels, channels)), (layer, "b_out", (channels,))]
    sizes += [(len(dilations), "W", (channels * len(dilations), 1)), (len(dilations), "b", (1,))]
    variables = []
    for layer, name, shape in sizes:
        values = np.ravel(random_list(rng, *shape)).tolist()
        variables.append({"layer_idx": layer, "name": name, "data": [str(v) for v in values] if texts else values})
    shape = {"input_channels": inputs, "output_channels": 1, "residual_channels": channels, "filter_width": taps}
    return {"activation": activation, **shape, "dilations": dilations, "variables": variables, **more}


def wavenet_va_reference(model: Mapping[str, Any], audio: NDArray[Any], knobs: Sequence[float] = ()) -> Signal:
    found = {(v["layer_idx"], v["name"]): np.array(v["data"], dtype=float) for v in model["variables"]}
    channels, taps = model["residual_channels"], model["filter_width"]
    kinds = {"tanh": np.tanh, "sigmoid": sigmoid, "relu": lambda v: np.maximum(v, 0)}
    kinds |= {"softsign": lambda v: v / (1 + np.abs(v)), "linear": lambda v: v}
    h = with_knobs(audio, knobs) @ found[-1, "W"].reshape(-1, channels) + found[-1, "b"]
    skips = []
    for layer, dilation in enumerate(model["dilations"]):
        kernel = found[layer, "W_conv"].reshape(taps, channels, -1)
        z = np.tile(found[layer, "b_conv"], (len(h), 1))
        for k in range(taps):
            delay = (taps - 1 - k) * dilation
            z[delay:] += h[: len(h) - delay] @ kernel[k]
        if model["activation"] == "gated":
            a = np.tanh(z[:, :channels]) * sigmoid(z[:, channels:])
        elif model["activation"] == "softgated":
            a = kinds["softsign"](z[:, :channels]) * kinds["softsign"](z[:, channels:])
        else:
            a = kinds[model["activation"]](z)
        skips.append(a)
        h = h + a @ found[layer, "W_out"].reshape(channels, channels) + found[layer, "b_out"]
    last = len(model["dilations"])
    y = np.concatenate(skips, axis=1) @ found[last, "W"] + found[last, "b"][0]
    return y * (model.get("level_adjust", 0.0) or 1.0)


# --- SmartAmpPro ----------------------------------------------------------------------------------------------------


def smart_amp_pro(input_size: int = 120, strides: tuple[int, int] | None = (12, 12), taps: int = 12) -> Json:
    rng, first, second, hidden = np.random.default_rng(5), 3, 4, 5
    model: Json = {
        "conv1d": {"kernel:0": random_list(rng, taps, 1, first), "bias:0": random_list(rng, first)},
        "conv1d_1": {"kernel:0": random_list(rng, taps, first, second), "bias:0": random_list(rng, second)},
        "lstm": {
            "lstm_cell": {},
            "kernel:0": random_list(rng, second, 4 * hidden),
            "bias:0": random_list(rng, 4 * hidden),
        },
        "dense": {"kernel:0": random_list(rng, hidden, 1), "bias:0": random_list(rng, 1)},
        "input_size": input_size,
    }
    return model if strides is None else {**model, "conv1d_stride": strides[0], "conv1d_1_stride": strides[1]}


def strided_reference(layer: Mapping[str, Any], stride: int, x: Signal) -> Signal:
    """Keras' Conv1D with "same" padding over x (samples, channels)."""
    kernel = np.array(layer["kernel:0"])
    frames = -(-len(x) // stride)
    padding = max((frames - 1) * stride + len(kernel) - len(x), 0)
    padded = np.pad(x, ((padding // 2, padding - padding // 2), (0, 0)))
    windows = [padded[f * stride : f * stride + len(kernel)] for f in range(frames)]
    return np.array([np.einsum("ki,kio->o", window, kernel) for window in windows]) + np.array(layer["bias:0"])


def smart_amp_pro_reference(model: Mapping[str, Any], audio: NDArray[Any]) -> Signal:
    size = model["input_size"]
    padded = np.concatenate([np.zeros(size - 1), audio.astype(float)])
    kernel, bias = np.array(model["lstm"]["kernel:0"]), np.array(model["lstm"]["bias:0"])
    outputs = []
    for t in range(len(audio)):
        frames = strided_reference(model["conv1d"], model.get("conv1d_stride", 12), padded[t : t + size, None])
        (front,) = strided_reference(model["conv1d_1"], model.get("conv1d_1_stride", 12), frames)
        i, _, g, o = (front @ kernel + bias).reshape(4, -1)
        h = sigmoid(o) * np.tanh(sigmoid(i) * np.tanh(g))
        outputs.append(h @ np.array(model["dense"]["kernel:0"])[:, 0] + model["dense"]["bias:0"][0])
    return np.array(outputs)
