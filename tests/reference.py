"""The networks of docs/model-file.md in plain numpy and float64: slow, obvious, and independent of the engine.

Signals are (channels, samples). Everything starts from zero history and is run on silence plus signal by `play`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.signal
from numpy.typing import NDArray

Signal = NDArray[np.float64]
Tensors = Mapping[str, NDArray[Any]]


def sigmoid(x: Signal) -> Signal:
    return 0.5 * (1 + np.tanh(0.5 * x))


def fast_tanh(x: Signal) -> Signal:
    a, u = np.abs(x), x * x
    p = x * (2.45550750702956 + 2.45550750702956 * a + (0.893229853513558 + 0.821226666969744 * a) * u)
    return p / (2.44506634652299 + (2.44506634652299 + u) * np.abs(x + 0.814642734961073 * x * a))


def leaky_hard_tanh(x: Signal, low: float, high: float, low_slope: float, high_slope: float) -> Signal:
    below, above = (x - low) * low_slope + low, (x - high) * high_slope + high
    return np.where(x < low, below, np.where(x > high, above, x))


def activate(activation: Mapping[str, Any], x: Signal) -> Signal:
    kind = activation["type"]
    if kind == "PReLU":
        slopes = np.reshape(activation.get("negative_slopes", [activation.get("negative_slope", 0.01)]), (-1, 1))
        return np.where(x > 0, x, slopes * x)
    if kind == "LeakyHardtanh":
        names, defaults = ("min_val", "max_val", "min_slope", "max_slope"), (-1.0, 1.0, 0.01, 0.01)
        return leaky_hard_tanh(x, *(activation.get(n, d) for n, d in zip(names, defaults, strict=True)))
    functions = {
        "Tanh": np.tanh,
        "Fasttanh": fast_tanh,
        "Hardtanh": lambda x: np.clip(x, -1, 1),
        "ReLU": lambda x: np.maximum(x, 0),
        "LeakyReLU": lambda x: np.where(x > 0, x, activation.get("negative_slope", 0.01) * x),
        "Sigmoid": sigmoid,
        "SiLU": lambda x: x * sigmoid(x),
        "Hardswish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
        "Softsign": lambda x: x / (1 + np.abs(x)),
    }
    result: Signal = functions[kind](x)
    return result


def conv(x: Signal, weight: NDArray[Any], bias: NDArray[Any] | None = None, dilation: int = 1) -> Signal:
    """Causal: tap K-1 of `weight` (out, in / groups, K) is the current sample."""
    outputs, group_inputs, taps = weight.shape
    groups = len(x) // group_inputs
    y = np.zeros((outputs, x.shape[1])) if bias is None else np.tile(bias.astype(float)[:, None], x.shape[1])
    for tap in range(taps):
        delay = (taps - 1 - tap) * dilation
        late = np.concatenate([np.zeros((len(x), delay)), x], axis=1)[:, : x.shape[1]]
        for group in range(groups):
            rows = slice(group * outputs // groups, (group + 1) * outputs // groups)
            columns = slice(group * group_inputs, (group + 1) * group_inputs)
            y[rows] += weight[rows, :, tap].astype(float) @ late[columns]
    return y


class Layer:
    """One layer of a WaveNet; `named(x, name)` runs one of its 1x1 convolutions, `film` one of its modulations."""

    def __init__(self, array: Mapping[str, Any], index: int, tensors: Tensors, prefix: str, condition: Signal) -> None:
        self.array, self.index, self.tensors, self.prefix, self.condition = array, index, tensors, prefix, condition
        self.gating = array.get("gating", ["none"] * (index + 1))[index]

    def named(self, x: Signal, name: str, dilation: int = 1) -> Signal:
        path = f"{self.prefix}{name}"
        return conv(x, self.tensors[f"{path}.weight"], self.tensors.get(f"{path}.bias"), dilation)

    def film(self, x: Signal, place: str) -> Signal:
        spec = self.array.get(f"{place}_film", {})
        if not spec.get("active", False):
            return x
        modulation = self.named(self.condition, f"{place}_film")
        scaled = x * modulation[: len(x)]
        return scaled + modulation[len(x) :] if spec.get("shift", True) else scaled

    def run(self, h: Signal) -> tuple[Signal, Signal]:
        """What is added to the head sum, and the next layer's input."""
        z = self.film(self.named(self.film(h, "conv_pre"), "conv", self.array["dilations"][self.index]), "conv_post")
        z = z + self.film(self.named(self.film(self.condition, "input_mixin_pre"), "mixin"), "input_mixin_post")
        z = self.film(z, "activation_pre")
        a = self.film(self.gated(z), "activation_post")
        head = a
        if self.array.get("head1x1", {}).get("active", False):
            head = self.film(self.named(a, "head1x1"), "head1x1_post")
        if self.array.get("layer1x1", {}).get("active", True):
            passed = self.named(a, "layer1x1")
            h = h + (self.film(passed, "layer1x1_post") if self.gating == "blended" else passed)
        return head, h

    def gated(self, z: Signal) -> Signal:
        first = self.array["activations"][self.index]
        if self.gating == "none":
            return activate(first, z)
        half = len(z) // 2
        share = activate(self.array["secondary_activations"][self.index], z[half:])
        if self.gating == "gated":
            return activate(first, z[:half]) * share
        return share * activate(first, z[:half]) + (1 - share) * z[:half]


