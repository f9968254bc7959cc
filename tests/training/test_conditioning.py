"""Networks that follow knobs: kernels against reference, what the knobs may do, and that a device with knobs is learned
between the settings it was recorded at.
"""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from triode.audio import Audio
from triode.engine import load
from triode.errors import OptionError
from triode.knobs import Knob
from triode.model_file import ModelFile, SelfTest, self_test_signal, write_model
from triode.training.dataset import Pair, make_dataset
from triode.training.job import Job, run_job, starting_network
from triode.training.networks.conv import causal_conv
from triode.training.networks.parametric import Parametric, ParametricConfig
from triode.training.networks.recurrent import Recurrent
from triode.training.networks.sizes import TANH, WAVENETS, make_network, network_from_architecture
from triode.training.networks.wavenet import Array, ArrayConfig, HeadConfig, WaveNetConfig
from triode.training.prepare import prepare
from triode.training.save import play, warm_up_samples
from triode.training.updates import validation_esr

pytestmark = pytest.mark.usefixtures("one_thread")

RATE = 8000
DRIVE, LEVEL = Knob("drive", "", 1.0, 8.0, 2.0, "log"), Knob("level", "dB", -30.0, 0.0, -10.0)


def two_arrays(**changes: Any) -> WaveNetConfig:
    """Sizes that share no factor, so that a mixed-up row cannot pass."""
    first = ArrayConfig(1, 5, (3, 2), (1, 7), (TANH, TANH), HeadConfig(out_channels=2, kernel_size=3), bottleneck=3)
    second = ArrayConfig(5, 4, (2, 4), (3, 2), ({"type": "SiLU"}, TANH), HeadConfig(bias=True), bottleneck=2, **changes)
    return WaveNetConfig((first, second), head_scale=0.5)


def turned_network(config: WaveNetConfig, knobs: int = 3, hidden_sizes: tuple[int, ...] = (6, 4)) -> Parametric:
    torch.manual_seed(0)
    network = Parametric(ParametricConfig(knobs, config, hidden_sizes)).double()
    for parameter in network.knobs.output.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


