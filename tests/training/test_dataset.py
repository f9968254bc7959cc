"""Batches and held-out stretches: the right samples, and never an unsettled one."""

import numpy as np
import pytest
import torch

from triode.errors import OptionError, RecordingError
from triode.training.dataset import Dataset, Pair, make_dataset, split

RATE = 1000


def ramp_dataset(train: tuple[int, int], validate: tuple[int, int], samples: int = 5000) -> Dataset:
    """dry[t] = t, wet[t] = t + 0.5: every value tells where it comes from."""
    t = np.arange(samples, dtype=np.float32)
    return make_dataset([Pair(t, t + np.float32(0.5), train, validate)], RATE)


def test_crops_line_up_and_stay_inside_the_training_stretch() -> None:
    data = ramp_dataset((1000, 3000), (3000, 5000))
    stream = data.batches(64, 100, 50, torch.Generator().manual_seed(0))
    for _ in range(20):
        batch = next(stream)
        x, y = batch.dry, batch.wet
        assert x.shape == (64, 150)
        assert y.shape == (64, 100)
        position = y * data.target_gain - 0.5
        torch.testing.assert_close(position, x[:, 50:], rtol=0, atol=2e-2)
        assert x.min() >= 1000, "a crop heard audio from before its stretch"
        assert x.max() < 3000, "a crop heard held-out audio"
    assert float(next(stream).dry.min()) < 1200, "the start of the stretch is never drawn"


def test_takes_are_drawn_in_proportion_to_their_length() -> None:
    long, short = np.full(9000, 1.0, np.float32), np.full(1000, 2.0, np.float32)
    pairs = [Pair(a, a, (0, len(a)), (0, 100)) for a in (long, short)]
    data = make_dataset(pairs, RATE)
    x = next(data.batches(4000, 10, 0, torch.Generator().manual_seed(1))).dry
    assert float((x[:, 0] == 2.0).float().mean()) == pytest.approx(0.1, abs=0.02)


def test_every_crop_comes_with_the_knobs_and_the_power_of_its_take() -> None:
    """wet is 1, 2 or 4 times the travel of its only knob; two takes share a setting."""
    travels = (0.25, 0.5, 0.25)
    pairs = [
        Pair(np.ones(2000, np.float32), np.full(2000, gain * u, np.float32), (0, 1000), (1000, 2000), (u,))
        for gain, u in zip((1, 2, 4), travels, strict=True)
    ]
    data = make_dataset(pairs, RATE)
    assert data.settings == (0, 1, 0)
    batch = next(data.batches(300, 10, 0, torch.Generator().manual_seed(0)))
    level = batch.wet[:, 0] * data.target_gain
    expected = {0.25: {0.25, 1.0}, 0.5: {1.0}}
    for u in (0.25, 0.5):
        found = level[batch.travels[:, 0] == u]
        assert set(found.numpy().round(5).tolist()) == expected[u]
    shared = (0.25**2 + 1.0**2) / 2 / data.target_gain**2
    assert batch.powers[batch.travels[:, 0] == 0.25].numpy() == pytest.approx(shared, rel=1e-5)
    assert batch.powers[batch.travels[:, 0] == 0.5].numpy() == pytest.approx(1 / data.target_gain**2, rel=1e-5)


def test_held_out_pieces_cover_the_stretch_with_their_lead() -> None:
    data = ramp_dataset((0, 3000), (3000, 4750))
    positions = []
    for take, batch in data.held_out(400, 120):
        x, y = batch.dry, batch.wet
        assert take == 0
        assert x.shape[1] == y.shape[1] + 120
        torch.testing.assert_close(x[:, 120:], y * data.target_gain - 0.5, rtol=0, atol=2e-2)
        positions.append(x[0, 120:])
    assert torch.equal(torch.cat(positions), torch.arange(3000.0, 4750.0))


def test_held_out_audio_without_a_past_starts_when_the_network_has_settled() -> None:
    data = ramp_dataset((2000, 5000), (0, 1000))
    first_x = next(data.held_out(400, 120))[1].dry
    assert first_x[0, 0] == 0
    assert first_x[0, 120] == 120


def test_the_target_is_normalised_to_minus_18_dbfs() -> None:
    rng = np.random.default_rng(0)
    wet = rng.normal(0, 0.01, 10_000).astype(np.float32)
    data = make_dataset([Pair(wet, wet, (0, 8000), (8000, 10_000))], RATE)
    rms = float(data.wet[0][:8000].square().mean().sqrt())
    assert 20 * np.log10(rms) == pytest.approx(-18.0, abs=1e-3)
    torch.testing.assert_close(data.wet[0] * data.target_gain, torch.from_numpy(wet))


def test_a_silent_target_and_a_short_take_are_refused() -> None:
    silence, noise = np.zeros(2000, np.float32), np.ones(2000, np.float32)
    with pytest.raises(RecordingError, match="silent"):
        make_dataset([Pair(noise, silence, (0, 1000), (1000, 2000))], RATE)
    data = make_dataset([Pair(noise, noise, (0, 1000), (1000, 2000))], RATE)
    with pytest.raises(RecordingError, match="one crop needs 1200"):
        next(data.batches(1, 600, 600, torch.Generator()))


@pytest.mark.parametrize(
    ("seconds", "train", "validate", "expected"),
    [
        (240, (0, 180), (180, 210), ((0, 180), (180, 210))),
        (240, (0, 180), None, ((0, 180), (180, 210))),
        (200, None, None, ((0, 180), (180, 200))),
        (10, None, None, ((0, 8), (8, 10))),
        (100, None, (0, 20), ((20, 100), (0, 20))),
        (37, (0, 30), None, ((0, 30), (30, 37))),
    ],
)
def test_split(seconds, train, validate, expected) -> None:
    found = split(seconds * RATE, RATE, train, validate)
    assert tuple(tuple(edge / RATE for edge in stretch) for stretch in found) == expected


def test_split_allows_for_the_samples_that_alignment_removed() -> None:
    assert split(240 * RATE - 81, RATE, (0, 180), (210, 240))[1] == (210 * RATE, 240 * RATE - 81)


@pytest.mark.parametrize(
    ("seconds", "train", "validate", "error"),
    [
        (100, (0, 60), (50, 90), OptionError),
        (100, (0, 160), None, OptionError),
        (100, (60, 20), None, OptionError),
        (0.3, None, None, RecordingError),
    ],
)
def test_split_refuses(seconds, train, validate, error) -> None:
    with pytest.raises(error):
        split(int(seconds * RATE), RATE, train, validate)