class ModulatedLayer(Layer):
    """A layer whose rows are scaled and shifted before the activation."""

    def __init__(self, *layer: Any) -> None:
        super().__init__(*layer[:-2])
        self.scale, self.shift = layer[-2:]

    def gated(self, z: Signal) -> Signal:
        return super().gated(z * self.scale + self.shift)


def trace(spec: Mapping[str, Any], x: Signal) -> Signal:
    """(1, n) of audio (1, n); `delay_samples` stands for a state of so many samples ago."""
    tau, delay = spec["time_constant_samples"], spec.get("delay_samples", 1)
    a = 1 - np.exp(-1 / tau)
    envelope = spec["type"] == "envelope"
    level = scipy.signal.lfilter([a], [1.0, *[0.0] * (delay - 1), a - 1], np.abs(x) if envelope else x)
    result: Signal = spec["scale"] * ((np.sqrt(level) if envelope else level) - spec["offset"])
    return result


def with_traces(architecture: Mapping[str, Any], x: Signal) -> Signal:
    """The audio, its traces, the knobs."""
    return np.concatenate([x[:1], *(trace(spec, x[:1]) for spec in architecture.get("traces", [])), x[1:]])


def wavenet(architecture: Mapping[str, Any], tensors: Tensors, x: Signal, prefix: str = "") -> Signal:
    condition = x
    if architecture.get("condition_dsp"):
        condition = network(architecture["condition_dsp"], tensors, x, f"{prefix}condition_dsp.")
    h, head_sum = with_traces(architecture, x), np.zeros((1, 1))
    for index, array in enumerate(architecture["arrays"]):
        name = f"{prefix}arrays.{index}."
        h = conv(h, tensors[f"{name}rechannel.weight"], tensors.get(f"{name}rechannel.bias"))
        for layer in range(len(array["dilations"])):
            head, h = Layer(array, layer, tensors, f"{name}layers.{layer}.", condition).run(h)
            head_sum = head_sum + head
        dilation = array["head"].get("head_dilation", 1)
        head_sum = conv(head_sum, tensors[f"{name}head.weight"], tensors.get(f"{name}head.bias"), dilation)
    y = head_sum * float(tensors[f"{prefix}head_scale"][0])
    if architecture.get("head"):
        for block in range(len(architecture["head"]["kernel_sizes"])):
            y = activate(architecture["head"]["activation"], y)
            y = conv(y, tensors[f"{prefix}head.{block}.weight"], tensors[f"{prefix}head.{block}.bias"])
    return y


def modulations(tensors: Tensors, travels: Signal, prefix: str, tapers: Sequence[str]) -> Signal:
    """What a knob network makes of travels (knobs, samples), before the exponentials."""
    scales = {
        "linear": 2 * travels - 1,
        "log": 2 * np.log(1 + 20 * travels) / np.log(21) - 1,
        "reverse-log": 1 - 2 * np.log(21 - 20 * travels) / np.log(21),
    }
    told = np.concatenate([scales[taper] for taper in tapers])
    features, layer = told, 0
    while f"{prefix}hidden.{layer}.weight" in tensors:
        weight, bias = (tensors[f"{prefix}hidden.{layer}.{part}"].astype(float) for part in ("weight", "bias"))
        features, layer = np.tanh(weight @ features + bias[:, None]), layer + 1
    features = np.concatenate([features, told]) if layer else told
    return tensors[f"{prefix}output.weight"].astype(float) @ features + tensors[f"{prefix}output.bias"][:, None]


def between_looks(values: Signal, interval: int = 64) -> Signal:
    """(n, samples): from look to look on straight lines, towards what the look at each line's start found."""
    found = np.empty_like(values)
    before = values[:, 0]
    for start in range(0, values.shape[1], interval):
        stop = min(start + interval, values.shape[1])
        share = np.arange(1, stop - start + 1) / interval
        found[:, start:stop] = before[:, None] + (values[:, start] - before)[:, None] * share
        before = values[:, start]
    return found


