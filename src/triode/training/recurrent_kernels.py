"""Recurrent layers on a CPU, forward and backward in compiled kernels instead of torch's (engine/training).

`networks/recurrent.py` is the readable reference; this computes the same several times as fast, where it can:
`fused_recurrent` says where it cannot, and the reference computes.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from triode.training.kernels import as_array

try:
    from triode import _core
except ImportError:  # torch alone is enough to train, only slower
    _core = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from triode.training.networks.recurrent import Recurrent, State

CLASS_OF_DTYPE = {torch.float32: "RecurrentLayerFloat", torch.float64: "RecurrentLayerDouble"}


def fused_recurrent(network: "Recurrent", x: Tensor, state: "State | None") -> "tuple[Tensor, State] | None":
    """(B, inputs, T) and the state before -> linear output (B, T) and the state after; None if the kernels cannot."""
    config = network.config
    if _core is None or config.num_layers != 1 or x.device.type != "cpu" or x.dtype not in CLASS_OF_DTYPE:
        return None
    if torch.is_grad_enabled() and x.requires_grad:
        return None
    kernel = _kernel(CLASS_OF_DTYPE[x.dtype], config.unit, 1 + config.knobs, config.hidden_size)
    lstm = config.unit == "lstm"
    if state is None:
        zeros = x.new_zeros((1, x.shape[0], config.hidden_size))
        state = (zeros, zeros) if lstm else zeros
    hidden, memory = state if isinstance(state, tuple) else (state, None)
    inputs = (x.contiguous(), hidden[0].contiguous(), None if memory is None else memory[0].contiguous())
    parameters = (*network.rec.parameters(), *network.lin.parameters())
    output, hidden, memory = _RecurrentFunction.apply(kernel, torch.is_grad_enabled(), *inputs, *parameters)  # type: ignore[no-untyped-call]
    after = hidden.unsqueeze(0)
    return output, after if memory is None else (after, memory.unsqueeze(0))


class _RecurrentFunction(torch.autograd.Function):
    """A layer and its linear output, differentiable once in the parameters and in the state before."""

    @staticmethod
    def forward(
        ctx: Any, kernel: Any, keep: bool, x: Tensor, hidden: Tensor, memory: Tensor | None, *parameters: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """(B, inputs, T), (B, H), (B, H) or None -> output (B, T) and the state after."""
        output, after = x.new_empty((x.shape[0], x.shape[-1])), torch.empty_like(hidden)
        memory_after = None if memory is None else torch.empty_like(memory)
        flat = torch.cat([p.detach().reshape(-1) for p in parameters])
        ctx.tape = kernel.forward(
            *(as_array(tensor) for tensor in (flat, x, hidden, memory, output, after, memory_after)),
            threads=torch.get_num_threads(),
            keep=keep,
        )
        ctx.kernel, ctx.shapes = kernel, [p.shape for p in parameters]
        ctx.save_for_backward(x, hidden, memory)
        ctx.set_materialize_grads(False)
        return output, after, memory_after

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *incoming: Tensor | None) -> tuple[Tensor | None, ...]:
        """Gradients of the output and of the state after -> one gradient or None per argument of forward."""
        x, hidden, memory = ctx.saved_tensors
        output_gradient = x.new_zeros((x.shape[0], x.shape[-1])) if incoming[0] is None else incoming[0].contiguous()
        states = (None if g is None else g.contiguous() for g in incoming[1:])
        gradient = x.new_empty(sum(shape.numel() for shape in ctx.shapes))
        dhidden = torch.empty_like(hidden) if ctx.needs_input_grad[3] else None
        dmemory = torch.empty_like(memory) if ctx.needs_input_grad[4] else None
        ctx.kernel.backward(
            ctx.tape,
            *(as_array(t) for t in (x, hidden, memory, output_gradient, *states, gradient, dhidden, dmemory)),
            threads=torch.get_num_threads(),
        )
        parts = torch.split(gradient, [shape.numel() for shape in ctx.shapes])
        parameters = (part.view(shape) for part, shape in zip(parts, ctx.shapes, strict=True))
        return None, None, None, dhidden, dmemory, *parameters


@lru_cache(maxsize=8)
def _kernel(class_name: str, unit: str, inputs: int, hidden: int) -> Any:
    return getattr(_core, class_name)(unit, inputs, hidden)
