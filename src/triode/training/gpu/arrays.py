"""WaveNet arrays on a CUDA device, forward and backward in Triton kernels instead of torch's operations.

`networks/wavenet.py` is the readable reference. Where Triton is not there, or a part is not supported, `fused_array`
says so and the reference computes. Products run in TF32, whose rounding (1e-3 of a number) is far below what a model
errs by; everything else is single precision.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from triode.training.gpu.packing import SMALLEST_TILE, ConvolutionPlace, Packing, columns, padded

if TYPE_CHECKING:
    from triode.training.networks.wavenet import Array, ArrayConfig

KINDS = {"Tanh": 0, "Sigmoid": 1, "ReLU": 2, "LeakyReLU": 3, "Softsign": 4, "Hardtanh": 5}
MOST_CHANNELS = 16
MOST_CONDITIONS = 15  # with the bias they are one tile
PRECISION = "tf32"
# Samples that a program works on at once, and what else was fastest on an H100.
FORWARD = {"BLOCK": 128, "num_warps": 2}
BACKWARD = {"BLOCK": 64, "num_warps": 2}
GRADIENT = {"BLOCK": 64, "num_warps": 1, "num_stages": 1}
CHUNK = 2048  # samples of which one program sums the gradients of weights
# Triton's interpreter runs the kernels on a CPU, for tests.
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


@cache
def kernels() -> Any:
    """The module of the kernels, or None where Triton is missing; loaded when first needed, which takes a second."""
    try:
        from triode.training.gpu import kernels as module
    except ImportError:  # torch alone is enough to train, only slower
        return None
    return module


def runs_here(device: torch.device) -> bool:
    """Whether the kernels can run on `device`."""
    return device.type == "cuda" and kernels() is not None


def supports(config: "ArrayConfig") -> bool:
    """Whether the kernels have all that an array is made of."""
    return _plan(_Shape(config)) is not None


def fused_array(
    array: "Array", h: Tensor, condition: Tensor, head: Tensor | None, weights: Tensor | None = None
) -> tuple[Tensor, Tensor] | None:
    """The outputs of `array.forward` with the same arguments, or None if the kernels cannot compute them.

    `weights` (G, P) are those of G groups of items, one after another.
    """
    needs_condition_gradient = torch.is_grad_enabled() and condition.requires_grad
    here = h.dtype == torch.float32 and (h.is_cuda or INTERPRETED)
    if not here or needs_condition_gradient or kernels() is None:
        return None
    plan = _plan(_Shape(array.config))
    if plan is None:
        return None
    flat = array.flat_parameters()[None] if weights is None else weights
    length = h.shape[-1] - array.trim
    if head is not None:
        length = min(length, head.shape[-1])
        head = _channels_last(head[..., -length:], plan.packing.width)
    x = _channels_last(h, plan.packing.input_width)
    output, head_output = _Array.apply(plan, x, condition[..., -h.shape[-1] :], head, flat, length)  # type: ignore[no-untyped-call]
    return (
        output[:, array.trim :, : array.config.channels].transpose(1, 2),
        head_output[:, :, : array.config.head.out_channels].transpose(1, 2),
    )


def _channels_last(x: Tensor, width: int) -> Tensor:
    """(B, C, T) -> (B, T, width), zeros in the channels that are not there."""
    missing = width - x.shape[1]
    x = x.transpose(1, 2)
    return (torch.nn.functional.pad(x, (0, missing)) if missing else x).contiguous()


class _Shape:
    """A hashable stand-in for an ArrayConfig, whose activations are mappings."""

    def __init__(self, config: "ArrayConfig") -> None:
        self.config = config
        activations = [tuple(sorted(activation.items())) for activation in config.activations]
        sizes = (config.input_size, config.channels, config.bottleneck, config.condition_size, config.head)
        self._key = (*sizes, config.kernel_sizes, config.dilations, tuple(activations), config.gating)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shape) and self._key == other._key


@dataclass(frozen=True)
class _Plan:
    """What does not change from call to call."""

    packing: Packing
    dilations: tuple[int, ...]
    taps: tuple[int, ...]
    kinds: tuple[int, ...]
    slopes: tuple[float, ...]
    conditions: int
    head_taps: int
    tables: dict[tuple[torch.device, int], "_Tables"]

    @property
    def starts(self) -> list[int]:
        """The first sample that each layer's input has, and last that of what the last layer makes."""
        found = [0]
        for taps, dilation in zip(self.taps, self.dilations, strict=True):
            found.append(found[-1] + (taps - 1) * dilation)
        return found


