"""The compiled recurrent layers against torch's: same outputs, same state, same gradients, same every time."""

import pytest
import torch
from torch import Tensor

from triode import _core
from triode.training import recurrent_kernels
from triode.training.networks.recurrent import Recurrent, RecurrentConfig
from triode.training.recurrent_kernels import fused_recurrent

pytestmark = pytest.mark.usefixtures("one_thread")

UNITS = ("lstm", "gru")


def some_network(unit: str, hidden: int, knobs: int = 0, dtype: torch.dtype = torch.float64) -> Recurrent:
    """With biases, which a fresh network has not."""
    torch.manual_seed(hidden)
    network = Recurrent(RecurrentConfig("lstm" if unit == "lstm" else "gru", hidden, knobs=knobs)).to(dtype)
    for parameter in network.parameters():
        torch.nn.init.uniform_(parameter, -0.5, 0.5)
    return network


def some_state(network: Recurrent, batch: int) -> tuple[Tensor, ...]:
    dtype = network.lin.weight.dtype
    count = 2 if network.config.unit == "lstm" else 1
    return tuple(
        torch.rand(1, batch, network.config.hidden_size, dtype=dtype).sub(0.5).requires_grad_() for _ in range(count)
    )


def result(network: Recurrent, x: Tensor, state: tuple[Tensor, ...], fused: bool) -> dict[str, Tensor]:
    """Output and last state, and gradients of a random function of all of them by parameters and first state."""
    given = state if len(state) == 2 else state[0]
    outcome = fused_recurrent(network, x, given) if fused else network.reference(x, given)
    assert outcome is not None, "the kernels declined"
    y, after = outcome
    found = {"output": y}
    found |= {f"state {index}": s for index, s in enumerate(after if isinstance(after, tuple) else (after,))}
    generator = torch.Generator().manual_seed(5)
    seeds = [torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value) for value in found.values()]
    leaves = dict(network.named_parameters()) | {f"state before {index}": s for index, s in enumerate(state)}
    gradients = torch.autograd.grad(list(found.values()), list(leaves.values()), seeds)
    return found | dict(zip(leaves, gradients, strict=True))


def assert_close(found: dict[str, Tensor], expected: dict[str, Tensor], relative: float) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        error = (found[name].detach().double() - value.detach().double()).norm() / value.detach().double().norm()
        assert float(error) <= relative, f"{name} differs by {float(error):.1e}"


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("threads", [1, 3])
def test_gradients_are_those_of_finite_differences(unit: str, threads: int) -> None:
    torch.set_num_threads(threads)
    network = some_network(unit, 3, knobs=1)
    state = some_state(network, 2)
    x = torch.randn(2, 2, 19, dtype=torch.float64)

    def outputs(*leaves: Tensor) -> tuple[Tensor, ...]:
        found = fused_recurrent(network, x, leaves[: len(state)] if len(state) == 2 else leaves[0])
        assert found is not None
        y, after = found
        return (y, *(after if isinstance(after, tuple) else (after,)))

    torch.autograd.gradcheck(outputs, (*state, *network.parameters()), fast_mode=True)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("batch", "steps", "threads"), [(1, 1, 1), (3, 17, 2), (16, 32, 1), (50, 65, 2), (70, 15, 3)])
def test_it_is_torchs_layer(unit: str, batch: int, steps: int, threads: int) -> None:
    torch.set_num_threads(threads)
    for hidden, knobs in ((1, 0), (5, 2), (16, 0)):
        network = some_network(unit, hidden, knobs)
        x, state = torch.randn(batch, 1 + knobs, steps, dtype=torch.float64), some_state(network, batch)
        assert_close(result(network, x, state, fused=True), result(network, x, state, fused=False), 1e-10)


@pytest.mark.parametrize("unit", UNITS)
def test_it_is_torchs_layer_in_single_precision(unit: str) -> None:
    for hidden in (8, 24, 40):
        network = some_network(unit, hidden, dtype=torch.float32)
        x, state = torch.randn(33, 1, 200), some_state(network, 33)
        found = result(network, x, state, fused=True)
        exact = result(network.double(), x.double(), tuple(s.detach().double().requires_grad_() for s in state), False)
        assert_close(found, exact, 1e-4)


@pytest.mark.parametrize("unit", UNITS)
def test_the_state_carries_on(unit: str) -> None:
    """Two pieces one after the other are the whole, without and with gradients recorded."""
    network = some_network(unit, 6)
    x = torch.randn(4, 90, dtype=torch.float64)
    whole, last = network(x)
    with torch.no_grad():
        first, state = network(x[:, :37])
    second, after = network(x[:, 37:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(after, last)
    assert not first.requires_grad


@pytest.mark.parametrize("unit", UNITS)
def test_results_repeat_and_do_not_depend_on_threads(unit: str) -> None:
    network = some_network(unit, 7, dtype=torch.float32)
    x, state = torch.randn(70, 1, 40), some_state(network, 70)
    outcomes = []
    for threads in (1, 1, 2, 3):
        torch.set_num_threads(threads)
        outcomes.append(result(network, x, state, fused=True))
    for other in outcomes[1:]:
        assert all(torch.equal(outcomes[0][name], other[name]) for name in other)


def test_torch_computes_what_the_kernels_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(2, 1, 30)
    stacked = Recurrent(RecurrentConfig("lstm", 4, num_layers=2))
    assert fused_recurrent(stacked, x, None) is None
    assert stacked(x[:, 0])[0].shape == (2, 30)
    plain = some_network("gru", 4, dtype=torch.float32)
    assert fused_recurrent(plain, x.clone().requires_grad_(), None) is None
    assert fused_recurrent(plain, x.to(torch.bfloat16), None) is None
    expected = plain(x[:, 0])[0]
    monkeypatch.setattr(recurrent_kernels, "_core", None)
    assert fused_recurrent(plain, x, None) is None
    torch.testing.assert_close(plain(x[:, 0])[0], expected)


def test_arrays_of_the_wrong_shape_are_refused() -> None:
    layer = _core.RecurrentLayerFloat("lstm", 1, 3)
    flat, x = torch.zeros(layer.parameter_count).numpy(), torch.zeros(2, 1, 10).numpy()
    state, y = torch.zeros(2, 3).numpy(), torch.zeros(2, 10).numpy()

    def forward(flat=flat, x=x, hidden=state, memory=state, y=y, threads=1):
        return layer.forward(flat, x, hidden, memory, y, state.copy(), state.copy(), threads, True)

    for changes, complaint in (
        ({"flat": flat[1:].copy()}, "wrong number of parameters"),
        ({"y": y[:, 1:].copy()}, "wrong shape"),
        ({"hidden": state[:, 1:].copy()}, "wrong shape"),
        ({"memory": None}, "LSTMs have a memory"),
        ({"x": x[..., :0].copy(), "y": y[:, :0].copy()}, "nothing to compute"),
        ({"threads": 0}, "at least 1"),
    ):
        with pytest.raises(ValueError, match=complaint):
            forward(**changes)
    tape = forward()
    other = _core.RecurrentLayerFloat("lstm", 1, 3)
    with pytest.raises(ValueError, match="another forward pass"):
        other.backward(tape, x, state, state, y, None, None, flat, None, None, 1)
    for unit, inputs, hidden in (("lstm", 0, 3), ("gru", 1, 0), ("rnn", 1, 3)):
        with pytest.raises(ValueError, match="recurrent layer"):
            _core.RecurrentLayerFloat(unit, inputs, hidden)
