"""A committee agrees where it has heard the device, and does not where nobody has."""

from dataclasses import replace

import numpy as np
import pytest

from triode.errors import OptionError
from triode.training.committee import train_committee
from triode.training.config import Progress
from triode.training.dataset import Pair
from triode.training.networks.parametric import Parametric, ParametricConfig
from triode.training.networks.sizes import TANH
from triode.training.networks.wavenet import ArrayConfig, HeadConfig, WaveNetConfig

RATE = 8000

pytestmark = pytest.mark.usefixtures("one_thread")


def take(travel: float, seed: int) -> Pair:
    """Two seconds of noise through a drive that goes from clean to hard clipping."""
    x = (0.3 * np.random.default_rng(seed).normal(size=2 * RATE)).astype(np.float32)
    wet = np.tanh((1 + 30 * travel**2) * x).astype(np.float32)
    return Pair(x, wet, (0, 3 * RATE // 2), (3 * RATE // 2, 2 * RATE), (travel,))


def architecture() -> dict:
    array = ArrayConfig(1, 4, (3, 3), (1, 2), (TANH,) * 2, HeadConfig(bias=True))
    return dict(Parametric(ParametricConfig(1, WaveNetConfig((array,), head_scale=0.1))).architecture())


def test_members_disagree_where_only_some_of_them_were() -> None:
    """Five takes nearly alike, and a sixth where the device turns over: one member never heard that."""
    pairs = [take(travel, seed) for seed, travel in enumerate((0.0, 0.05, 0.1, 0.15, 0.2))]
    far = take(1.0, 5)
    pairs.append(replace(far, wet=-far.wet))
    shares: list[float] = []

    def observe(progress: Progress) -> None:
        shares.append(progress.share)

    committee = train_committee(architecture(), pairs, RATE, epochs=60, observer=observe)
    assert len(committee.members) == 3
    probe = (0.3 * np.random.default_rng(9).normal(size=RATE)).astype(np.float32)
    known, unknown = committee.expected_esr(probe, np.array([[0.1], [1.0]]))
    assert unknown > 3 * known
    assert 0 < committee.learned_esr < 1.0
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_members_hear_different_takes() -> None:
    """Without any difference but the seed, a committee knows less about what the takes leave open."""
    pairs = [take(0.2, 0), take(0.2, 1), take(0.9, 2)]
    committee = train_committee(architecture(), pairs, RATE, epochs=0.1)
    gains = [gain for _, gain in committee.members]
    assert len(set(gains)) == 3, "each normalises what it hears, and each hears something else"


def test_too_few_takes_are_refused() -> None:
    with pytest.raises(OptionError, match="2 takes are too few"):
        train_committee(architecture(), [take(0.1, 0), take(0.9, 1)], RATE, epochs=1)
