"""WaveNet for amps: stacks of dilated causal convolutions with a residual path and a summed head.

The feed-forward WaveNet of Damskägg et al. (ICASSP 2019) in the form of the `.nam` format: one or two arrays of
layers; each layer adds its activation to a head sum (instead of concatenating all of them). Named tensors and the
computation are those of docs/model-file.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from triode.architecture_wavenet import Trace
from triode.errors import OptionError
from triode.training.gpu.arrays import fused_array as gpu_array
from triode.training.kernels import fused_array
from triode.training.networks.conv import causal_conv, with_knobs
from triode.training.networks.traces import with_traces

ACTIVATIONS: Mapping[str, Callable[[Tensor, Mapping[str, Any]], Tensor]] = {
    "Tanh": lambda z, _: torch.tanh(z),
    "Sigmoid": lambda z, _: torch.sigmoid(z),
    "ReLU": lambda z, _: functional.relu(z),
    "LeakyReLU": lambda z, options: functional.leaky_relu(z, options.get("negative_slope", 0.01)),
    "SiLU": lambda z, _: functional.silu(z),
    "Softsign": lambda z, _: functional.softsign(z),
    "Hardtanh": lambda z, _: functional.hardtanh(z),
    "Hardswish": lambda z, _: functional.hardswish(z),
}
GATINGS = ("none", "gated", "blended")


@dataclass(frozen=True)
class HeadConfig:
    """The convolution that turns an array's head sum into its output."""

    out_channels: int = 1
    kernel_size: int = 1
    bias: bool = False


@dataclass(frozen=True)
class ArrayConfig:
    """One array of layers; the tuples have one entry per layer."""

    input_size: int
    channels: int
    kernel_sizes: tuple[int, ...]
    dilations: tuple[int, ...]
    activations: tuple[Mapping[str, Any], ...]
    head: HeadConfig
    gating: tuple[str, ...] = ()
    secondary_activations: tuple[Mapping[str, Any] | None, ...] = ()
    bottleneck: int = 0
    condition_size: int = 1

    def __post_init__(self) -> None:
        layers = len(self.dilations)
        object.__setattr__(self, "gating", tuple(self.gating) or ("none",) * layers)
        object.__setattr__(
            self,
            "secondary_activations",
            tuple(self.secondary_activations)
            or tuple(None if g == "none" else {"type": "Sigmoid"} for g in self.gating),
        )
        object.__setattr__(self, "bottleneck", self.bottleneck or self.channels)
        per_layer = (self.kernel_sizes, self.activations, self.gating, self.secondary_activations)
        if layers == 0 or any(len(values) != layers for values in per_layer):
            lengths = [len(values) for values in per_layer]
            raise OptionError(f"wavenet: {layers} dilations but {lengths} kernel sizes, activations, gatings, seconds")
        if min(*self.kernel_sizes, *self.dilations, self.channels, self.bottleneck, self.input_size) < 1:
            raise OptionError("wavenet: channels, kernel sizes and dilations must be at least 1")
        for activation in (*self.activations, *(a for a in self.secondary_activations if a)):
            if activation.get("type") not in ACTIVATIONS:
                known = ", ".join(ACTIVATIONS)
                raise OptionError(f"wavenet: unknown activation {activation.get('type')!r}; known: {known}")
        for gating in self.gating:
            if gating not in GATINGS:
                raise OptionError(f"wavenet: unknown gating {gating!r}; known: {', '.join(GATINGS)}")


@dataclass(frozen=True)
class WaveNetConfig:
    """A whole WaveNet: arrays in order; the last one's head has one channel.

    The first array's input holds the `traces`, behind the audio; the condition does not.
    """

    arrays: tuple[ArrayConfig, ...]
    head_scale: float = 0.02
    traces: tuple[Trace, ...] = ()

    @property
    def receptive_field(self) -> int:
        """Input samples that one output sample depends on."""
        return 1 + sum(
            sum((k - 1) * d for k, d in zip(array.kernel_sizes, array.dilations, strict=True))
            + array.head.kernel_size
            - 1
            for array in self.arrays
        )


