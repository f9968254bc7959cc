"""Orthonormal columns by Gram-Schmidt on the device: torch's QR decomposes small matrices there one after another."""

import torch
from torch import Tensor

from triode.training.gpu.arrays import kernels
from triode.training.gpu.packing import SMALLEST_TILE, padded

# Columns along which there is hardly any gradient keep their direction instead of following rounding errors.
KEPT = 1e-6


def orthonormal(towards: Tensor, before: Tensor) -> Tensor:
    """Q of the QR decompositions of `towards` (N, S, S), whose columns came from those of `before`, largest first."""
    if not towards.is_cuda or kernels() is None:
        q: Tensor = torch.linalg.qr(towards).Q
        return q
    largest = towards.abs().amax(dim=(1, 2), keepdim=True)
    return gram_schmidt(towards + (KEPT * largest + 1e-30) * before)


def gram_schmidt(matrices: Tensor) -> Tensor:
    """(N, S, S) -> the same with orthonormal columns, each of which spans with those before it what it did."""
    count, size, _ = matrices.shape
    matrices = matrices.contiguous()
    q = torch.empty_like(matrices)
    side = max(SMALLEST_TILE, padded(size))
    warps = max(1, side * side // 2048)  # 64 numbers a thread
    kernels().gram_schmidt[(count,)](matrices, q, SIZE=size, S=side, num_warps=min(warps, 32))
    return q
