"""SOAP: Adam in the coordinates in which a layer's gradients are uncorrelated (Vyas et al., ICLR 2025).

A layer's weights are one matrix W. The running means of G G' and of G' G over its gradients G have the eigenvectors
`left` and `right`; in left' G right the entries hardly correlate, and Adam, which scales every entry by itself, comes
close to a step that knows the whole curvature of the layer (Gupta et al., Shampoo, ICML 2018). Amp models gain much by
it: their output must be right to a thousandth, and the weights of a layer are as correlated as neighbouring samples.
The layers are so small that all of this costs a twentieth (A2-Full, long crops) to a sixth (feather) of a step.
"""

import math
from collections.abc import Callable, Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn

from triode.training.gpu.orthonormal import orthonormal
from triode.training.runtime import one_thread

LARGEST_SIDE = 128  # a longer side keeps its own coordinates: its eigenvectors would take longer than the gradient
MOMENTUM, MEMORY = 0.8, 0.9
FIRST_STEPS = 20  # while the means are young, the coordinates follow them at every step
EPSILON = 1e-8


def weight_matrices(network: nn.Module) -> list[list[nn.Parameter]]:
    """The trained parameters in lists, each of one matrix: those of one module with equally many rows, side by side."""
    found: list[list[nn.Parameter]] = []
    for module in network.modules():
        rows: dict[int, list[nn.Parameter]] = {}
        for parameter in module.parameters(recurse=False):
            if parameter.requires_grad:
                rows.setdefault(parameter.shape[0] if parameter.dim() else 1, []).append(parameter)
        found += rows.values()
    return found


