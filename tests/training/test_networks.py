"""The networks: fast forms against readable ones, memory exactly as long as claimed, descriptions that come back."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from triode.errors import OptionError
from triode.training.networks.conv import causal_conv
from triode.training.networks.linear import Linear, LinearConfig, fit_least_squares
from triode.training.networks.recurrent import Recurrent, RecurrentConfig
from triode.training.networks.sizes import (
    ARCHITECTURES,
    TANH,
    count_parameters,
    make_network,
    network_from_architecture,
    size_names,
)
from triode.training.networks.wavenet import ArrayConfig, HeadConfig, WaveNet, WaveNetConfig


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


def test_parameter_counts_are_those_of_the_nam_shapes() -> None:
    # peers' counts include head_scale, which here is a constant
    counts = {size: count_parameters(make_network("wavenet", size, 0)) + 1 for size in size_names("wavenet")}
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
    network = make_network(arch, "nano", 3)
    twin = network_from_architecture(network.architecture())
    twin.load_state_dict(network.state_dict())
    x = torch.randn(2, network.receptive_field + 100)
    first, second = network(x), twin(x)
    if isinstance(first, tuple):
        first, second = first[0], second[0]
    assert torch.equal(first, second)


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


def test_least_squares_finds_the_impulse_response() -> None:
    rng = np.random.default_rng(0)
    response = rng.normal(size=64) * np.exp(-np.arange(64) / 12)
    x = rng.normal(size=20_000)
    y = np.convolve(x, response)[: len(x)]
    network = Linear(LinearConfig(100))
    fit_least_squares(network, [torch.from_numpy(x).float()], [torch.from_numpy(y).float()], [(500, 20_000)])
    np.testing.assert_allclose(network.taps.detach().numpy()[:64], response, atol=5e-3)
    assert np.abs(network.taps.detach().numpy()[64:]).max() < 5e-3


@pytest.mark.parametrize(
    ("arch", "size", "message"),
    [("cnn", "nano", "--arch cnn"), ("wavenet", "huge", "--size huge"), ("gru", "0", "out of range")],
)
def test_unknown_names_are_refused(arch: str, size: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make_network(arch, size, 0)
