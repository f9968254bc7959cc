"""SOAP: what it promises of ill-conditioned layers, and that every parameter gets the step that is its own."""

import math

import pytest
import torch
from torch import nn

from triode.training import soap
from triode.training.soap import LARGEST_SIDE, Soap, weight_matrices


def correlated_inputs(samples: int = 512, size: int = 12) -> torch.Tensor:
    """Neighbouring samples of something slow: the condition number of their covariance is about 1e5."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(samples + 8 * size, generator=generator)
    slow = noise.unfold(0, 32, 1).mean(-1)
    return slow.unfold(0, size, 1)[:samples] / slow.std()


def error_left(make_optimiser, rate: float, steps: int = 300) -> float:
    """What is left of a linear layer's error on correlated inputs, the rate falling to nothing along a cosine."""
    torch.manual_seed(1)
    x = correlated_inputs()
    target = x @ torch.randn(x.shape[1], 3)
    layer = nn.Linear(x.shape[1], 3)
    optimiser = make_optimiser(layer, rate)
    (group,) = optimiser.param_groups
    for step in range(steps):
        group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        optimiser.zero_grad()
        loss = (layer(x) - target).square().mean()
        loss.backward()
        optimiser.step()
    return float((layer(x) - target).square().mean().detach() / target.square().mean())


def test_correlated_weights_are_learned_in_fewer_steps_than_adam_takes() -> None:
    """Adam with the same memories and the best of four rates."""
    adam = min(
        error_left(lambda layer, lr: torch.optim.Adam(layer.parameters(), lr, (0.8, 0.9)), rate)
        for rate in (0.01, 0.03, 0.1, 0.3)
    )
    found = error_left(lambda layer, lr: Soap(weight_matrices(layer), lr), 0.1)
    assert found < adam / 20


def test_parameters_of_one_module_and_as_many_rows_are_one_matrix() -> None:
    network = nn.Sequential(nn.Conv1d(2, 4, 3), nn.LSTM(1, 5), nn.Conv1d(4, 1, 1, bias=False))
    shapes = [[tuple(p.shape) for p in matrix] for matrix in weight_matrices(network)]
    assert shapes == [[(4, 2, 3), (4,)], [(20, 1), (20, 5), (20,), (20,)], [(1, 4, 1)]]
    network[0].bias.requires_grad_(False)
    assert sum(len(matrix) for matrix in weight_matrices(network)) == 6


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (3, LARGEST_SIDE + 1), (LARGEST_SIDE + 1, 2)])
def test_every_shape_descends(shape: tuple[int, int]) -> None:
    """Two matrices of one shape and a bias, each with a target of its own: none gets another's step."""
    torch.manual_seed(0)
    layers = nn.ModuleList(nn.Linear(shape[1], shape[0]) for _ in range(2))
    targets = [torch.randn_like(p) for p in layers.parameters()]
    optimiser = Soap(weight_matrices(layers), 0.05)
    for step in range(400):
        optimiser.param_groups[0]["lr"] = 0.05 * (1 - step / 400)
        optimiser.zero_grad()
        sum((p - t).square().sum() for p, t in zip(layers.parameters(), targets, strict=True)).backward()
        optimiser.step()
    for parameter, target in zip(layers.parameters(), targets, strict=True):
        assert float((parameter - target).abs().max().detach()) < 0.02


def test_a_parameter_that_nothing_hears_stays_where_it_was() -> None:
    """It has no gradient, though another matrix of its shape has one."""
    torch.manual_seed(0)
    layers = nn.ModuleList(nn.Linear(3, 2) for _ in range(2))
    before = [parameter.detach().clone() for parameter in layers[1].parameters()]
    optimiser = Soap(weight_matrices(layers), 0.05)
    for _ in range(30):
        optimiser.zero_grad()
        (layers[0](torch.ones(3)) - 1).square().sum().backward()
        optimiser.step()
    assert float((layers[0](torch.ones(3)) - 1).abs().max().detach()) < 0.5
    for parameter, old in zip(layers[1].parameters(), before, strict=True):
        assert torch.equal(parameter, old)


def test_a_saved_state_goes_on_as_if_never_stopped() -> None:
    def gradients(layer: nn.Module, step: int) -> None:
        generator = torch.Generator().manual_seed(step)
        for parameter in layer.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)

    torch.manual_seed(0)
    whole = nn.Linear(5, 4)
    optimiser = Soap(weight_matrices(whole), 0.01)
    for step in range(30):
        gradients(whole, step)
        optimiser.step()
        if step == 12:
            halfway = nn.Linear(5, 4)
            halfway.load_state_dict(whole.state_dict())
            second = Soap(weight_matrices(halfway), 0.01)
            second.load_state_dict(optimiser.state_dict())
            saved = {key: tensor.clone() for key, tensor in second.state[halfway.weight].items()}
            second.state[halfway.weight] = saved
    for step in range(13, 30):
        gradients(halfway, step)
        second.step()
    assert torch.equal(whole.weight, halfway.weight)
    assert torch.equal(whole.bias, halfway.bias)


def test_rounding_errors_are_not_scaled_up() -> None:
    """A gradient that always points one way leaves the weights across it where they were."""
    layer = nn.Linear(6, 1, bias=False)
    nn.init.zeros_(layer.weight)
    along = torch.randn(1, 6, generator=torch.Generator().manual_seed(3))
    optimiser = Soap(weight_matrices(layer), 0.01)
    for _ in range(50):
        layer.weight.grad = along.clone()
        optimiser.step()
    moved = layer.weight.detach().squeeze() @ along.squeeze() / along.norm()
    across = layer.weight.detach() - moved * along / along.norm()
    assert float(moved) < -0.1
    assert float(across.abs().max()) < 0.1 * abs(float(moved))


def test_a_long_gradient_counts_as_one_of_the_clipped_length() -> None:
    """Over several matrices together, as `clip_grad_norm_` has it; a short one is left alone."""
    moved = []
    for clip, outside in ((1.0, False), (math.inf, True)):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
        optimiser = Soap(weight_matrices(network), 0.01, clip=clip)
        generator = torch.Generator().manual_seed(1)
        for size in (100.0, 0.01, 3.0, 0.1):
            for parameter in network.parameters():
                parameter.grad = size * torch.randn(parameter.shape, generator=generator)
            if outside:
                torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
        moved.append(torch.cat([parameter.detach().reshape(-1) for parameter in network.parameters()]))
    torch.testing.assert_close(*moved, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("one_thread")
def test_a_step_takes_one_thread_and_gives_the_others_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a step that fails: the kernels of the next forward pass take as many as before."""
    layer = nn.Linear(3, 2)
    optimiser = Soap(weight_matrices(layer), 0.01)
    layer.weight.grad, layer.bias.grad = torch.ones(2, 3), torch.ones(2)
    during = []

    def fail(*_: object) -> None:
        during.append(torch.get_num_threads())
        raise ArithmeticError

    monkeypatch.setattr(soap, "direction", fail)
    torch.set_num_threads(2)
    with pytest.raises(ArithmeticError):
        optimiser.step()
    assert during == [1]
    assert torch.get_num_threads() == 2
