"""A WaveNet whose weights follow the knobs: a small network maps the knobs' travels to a scale and a shift of every row
before its activation, and to a gain before and one after the network.

Feature-wise modulation (Perez et al., FiLM, AAAI 2018) at this place folds into the weights, so that a model with
knobs at rest is an ordinary WaveNet: no cost per sample, and any position can be baked. Formula and named tensors are
those of docs/model-file.md.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from triode.errors import OptionError
from triode.training.networks.wavenet import Array, ArrayConfig, WaveNet, WaveNetConfig

HIDDEN_SIZES = (16, 16)
TAPERS = ("linear", "log")
MOST_LOG = 20.0
TAPER = 20.0  # a logarithmic scale is that of a pot whose resistance grows by a factor of 1 + this over its travel


def factor(modulation: Tensor) -> Tensor:
    """What is multiplied with, of its logarithm, which is limited to plus and minus 20."""
    return torch.exp(modulation.clamp(-MOST_LOG, MOST_LOG))


def told(taper: str, travels: Tensor) -> Tensor:
    """How travels are told to the network, -1 to 1.

    "linear" as they are, "log" and "reverse-log" on a scale that is fine near the one or the other end: between two
    settings a level in dB follows the logarithm of a pot's travel far more than the travel.
    """
    if taper == "linear":
        return 2 * travels - 1
    if taper == "log":
        return 2 * torch.log1p(TAPER * travels.clamp(0, 1)) / math.log1p(TAPER) - 1
    return -told("log", 1 - travels)


@dataclass(frozen=True)
class ParametricConfig:
    """Number of `knobs`, sizes of the tanh layers behind them, and the network that is modulated.

    `tapers` are the scales, of "linear", "log" and "reverse-log", on which each travel is told.
    """

    knobs: int
    network: WaveNetConfig
    hidden_sizes: tuple[int, ...] = HIDDEN_SIZES
    tapers: tuple[str, ...] = TAPERS

    def __post_init__(self) -> None:
        if self.knobs < 1 or any(size < 1 for size in self.hidden_sizes):
            raise OptionError(
                f"parametric: {self.knobs} knobs, layers of {self.hidden_sizes}: expected at least 1 each"
            )

    @property
    def modulations(self) -> int:
        """Numbers that the knobs decide: the gain before, scales and shifts of every layer, the gain after."""
        return 2 + sum(2 * sum(layer_rows(array)) for array in self.network.arrays)


def layer_rows(array: ArrayConfig) -> list[int]:
    """Rows before the activation of each layer."""
    return [array.bottleneck * (1 if gating == "none" else 2) for gating in array.gating]


class KnobNetwork(nn.Module):
    """Travels (B, knobs), 0 to 1 -> modulation (B, M): tanh layers, and a linear one that sees their output and, as
    they do, the travels on each of the scales.
    """

    def __init__(self, config: ParametricConfig) -> None:
        super().__init__()
        self.tapers = config.tapers
        told_travels = config.knobs * len(config.tapers)
        sizes = (told_travels, *config.hidden_sizes)
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        features = told_travels + (sizes[-1] if config.hidden_sizes else 0)
        self.output = nn.Linear(features, config.modulations)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, travels: Tensor) -> Tensor:
        """(B, knobs) -> (B, M)."""
        scaled = self.told(travels)
        features = scaled
        for layer in self.hidden:
            features = torch.tanh(layer(features))
        if self.hidden:
            features = torch.cat([features, scaled], dim=-1)
        modulation: Tensor = self.output(features)
        return modulation

    def told(self, travels: Tensor) -> Tensor:
        """(B, knobs) -> (B, knobs of each scale in turn)."""
        return torch.cat([told(taper, travels) for taper in self.tapers], dim=-1)


class Parametric(nn.Module):
    """(B, T) and travels (B, knobs) -> (B, T - receptive_field + 1)."""

    def __init__(self, config: ParametricConfig) -> None:
        super().__init__()
        self.config = config
        self.receptive_field = config.network.receptive_field
        self.network = WaveNet(config.network)
        self.knobs = KnobNetwork(config)
        for index, array in enumerate(self._arrays()):
            scale, shift = _places(array)
            self.register_buffer(f"scale_{index}", scale, persistent=False)
            self.register_buffer(f"shift_{index}", shift, persistent=False)

    def _arrays(self) -> list[Array]:
        return [array for array in self.network.arrays if isinstance(array, Array)]

    def forward(self, x: Tensor, travels: Tensor) -> Tensor:
        """(B, T), (B, knobs) -> (B, T - receptive_field + 1)."""
        modulation = self.knobs(travels)
        y: Tensor = self.network(x, None, self.folded(modulation)) * factor(modulation[:, -1:])
        return y

    def folded(self, modulation: Tensor) -> list[Tensor]:
        """The arrays' parameters (B, P) at a modulation (B, M), the gain after the network left out."""
        gain, first, weights = factor(modulation[:, :1]), 1, []
        for index, array in enumerate(self._arrays()):
            rows = sum(layer_rows(array.config))
            scale = factor(modulation[:, first : first + rows])
            shift = modulation[:, first + rows : first + 2 * rows]
            first += 2 * rows
            one = torch.ones_like(gain)
            scales = torch.cat([one, gain if index == 0 else one, scale, scale * gain], dim=1)
            shifts = torch.cat([torch.zeros_like(gain), shift], dim=1)
            at_scale, at_shift = getattr(self, f"scale_{index}"), getattr(self, f"shift_{index}")
            weights.append(array.flat_parameters() * scales[:, at_scale] + shifts[:, at_shift])
        return weights

    @torch.no_grad()
    def set_levels(self, travels: Tensor, powers: Tensor) -> None:
        """Start the gain after the network from the levels of the takes: their logarithm as linear in what is told.

        travels (takes, knobs), powers (takes,): mean squares. A quiet setting is then learned as soon as a loud one.
        """
        output = self.knobs.output
        scaled = torch.cat([self.knobs.told(travels), torch.ones_like(travels[:, :1])], dim=1).double().cpu()
        levels = 0.5 * torch.log(powers).double().cpu()
        ridge = 1e-3 * len(levels) * torch.eye(scaled.shape[1], dtype=torch.float64)
        ridge[-1, -1] = 0.0
        found = torch.linalg.solve(scaled.T @ scaled + ridge, scaled.T @ (levels - levels.max()))
        output.weight[-1, 1 - len(found) :] = found[:-1].to(output.weight)
        output.bias[-1] = found[-1].to(output.bias)

    def architecture(self) -> dict[str, Any]:
        """The JSON object of docs/model-file.md."""
        return {
            "name": "parametric",
            "knobs": self.config.knobs,
            "tapers": list(self.config.tapers),
            "hidden_sizes": list(self.config.hidden_sizes),
            "network": self.network.architecture(),
        }

    def tensors(self, target_gain: float) -> dict[str, Tensor]:
        """Named tensors of the model file; the output is multiplied by `target_gain`, which undoes normalisation."""
        tensors = dict(self.state_dict())
        tensors["network.head_scale"] = tensors["network.head_scale"] * target_gain
        return tensors


def _places(array: Array) -> tuple[Tensor, Tensor]:
    """For each of an array's flat parameters, its place among the scales and among the shifts of `folded`."""
    counts = layer_rows(array.config)
    total = sum(counts)
    scales, shifts = [], []
    for name, parameter in array.named_parameters():
        scale, shift = torch.zeros(parameter.shape, dtype=torch.long), torch.zeros(parameter.shape, dtype=torch.long)
        _, _, part = name.partition("layers.")
        layer, _, part = part.partition(".")
        if name == "rechannel.weight":
            scale += 1
        if part in ("conv.weight", "conv.bias", "mixin.weight"):
            rows = sum(counts[: int(layer)]) + torch.arange(len(parameter))
            scale += (2 + rows + (total if part == "mixin.weight" else 0)).view(-1, *[1] * (parameter.dim() - 1))
            shift += 1 + rows if part == "conv.bias" else 0
        scales.append(scale.flatten())
        shifts.append(shift.flatten())
    return torch.cat(scales), torch.cat(shifts)
