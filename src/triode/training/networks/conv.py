"""The causal convolution that WaveNets are made of, in the form that trains fastest on each kind of processor."""

import torch
from torch import Tensor
from torch.nn import functional


def causal_conv(
    h: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    dilation: int = 1,
    condition: Tensor | None = None,
    mixin: Tensor | None = None,
) -> Tensor:
    """Dilated convolution without padding, plus a 1x1 convolution of the newest samples of `condition`.

    h (B, C, T), weight (G, C, K), bias (G,), condition (B, D, >= T'), mixin (G, D, 1) -> (B, G, T') with
    T' = T - (K - 1) * dilation. On a GPU this is `conv1d`; on a CPU the taps are stacked and multiplied as one
    matrix, which for the few channels of an amp model runs as fast as `conv1d` or up to twice as fast.
    """
    groups, channels, kernel = weight.shape
    length = h.shape[-1] - (kernel - 1) * dilation
    if h.device.type != "cpu":
        z = functional.conv1d(h, weight, bias, dilation=dilation)
        if condition is not None and mixin is not None:
            z = z + functional.conv1d(condition[..., -length:], mixin)
        return z
    rows = [h[..., k * dilation : k * dilation + length] for k in range(kernel)]
    matrix = weight.transpose(1, 2).reshape(groups, kernel * channels)
    if condition is not None and mixin is not None:
        rows.append(condition[..., -length:])
        matrix = torch.cat([matrix, mixin.squeeze(-1)], dim=1)
    stacked = torch.cat(rows, dim=1) if len(rows) > 1 else rows[0]
    batch = h.shape[0]
    matrix = matrix.unsqueeze(0).expand(batch, -1, -1)
    if bias is None:
        return torch.bmm(matrix, stacked)
    return torch.baddbmm(bias.view(1, -1, 1), matrix, stacked)
