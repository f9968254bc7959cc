"""The WaveNet of the papers: gated layers whose outputs are concatenated and mixed by one linear layer.

Damskägg, Juvela, Thuillier, Välimäki (ICASSP 2019) and Wright, Damskägg, Juvela, Välimäki (Applied Sciences 10(3),
2020), in the sizes WaveNet1 to WaveNet3 of their published weights: a 1x1 convolution of the input, layers of a dilated
causal convolution of 3 taps, tanh * sigmoid, and a residual 1x1, and one 1x1 of all layers' outputs side by side.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from triode.training.networks.conv import causal_conv

TAPS = 3


@dataclass(frozen=True)
class ConcatenatedConfig:
    """`channels` of every layer, and the `dilations` of the layers in order."""

    channels: int
    dilations: tuple[int, ...]

    @property
    def receptive_field(self) -> int:
        """Input samples that one output sample depends on."""
        return 1 + (TAPS - 1) * sum(self.dilations)


class GatedLayer(nn.Module):
    """One layer: tanh * sigmoid of a dilated convolution, and a 1x1 of that back onto the residual path."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.gate = nn.Conv1d(channels, 2 * channels, TAPS, dilation=dilation)
        self.residual = nn.Conv1d(channels, channels, 1)

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, T) -> residual path and gated output, each (B, C, T - span)."""
        filtered, opened = causal_conv(h, self.gate.weight, self.gate.bias, self.dilation).chunk(2, dim=1)
        a = torch.tanh(filtered) * torch.sigmoid(opened)
        return h[..., -a.shape[-1] :] + causal_conv(a, self.residual.weight, self.residual.bias), a


class ConcatenatedWaveNet(nn.Module):
    """(B, T) -> (B, T - receptive_field + 1)."""

    def __init__(self, config: ConcatenatedConfig) -> None:
        super().__init__()
        self.config = config
        self.receptive_field = config.receptive_field
        width, layers = config.channels, len(config.dilations)
        self.input = nn.Conv1d(1, width, 1)
        self.layers = nn.ModuleList(GatedLayer(width, dilation) for dilation in config.dilations)
        self.mixer = nn.Conv1d(layers * width, 1, 1)

    def forward(self, x: Tensor, travels: Tensor | None = None) -> Tensor:
        """(B, T) -> (B, T - receptive_field + 1); it follows no knobs, so that there are no `travels`."""
        length = x.shape[-1] - self.receptive_field + 1
        h = causal_conv(x.unsqueeze(1), self.input.weight, self.input.bias)
        outputs = []
        for layer in self.layers:
            h, a = layer(h)
            outputs.append(a[..., -length:])
        return causal_conv(torch.cat(outputs, dim=1), self.mixer.weight, self.mixer.bias).squeeze(1)

    def architecture(self) -> dict[str, Any]:
        """The JSON object of docs/model-file.md: concatenated, then mixed, is mixed layer by layer, then summed."""
        layers, width = len(self.config.dilations), self.config.channels
        array = {
            "input_size": 1,
            "condition_size": 1,
            "channels": width,
            "bottleneck": width,
            "kernel_sizes": [TAPS] * layers,
            "dilations": list(self.config.dilations),
            "activations": [{"type": "Tanh"}] * layers,
            "gating": ["gated"] * layers,
            "secondary_activations": [{"type": "Sigmoid"}] * layers,
            "rechannel_bias": True,
            "head1x1": {"active": True, "out_channels": 1, "groups": 1},
            "head": {"out_channels": 1, "kernel_size": 1, "bias": True},
        }
        return {"name": "wavenet", "arrays": [array]}

    def tensors(self, target_gain: float) -> dict[str, Tensor]:
        """Named tensors of the model file; the output is multiplied by `target_gain`, which undoes normalisation.

        The input is mixed into no layer: those weights are zeros.
        """
        own, width = self.state_dict(), self.config.channels
        one = own["mixer.weight"].new_ones(1)
        tensors = {
            "arrays.0.rechannel.weight": own["input.weight"],
            "arrays.0.rechannel.bias": own["input.bias"],
            "arrays.0.head.weight": one.reshape(1, 1, 1),
            "arrays.0.head.bias": own["mixer.bias"],
            "head_scale": one * target_gain,
        }
        for index in range(len(self.config.dilations)):
            layer, theirs = f"arrays.0.layers.{index}.", f"layers.{index}."
            for name, part in (("conv", "gate"), ("layer1x1", "residual")):
                tensors |= {f"{layer}{name}.{kind}": own[f"{theirs}{part}.{kind}"] for kind in ("weight", "bias")}
            tensors[f"{layer}mixin.weight"] = torch.zeros_like(own[f"{theirs}gate.weight"][:, :1, :1])
            tensors[f"{layer}head1x1.weight"] = own["mixer.weight"][:, index * width : (index + 1) * width]
            tensors[f"{layer}head1x1.bias"] = torch.zeros_like(one)
        return {name: tensor.contiguous() for name, tensor in tensors.items()}
