"""Training losses: relative squared error, ESR, DC, multi-resolution STFT; pre-emphasis and A-weighting as options.

Aliasing is no term of this module: it is heard in tones, of which no recording says anything (`tones.py`).

Targets reach the losses with the mean power of all training target at their knob setting divided out, so that `mse`
reads as an ESR over everything, and one set of weights suits quiet and loud captures and settings alike.
"""

from dataclasses import dataclass

import auraloss
import torch
from torch import Tensor, nn
from torch.nn import functional

from triode.errors import OptionError
from triode.training.spectral import SpectralDistance


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms, and the filters that the squared-error terms see.

    mse            mean squared error over the mean power of all training target at the same knob setting
    esr            error-to-signal ratio of each segment (Wright et al. 2019); weighs quiet segments as much as loud
    dc             squared difference of the means over the segment's power (Wright et al. 2019)
    mrstft         multi-resolution STFT distance (Yamamoto et al. 2020), auraloss' default resolutions
    aliasing       what a decibel of aliasing weighs, as a share of the other terms; for WaveNets (`tones.Tones`)
    pre_emphasis   c of the filter y[t] = x[t] - c x[t-1] before mse and esr; 0 for none
    a_weighting    A-weighting before mse and esr (Wright & Välimäki, ICASSP 2020)
    """

    mse: float = 1.0
    esr: float = 0.0
    dc: float = 0.0
    mrstft: float = 0.0
    aliasing: float = 0.0
    pre_emphasis: float = 0.0
    a_weighting: bool = False

    def __post_init__(self) -> None:
        weights = (self.mse, self.esr, self.dc, self.mrstft)
        if min(*weights, self.aliasing) < 0 or max(weights) <= 0:
            raise OptionError(f"loss weights {weights}: expected none below 0 and one above, beside that of aliasing")
        if not 0 <= self.pre_emphasis < 1:
            raise OptionError(f"pre-emphasis {self.pre_emphasis}: expected 0 (none) to below 1, for example 0.85")


class Loss(nn.Module):
    """(B, T) estimate and target -> one number to minimise; it knows the power of all target at each item's setting."""

    def __init__(self, config: LossConfig, rate_hz: int) -> None:
        super().__init__()
        self.config = config
        self.a_weighting = auraloss.perceptual.FIRFilter("aw", fs=rate_hz) if config.a_weighting else None
        self.mrstft = SpectralDistance() if config.mrstft else None

    def forward(self, estimate: Tensor, target: Tensor, powers: Tensor) -> Tensor:
        """(B, T), (B, T), mean squares (B,) of all the target at the items' settings -> scalar."""
        config = self.config
        scale = powers.rsqrt().unsqueeze(-1)
        estimate, target = estimate * scale, target * scale
        heard, wanted = self._filtered(estimate, target)
        error = (heard - wanted).square()
        total = config.mse * error.mean()
        # Silent segments have no signal to relate an error to: the floor keeps them from ruling the batch.
        energy = target.square().mean(-1) + 1e-3
        if config.esr:
            total = total + config.esr * (error.mean(-1) / energy).mean()
        if config.dc:
            total = total + config.dc * ((estimate - target).mean(-1).square() / energy).mean()
        if self.mrstft is not None:
            total = total + config.mrstft * self.mrstft(estimate, target)
        return total

    def _filtered(self, estimate: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        c = self.config.pre_emphasis
        if c:
            estimate = estimate[..., 1:] - c * estimate[..., :-1]
            target = target[..., 1:] - c * target[..., :-1]
        if self.a_weighting is not None:
            estimate, target = self.a_weighting(estimate.unsqueeze(1), target.unsqueeze(1))
            estimate, target = estimate.squeeze(1), target.squeeze(1)
        return estimate, target


def esr(estimate: Tensor, target: Tensor) -> float:
    """Error-to-signal ratio, sum (y - yhat)^2 / sum y^2, over everything given."""
    return float(functional.mse_loss(estimate, target, reduction="sum") / target.square().sum().clamp_min(1e-20))


def parse_loss(text: str) -> dict[str, float]:
    """`mse=1,mrstft=0.001` -> the weights of LossConfig it names; unnamed ones are 0."""
    weights = {"mse": 0.0, "esr": 0.0, "dc": 0.0, "mrstft": 0.0, "aliasing": 0.0}
    for part in text.split(","):
        name, _, number = part.partition("=")
        if name not in weights:
            raise OptionError(f"--loss {text}: unknown term {name!r}; choose from {', '.join(weights)}")
        try:
            weights[name] = float(number or "1")
        except ValueError:
            raise OptionError(f"--loss {text}: {number!r} is not a number; write for example mse=1,dc=0.25") from None
    return weights


def is_finite(loss: Tensor) -> bool:
    """Whether training can go on from this loss."""
    return bool(torch.isfinite(loss))
