"""WaveNet arrays on a CPU, forward and backward in the engine's compiled kernels instead of torch's.

`networks/wavenet.py` is the readable reference; this computes the same several times as fast (engine/training). It is
taken where it can be: without the compiled extension, on another device, or for parts that the kernels do not have,
`fused_array` says so and the reference computes.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

try:
    from triode import _core
except ImportError:  # torch alone is enough to train, only slower
    _core = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from triode.training.networks.wavenet import Array, ArrayConfig

CLASS_OF_DTYPE = {torch.float32: "WaveNetArrayFloat", torch.float64: "WaveNetArrayDouble"}


def fused_array(
    array: "Array", h: Tensor, condition: Tensor, head: Tensor | None, weights: Tensor | None = None
) -> tuple[Tensor, Tensor] | None:
    """The outputs of `array.forward` with the same arguments, or None if the kernels cannot compute them."""
    needs_condition_gradient = torch.is_grad_enabled() and condition.requires_grad
    if _core is None or h.device.type != "cpu" or h.dtype not in CLASS_OF_DTYPE or needs_condition_gradient:
        return None
    layers = _layers(array.config)
    if layers is None:
        return None
    config = array.config
    kernel = _kernel(
        CLASS_OF_DTYPE[h.dtype],
        (config.input_size, config.condition_size, config.channels, config.bottleneck),
        (config.head.out_channels, config.head.kernel_size, config.head.bias),
        layers,
    )
    inputs = (h.contiguous(), condition.contiguous(), None if head is None else head.contiguous())
    parameters = tuple(array.parameters()) if weights is None else (weights,)
    if torch.is_grad_enabled():
        output, head_output = WaveNetArrayFunction.apply(kernel, array.trim, *inputs, *parameters)  # type: ignore[no-untyped-call]
    else:
        output, head_output, _ = _forward(kernel, array.trim, *inputs, parameters, keep=False)
    if head is not None and head.shape[-1] < output.shape[-1]:
        head_output = head_output[..., output.shape[-1] - head.shape[-1] :]
    return output, head_output


class WaveNetArrayFunction(torch.autograd.Function):
    """An array of layers from its rechannel to its head, differentiable once in everything but the condition.

    `parameters` are those of the array, in order, or one tensor (B, P) of flat vectors, one for each item.
    """

    @staticmethod
    def forward(
        ctx: Any, kernel: Any, trim: int, h: Tensor, condition: Tensor, head: Tensor | None, *parameters: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Layer output and head output of an array that takes `trim` samples off its input."""
        output, head_output, tape = _forward(kernel, trim, h, condition, head, parameters, keep=True)
        ctx.kernel, ctx.tape, ctx.shapes = kernel, tape, [p.shape for p in parameters]
        ctx.save_for_backward(h, condition, head)
        ctx.set_materialize_grads(False)
        return output, head_output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, output_gradient: Tensor | None, head_gradient: Tensor | None) -> tuple[Tensor | None, ...]:
        """Gradients of the layer output and of the head output -> one gradient or None per argument of forward."""
        h, condition, head = ctx.saved_tensors
        gradient = torch.empty(sum(shape.numel() for shape in ctx.shapes), dtype=h.dtype)
        dh = torch.empty_like(h) if ctx.needs_input_grad[2] else None
        dhead = torch.empty_like(head) if ctx.needs_input_grad[4] else None
        incoming = (None if g is None else g.contiguous() for g in (output_gradient, head_gradient))
        ctx.kernel.backward(
            ctx.tape,
            *(as_array(tensor) for tensor in (h, condition, head, *incoming, gradient, dh, dhead)),
            threads=torch.get_num_threads(),
        )
        parts = torch.split(gradient, [shape.numel() for shape in ctx.shapes])
        parameters = (part.view(shape) for part, shape in zip(parts, ctx.shapes, strict=True))
        return None, None, dh, None, dhead, *parameters


def _forward(
    kernel: Any,
    trim: int,
    h: Tensor,
    condition: Tensor,
    head: Tensor | None,
    parameters: tuple[Tensor, ...],
    keep: bool,
) -> tuple[Tensor, Tensor, Any]:
    """Layer output, head output, and what the backward pass needs if `keep`."""
    batch, samples = h.shape[0], h.shape[-1] - trim
    output = h.new_empty((batch, kernel.channels, samples))
    head_output = h.new_empty((batch, kernel.outputs, samples - kernel.head_kernel_size + 1))
    flat = torch.cat([p.detach().reshape(-1) for p in parameters])
    tape = kernel.forward(
        *(as_array(tensor) for tensor in (flat, h, condition, head, output, head_output)),
        threads=torch.get_num_threads(),
        keep=keep,
    )
    return output, head_output, tape


def as_array(tensor: Tensor | None) -> Any:
    """The same memory as an array."""
    return None if tensor is None else tensor.detach().numpy()


@lru_cache(maxsize=8)
def _kernel(
    class_name: str,
    sizes: tuple[int, int, int, int],
    head: tuple[int, int, bool],
    layers: tuple[tuple[int, int, str, float], ...],
) -> Any:
    return getattr(_core, class_name)(*sizes, *head, layers)


def _layers(config: "ArrayConfig") -> tuple[tuple[int, int, str, float], ...] | None:
    """Kernel size, dilation, activation and its slope below zero of each layer, or None if one is not supported."""
    slopes = [float(activation.get("negative_slope", 0.01)) for activation in config.activations]
    if any(gating != "none" for gating in config.gating) or min(slopes) < 0:
        return None
    names = [activation["type"] for activation in config.activations]
    return tuple(zip(config.kernel_sizes, config.dilations, names, slopes, strict=True))