@lru_cache(maxsize=16)
def _plan(shape: _Shape) -> _Plan | None:
    config = shape.config
    names = [activation["type"] for activation in config.activations]
    slopes = tuple(float(activation.get("negative_slope", 0.01)) for activation in config.activations)
    if any(gating != "none" for gating in config.gating) or not set(names) <= set(KINDS) or min(slopes) < 0:
        return None
    packing = Packing(config)
    if (
        config.condition_size > MOST_CONDITIONS
        or max(packing.width, packing.input_width, packing.head_width) > MOST_CHANNELS
    ):
        return None
    kinds = tuple(KINDS[name] for name in names)
    return _Plan(
        packing,
        config.dilations,
        config.kernel_sizes,
        kinds,
        slopes,
        config.condition_size,
        config.head.kernel_size,
        {},
    )


class _Array(torch.autograd.Function):
    """Input (B, T, input_width), condition (B, D, T), head (B, length, width) or None, parameters (G, P) -> residual
    path (B, T, width), of which the first samples are not filled, and the head's output (B, n, head_width)."""

    @staticmethod
    def forward(
        ctx: Any, plan: _Plan, x: Tensor, condition: Tensor, head: Tensor | None, flat: Tensor, length: int
    ) -> tuple[Tensor, Tensor]:
        """Run the layers and the head, keeping the layers' signals for the backward pass."""
        condition = condition.contiguous()
        run = _Run(plan, x, condition, plan.packing.pack(flat.detach()))
        residual, activated, total, y = run.forward(head, length)
        ctx.run, ctx.length, ctx.groups = run, length, len(flat)
        ctx.save_for_backward(residual, activated, total)
        ctx.set_materialize_grads(False)
        return residual[-1], y[:, run.length - length + plan.head_taps - 1 :]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_residual: Tensor | None, d_head: Tensor | None) -> tuple[Tensor | None, ...]:
        """Gradients of the residual path and of the head's output -> one gradient or None per argument of forward."""
        run: _Run = ctx.run
        residual, activated, total = ctx.saved_tensors
        wants_input = ctx.needs_input_grad[1]
        packed, dx, d_total = run.backward(residual, activated, total, ctx.length, d_residual, d_head, wants_input)
        d_before = d_total[:, -ctx.length :] if ctx.needs_input_grad[3] else None
        gradient = packed.view(ctx.groups, -1, run.packing.primary).sum(dim=1)
        return None, dx, None, d_before, run.packing.unpack_gradient(gradient), None