def result(network: Parametric, x: Tensor, travels: Tensor) -> dict[str, Tensor]:
    network.zero_grad()
    y = network(x, travels)
    (y * torch.arange(y.numel(), dtype=y.dtype).view(y.shape)).sum().backward()
    return {"y": y.detach()} | {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("config", [two_arrays(), WAVENETS["nano"], WAVENETS["a2-lite"]])
@pytest.mark.parametrize("threads", [1, 3])
def test_kernels_equal_the_reference_with_weights_for_every_item(
    config: WaveNetConfig, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(threads)
    network = turned_network(config)
    x, travels = torch.randn(4, network.receptive_field + 99).double() * 0.3, torch.rand(4, 3).double()
    found = result(network, x, travels)
    monkeypatch.setattr("triode.training.kernels._core", None)
    expected = result(network, x, travels)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-7, atol=1e-9 * float(value.abs().max() + 1e-30))


def test_gradients_by_item_are_those_of_finite_differences() -> None:
    torch.manual_seed(1)
    array = Array(two_arrays().arrays[0]).double()
    count = len(array.flat_parameters())
    weights = (0.5 * torch.randn(3, count).double()).requires_grad_()
    h, condition = torch.randn(3, 1, 40).double().requires_grad_(), torch.randn(3, 1, 40).double()

    def outputs(h: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        return array(h, condition, None, weights)

    torch.autograd.gradcheck(outputs, (h, weights), fast_mode=True)


def test_every_item_has_the_sound_of_its_own_knobs() -> None:
    network = turned_network(two_arrays(gating=("gated", "none")))
    x, travels = torch.randn(1, 200).double().expand(3, -1), torch.rand(3, 3).double()
    together = network(x, travels).detach()
    for item in range(3):
        torch.testing.assert_close(together[item : item + 1], network(x[:1], travels[item : item + 1]).detach())
    assert float((together[0] - together[1]).abs().max()) > 1e-3


def test_convolution_with_weights_of_its_own_for_each_item() -> None:
    h, weight, bias = torch.randn(3, 2, 50), torch.randn(3, 4, 2, 5), torch.randn(3, 4)
    condition, mixin = torch.randn(3, 1, 50), torch.randn(3, 4, 1, 1)
    together = causal_conv(h, weight, bias, 3, condition, mixin)
    for i in range(3):
        one = causal_conv(h[i : i + 1], weight[i], bias[i], 3, condition[i : i + 1], mixin[i])
        torch.testing.assert_close(together[i : i + 1], one)


@torch.no_grad()
def test_a_fresh_network_ignores_its_knobs_but_for_the_levels_it_was_told() -> None:
    network = Parametric(ParametricConfig(2, two_arrays()))
    x = torch.randn(2, 100)
    travels = torch.tensor([[0.0, 0.2], [1.0, 0.8]])
    first, second = network(x[:1], travels[:1]), network(x[:1], travels[1:])
    assert torch.equal(first, second)
    settings = torch.cartesian_prod(torch.linspace(0, 1, 5), torch.linspace(0, 1, 5))
    network.set_levels(settings, 10 ** (-2 * (1 - settings[:, 1])))  # 20 dB over the travel of the second
    first, second = network(x[:1], travels[:1]), network(x[:1], travels[1:])
    ratio = float((second / first).mean())
    assert 20 * math.log10(ratio) == pytest.approx(12, abs=0.3)


@torch.no_grad()
def test_a_level_that_is_linear_in_a_travel_is_expected_right_between_few_settings() -> None:
    """A pot as a voltage divider: its level in dB follows the logarithm of the travel."""
    settings = torch.tensor([[0.05], [0.2], [0.5], [0.95]])
    errors = {}
    for tapers in (("linear",), ("linear", "log")):
        network = Parametric(ParametricConfig(1, two_arrays(), tapers=tapers))
        network.set_levels(settings, settings[:, 0].square())
        between = torch.tensor([[0.1], [0.35], [0.7]])
        found = network.knobs(between)[:, -1] + math.log(0.95)  # against the loudest, in nepers
        errors[tapers] = float((found - between[:, 0].log()).abs().max())
    assert errors["linear", "log"] < 0.12 < 0.3 < errors["linear",]


@pytest.mark.parametrize(("arch", "conditioning"), [("wavenet", "film"), ("wavenet", "inputs"), ("gru", "film")])
def test_knobs_survive_the_round_trip_of_an_architecture(arch: str, conditioning: str) -> None:
    network = make_network(arch, "nano", 3, knobs=2, conditioning=conditioning)
    twin = network_from_architecture(network.architecture())
    twin.load_state_dict(network.state_dict())
    x, travels = torch.randn(2, network.receptive_field + 100), torch.rand(2, 2)
    first, second = network(x, travels=travels), twin(x, travels=travels)
    if isinstance(network, Recurrent):
        first, second = first[0], second[0]
    assert torch.equal(first, second)


def test_an_impulse_response_has_no_knobs() -> None:
    with pytest.raises(OptionError, match="--arch linear"):
        make_network("linear", "nano", 0, knobs=1)
    with pytest.raises(OptionError, match="--conditioning"):
        make_network("wavenet", "nano", 0, knobs=1, conditioning="tone")


def pedal(dry: np.ndarray, drive: float, level: float) -> np.ndarray:
    """A low-pass, a soft clipper behind a gain, and a level in dB."""
    low = np.convolve(dry, 0.6 ** np.arange(12))[: len(dry)]
    return (10 ** (level / 20) * np.tanh(drive * low)).astype(np.float32)


def take(drive: float, level: float, seed: int, seconds: float = 2.0, late: int = 0) -> tuple[Audio, Audio]:
    rng = np.random.default_rng(seed)
    dry = (0.3 * rng.normal(size=round(seconds * RATE))).astype(np.float32)
    wet = np.concatenate([np.zeros(late, np.float32), pedal(dry, drive, level)])[: len(dry)]
    return Audio(dry, RATE), Audio(wet, RATE)


SETTINGS = [{"drive": d, "level": v} for d in (1.0, 2.8, 8.0) for v in (-30.0, -15.0, 0.0)]


def test_a_device_is_learned_between_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine settings, 30 dB apart in level; the file plays two others, at which nothing was recorded."""
    small = ArrayConfig(1, 4, (3, 3, 3), (1, 2, 4), (TANH,) * 3, HeadConfig(bias=True))
    monkeypatch.setitem(WAVENETS, "nano", WaveNetConfig((small,), head_scale=0.1))  # type: ignore[arg-type]
    takes = [take(s["drive"], s["level"], index, late=40) for index, s in enumerate(SETTINGS)]
    job = Job(size="nano", epochs=40, changes={"segment_samples": 512, "learning_rate": 0.01})
    outcome = run_job(
        job, takes, tmp_path / "m.triode", name="pedal", knobs=(DRIVE, LEVEL), settings=SETTINGS, held_out=[4]
    )
    model = load(tmp_path / "m.triode")
    assert model.knobs == [DRIVE, LEVEL]
    assert model.self_test() < 1e-5  # type: ignore[operator]
    for settings in (SETTINGS[4], {"drive": 5.0, "level": -22.0}):
        dry, _ = take(seed=77, **settings)
        for name, value in settings.items():
            model.set(name, value)
        model.configure(RATE)
        wet, heard = pedal(dry.samples, **settings), model.render(dry.samples)
        late = 40 - int(outcome.model_file.alignment.latency_samples)
        error = heard[late:] - wet[: len(wet) - late]
        assert float(np.sum(error**2) / np.sum(wet**2)) < 0.01


class Loud(torch.nn.Module):
    """Plays x times the travel of its knob."""

    receptive_field = 1

    def forward(self, x: Tensor, travels: Tensor) -> Tensor:
        return x * travels


def test_validation_counts_quiet_settings_as_much_as_loud_ones() -> None:
    """A model that is right at the loud setting and silent at the quiet one has an ESR of one half."""
    dry = take(1.0, 0.0, 1)[0].samples
    pairs = [Pair(dry, gain * dry, (0, 8000), (8000, 16_000), (u,)) for gain, u in ((1.0, 1.0), (0.01, 0.0))]
    data = make_dataset(pairs, RATE)
    data = dataclasses.replace(data, wet=tuple(wet * data.target_gain for wet in data.wet))
    assert validation_esr(Loud(), data) == pytest.approx(0.5, rel=1e-6)  # type: ignore[arg-type]


def test_takes_of_one_session_keep_their_time_against_each_other() -> None:
    """A darker sound seems to begin later: all takes must be moved by the same whole number of samples."""
    rng = np.random.default_rng(0)
    dry = (0.3 * rng.normal(size=2 * RATE)).astype(np.float32)
    takes = []
    for pole in (0.0, 0.7, 0.95):
        response = (1 - pole) * pole ** np.arange(200)
        response = np.convolve(response, response)  # no sharp onset
        takes.append((Audio(dry, RATE), Audio(np.convolve(dry, response)[: len(dry)].astype(np.float32), RATE)))
    found = prepare(takes, travels=[(0.0,), (0.5,), (1.0,)])
    assert len({alignment.removed_samples() for alignment in found.alignments}) == 1
    late = -found.alignments[0].removed_samples()
    for (_, wet), pair in zip(takes, found.pairs, strict=True):
        start = len(dry) - len(pair.dry)
        offset = int(np.flatnonzero(np.isclose(wet.samples, pair.wet[5000], atol=0))[0]) - 5000
        dry_offset = int(np.flatnonzero(dry == pair.dry[5000])[0]) - 5000
        assert dry_offset - offset == late, start


@pytest.mark.parametrize(("later", "travels"), [(850, [(0.0,), (1.0,)]), (850, None), (3, None)])
def test_takes_started_by_hand_are_aligned_one_by_one(later: int, travels: list[tuple[float, ...]] | None) -> None:
    """Takes of one setting always: nothing but a different start moves their onset."""
    takes = [take(1.0, 0.0, seed, late=late) for seed, late in ((0, 50), (1, 50 + later))]
    removed = [alignment.removed_samples() for alignment in prepare(takes, travels=travels).alignments]
    assert removed[1] - removed[0] == pytest.approx(later, abs=1)


def test_a_model_to_start_from_must_have_the_same_knobs(tmp_path: Path) -> None:
    takes = [take(s["drive"], s["level"], index) for index, s in enumerate(SETTINGS[:2])]
    job = Job(size="nano", arch="gru", epochs=0.5, changes={"segment_samples": 2000})
    both = {"name": "pedal", "settings": SETTINGS[:2]}
    run_job(job, takes, tmp_path / "m.triode", knobs=[LEVEL], **both)
    again = Job(epochs=0.5, start_from=tmp_path / "m.triode", changes={"segment_samples": 2000})
    run_job(again, takes, tmp_path / "n.triode", knobs=[LEVEL], **both)
    with pytest.raises(OptionError, match="has the knobs level, these takes turn drive, level"):
        run_job(again, takes, tmp_path / "n.triode", knobs=[DRIVE, LEVEL], **both)


@pytest.mark.parametrize(
    ("arch", "knobs_act", "fits", "contradicts"),
    [
        ("triode", "film", {"arch": "triode", "conditioning": "film"}, {"arch": "wavenet"}),
        ("triode", "film", {"arch": "triode"}, {"conditioning": "inputs"}),
        ("wavenet", "inputs", {"arch": "wavenet", "conditioning": "inputs"}, {"arch": "triode"}),
        ("wavenet", "inputs", {}, {"conditioning": "film"}),
        ("gru", "", {"arch": "gru", "conditioning": "inputs"}, {"arch": "lstm"}),
        ("gru", "", {"conditioning": "inputs"}, {"conditioning": "magic"}),
    ],
)
def test_a_model_to_start_from_stays_what_it_is(
    tmp_path: Path, arch: str, knobs_act: str, fits: dict[str, str], contradicts: dict[str, str]
) -> None:
    """What is asked for and cannot be had is refused, not left out silently."""
    pairs = prepare([take(1.0, 0.0, 0)], travels=[(0.5,)]).pairs
    data = make_dataset(list(pairs), RATE)
    size = {"triode": "small"}.get(arch, "nano")
    fresh, _ = starting_network(Job(arch=arch, size=size, conditioning=knobs_act), data, [LEVEL])
    path = tmp_path / "m.triode"
    tensors = {name: tensor.detach().numpy() for name, tensor in fresh.tensors(1.0).items()}
    signal = self_test_signal(RATE)
    played = play(fresh, signal, warm_up_samples(fresh, RATE), travels=[LEVEL.travel(LEVEL.default)])
    test = SelfTest(signal, played)
    write_model(
        path, ModelFile("m", fresh.architecture(), tensors, RATE, warm_up_samples(fresh, RATE), test, knobs=(LEVEL,))
    )
    network, named = starting_network(Job(start_from=path, **fits), data, [LEVEL])
    assert named == arch
    assert network.architecture() == fresh.architecture()
    (option,) = contradicts
    with pytest.raises(OptionError, match=f"--{option} {contradicts[option]}.*m.triode"):
        starting_network(Job(start_from=path, **contradicts), data, [LEVEL])
