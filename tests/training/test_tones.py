"""Tones as training material: what counts as aliasing, and that networks learn to have less of it."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.signal import resample_poly

from triode.architecture_wavenet import Trace
from triode.errors import OptionError
from triode.training import train as train_module
from triode.training.config import TrainConfig
from triode.training.dataset import Dataset, Pair, make_dataset
from triode.training.losses import Loss, LossConfig
from triode.training.networks.recurrent import Recurrent, RecurrentConfig
from triode.training.networks.sizes import TANH
from triode.training.networks.traces import with_traces
from triode.training.networks.wavenet import ArrayConfig, HeadConfig, WaveNet, WaveNetConfig
from triode.training.tones import Tones
from triode.training.train import train

RATE_HZ = 48000
LENGTH = 1024
CONFIG = TrainConfig(epochs=12, batch_size=4, segment_samples=LENGTH, learning_rate=0.015, optimiser="soap", seed=1)

pytestmark = pytest.mark.usefixtures("one_thread")


def small_wavenet(traces: tuple[Trace, ...] = ()) -> WaveNet:
    torch.manual_seed(0)
    array = ArrayConfig(1 + len(traces), 6, (3, 3, 3), (1, 2, 4), (TANH,) * 3, HeadConfig(bias=True))
    return WaveNet(WaveNetConfig((array,), head_scale=0.1, traces=traces))


def tones_for(network: WaveNet, seed: int) -> Tones:
    return Tones(network, LENGTH, RATE_HZ, 1.0, seed, torch.device("cpu"))


@pytest.fixture(scope="module")
def data() -> Dataset:
    """A hard clipper without aliasing: notes below 3 kHz, bent at eight times the rate."""
    x = resample_poly(0.2 * np.random.default_rng(0).normal(size=3 * RATE_HZ // 8), 8, 1).astype(np.float32)
    wet = resample_poly(np.clip(4 * resample_poly(x, 8, 1), -0.5, 0.5), 1, 8).astype(np.float32)
    return make_dataset([Pair(x, wet, (0, 2 * RATE_HZ), (2 * RATE_HZ, 3 * RATE_HZ))], RATE_HZ)


def test_a_bent_tone_aliases_and_its_harmonics_below_half_the_rate_alone_do_not() -> None:
    tones = tones_for(small_wavenet(), seed=0)
    which = torch.arange(len(tones.dry))
    dry = tones.dry[:, -LENGTH:]
    bent = torch.clamp(20 * dry, -0.1, 0.1)
    alone = torch.zeros_like(bent)
    for row, sine in enumerate(dry[:, -tones.window :].numpy().astype(np.float64)):
        spectrum = np.zeros(tones.window // 2 + 1, dtype=complex)
        first = int(np.argmax(np.abs(np.fft.rfft(sine))))
        harmonics = np.arange(first, len(spectrum), first)
        spectrum[harmonics] = 1 / np.arange(1, len(harmonics) + 1)
        alone[row, -tones.window :] = torch.from_numpy(0.1 + 200 * np.fft.irfft(spectrum, tones.window)).float()
    assert float(tones.aliasing_db(bent, which)) > -60
    assert float(tones.aliasing_db(alone, which)) < -95
    assert float(tones.aliasing_db(3 * bent, which)) == pytest.approx(float(tones.aliasing_db(bent, which)), abs=1e-3)


def test_a_known_tone_between_harmonics_counts_as_many_decibels() -> None:
    tones = tones_for(small_wavenet(), seed=0)
    t = torch.arange(LENGTH) / tones.window
    for number in range(3):
        sine = tones.dry[number, -LENGTH:]
        first = int(torch.fft.rfft(sine[-tones.window :]).abs().argmax())
        peak = float(torch.fft.rfft(sine[-tones.window :]).abs().max()) / tones.window * 2
        stray = peak * 10 ** (-30 / 20) * torch.sin(2 * math.pi * (first + 1) * t)
        found = tones.aliasing_db((sine + stray).unsqueeze(0), torch.tensor([number]))
        assert float(found) == pytest.approx(-30, abs=0.05)


def test_traces_of_a_tone_are_those_after_it_has_played_for_seconds() -> None:
    slow = (Trace("envelope", 0.2 * RATE_HZ, offset=0.1, scale=2.0), Trace("low_pass", 380.0, offset=0.0, scale=7.0))
    tones = tones_for(small_wavenet(slow), seed=3)
    sine = tones.dry[5, 0]
    long = torch.cat([sine[: tones.window].repeat(100), sine])
    assert torch.equal(long[-len(sine) - tones.window : -len(sine)], sine[: tones.window])
    settled = with_traces(long, slow)[:, -len(sine) :]
    torch.testing.assert_close(tones.dry[5], settled, rtol=0, atol=2e-4)


def test_the_gradient_lowers_the_aliasing_and_the_value_is_the_loss(data: Dataset) -> None:
    network = small_wavenet()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(4)  # bends much
    tones, loss = tones_for(network, seed=0), Loss(LossConfig(), RATE_HZ)
    batch = next(data.batches(64, LENGTH, network.receptive_field - 1, torch.Generator().manual_seed(0)))
    parameters = list(network.parameters())

    def aliasing_db() -> float:
        unheard = tones_for(network, seed=99)
        return float(unheard.aliasing_db(network(unheard.dry), torch.arange(len(unheard.dry))).detach())

    plain = loss(network(batch.dry), batch.wet, batch.powers)
    both = tones.with_aliasing(network, batch, loss, torch.Generator().manual_seed(1))
    assert float(both.detach()) == pytest.approx(float(plain.detach()), rel=1e-5)
    gradients = [torch.autograd.grad(found, parameters) for found in (both, plain)]
    by_tones = [x - y for x, y in zip(*gradients, strict=True)]
    before, length = aliasing_db(), math.sqrt(sum(float(g.square().sum()) for g in by_tones))
    with torch.no_grad():
        for parameter, gradient in zip(parameters, by_tones, strict=True):
            parameter.sub_(0.1 * gradient / length)
    assert aliasing_db() < before - 0.3


@pytest.mark.parametrize("late_share", [0.5, 1.0])
def test_tones_are_heard_late_in_a_training(data: Dataset, monkeypatch, late_share: float) -> None:
    monkeypatch.setattr(train_module, "LATE_SHARE", late_share)
    curves = []
    for weight in (0.0, 0.1):
        config = dataclasses.replace(CONFIG, epochs=1, loss=LossConfig(aliasing=weight))
        history = train(small_wavenet(), data, config).history
        curves.append([(point.epoch, point.validation_esr) for point in history])
    early = [sum(epoch < 0.48 for epoch, _ in curve) for curve in curves]
    assert early[0] == early[1] > 3
    assert curves[0][: early[0]] == curves[1][: early[0]]
    assert (curves[0] == curves[1]) == (late_share == 1.0)


def test_an_interrupted_training_with_tones_resumes_where_it_stopped(data: Dataset, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(train_module, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(train_module, "REPORT_SECONDS", 0.0)
    config = dataclasses.replace(CONFIG, epochs=1, loss=LossConfig(aliasing=0.02))
    path = tmp_path / "state"

    def stop(progress):
        if progress.share > 0.7:
            raise KeyboardInterrupt

    assert train(small_wavenet(), data, config, stop, checkpoint=path).interrupted
    resumed = train(small_wavenet(), data, config, checkpoint=path, resume=True).network.state_dict()
    whole = train(small_wavenet(), data, config).network.state_dict()
    assert all(torch.equal(resumed[name], tensor) for name, tensor in whole.items())


def test_what_is_no_wavenet_is_refused(data: Dataset) -> None:
    with pytest.raises(OptionError, match="only WaveNets learn not to alias"):
        train(Recurrent(RecurrentConfig("lstm", 4)), data, dataclasses.replace(CONFIG, loss=LossConfig(aliasing=0.1)))
    with pytest.raises(OptionError, match="none below 0"):
        LossConfig(aliasing=-1.0)