class Layer(nn.Module):
    """One layer: dilated convolution plus the input mixed in, activation, 1x1 back onto the residual path."""

    def __init__(self, config: ArrayConfig, index: int) -> None:
        super().__init__()
        self.dilation = config.dilations[index]
        self.gating = config.gating[index]
        self.activation = config.activations[index]
        self.secondary = config.secondary_activations[index]
        self.bottleneck = config.bottleneck
        rows = config.bottleneck * (1 if self.gating == "none" else 2)
        self.conv = nn.Conv1d(config.channels, rows, config.kernel_sizes[index], dilation=self.dilation)
        self.mixin = nn.Conv1d(config.condition_size, rows, 1, bias=False)
        self.layer1x1 = nn.Conv1d(config.bottleneck, config.channels, 1)

    def forward(self, h: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, T), (B, D, T') with T' >= T - span -> residual path and activation, each of length T - span."""
        z = causal_conv(h, self.conv.weight, self.conv.bias, self.dilation, condition, self.mixin.weight)
        a = self.activate(z)
        return h[..., -z.shape[-1] :] + causal_conv(a, self.layer1x1.weight, self.layer1x1.bias), a

    def activate(self, z: Tensor) -> Tensor:
        """(B, G, T) -> (B, bottleneck, T)."""
        first = z[:, : self.bottleneck]
        a = ACTIVATIONS[self.activation["type"]](first, self.activation)
        if self.gating == "none" or self.secondary is None:
            return a
        s = ACTIVATIONS[self.secondary["type"]](z[:, self.bottleneck :], self.secondary)
        return a * s if self.gating == "gated" else s * a + (1 - s) * first


class Array(nn.Module):
    """An array of layers and its head."""

    def __init__(self, config: ArrayConfig) -> None:
        super().__init__()
        self.config = config
        self.rechannel = nn.Conv1d(config.input_size, config.channels, 1, bias=False)
        self.layers = nn.ModuleList(Layer(config, index) for index in range(len(config.dilations)))
        self.head = nn.Conv1d(
            config.bottleneck, config.head.out_channels, config.head.kernel_size, bias=config.head.bias
        )
        self.trim = sum((k - 1) * d for k, d in zip(config.kernel_sizes, config.dilations, strict=True))

    def forward(
        self, h: Tensor, condition: Tensor, head: Tensor | None, weights: Tensor | None = None, kernels: bool = True
    ) -> tuple[Tensor, Tensor]:
        """(B, input_size, T), (B, D, T'), (B, bottleneck, T'') -> layer output and head output.

        `weights` (G, P) takes the place of the array's own parameters, as `flat_parameters` lays them out: a vector for
        each of G groups of B / G items.
        """
        found = gpu_array(self, h, condition, head, weights) if kernels else None
        if found is None and weights is not None and len(weights) < len(h):
            weights = weights.repeat_interleave(len(h) // len(weights), dim=0)
        if found is None and kernels:
            found = fused_array(self, h, condition, head, weights)
        return found or self.reference(h, condition, head, weights)

    def flat_parameters(self) -> Tensor:
        """(P,): all parameters in the order of `parameters()`."""
        return torch.cat([parameter.reshape(-1) for parameter in self.parameters()])

    def reference(
        self, h: Tensor, condition: Tensor, head: Tensor | None, weights: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The same in torch's own operations, readable and on every device."""
        if weights is not None:
            own = dict(self.named_parameters())
            parts = torch.split(weights, [parameter.numel() for parameter in own.values()], dim=1)
            named = {n: w.reshape(-1, *p.shape) for (n, p), w in zip(own.items(), parts, strict=True)}
            outputs: tuple[Tensor, Tensor] = functional_call(self, named, (h, condition, head), {"kernels": False})
            return outputs
        length = h.shape[-1] - self.trim
        if head is not None:  # a head of several taps before this array may have shortened it more
            length = min(length, head.shape[-1])
        h = causal_conv(h, self.rechannel.weight, None)
        total = None if head is None else head[..., -length:]
        for layer in self.layers:
            h, a = layer(h, condition)
            a = a[..., -length:]
            total = a if total is None else total + a
        assert total is not None
        return h, causal_conv(total, self.head.weight, self.head.bias)


class WaveNet(nn.Module):
    """The whole network, (B, T) -> (B, T - receptive_field + 1): every output sample has seen only real input."""

    def __init__(self, config: WaveNetConfig) -> None:
        super().__init__()
        self.config = config
        self.receptive_field = config.receptive_field
        self.arrays = nn.ModuleList(Array(array) for array in config.arrays)
        self.head_scale: Tensor
        self.register_buffer("head_scale", torch.tensor([config.head_scale]))

    def forward(self, x: Tensor, travels: Tensor | None = None, weights: Sequence[Tensor] | None = None) -> Tensor:
        """(B, T) -> (B, T - receptive_field + 1).

        Where the network has traces, x is what came after silence, or, (B, 1 + traces, T), a part of `heard`.
        `travels` (B, knobs) are the further inputs of a network that has some. `weights` are the arrays' parameters,
        (G, P) each, where groups of B / G items have their own.
        """
        rows = self.heard(x) if x.dim() == 2 else x
        condition = with_knobs(rows[:, 0], travels)
        h, head = torch.cat([rows, condition[:, 1:]], dim=1), None
        for index, array in enumerate(self.arrays):
            h, head = array(h, condition, head, None if weights is None else weights[index])
        assert head is not None
        y: Tensor = self.head_scale * head.squeeze(1)
        return y[:, -(x.shape[-1] - self.receptive_field + 1) :]

    def heard(self, x: Tensor) -> Tensor:
        """Audio (..., T) from its beginning on -> (..., 1 + traces, T), of which `forward` takes any part."""
        return with_traces(x, self.config.traces)

    def architecture(self) -> dict[str, Any]:
        """The JSON object of docs/model-file.md."""
        arrays = []
        for array in self.config.arrays:
            entry = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(array).items()}
            arrays.append(entry)
        traces = {"traces": [asdict(trace) for trace in self.config.traces]} if self.config.traces else {}
        return {"name": "wavenet", "arrays": arrays, **traces}

    def tensors(self, target_gain: float) -> dict[str, Tensor]:
        """Named tensors of the model file; the output is multiplied by `target_gain`, which undoes normalisation."""
        tensors = dict(self.state_dict())
        tensors["head_scale"] = tensors["head_scale"] * target_gain
        return tensors


def config_from_architecture(architecture: Mapping[str, Any]) -> WaveNetConfig:
    """The inverse of `WaveNet.architecture`; raises OptionError for parts that training does not have."""
    extra = sorted(key for key, value in architecture.items() if key not in ("name", "arrays", "traces") and value)
    if extra:
        raise OptionError(f"this WaveNet has {', '.join(extra)}, which can be played but not trained")
    arrays = []
    for entry in architecture["arrays"]:
        extra = [key for key, value in entry.items() if key not in ArrayConfig.__dataclass_fields__ and value]
        if extra:
            raise OptionError(f"this WaveNet has {', '.join(extra)}, which can be played but not trained")
        known = {key: entry[key] for key in ArrayConfig.__dataclass_fields__ if key in entry}
        for key, value in known.items():
            if isinstance(value, Sequence) and not isinstance(value, str):
                known[key] = tuple(value)
        known["head"] = HeadConfig(**{k: entry["head"][k] for k in HeadConfig.__dataclass_fields__})
        arrays.append(ArrayConfig(**known))
    traces = tuple(Trace(**trace) for trace in architecture.get("traces", ()))
    return WaveNetConfig(tuple(arrays), traces=traces)