def parametric(architecture: Mapping[str, Any], tensors: Tensors, x: Signal, prefix: str = "") -> Signal:
    """Looks are counted from the first sample; the audio is row 0, the travels are the others."""
    net = architecture["network"]
    m = modulations(tensors, x[1:], f"{prefix}knobs.", architecture.get("tapers", ["linear"]))
    gain, first = between_looks(np.exp(m[:1])), 1
    h, head_sum = with_traces(net, x[:1]) * gain, np.zeros((1, 1))
    x = x[:1] * gain
    for index, array in enumerate(net["arrays"]):
        name = f"{prefix}network.arrays.{index}."
        layers = [f"{name}layers.{layer}." for layer in range(len(array["dilations"]))]
        rows = sum(len(tensors[f"{layer}conv.bias"]) for layer in layers)
        h = conv(h, tensors[f"{name}rechannel.weight"], tensors.get(f"{name}rechannel.bias"))
        for index_in_array, layer_name in enumerate(layers):
            place = slice(first, first + len(tensors[f"{layer_name}conv.bias"]))
            scale = between_looks(np.exp(m[place]))
            shift = between_looks(m[place.start + rows : place.stop + rows])
            head, h = ModulatedLayer(array, index_in_array, tensors, layer_name, x, scale, shift).run(h)
            head_sum, first = head_sum + head, place.stop
        first += rows
        dilation = array["head"].get("head_dilation", 1)
        head_sum = conv(head_sum, tensors[f"{name}head.weight"], tensors.get(f"{name}head.bias"), dilation)
    return head_sum * float(tensors[f"{prefix}network.head_scale"][0]) * between_looks(np.exp(m[-1:]))


def recurrent(architecture: Mapping[str, Any], tensors: Tensors, x: Signal, prefix: str = "") -> Signal:
    hidden, layers = architecture["hidden_size"], architecture["num_layers"]
    signal = x.T
    for k in range(layers):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        w, u, b, d = (tensors[f"{prefix}rec.{name}_l{k}"].astype(float) for name in names)
        h = tensors.get(f"{prefix}rec.h0", np.zeros((layers, hidden)))[k].astype(float)
        c = tensors.get(f"{prefix}rec.c0", np.zeros((layers, hidden)))[k].astype(float)
        outputs = []
        for sample in signal:
            if architecture["name"] == "lstm":
                i, f, g, o = (w @ sample + b + u @ h + d).reshape(4, hidden)
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(c)
            else:
                (ri, zi, ni), (rh, zh, nh) = (w @ sample + b).reshape(3, hidden), (u @ h + d).reshape(3, hidden)
                r, z = sigmoid(ri + rh), sigmoid(zi + zh)
                h = (1 - z) * np.tanh(ni + r * nh) + z * h
            outputs.append(h)
        signal = np.array(outputs)
    y = tensors[f"{prefix}lin.weight"].astype(float) @ signal.T + tensors[f"{prefix}lin.bias"].astype(float)[:, None]
    return float(tensors[f"{prefix}output_scale"][0]) * (y + (x[: len(y)] if architecture["skip"] else 0))


def sequential(architecture: Mapping[str, Any], tensors: Tensors, x: Signal, prefix: str = "") -> Signal:
    y = x
    for index, layer in enumerate(architecture["layers"]):
        y = network(layer, tensors, y, f"{prefix}layers.{index}.")
    return float(tensors[f"{prefix}output_scale"][0]) * (y + (x[: len(y)] if architecture.get("skip") else 0))


def one_conv(architecture: Mapping[str, Any], tensors: Tensors, x: Signal, prefix: str = "") -> Signal:
    y = conv(x, tensors[f"{prefix}weight"], tensors[f"{prefix}bias"], architecture.get("dilation", 1))
    return activate(architecture["activation"], y) if architecture.get("activation") else y


def convnet(architecture: Mapping[str, Any], tensors: Tensors, x: Signal, prefix: str = "") -> Signal:
    h = x
    for block, dilation in enumerate(architecture["dilations"]):
        name = f"{prefix}blocks.{block}."
        h = conv(h, tensors[f"{name}conv.weight"], tensors.get(f"{name}conv.bias"), dilation)
        if architecture["batchnorm"]:
            parts = ("mean", "variance", "weight", "bias")
            mean, variance, weight, bias = (tensors[f"{name}norm.{part}"].astype(float)[:, None] for part in parts)
            epsilon = float(tensors[f"{name}norm.epsilon"][0])
            h = (h - mean) / np.sqrt(variance + epsilon) * weight + bias
        h = activate(architecture["activation"], h)
    return tensors[f"{prefix}head.weight"].astype(float) @ h + tensors[f"{prefix}head.bias"].astype(float)[:, None]


def linear(tensors: Tensors, x: Signal, prefix: str = "") -> Signal:
    taps = tensors[f"{prefix}taps"].astype(float)
    return np.convolve(x[0], taps)[: x.shape[1]][None] + float(tensors[f"{prefix}bias"][0])


