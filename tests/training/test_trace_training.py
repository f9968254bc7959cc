"""Traces: what they are, that crops hear them as whole takes do, and that they teach what convolutions cannot hold."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from triode.architecture_wavenet import Trace
from triode.training.dataset import Dataset, Pair, make_dataset
from triode.training.gpu.step import GraphStep
from triode.training.losses import Loss
from triode.training.networks.parametric import Parametric, ParametricConfig
from triode.training.networks.sizes import a1_shape, make_network, network_from_architecture, traces, with_inputs
from triode.training.networks.traces import with_traces
from triode.training.networks.wavenet import WaveNet
from triode.training.recipes import default_arch, recipe
from triode.training.train import train
from triode.training.updates import heard

RATE_HZ = 48000
SAG_SECONDS = 0.5
SMALL = a1_shape(4, 2, [[1, 2, 4], [1, 2]])


def own(knobs: int = 0, conditioning: str = "film", seed: int = 0) -> WaveNet | Parametric:
    network = make_network("triode", "small", seed, knobs, conditioning)
    assert isinstance(network, WaveNet | Parametric)
    return network


def playing(seconds: float, seed: int) -> np.ndarray:
    """Noise that is loud and soft for a second or so at a time."""
    generator = np.random.default_rng(seed)
    levels = np.repeat(generator.uniform(0.02, 0.5, math.ceil(2 * seconds)), RATE_HZ // 2)
    return (levels * generator.standard_normal(len(levels)) * 0.5).astype(np.float32)[: int(seconds * RATE_HZ)]


def sagging(seconds: float = 6.0, travels: tuple[float, ...] = ()) -> Dataset:
    """A device whose gain falls with the power of the last half second."""
    takes = []
    for index, travel in enumerate(travels or (0.0,)):
        dry = playing(seconds, index)
        decay = math.exp(-1 / (SAG_SECONDS * RATE_HZ))
        level = lfilter([1 - decay], [1, -decay], np.abs(dry))
        wet = (dry * (1 + travel) / (1 + 8 * level)).astype(np.float32)
        stretches = ((RATE_HZ, int(0.8 * len(dry))), (int(0.8 * len(dry)), len(dry)))
        takes.append(Pair(dry, wet, *stretches, (travel,) if travels else ()))
    return make_dataset(takes, RATE_HZ)


def test_a_low_pass_halves_a_sine_at_its_corner_and_an_envelope_is_the_root_of_the_mean_magnitude() -> None:
    t = torch.arange(4 * RATE_HZ) / RATE_HZ
    sine = 0.5 * torch.sin(2 * math.pi * 100 * t)
    rows = with_traces(
        sine,
        [
            Trace("low_pass", RATE_HZ / (2 * math.pi * 100), offset=0.0, scale=1.0),
            Trace("envelope", 0.3 * RATE_HZ, offset=0.1, scale=2.0),
        ],
    )
    assert torch.equal(rows[0], sine)
    settled = rows[:, 3 * RATE_HZ :]
    assert float(settled[1].square().mean() / sine.square().mean()) == pytest.approx(0.5, rel=0.01)
    assert float(settled[2].mean()) == pytest.approx(2 * (math.sqrt(0.5 * 2 / math.pi) - 0.1), rel=0.01)


def test_after_a_step_an_envelope_is_within_1_over_e_after_its_time_constant() -> None:
    rows = with_traces(torch.full((RATE_HZ,), 0.25), [Trace("envelope", 4800, offset=0.0, scale=1.0)])
    assert float(rows[1, 4799]) == pytest.approx(math.sqrt(0.25 * (1 - math.exp(-1))), rel=1e-4)


@pytest.mark.parametrize(("knobs", "conditioning"), [(0, "film"), (2, "film"), (2, "inputs")])
def test_a_crop_of_what_is_heard_plays_as_the_whole(knobs: int, conditioning: str) -> None:
    network = own(knobs, conditioning).double()
    x = torch.from_numpy(playing(0.5, 1)).double().unsqueeze(0)
    travels = torch.full((1, knobs), 0.3, dtype=torch.float64) if knobs else None
    whole = network(x, travels=travels)
    inner = network.network if isinstance(network, Parametric) else network
    part = network(inner.heard(x)[..., 9000:], travels=travels)
    torch.testing.assert_close(part, whole[:, 9000:], rtol=0, atol=1e-12)


def test_batches_and_held_out_audio_carry_the_traces_of_the_whole_take() -> None:
    network = own()
    data = heard(network, sagging(3.0))
    assert heard(network, data) is data, "worked out once"
    whole = data.dry[0]
    batch = next(data.batches(3, 200, 50, torch.Generator().manual_seed(2)))
    assert batch.dry.shape == (3, 1 + len(traces(RATE_HZ)), 250)
    for crop in batch.dry:
        (at,) = torch.nonzero(whole[0].unfold(0, 250, 1).eq(crop[0]).all(-1)).squeeze(1).tolist()
        assert torch.equal(crop, whole[:, at : at + 250])
    _, held_out = next(data.held_out(1000, 50))
    start = data.validate[0][0]
    assert torch.equal(held_out.dry[0], whole[:, start - 50 : start + 1000])


@pytest.mark.parametrize("travels", [(), (0.0, 1.0)])
def test_learns_a_sag_that_lasts_longer_than_the_convolutions_remember(travels: tuple[float, ...]) -> None:
    data = sagging(travels=travels)
    config = recipe("triode", epochs=3 if travels else 10, segment_samples=1024)
    found = []
    for heard_traces in (traces(RATE_HZ), ()):
        shape = with_inputs(dataclasses.replace(SMALL, traces=heard_traces), 1)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = Parametric(ParametricConfig(1, shape)) if travels else WaveNet(shape)
        found.append(train(network, data, config).esr)
    assert found[0] < found[1] / 3, found


def test_steps_on_a_gpu_hear_the_same_as_one_after_another() -> None:
    """Without one: the arithmetic of a graph's step."""
    network, twin = own(seed=3), own(seed=3)
    assert isinstance(network, WaveNet)
    data = heard(network, sagging(2.0))
    config = recipe("triode", epochs=1, batch_size=2, segment_samples=512)
    step = GraphStep([network], [data], Loss(config.loss, RATE_HZ), config, [torch.Generator().manual_seed(1)])
    step.step(1e-3)
    batch = next(data.batches(2, 512, twin.receptive_field - 1, torch.Generator().manual_seed(1)))
    expected = Loss(config.loss, RATE_HZ)(twin(batch.dry), batch.wet, batch.powers)
    assert step.settled_loss() == pytest.approx(float(expected.detach()), rel=1e-5)


def test_they_are_kept_in_the_architecture_and_last_as_long_at_any_rate() -> None:
    network = own()
    assert isinstance(network, WaveNet)
    again = network_from_architecture(network.architecture())
    assert isinstance(again, WaveNet)
    assert again.config == network.config
    slow, fast = (make_network("triode", "small", 0, rate_hz=rate_hz) for rate_hz in (44100, 96000))
    assert isinstance(slow, WaveNet)
    assert isinstance(fast, WaveNet)
    for one, other in zip(slow.config.traces, fast.config.traces, strict=True):
        assert one.time_constant_samples / 44100 == pytest.approx(other.time_constant_samples / 96000)


def test_without_a_name_it_is_our_own_or_that_which_has_the_size_or_what_a_nam_file_can_hold() -> None:
    assert default_arch(None, knobs=True) == "wavenet"
    assert default_arch("medium", knobs=True) == "triode"
    assert [default_arch(size) for size in (None, "small", "full", "nano", "5")] == [
        "triode", "triode", "triode", "wavenet", "wavenet",
    ]  # fmt: skip
