"""A linear system: one finite impulse response, for cabinets and equalisers.

Nothing is descended: an impulse response has a closed form, from any recording (least squares) or from a sweep.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
import scipy.linalg
import scipy.signal
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from triode.errors import OptionError
from triode.training.dataset import Dataset

Array = NDArray[np.float64]

REFINEMENTS = 2
# A sweep's spectrum falls by 3 dB an octave: at its upper end it is still a thousand times this.
SWEEP_RIDGE = 1e-4


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


def fit_least_squares(network: Linear, data: Dataset, ridge: float = 1e-6) -> None:
    """Set taps and bias that minimise the squared error over the training stretches, with Tikhonov regularisation.

    `ridge` is added to the diagonal of the normal equations, relative to the power of the dry signal: it keeps bands
    that the dry signal does not excite from blowing up. The matrix is a Toeplitz one but for the ends of the stretches,
    so that Levinson's recursion solves it nearly, and what is left is solved again (iterative refinement).
    """
    taps = network.config.taps
    stretches = [_Stretch.of(*take, taps) for take in zip(data.dry, data.wet, data.train, strict=True)]
    samples = sum(len(stretch.wet) for stretch in stretches)
    # The bias is what the means differ by, so that it drops out where both are taken off.
    mean_dry = sum(float(stretch.dry[taps - 1 :].sum()) for stretch in stretches) / samples
    mean_wet = sum(float(stretch.wet.sum()) for stretch in stretches) / samples
    stretches = [_Stretch(stretch.dry - mean_dry, stretch.wet - mean_wet) for stretch in stretches]
    auto = sum((stretch.autocorrelation(taps) for stretch in stretches), np.zeros(taps))
    cross = sum((stretch.correlation(stretch.wet, taps) for stretch in stretches), np.zeros(taps))
    added = ridge * max(auto[0], np.finfo(np.float64).tiny)
    auto[0] += added
    found = scipy.linalg.solve_toeplitz(auto, cross)
    for _ in range(REFINEMENTS):
        played = sum((s.correlation(s.filtered(found), taps) for s in stretches), np.zeros(taps))
        found = found + scipy.linalg.solve_toeplitz(auto, cross - played - added * found)
    _set(network, found, mean_wet - float(found.sum()) * mean_dry)


def fit_by_sweep(network: Linear, data: Dataset, take: int, sweep: tuple[int, int]) -> None:
    """Set taps and bias by deconvolution of an exponential sweep, which lies at samples `sweep` of a take.

    What harmonic distortion makes of such a sweep comes before the response to the same frequency, so that no causal
    response can hold any of it (Farina, AES 108th Convention, 2000). The division is done in its least-squares form,
    because a response that is cut off at the band's end and at time 0 loses half of every edge.
    """
    start, stop = sweep
    end = min(stop + network.config.taps, len(data.dry[take]))
    one = dataclasses.replace(data, dry=(data.dry[take],), wet=(data.wet[take],), train=((start, end),))
    fit_least_squares(network, one, SWEEP_RIDGE)


def _set(network: Linear, taps: Array, bias: float) -> None:
    with torch.no_grad():
        network.taps.copy_(torch.from_numpy(taps))
        network.bias.fill_(bias)


@dataclass(frozen=True)
class _Stretch:
    """`wet` (n,) and the `dry` (n + taps - 1,) that it depends on: what came before, or silence, stands first."""

    dry: Array
    wet: Array

    @classmethod
    def of(cls, dry: Tensor, wet: Tensor, stretch: tuple[int, int], taps: int) -> "_Stretch":
        start, end = stretch
        past = max(0, start - taps + 1)
        known = dry[past:end].double().cpu().numpy()
        silence = np.zeros(taps - 1 - (start - past))
        return cls(np.concatenate([silence, known]), wet[start:end].double().cpu().numpy())

    def filtered(self, taps: Array) -> Array:
        """What an impulse response makes of `dry`: (n,)."""
        return np.asarray(scipy.signal.oaconvolve(self.dry, taps, mode="valid"))

    def correlation(self, wet: Array, taps: int) -> Array:
        """(taps,): sum over t of dry[t - k] * wet[t]."""
        size = scipy.fft.next_fast_len(len(self.dry) + taps, real=True)
        late = np.concatenate([np.zeros(taps - 1), wet])
        product = np.conj(scipy.fft.rfft(self.dry, size)) * scipy.fft.rfft(late, size)
        return np.asarray(scipy.fft.irfft(product, size)[:taps])

    def autocorrelation(self, taps: int) -> Array:
        """(taps,): sum over t of dry[t] * dry[t - k]."""
        size = scipy.fft.next_fast_len(len(self.dry) + taps, real=True)
        return np.asarray(scipy.fft.irfft(np.abs(scipy.fft.rfft(self.dry, size)) ** 2, size)[:taps])