class Soap(torch.optim.Optimizer):
    """Steps over matrices given as lists of parameters with equally many rows.

    `momentum` is the memory of the mean gradient, `memory` that of its square and of the correlations; the coordinates
    follow every `interval` steps by one QR step of the power method. A gradient of all parameters longer than `clip` is
    shortened to that: here, where it lies in one piece, this costs a twentieth of `clip_grad_norm_`.
    """

    def __init__(
        self,
        matrices: Sequence[Sequence[nn.Parameter]],
        lr: float,
        momentum: float = MOMENTUM,
        memory: float = MEMORY,
        interval: int = 2,
        clip: float = math.inf,
    ) -> None:
        parameters = [parameter for matrix in matrices for parameter in matrix]
        options = {"lr": lr, "momentum": momentum, "memory": memory, "interval": interval, "clip": clip}
        super().__init__(parameters, options)
        self._places = matrix_places(matrices, parameters[0].device)

    @torch.no_grad()
    @one_thread()  # with two, QR decompositions of these sizes take four times as long
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move the parameters by their gradients."""
        (group,) = self.param_groups
        parameters = group["params"]
        # A parameter that nothing hears, like the last residual 1x1 of a gated WaveNet, has no gradient and stays.
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        gradient = torch.cat([g.reshape(-1) for g in gradients])
        if group["clip"] < math.inf:
            gradient *= (group["clip"] / gradient.norm()).clamp(max=1.0)
        change = torch.empty_like(gradient)
        for owner, at in zip(parameters, self._places, strict=False):
            state = self.state[owner]
            if not state:
                state.update(start(gradient[at]))
            change[at] = direction(gradient[at], state, group)
        parts = torch.split(change, [p.numel() for p in parameters])
        steps = [part.view(p.shape) for part, p in zip(parts, parameters, strict=True)]
        torch._foreach_add_(parameters, steps, alpha=-group["lr"])


def matrix_places(
    matrices: Sequence[Sequence[nn.Parameter]],
    device: torch.device,
    order: Sequence[nn.Parameter] | None = None,
) -> list[Tensor]:
    """Where the entries of each matrix lie in the vector of all parameters, (N, R, C) for N of one shape.

    The vector has the parameters in `order`, else in that of the matrices.
    """
    order = [parameter for matrix in matrices for parameter in matrix] if order is None else order
    first = dict(zip(map(id, order), accumulate([0, *(parameter.numel() for parameter in order)]), strict=False))
    shapes: dict[torch.Size, list[Tensor]] = {}
    for matrix in matrices:
        columns = []
        for parameter in matrix:
            rows = parameter.shape[0] if parameter.dim() else 1
            at = first[id(parameter)]
            columns.append(torch.arange(at, at + parameter.numel()).view(rows, -1))
        places = torch.cat(columns, dim=1)
        shapes.setdefault(places.shape, []).append(places)
    return [torch.stack(stack).to(device) for stack in shapes.values()]


def start(gradient: Tensor) -> dict[str, Tensor]:
    """The state before the first step on a stack of matrices (N, R, C)."""
    count, *sides = gradient.shape
    state = {
        "step": torch.zeros((), device=gradient.device),
        "mean": torch.zeros_like(gradient),
        "square": torch.zeros_like(gradient),
    }
    for name, side in zip(("left", "right"), sides, strict=True):
        if 1 < side <= LARGEST_SIDE:
            state[name] = torch.eye(side).to(gradient).repeat(count, 1, 1)
            state[f"{name}_correlation"] = torch.zeros_like(state[name])
    return state


def follows(step: int, interval: int) -> bool:
    """Whether the coordinates follow at the `step`th step, counted from 1."""
    return step <= FIRST_STEPS or step % interval == 0


def direction(
    gradient: Tensor, state: dict[str, Tensor], group: dict[str, float], follow: bool | None = None
) -> Tensor:
    """What to go along for these gradients (N, R, C); the state is brought up to date in place.

    `follow` says whether the coordinates shall follow at this step, for a caller that counts the steps itself.
    """
    momentum, memory = group["momentum"], group["memory"]
    state["step"] += 1
    step = int(state["step"]) if follow is None else state["step"]
    state["mean"].lerp_(gradient, 1 - momentum)
    turned = _turn(gradient, state)
    state["square"].lerp_(turned.square(), 1 - memory)
    mean = _turn(state["mean"], state) / (1 - momentum**step)
    scaled = mean / ((state["square"] / (1 - memory**step)).sqrt() + EPSILON)
    turned_back = _turn_back(scaled, state)
    # Only now, so that this step's coordinates do not know its gradient: there it would have entries of nothing but
    # rounding errors, which Adam would scale up like all others.
    for name, product in (("left", gradient @ gradient.mT), ("right", gradient.mT @ gradient)):
        if name in state:
            state[f"{name}_correlation"].lerp_(product, 1 - memory)
    if follow or (follow is None and follows(int(step), int(group["interval"]))):
        _follow(state)
    return turned_back


def _turn(matrix: Tensor, state: dict[str, Tensor]) -> Tensor:
    """left' matrix right."""
    matrix = state["left"].mT @ matrix if "left" in state else matrix
    return matrix @ state["right"] if "right" in state else matrix


def _turn_back(matrix: Tensor, state: dict[str, Tensor]) -> Tensor:
    """left matrix right'."""
    matrix = state["left"] @ matrix if "left" in state else matrix
    return matrix @ state["right"].mT if "right" in state else matrix


def _follow(state: dict[str, Tensor]) -> None:
    """Bring the coordinates closer to the eigenvectors, the largest first, and the squares along with them."""
    for name, axis in (("left", 1), ("right", 2)):
        if name not in state:
            continue
        towards = state[f"{name}_correlation"] @ state[name]
        size = (state[name] * towards).sum(dim=1)
        order = size.argsort(dim=1, descending=True, stable=True)
        towards = towards.gather(2, order.unsqueeze(1).expand_as(towards))
        state[name].copy_(orthonormal(towards, state[name]))
        among = order.unsqueeze(3 - axis).expand_as(state["square"])
        state["square"].copy_(state["square"].gather(axis, among))
