"""LSTM and GRU: one recurrent stack, a linear output, and the input added to it (Wright, Damskägg, Välimäki 2019)."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from triode.errors import OptionError
from triode.training.networks.conv import with_knobs
from triode.training.recurrent_kernels import fused_recurrent

State = Tensor | tuple[Tensor, Tensor]


@dataclass(frozen=True)
class RecurrentConfig:
    """`unit` lstm or gru, `hidden_size` per layer, whether the audio is added to the output (`skip`), and how many
    `knobs` are further inputs.
    """

    unit: Literal["lstm", "gru"] = "lstm"
    hidden_size: int = 32
    num_layers: int = 1
    skip: bool = True
    knobs: int = 0

    def __post_init__(self) -> None:
        if self.unit not in ("lstm", "gru"):
            raise OptionError(f"recurrent: unknown unit {self.unit!r}; use lstm or gru")
        if not 1 <= self.hidden_size <= 1024 or not 1 <= self.num_layers <= 8:
            raise OptionError(f"{self.unit}: hidden size {self.hidden_size}, layers {self.num_layers} are out of range")


class Recurrent(nn.Module):
    """(B, T) and the state before -> (B, T) and the state after: y = output_scale * (lin(h) + skip * x)."""

    receptive_field = 1

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        self.config = config
        kind = nn.LSTM if config.unit == "lstm" else nn.GRU
        self.rec = kind(1 + config.knobs, config.hidden_size, config.num_layers, batch_first=True)
        self.lin = nn.Linear(config.hidden_size, 1)
        self.output_scale: Tensor
        self.register_buffer("output_scale", torch.ones(1))
        self._initialise()

    def _initialise(self) -> None:
        """Orthogonal recurrence and a forget bias of 1: PyTorch's default barely trains on amps."""
        hidden = self.config.hidden_size
        for name, parameter in self.rec.named_parameters():
            if name.startswith("weight_hh"):
                for block in torch.split(parameter.data, hidden):
                    nn.init.orthogonal_(block)
            elif name.startswith("weight_ih"):
                nn.init.xavier_uniform_(parameter.data)
            else:
                nn.init.zeros_(parameter.data)
                if self.config.unit == "lstm" and name.startswith("bias_ih"):
                    parameter.data[hidden : 2 * hidden] = 1.0

    def forward(self, x: Tensor, state: State | None = None, travels: Tensor | None = None) -> tuple[Tensor, State]:
        """(B, T), state or None for zero, travels (B, knobs) -> (B, T), state."""
        inputs = with_knobs(x, travels)
        y, state = fused_recurrent(self, inputs, state) or self.reference(inputs, state)
        return self.output_scale * (y + x if self.config.skip else y), state

    def reference(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Linear output (B, T) of (B, inputs, T), and the state after, in torch's own operations."""
        h, state = self.rec(inputs.transpose(1, 2), state)
        return self.lin(h).squeeze(-1), state

    def architecture(self) -> dict[str, Any]:
        """The JSON object of docs/model-file.md."""
        return {
            "name": self.config.unit,
            "input_size": 1 + self.config.knobs,
            "hidden_size": self.config.hidden_size,
            "num_layers": self.config.num_layers,
            "skip": self.config.skip,
        }

    def tensors(self, target_gain: float) -> dict[str, Tensor]:
        """Named tensors of the model file; the output is multiplied by `target_gain`, which undoes normalisation."""
        tensors = dict(self.state_dict())
        tensors["output_scale"] = tensors["output_scale"] * target_gain
        return tensors
