"""What is compared when a model is evaluated: the stretch, lined up by whole samples."""

import numpy as np
import pytest

from triode.audio import Audio, Samples
from triode.measure import evaluation
from triode.measure.metrics import esr

RATE_HZ = 8000
DEVICE = np.random.default_rng(0).normal(size=RATE_HZ).astype(np.float32)


def evaluated(monkeypatch: pytest.MonkeyPatch, played: Samples) -> evaluation.Evaluation:
    monkeypatch.setattr(evaluation, "render", lambda *_, **__: Audio(played.astype(np.float32), RATE_HZ))
    return evaluation.evaluate(None, DEVICE, DEVICE, RATE_HZ)


@pytest.mark.parametrize("lag", [-25, 0, 140])
def test_a_lag_between_model_and_device_is_taken_out(monkeypatch: pytest.MonkeyPatch, lag: int) -> None:
    found = evaluated(monkeypatch, np.roll(DEVICE, -lag))
    assert (found.lag_samples, found.esr) == (lag, 0)


def test_a_model_that_is_mostly_wrong_is_not_made_worse_by_a_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it resembles the device most with its polarity turned, the error is largest."""
    played = 0.2 * DEVICE - 0.5 * np.roll(DEVICE, 40)
    found = evaluated(monkeypatch, played)
    assert found.lag_samples == 0
    assert found.esr == pytest.approx(esr(DEVICE, played), rel=1e-5)
