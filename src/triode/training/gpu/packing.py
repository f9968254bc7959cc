"""How an array's parameters lie in memory for the Triton kernels: matrices padded to what a matrix product needs.

Matrices of convolutions are (rows, columns): a row for each tap and input channel, in groups of max(16, width) rows, a
column for each output channel. Each is there twice, as it is and transposed for the gradient of its input. One gather
makes them from the flat vector of parameters, and one brings their gradients back.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from triode.training.networks.wavenet import ArrayConfig

SMALLEST_TILE = 16
Index = NDArray[np.int64]


def padded(size: int) -> int:
    """The next power of two."""
    return 1 << (size - 1).bit_length()


def columns(width: int) -> int:
    """Columns of a matrix whose result has `width` channels."""
    return max(SMALLEST_TILE, width)


@dataclass(frozen=True)
class ConvolutionPlace:
    """Where a convolution's matrix begins, and its bias, which is at -1 where there is none."""

    taps: int
    forward: int
    bias: int


@dataclass(frozen=True)
class LayerPlaces:
    """Of one layer; `mixin` is where the rows of the condition begin."""

    conv: ConvolutionPlace
    mixin: int
    back: ConvolutionPlace  # the 1x1 convolution back onto the residual path


class Packing:
    """The layout for one kind of array.

    `width` is the padded number of channels of all its signals, `input_width` and `head_width` those of its input and
    of its head's output. `primary` numbers lie in front, and their gradients in a vector of that size likewise.
    """

    def __init__(self, config: "ArrayConfig") -> None:
        self.width = padded(max(config.channels, config.bottleneck))
        self.input_width = padded(config.input_size)
        self.head_width = padded(config.head.out_channels)
        self._sources: list[Index] = []
        self._transposed: list[tuple[Index, int]] = []
        self.primary = 0
        reader = _FlatReader()
        channels, bottleneck = config.channels, config.bottleneck
        self.rechannel = self._convolution(
            reader.take(channels, config.input_size, 1), None, self.input_width, self.width
        )
        self.layers = []
        for taps in config.kernel_sizes:
            conv = self._convolution(
                reader.take(bottleneck, channels, taps), reader.take(bottleneck), self.width, self.width
            )
            mixin = self._put(_pad(reader.take(bottleneck, config.condition_size).T, columns(self.width)))
            back = self._convolution(
                reader.take(channels, bottleneck, 1), reader.take(channels), self.width, self.width
            )
            self.layers.append(LayerPlaces(conv, mixin, back))
        head = config.head
        bias = None
        weights = reader.take(head.out_channels, bottleneck, head.kernel_size)
        if head.bias:
            bias = reader.take(head.out_channels)
        self.head = self._convolution(weights, bias, self.width, self.head_width)
        self.parameters = reader.at
        sources = np.concatenate([source.ravel() for source in self._sources])
        back_places = np.zeros(self.parameters, np.int64)
        back_places[sources[sources >= 0]] = np.flatnonzero(sources >= 0)
        self._places = back_places
        whole = np.concatenate([sources, *(source.ravel() for source, _ in self._transposed)])
        self._gather = np.where(whole < 0, self.parameters, whole)
        self.size = len(whole)
        self._on: dict[torch.device, tuple[Tensor, Tensor]] = {}

    @cached_property
    def _shift(self) -> dict[int, int]:
        """Where each transposed matrix begins, by the place of the matrix it is of."""
        places, at = {}, self.primary
        for source, forward in self._transposed:
            places[forward] = at
            at += source.size
        return places

    def transposed(self, place: ConvolutionPlace) -> int:
        """Where the transposed matrix of a convolution begins."""
        return self._shift[place.forward]

    def pack(self, flat: Tensor) -> Tensor:
        """(G, parameters) -> (G, size)."""
        gather, _ = self._indices(flat.device)
        return torch.nn.functional.pad(flat, (0, 1))[:, gather]

    def unpack_gradient(self, gradient: Tensor) -> Tensor:
        """(G, primary) -> (G, parameters)."""
        _, places = self._indices(gradient.device)
        return gradient[:, places]

    def _indices(self, device: torch.device) -> tuple[Tensor, Tensor]:
        if device not in self._on:
            both = (torch.from_numpy(self._gather), torch.from_numpy(self._places))
            self._on[device] = (both[0].to(device), both[1].to(device))
        return self._on[device]

    def _put(self, source: Index) -> int:
        at = self.primary
        self._sources.append(source)
        self.primary += source.size
        return at

    def _convolution(self, weights: Index, bias: Index | None, width_in: int, width_out: int) -> ConvolutionPlace:
        """`weights` (out, in, taps) and `bias` (out,): which flat parameter each is."""
        forward = self._put(_matrix(weights, width_in, columns(width_out)))
        bias_at = -1 if bias is None else self._put(_pad(bias[None], columns(width_out)))
        self._transposed.append((_matrix(weights.swapaxes(0, 1), width_out, columns(width_in)), forward))
        return ConvolutionPlace(weights.shape[2], forward, bias_at)


class _FlatReader:
    """Hands out the numbers of the flat parameters in their order."""

    def __init__(self) -> None:
        self.at = 0

    def take(self, *shape: int) -> Index:
        """The next of them, in this shape."""
        first = self.at
        self.at += int(np.prod(shape))
        return np.arange(first, self.at).reshape(shape)


def _pad(matrix: Index, width: int) -> Index:
    """Columns of nothing (-1) up to `width`."""
    return np.pad(matrix, ((0, 0), (0, width - matrix.shape[1])), constant_values=-1)


def _matrix(weights: Index, width_in: int, columns_out: int) -> Index:
    """(out, in, taps) -> (groups x max(16, width_in), columns_out)."""
    out, inputs, taps = weights.shape
    rows = np.full((taps, width_in, columns_out), -1, np.int64)
    rows[:, :inputs, :out] = weights.transpose(2, 1, 0)
    missing = -taps * width_in % max(SMALLEST_TILE, width_in)
    return np.pad(rows.reshape(-1, columns_out), ((0, missing), (0, 0)), constant_values=-1)