def cookbook_section(band: str, frequency: float, q: float, gain_db: float) -> tuple[Signal, Signal]:
    """Numerator and denominator of a section of the Audio EQ Cookbook; `frequency` as a share of the sample rate."""
    w, a = 2 * np.pi * frequency, 10 ** (gain_db / 40)
    cosine, alpha = np.cos(w), np.sin(w) / (2 * q)
    root = 2 * np.sqrt(a) * alpha
    more, less = a + 1 + (a - 1) * cosine, a + 1 - (a - 1) * cosine
    tables = {
        "peak": ([1 + alpha * a, -2 * cosine, 1 - alpha * a], [1 + alpha / a, -2 * cosine, 1 - alpha / a]),
        "low_pass": (
            [(1 - cosine) / 2, 1 - cosine, (1 - cosine) / 2],
            [1 + alpha, -2 * cosine, 1 - alpha],
        ),
        "high_pass": (
            [(1 + cosine) / 2, -(1 + cosine), (1 + cosine) / 2],
            [1 + alpha, -2 * cosine, 1 - alpha],
        ),
        "low_shelf": (
            [a * (less + root), 2 * a * (a - 1 - (a + 1) * cosine), a * (less - root)],
            [more + root, -2 * (a - 1 + (a + 1) * cosine), more - root],
        ),
        "high_shelf": (
            [a * (more + root), -2 * a * (a - 1 + (a + 1) * cosine), a * (more - root)],
            [less + root, 2 * (a - 1 - (a + 1) * cosine), less - root],
        ),
    }
    b, a_ = tables[band]
    return np.array(b), np.array(a_)


def curve(tensors: Tensors, x: Signal, name: str) -> Signal:
    value = {
        part: tensors[f"{name}{part}"].astype(float)
        for part in ("pre_gain", "bias", "bias_shift", "bias_shift_frequency", "knees", "slopes", "post_gain")
    }

    def bent(z: Signal, side: int) -> Signal:
        k, g = value["knees"][side], value["slopes"][side]
        above = np.tanh(k) + (1 - np.tanh(k) ** 2) / g * np.tanh(g * (z - k))
        return np.where(z <= k, np.tanh(z), above)

    def f(z: Signal) -> Signal:
        return np.where(z >= 0, bent(z, 0), -bent(-z, 1))

    u = value["pre_gain"] * x
    share = 1 - np.exp(-2 * np.pi * value["bias_shift_frequency"][0])
    level = scipy.signal.lfilter([share], [1, share - 1], np.abs(np.tanh(u)))
    rest = f(value["bias"])
    result: Signal = value["post_gain"] * (f(u + value["bias"] + value["bias_shift"] * level) - rest)
    return result


def block_oriented(architecture: Mapping[str, Any], tensors: Tensors, x: Signal, prefix: str = "") -> Signal:
    for index, block in enumerate(architecture["blocks"]):
        name = f"{prefix}blocks.{index}."
        if block["type"] == "fir":
            x = np.convolve(x[0], tensors[f"{name}taps"].astype(float))[: x.shape[1]][None]
        elif block["type"] == "curve":
            x = curve(tensors, x, name)
        else:
            parts = (tensors[f"{name}{part}"].astype(float) for part in ("frequency", "q", "gain_db"))
            for band, *values in zip(block["bands"], *parts, strict=True):
                x = scipy.signal.lfilter(*cookbook_section(band, *values), x)
    return x


def network(architecture: Mapping[str, Any], tensors: Tensors, x: Signal, prefix: str = "") -> Signal:
    if architecture["name"] == "wavenet":
        return wavenet(architecture, tensors, x, prefix)
    if architecture["name"] == "parametric":
        return parametric(architecture, tensors, x, prefix)
    if architecture["name"] == "convnet":
        return convnet(architecture, tensors, x, prefix)
    if architecture["name"] == "linear":
        return linear(tensors, x, prefix)
    if architecture["name"] == "block-oriented":
        return block_oriented(architecture, tensors, x, prefix)
    if architecture["name"] == "conv":
        return one_conv(architecture, tensors, x, prefix)
    if architecture["name"] == "sequential":
        return sequential(architecture, tensors, x, prefix)
    return recurrent(architecture, tensors, x, prefix)


def play(
    architecture: Mapping[str, Any],
    tensors: Tensors,
    audio: NDArray[Any],
    warm_up_samples: int,
    knobs: Sequence[float] = (),
) -> NDArray[np.float64]:
    """The output (n,) for `audio` (n,) after `warm_up_samples` of silence, with the knobs' inputs constant."""
    signal = np.concatenate([np.zeros(warm_up_samples), audio.astype(float)])
    x = np.stack([signal, *(np.full(len(signal), value) for value in knobs)])
    output: NDArray[np.float64] = network(architecture, tensors, x)[0, warm_up_samples:]
    return output
