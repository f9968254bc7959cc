"""The compiled kernels of training against the readable reference: same outputs, same gradients, same every time."""

import dataclasses

import pytest
import torch
from torch import Tensor

from triode import _core
from triode.training import kernels
from triode.training.kernels import fused_array
from triode.training.networks.sizes import TANH, WAVENETS
from triode.training.networks.wavenet import ACTIVATIONS, Array, ArrayConfig, HeadConfig, WaveNet, WaveNetConfig

pytestmark = pytest.mark.usefixtures("one_thread")

Result = dict[str, Tensor]


def array_config(activation: str = "Tanh", **changes: object) -> ArrayConfig:
    """Sizes that share no factor, so that a mixed-up stride cannot pass."""
    config = ArrayConfig(
        input_size=2,
        channels=5,
        bottleneck=3,
        kernel_sizes=(3, 2, 4),
        dilations=(2, 9, 1),
        activations=({"type": activation, "negative_slope": 0.2},) * 3,
        head=HeadConfig(out_channels=2, kernel_size=3, bias=True),
        condition_size=2,
    )
    return dataclasses.replace(config, **changes)


def signals(config: ArrayConfig, batch: int, samples: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Input, condition and head of an array whose head output has `samples` samples."""
    trim = sum((k - 1) * d for k, d in zip(config.kernel_sizes, config.dilations, strict=True))
    length = samples + config.head.kernel_size - 1
    h = torch.randn(batch, config.input_size, length + trim, dtype=dtype, requires_grad=True)
    condition = torch.randn(batch, config.condition_size, length + trim + 7, dtype=dtype)
    head = torch.randn(batch, config.bottleneck, length + 3, dtype=dtype, requires_grad=True)
    return h, condition, head


def array_result(array: Array, inputs: tuple[Tensor, Tensor, Tensor], fused: bool) -> Result:
    """Outputs of an array, and gradients of a random function of both outputs."""
    forward = fused_array(array, *inputs) if fused else array.reference(*inputs)
    assert forward is not None, "the kernels declined"
    generator = torch.Generator().manual_seed(5)
    seeds = [torch.randn(y.shape, generator=generator, dtype=y.dtype) for y in forward]
    leaves = {"h": inputs[0], "head": inputs[2], **dict(array.named_parameters())}
    gradients = torch.autograd.grad(forward, list(leaves.values()), seeds)
    return {"output": forward[0], "head_output": forward[1], **dict(zip(leaves, gradients, strict=True))}


def assert_close(found: Result, expected: Result, relative: float) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        found_value, value = found[name].detach().double(), value.detach().double()
        error = (found_value - value).norm() / value.norm().clamp_min(1e-30)
        assert float(error) <= relative, f"{name} differs by {float(error):.1e}"


def network_result(network: WaveNet, x: Tensor, target: Tensor) -> Result:
    network.zero_grad()
    y = network(x)
    (y - target).square().sum().backward()
    gradients = {n: torch.zeros_like(p) if p.grad is None else p.grad.clone() for n, p in network.named_parameters()}
    return {"y": y.detach(), **gradients}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("threads", [1, 3])
def test_gradients_are_those_of_finite_differences(activation: str, threads: int) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(3)
    array = Array(array_config(activation)).double()
    inputs = signals(array.config, batch=2, samples=21, dtype=torch.float64)
    parameters = tuple(array.parameters())

    def outputs(h: Tensor, head: Tensor, *_: Tensor) -> tuple[Tensor, ...]:
        result = fused_array(array, h, inputs[1], head)
        assert result is not None
        return result

    torch.autograd.gradcheck(outputs, (inputs[0], inputs[2], *parameters), fast_mode=True)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("batch", "samples", "threads"), [(1, 1, 1), (1, 1037, 2), (3, 500, 2), (5, 96, 3)])
def test_array_equals_reference(activation: str, batch: int, samples: int, threads: int) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(batch)
    array = Array(array_config(activation)).double()
    inputs = signals(array.config, batch, samples, torch.float64)
    assert_close(array_result(array, inputs, fused=True), array_result(array, inputs, fused=False), 1e-10)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 7, 8, 9, 12, 16, 17])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_number_of_channels(channels: int, dtype: torch.dtype) -> None:
    torch.manual_seed(channels)
    config = array_config(channels=channels, bottleneck=max(1, channels - 1), kernel_sizes=(2, 3, 1))
    array = Array(config).to(dtype)
    inputs = signals(config, 2, 411, dtype)
    tolerance = 1e-10 if dtype == torch.float64 else 1e-4
    assert_close(array_result(array, inputs, fused=True), array_result(array, inputs, fused=False), tolerance)


@pytest.mark.parametrize("size", WAVENETS)
@pytest.mark.parametrize("batch", [1, 3])
def test_whole_network_equals_reference(size: str, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(batch)
    network = WaveNet(WAVENETS[size])
    x, target = torch.randn(batch, network.receptive_field + 700) * 0.3, torch.randn(batch, 701)
    torch.set_num_threads(2)
    found = network_result(network, x, target)
    monkeypatch.setattr(Array, "forward", Array.reference)
    expected = network_result(network.double(), x.double(), target.double())
    # Rounding moves a few samples across the kink of a leaky ReLU, where the gradient jumps.
    assert_close(found, expected, 1e-4 if "a2" not in size else 3e-3)


def test_results_repeat_and_outputs_do_not_depend_on_threads() -> None:
    torch.manual_seed(0)
    network = WaveNet(WAVENETS["nano"])
    x, target = torch.randn(3, network.receptive_field + 2000), torch.randn(3, 2001)
    outputs = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        first, second = network_result(network, x, target), network_result(network, x, target)
        assert all(torch.equal(first[name], second[name]) for name in first)
        outputs.append(first["y"])
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[0], outputs[2])


def test_without_gradients_outputs_are_the_same() -> None:
    torch.manual_seed(0)
    network = WaveNet(WAVENETS["feather"])
    x = torch.randn(2, network.receptive_field + 999)
    with torch.no_grad():
        plain = network(x)
    assert torch.equal(plain, network(x).detach())
    assert not plain.requires_grad


def test_graph_can_be_walked_twice() -> None:
    torch.manual_seed(0)
    array = Array(array_config()).double()
    h, condition, head = signals(array.config, 2, 60, torch.float64)
    y = array(h, condition, head)[1].square().sum()
    first = torch.autograd.grad(y, h, retain_graph=True)[0]
    array(h.detach() * 2, condition, head)  # another pass meanwhile must not touch what the first one kept
    assert torch.equal(first, torch.autograd.grad(y, h)[0])


def test_short_head_after_a_head_of_several_taps() -> None:
    torch.manual_seed(0)
    first = array_config(input_size=1, condition_size=1, bottleneck=5, head=HeadConfig(out_channels=4, kernel_size=6))
    second = ArrayConfig(5, 4, kernel_sizes=(1,), dilations=(1,), activations=(TANH,), head=HeadConfig())
    network = WaveNet(WaveNetConfig((first, second))).double()
    x = torch.randn(2, network.receptive_field + 200, dtype=torch.float64)
    y = network(x)
    y.square().sum().backward()
    found = [p.grad.clone() for p in network.parameters() if p.grad is not None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Array, "forward", Array.reference)
        network.zero_grad()
        expected = network(x)
        expected.square().sum().backward()
    torch.testing.assert_close(y, expected)
    for gradient, parameter in zip(found, network.parameters(), strict=True):
        torch.testing.assert_close(gradient, torch.zeros_like(parameter) if parameter.grad is None else parameter.grad)


def test_reference_computes_what_the_kernels_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    gated = array_config(gating=("gated", "none", "none"), secondary_activations=({"type": "Sigmoid"}, None, None))
    plain = Array(array_config())
    inputs = signals(plain.config, 1, 50, torch.float32)
    assert fused_array(Array(gated), *inputs) is None
    assert Array(gated)(*inputs)[1].shape == (1, 2, 50)
    with_condition = (inputs[0], inputs[1].clone().requires_grad_(), inputs[2])
    assert fused_array(plain, *with_condition) is None
    half = tuple(signal.to(torch.bfloat16) for signal in inputs)
    assert fused_array(plain, *half) is None
    expected = plain(*inputs)[1]
    monkeypatch.setattr(kernels, "_core", None)
    assert fused_array(plain, *inputs) is None
    torch.testing.assert_close(plain(*inputs)[1], expected)


def test_arrays_of_the_wrong_shape_are_refused() -> None:
    kernel = _core.WaveNetArrayFloat(1, 1, 2, 2, 1, 1, False, [(3, 2, "Tanh", 0.0)])
    x, flat = torch.zeros(1, 1, 20).numpy(), torch.zeros(kernel.parameter_count).numpy()
    output, head_output = torch.zeros(1, 2, 16).numpy(), torch.zeros(1, 1, 16).numpy()
    tape = kernel.forward(flat, x, x, None, output, head_output, threads=1, keep=True)
    with pytest.raises(ValueError, match="wrong number of parameters"):
        kernel.forward(flat[1:], x, x, None, output, head_output, threads=1, keep=True)
    with pytest.raises(ValueError, match="wrong shape"):
        kernel.forward(flat, x, x, None, output[..., :15].copy(), head_output, threads=1, keep=True)
    with pytest.raises(ValueError, match="shorter than the receptive field"):
        kernel.forward(flat, x[..., :4].copy(), x, None, output[..., :0].copy(), head_output[..., :0].copy(), 1, True)
    other = _core.WaveNetArrayFloat(1, 1, 2, 2, 1, 1, False, [(3, 2, "Tanh", 0.0)])
    with pytest.raises(ValueError, match="another forward pass"):
        other.backward(tape, x, x, None, None, head_output, flat, None, None, threads=1)
    with pytest.raises(ValueError, match="at least 1"):
        _core.WaveNetArrayFloat(1, 1, 0, 2, 1, 1, False, [(3, 2, "Tanh", 0.0)])
    with pytest.raises(ValueError, match="unknown activation"):
        _core.WaveNetArrayFloat(1, 1, 2, 2, 1, 1, False, [(3, 2, "Sine", 0.0)])
