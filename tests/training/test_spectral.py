"""The multi-resolution STFT distance: auraloss' number, and the gradient of that number."""

import auraloss
import pytest
import torch
from torch import Tensor

from triode.training.spectral import SpectralDistance


def reference(estimate: Tensor, target: Tensor) -> Tensor:
    """auraloss in double precision, whose windows are of single precision otherwise."""
    loss = auraloss.freq.MultiResolutionSTFTLoss()
    for resolution in loss.stft_losses:
        resolution.window = torch.hann_window(resolution.win_length, dtype=torch.float64)
    return loss(estimate.unsqueeze(1), target.unsqueeze(1))


def value_and_gradient(distance, estimate: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    estimate = estimate.clone().requires_grad_()
    value = distance(estimate, target)
    return value.detach(), torch.autograd.grad(value, estimate)[0]


@pytest.mark.parametrize(("batch", "samples"), [(3, 1301), (1, 1200), (2, 2049)])
def test_it_is_auraloss_distance_and_gradient(batch: int, samples: int) -> None:
    generator = torch.Generator().manual_seed(samples)
    target = torch.randn(batch, samples, generator=generator, dtype=torch.float64).cumsum(-1) * 0.02
    estimate = target + 0.1 * torch.randn(batch, samples, generator=generator, dtype=torch.float64)
    estimate[:, 400:900] *= 1e-7  # bins next to nothing have no gradient
    expected, expected_gradient = value_and_gradient(reference, estimate, target)
    ours = SpectralDistance()
    for index, size in enumerate((600, 1200, 240)):
        setattr(ours, f"window{index}", torch.hann_window(size, dtype=torch.float64))
    found, gradient = value_and_gradient(ours, estimate, target)
    assert float(found) == pytest.approx(float(expected), rel=1e-9)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-7, atol=1e-9 * float(expected_gradient.abs().max()))


def test_an_exact_estimate_has_no_distance_and_a_finite_gradient() -> None:
    target = torch.sin(torch.arange(1500) * 0.1).unsqueeze(0)
    value, gradient = value_and_gradient(SpectralDistance(), target, target)
    assert float(value) == 0.0
    assert bool(torch.isfinite(gradient).all())


def test_silence_is_compared_without_dividing_by_nothing() -> None:
    silent = torch.zeros(1, 1500)
    value, gradient = value_and_gradient(SpectralDistance(), silent, silent)
    assert float(value) == 0.0
    assert float(gradient.abs().max()) == 0.0
