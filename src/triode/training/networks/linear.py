"""A linear system: one finite impulse response, for cabinets and equalisers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
import scipy.linalg
import torch
from torch import Tensor, nn

from triode.errors import OptionError


@dataclass(frozen=True)
class LinearConfig:
    """Length of the impulse response in samples."""

    taps: int = 4096

    def __post_init__(self) -> None:
        if not 1 <= self.taps <= 1 << 20:
            raise OptionError(f"linear: {self.taps} taps; expected 1 to {1 << 20}")


class Linear(nn.Module):
    """(B, T) -> (B, T - taps + 1): y[t] = bias + sum_k taps[k] x[t - k], computed by FFT."""

    def __init__(self, config: LinearConfig) -> None:
        super().__init__()
        self.config = config
        self.receptive_field = config.taps
        self.taps = nn.Parameter(torch.zeros(config.taps))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, travels: Tensor | None = None) -> Tensor:
        """(B, T) -> (B, T - taps + 1); no impulse response follows knobs, so that there are no `travels`."""
        size = x.shape[-1] + self.config.taps - 1
        y: Tensor = torch.fft.irfft(torch.fft.rfft(x, size) * torch.fft.rfft(self.taps, size), size)
        return y[:, self.config.taps - 1 : x.shape[-1]] + self.bias

    def architecture(self) -> dict[str, Any]:
        """The JSON object of docs/model-file.md."""
        return {"name": "linear", "taps": self.config.taps}

    def tensors(self, target_gain: float) -> dict[str, Tensor]:
        """Named tensors of the model file; the output is multiplied by `target_gain`, which undoes normalisation."""
        return {name: tensor * target_gain for name, tensor in self.state_dict().items()}


def fit_least_squares(
    network: Linear,
    dry: Sequence[Tensor],
    wet: Sequence[Tensor],
    stretches: Sequence[tuple[int, int]],
    ridge: float = 1e-6,
) -> None:
    """Set the taps that minimise the squared error over all stretches: the Wiener filter, by Toeplitz solution.

    dry, wet: (T,) each; `ridge` is added to the diagonal, relative to the power of the dry signal.
    """
    taps = network.config.taps
    auto, cross = np.zeros(taps), np.zeros(taps)
    for x_all, y_all, (start, end) in zip(dry, wet, stretches, strict=True):
        x = x_all[start:end].double().cpu().numpy()
        y = y_all[start:end].double().cpu().numpy()
        size = scipy.fft.next_fast_len(len(x) + taps, real=True)
        spectrum = scipy.fft.rfft(x, size)
        auto += scipy.fft.irfft(np.abs(spectrum) ** 2, size)[:taps]
        cross += scipy.fft.irfft(np.conj(spectrum) * scipy.fft.rfft(y, size), size)[:taps]
    auto[0] *= 1 + ridge
    with torch.no_grad():
        network.taps.copy_(torch.from_numpy(scipy.linalg.solve_toeplitz(auto, cross)))
        network.bias.zero_()
