"""The networks: fast forms against readable ones, memory exactly as long as claimed, descriptions that come back."""

import dataclasses

import numpy as np
import pytest
import scipy.signal
import soxr
import torch
from torch.nn import functional

from triode.capture.signal import make_signal
from triode.errors import OptionError
from triode.training.dataset import Dataset, Pair, make_dataset
from triode.training.networks.conv import causal_conv
from triode.training.networks.linear import Linear, LinearConfig, fit_by_sweep, fit_least_squares
from triode.training.networks.recurrent import Recurrent, RecurrentConfig
from triode.training.networks.sizes import (
    ARCHITECTURES,
    TANH,
    WAVENETS,
    arch_of,
    count_parameters,
    make_network,
    network_from_architecture,
)
from triode.training.networks.wavenet import ArrayConfig, HeadConfig, WaveNet, WaveNetConfig
from triode.training.recipes import recipe

RATE = 48_000


def gated_config() -> WaveNetConfig:
    first = ArrayConfig(
        input_size=1,
        channels=4,
        bottleneck=3,
        kernel_sizes=(3, 2),
        dilations=(1, 5),
        activations=(TANH, {"type": "SiLU"}),
        gating=("gated", "blended"),
        head=HeadConfig(out_channels=2, kernel_size=2, bias=True),
    )
    second = ArrayConfig(
        input_size=4,
        channels=2,
        kernel_sizes=(4,),
        dilations=(7,),
        activations=({"type": "LeakyReLU", "negative_slope": 0.1},),
        head=HeadConfig(),
    )
    return WaveNetConfig((first, second))


@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (2, 9), (6, 4), (15, 13)])
@pytest.mark.parametrize("with_condition", [True, False])
def test_stacked_taps_equal_conv1d(kernel: int, dilation: int, with_condition: bool) -> None:
    torch.manual_seed(kernel)
    h, weight = torch.randn(3, 5, 400, dtype=torch.float64), torch.randn(4, 5, kernel, dtype=torch.float64)
    bias, condition = torch.randn(4, dtype=torch.float64), torch.randn(3, 2, 450, dtype=torch.float64)
    mixin = torch.randn(4, 2, 1, dtype=torch.float64)
    expected = functional.conv1d(h, weight, bias, dilation=dilation)
    if with_condition:
        expected = expected + functional.conv1d(condition[..., -expected.shape[-1] :], mixin)
        found = causal_conv(h, weight, bias, dilation, condition, mixin)
    else:
        found = causal_conv(h, weight, bias, dilation)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("size", ["nano", "a2-lite"])
def test_memory_is_exactly_the_receptive_field(size: str) -> None:
    network = make_network("wavenet", size, 1).double()
    memory = network.receptive_field
    x = torch.randn(1, memory + 50, dtype=torch.float64, requires_grad=True)
    y = network(x)
    assert y.shape[1] == 51
    (heard,) = torch.autograd.grad(y[0, 10], x)
    positions = heard[0].nonzero().squeeze(1)
    assert int(positions.min()) == 10, "the oldest sample of the receptive field must be heard, and none before"
    assert int(positions.max()) == 10 + memory - 1, "the newest sample must be heard, and none after"


def test_a_long_memory_is_heard_before_every_crop() -> None:
    """So crops are longer, and as much audio goes into a step."""
    network = make_network("wavenet", "long", 0)
    assert network.receptive_field / 48_000 == pytest.approx(0.45, abs=0.01)
    short, long = (recipe("wavenet", epochs=1, memory_samples=memory) for memory in (4_092, network.receptive_field))
    assert long.segment_samples > short.segment_samples
    assert long.segment_samples * long.batch_size == short.segment_samples * short.batch_size


def test_parameter_counts_are_those_of_the_nam_shapes() -> None:
    # peers' counts include head_scale, which here is a constant
    shapes = [size for size in (*WAVENETS, "full") if size != "long"]
    counts = {size: count_parameters(make_network("wavenet", size, 0)) + 1 for size in shapes}
    assert counts == {
        "nano": 842,
        "feather": 3026,
        "lite": 6554,
        "standard": 13802,
        "a2-lite": 1871,
        "a2-full": 12146,
        "full": 12146,
    }


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_architecture_round_trip_keeps_the_sound(arch: str) -> None:
    network = make_network(arch, "small" if arch == "triode" else "nano", 3)
    twin = network_from_architecture(network.architecture())
    twin.load_state_dict(network.state_dict())
    x = torch.randn(2, network.receptive_field + 100)
    first, second = network(x), twin(x)
    if isinstance(first, tuple):
        first, second = first[0], second[0]
    assert torch.equal(first, second)
    assert arch_of(twin) == arch


def test_gated_architecture_round_trip() -> None:
    network = WaveNet(gated_config())
    twin = network_from_architecture(network.architecture())
    twin.load_state_dict(network.state_dict())
    x = torch.randn(1, 200)
    assert torch.equal(network(x), twin(x))
    assert network(x).shape[1] == 200 - network.receptive_field + 1


def test_unknown_parts_are_refused_by_name() -> None:
    architecture = WaveNet(gated_config()).architecture()
    architecture["arrays"][0]["film"] = {"conv_pre": {"shift": True}}
    with pytest.raises(OptionError, match="film"):
        network_from_architecture(architecture)
    nested = WaveNet(gated_config()).architecture() | {"condition_dsp": {"name": "wavenet"}}
    with pytest.raises(OptionError, match="condition_dsp"):
        network_from_architecture(nested)
    with pytest.raises(OptionError, match="convnet"):
        network_from_architecture({"name": "convnet"})


