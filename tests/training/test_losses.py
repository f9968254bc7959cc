"""Losses: zero for the identity, the right number for a known error, and filters that weigh what they should."""

import math

import pytest
import torch

from triode.errors import OptionError
from triode.training.losses import Loss, LossConfig, esr, parse_loss

POWER = 10**-1.8
POWERS = torch.tensor([POWER])


def tone(frequency_hz: float, samples: int = 9600) -> torch.Tensor:
    t = torch.arange(samples) / 48000
    return (math.sqrt(2 * POWER) * torch.sin(2 * math.pi * frequency_hz * t)).unsqueeze(0)


@pytest.mark.parametrize(
    "config",
    [
        LossConfig(),
        LossConfig(mse=0, esr=1),
        LossConfig(mse=0, dc=1),
        LossConfig(mse=0, mrstft=1),
        LossConfig(pre_emphasis=0.85),
        LossConfig(a_weighting=True),
    ],
)
def test_no_error_no_loss(config: LossConfig) -> None:
    y = tone(440.0)
    assert float(Loss(config, 48000)(y, y, POWERS)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("config", [LossConfig(), LossConfig(mse=0, esr=1)])
def test_half_the_amplitude_is_a_quarter(config: LossConfig) -> None:
    y = tone(440.0)
    assert float(Loss(config, 48000)(y / 2, y, POWERS)) == pytest.approx(0.25, rel=2e-3)
    assert esr(y / 2, y) == pytest.approx(0.25, rel=1e-5)


def test_a_quiet_setting_counts_as_much_as_a_loud_one() -> None:
    """Each item's error is relative to the power at its own setting."""
    y = tone(440.0)
    loud_and_quiet, powers = torch.cat([y, 0.01 * y]), torch.tensor([POWER, POWER * 1e-4])
    wrong = torch.tensor([[0.5], [1.0]]), torch.tensor([[1.0], [0.5]])
    losses = [float(Loss(LossConfig(), 48000)(loud_and_quiet * gains, loud_and_quiet, powers)) for gains in wrong]
    assert losses == pytest.approx([0.125, 0.125], rel=2e-3)


def test_dc_loss_sees_only_the_mean() -> None:
    y = tone(500.0)
    loss = Loss(LossConfig(mse=0, dc=1), 48000)
    assert float(loss(y / 2, y, POWERS)) == pytest.approx(0.0, abs=1e-6)
    offset = 0.1 * math.sqrt(POWER)
    assert float(loss(y + offset, y, POWERS)) == pytest.approx(0.01, rel=5e-3)


def test_pre_emphasis_weighs_highs_as_its_response_says() -> None:
    loss = Loss(LossConfig(pre_emphasis=0.85), 48000)
    for frequency_hz in (100.0, 8000.0):
        y = tone(frequency_hz)
        gain = abs(1 - 0.85 * complex(math.cos(w := 2 * math.pi * frequency_hz / 48000), -math.sin(w)))
        assert float(loss(torch.zeros_like(y), y, POWERS)) == pytest.approx(gain**2, rel=2e-2)


def test_a_weighting_hears_1_khz_better_than_50_hz() -> None:
    loss = Loss(LossConfig(a_weighting=True), 48000)
    low, middle = (float(loss(torch.zeros(1, 9600), tone(f), POWERS)) for f in (50.0, 1000.0))
    assert 10 * math.log10(middle / low) > 15.0


def test_parse_loss() -> None:
    assert parse_loss("mse,mrstft=0.01") == {"mse": 1.0, "esr": 0.0, "dc": 0.0, "mrstft": 0.01, "aliasing": 0.0}
    for text in ("l1=1", "mse=x"):
        with pytest.raises(OptionError, match="--loss"):
            parse_loss(text)
    with pytest.raises(OptionError, match="loss weights"):
        LossConfig(mse=0)