class _Run:
    """One pass over a batch: the launches of the kernels, with what all of them need."""

    def __init__(self, plan: _Plan, x: Tensor, condition: Tensor, weights: Tensor) -> None:
        self.plan, self.packing = plan, plan.packing
        self.x, self.condition, self.weights = x, condition, weights
        self.items, self.length = x.shape[:2]
        self.width = self.packing.width
        self.columns = columns(self.width)
        self.items_per_weights = self.items // len(weights)
        self.starts = plan.starts

    def forward(self, head: Tensor | None, length: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Residual path (L + 1, B, T, width), activations (L, B, T, width), head sum and head output."""
        plan, layers = self.plan, len(self.plan.taps)
        residual = self.x.new_empty((layers + 1, self.items, self.length, self.width))
        activated = self.x.new_empty((layers, self.items, self.length, self.width))
        self._convolve(self.x, self.packing.rechannel, residual[0], 0, 0, self.packing.input_width, self.width)
        for layer, places in enumerate(self.packing.layers):
            start = self.starts[layer + 1]
            kernels().layer_forward[self._grid(start, FORWARD)](
                residual[layer], self.condition, activated[layer], residual[layer + 1], self.weights,
                places.conv.forward, places.conv.bias, places.mixin, places.back.forward, places.back.bias,
                self.length, self.starts[layer], start, self.packing.size, self.items_per_weights,
                plan.dilations[layer], plan.slopes[layer],
                TAPS=plan.taps[layer], P=self.width, N=self.columns, ROWS=self.columns,
                D=plan.conditions, KIND=plan.kinds[layer], PRECISION=PRECISION, **FORWARD,
            )  # fmt: skip
        begin = self.length - length
        total = self.x.new_empty((self.items, self.length, self.width))
        torch.sum(activated[:, :, begin:], dim=0, out=total[:, begin:])
        if head is not None:
            total[:, begin:] += head
        y = self.x.new_empty((self.items, self.length, self.packing.head_width))
        start = begin + plan.head_taps - 1
        self._convolve(total, self.packing.head, y, begin, start, self.width, self.packing.head_width)
        return residual, activated, total, y

    def backward(
        self, residual: Tensor, activated: Tensor, total: Tensor, length: int,
        d_residual: Tensor | None, d_head: Tensor | None, wants_input: bool,
    ) -> tuple[Tensor, Tensor | None, Tensor]:  # fmt: skip
        """Packed gradients (B x chunks, primary), of the input if it is wanted, and of the head sum."""
        plan, layers = self.plan, len(self.plan.taps)
        begin = self.length - length
        head_start = begin + plan.head_taps - 1
        dy = self.x.new_zeros((self.items, self.length, self.packing.head_width))
        if d_head is not None:
            dy[:, head_start:] = d_head
        d_total = torch.empty_like(total)
        self._convolve(
            dy, self.packing.head, d_total, head_start, begin, self.packing.head_width, self.width, transposed=True
        )
        dh = torch.empty_like(residual)
        dz = torch.empty_like(activated)
        if d_residual is not None:
            dh[-1] = d_residual
        for layer in range(layers, -1, -1):
            below, top = layer - 1, layer == layers
            start, first = self.starts[layer], self.starts[min(layer + 1, layers)]
            kernels().layer_backward[self._grid(start, BACKWARD)](
                dz[min(layer, layers - 1)], dh[min(layer + 1, layers)], dh[layer], activated[max(below, 0)], d_total,
                dz[max(below, 0)], self.weights,
                0 if top else self.packing.transposed(self.packing.layers[layer].conv),
                self.packing.transposed(self.packing.layers[max(below, 0)].back),
                self.length, first, start, begin, self.packing.size, self.items_per_weights,
                1 if top else plan.dilations[layer], plan.slopes[max(below, 0)],
                TAPS=0 if top else plan.taps[layer], P=self.width, N=self.columns,
                ROWS=self.columns, KIND=plan.kinds[max(below, 0)],
                ABOVE=d_residual is not None or layer < layers - 1, BELOW=below >= 0, PRECISION=PRECISION, **BACKWARD,
            )  # fmt: skip
        packed = self._weight_gradients(residual, activated, total, dh, dz, dy, begin, d_residual is not None)
        dx = None
        if wants_input:
            dx = torch.empty_like(self.x)
            self._convolve(
                dh[0], self.packing.rechannel, dx, 0, 0, self.width, self.packing.input_width, transposed=True
            )
        return packed, dx, d_total

    def _weight_gradients(
        self, residual: Tensor, activated: Tensor, total: Tensor, dh: Tensor, dz: Tensor, dy: Tensor, begin: int,
        residual_used: bool,
    ) -> Tensor:  # fmt: skip
        """(B x chunks, primary): what each chunk of time of each item adds."""
        chunks = _ceil(self.length, CHUNK)
        packed = self.x.new_empty((self.items * chunks, self.packing.primary))
        tables = self._tables(begin)
        for taps, table in tables.layers:
            self._weight_gradient(
                packed, chunks, table, taps, residual, dz, self.width, self.width, self.plan.conditions, True
            )
        back = tables.back if residual_used else tables.back[:-1]
        if not residual_used:  # nothing follows the last layer's residual path
            last = self.packing.layers[-1].back
            packed[:, last.forward : last.bias + self.columns] = 0.0
        if len(back):
            self._weight_gradient(packed, chunks, back, 1, activated, dh[1:], self.width, self.width, 0, True)
        widths = self.packing.input_width, self.width
        self._weight_gradient(packed, chunks, tables.rechannel, 1, self.x[None], dh[:1], *widths, 0, False)
        widths = self.width, self.packing.head_width
        bias = self.packing.head.bias >= 0
        self._weight_gradient(packed, chunks, tables.head, self.plan.head_taps, total[None], dy[None], *widths, 0, bias)
        return packed

    def _weight_gradient(
        self, packed: Tensor, chunks: int, table: Tensor, taps: int, x: Tensor, g: Tensor,
        width_in: int, width_out: int, conditions: int, bias: bool,
    ) -> None:  # fmt: skip
        kernels().weight_gradient[(chunks, self.items, len(table))](
            x, g, self.condition, table, packed, self.length, self.items, self.packing.primary,
            TAPS=taps, PX=width_in, PG=width_out, N=columns(width_out), D=conditions, BIAS=bias,
            ROWS=max(SMALLEST_TILE, padded(taps * width_in + bias + conditions)),
            CHUNK=CHUNK, PRECISION=PRECISION, **GRADIENT,
        )  # fmt: skip

    def _convolve(
        self, x: Tensor, place: ConvolutionPlace, y: Tensor, first: int, start: int, width_in: int, width_out: int,
        transposed: bool = False,
    ) -> None:  # fmt: skip
        """y from `start` on of x from `first` on, both (B, T, width)."""
        at = self.packing.transposed(place) if transposed else place.forward
        kernels().convolution[self._grid(start, FORWARD)](
            x, self.weights[:, at:], self.weights[:, max(place.bias, 0) :], y, self.length, first, start,
            self.packing.size, self.items_per_weights, -1 if transposed else 1,
            TAPS=place.taps, P=width_in, OUT=width_out, N=columns(width_out), ROWS=max(SMALLEST_TILE, width_in),
            BIAS=place.bias >= 0 and not transposed, PRECISION=PRECISION, **FORWARD,
        )  # fmt: skip

    def _grid(self, start: int, options: dict[str, int]) -> tuple[int, int]:
        return _ceil(self.length - start, options["BLOCK"]), self.items

    def _tables(self, begin: int) -> "_Tables":
        known = self.plan.tables
        key = (self.x.device, begin)
        if key not in known:
            known[key] = _make_tables(self.plan, begin, self.x.device)
        return known[key]


def _ceil(samples: int, block: int) -> int:
    """Blocks that hold so many samples."""
    return -(-samples // block)


@dataclass(frozen=True)
class _Tables:
    """What the kernel `weight_gradient` is told of the layers by their number of taps, of the ways back onto the
    residual path, of the rechannel and of the head."""

    layers: list[tuple[int, Tensor]]
    back: Tensor
    rechannel: Tensor
    head: Tensor


def _make_tables(plan: _Plan, begin: int, device: torch.device) -> _Tables:
    packing, starts = plan.packing, plan.starts

    def table(rows: Sequence[tuple[int, ...]]) -> Tensor:
        return torch.tensor(rows, dtype=torch.int32).to(device)

    by_taps: dict[int, list[tuple[int, ...]]] = {}
    back = []
    for layer, places in enumerate(packing.layers):
        first, start = starts[layer], starts[layer + 1]
        conv = (layer, plan.dilations[layer], first, start, places.conv.forward, places.conv.bias)
        by_taps.setdefault(plan.taps[layer], []).append(conv)
        back.append((layer, 1, start, start, places.back.forward, places.back.bias))
    head_start = begin + plan.head_taps - 1
    return _Tables(
        [(taps, table(rows)) for taps, rows in by_taps.items()],
        table(back),
        table([(0, 1, 0, 0, packing.rechannel.forward, 0)]),
        table([(0, 1, begin, head_start, packing.head.forward, max(packing.head.bias, 0))]),
    )