def test_recurrent_state_carries_over_blocks() -> None:
    for unit in ("lstm", "gru"):
        network = Recurrent(RecurrentConfig(unit, 5, num_layers=2))
        x = torch.randn(2, 300)
        whole, _ = network(x)
        first, state = network(x[:, :123])
        second, _ = network(x[:, 123:], state)
        torch.testing.assert_close(torch.cat([first, second], 1), whole)


def test_skip_passes_the_input() -> None:
    network = Recurrent(RecurrentConfig("lstm", 4, skip=True))
    torch.nn.init.zeros_(network.lin.weight)
    torch.nn.init.zeros_(network.lin.bias)
    x = torch.randn(1, 50)
    assert torch.equal(network(x)[0], x)


def test_same_seed_same_network_and_no_trace_in_the_global_generator() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second = make_network("wavenet", "nano", 1), make_network("wavenet", "nano", 1)
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    other = make_network("wavenet", "nano", 2)
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def linear_data(response: np.ndarray, x: np.ndarray, offset: float = 0.0, **changes: object) -> Dataset:
    """`x` and what a linear device with an offset makes of it; the first 500 samples are not trained on."""
    wet = (np.convolve(x, response)[: len(x)] + offset).astype(np.float32)
    data = make_dataset([Pair(x.astype(np.float32), wet, (500, len(x)), (500, len(x)))], RATE)
    return dataclasses.replace(data, wet=(torch.from_numpy(wet),), **changes)


def test_least_squares_finds_the_impulse_response() -> None:
    """Exactly, though sound went before the stretch that is fitted and its end is cut off."""
    rng = np.random.default_rng(0)
    response = rng.normal(size=64) * np.exp(-np.arange(64) / 12)
    network = Linear(LinearConfig(100))
    fit_least_squares(network, linear_data(response, 0.3 * rng.normal(size=20_000), offset=0.25), ridge=1e-9)
    np.testing.assert_allclose(network.taps.detach().numpy()[:64], response, atol=2e-5)
    assert np.abs(network.taps.detach().numpy()[64:]).max() < 2e-5
    assert network.bias.item() == pytest.approx(0.25, abs=1e-3)


def test_regularisation_keeps_bands_that_were_not_excited_quiet() -> None:
    """Noise below 2 kHz says nothing about 10 kHz; a small ridge invents a response there, a large one does not."""
    rng = np.random.default_rng(1)
    sos = scipy.signal.butter(8, 2000, fs=RATE, output="sos")
    x = scipy.signal.sosfilt(sos, rng.normal(size=30_000))
    noise = 1e-3 * rng.normal(size=30_000)
    gains = []
    for ridge in (1e-12, 1e-2):
        data = linear_data(np.eye(64)[32], x)
        data = dataclasses.replace(data, wet=(data.wet[0] + torch.from_numpy(noise).float(),))
        network = Linear(LinearConfig(64))
        fit_least_squares(network, data, ridge)
        spectrum = np.abs(np.fft.rfft(network.taps.detach().numpy(), 480))
        assert spectrum[10] == pytest.approx(1.0, abs=0.02), "1 kHz, which was excited"
        gains.append(spectrum[100:].max())
    assert gains[1] < 0.1 < gains[0]


def test_a_sweep_gives_the_impulse_response_and_leaves_distortion_out() -> None:
    """Farina: harmonics of an exponential sweep come before the response. Least squares cannot tell them apart."""
    signal = make_signal(20.0, RATE)
    sweep = next(segment for segment in signal.manifest.segments if segment.kind == "sweep")
    x = 0.5 * signal.samples.astype(np.float64)
    response = np.zeros(200)
    response[[0, 30, 110]] = 0.8, -0.4, 0.2
    fine = soxr.resample(x, RATE, 4 * RATE)
    bent = soxr.resample(fine + 0.2 * fine**2 - 0.1 * fine**3, 4 * RATE, RATE)
    data = linear_data(response, bent)
    data = dataclasses.replace(data, dry=(torch.from_numpy(x.astype(np.float32)),))
    network = Linear(LinearConfig(256))
    fit_by_sweep(network, data, 0, tuple(round(edge * RATE) for edge in (sweep.start_seconds, sweep.end_seconds)))
    found, expected = (np.fft.rfft(taps, 960) for taps in (network.taps.detach().numpy(), response))
    band = slice(4, 300)  # 200 Hz to 15 kHz
    # The third-order term gives some of its energy to the fundamental: the response is scaled, not bent.
    ratio = found[band] / expected[band]
    assert np.abs(ratio / np.mean(ratio) - 1).max() < 0.01


def test_the_papers_wavenets_have_the_size_of_the_published_weights() -> None:
    sizes = {name: count_parameters(make_network("wavenet", name, 0)) for name in ("wavenet1", "wavenet2", "wavenet3")}
    assert sizes == {"wavenet1": 18_593, "wavenet2": 8_657, "wavenet3": 33_441}
    assert make_network("wavenet", "wavenet1", 0).receptive_field == 2047
    for hidden, parameters in ((32, 4_513), (64, 17_217), (96, 38_113)):
        assert count_parameters(make_network("lstm", str(hidden), 0)) == parameters
    with pytest.raises(OptionError, match="no knobs"):
        make_network("wavenet", "wavenet1", 0, knobs=1)


@pytest.mark.parametrize(
    ("arch", "size", "message"),
    [("cnn", "nano", "--arch cnn"), ("wavenet", "huge", "--size huge"), ("gru", "0", "out of range")],
)
def test_unknown_names_are_refused(arch: str, size: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make_network(arch, size, 0)
