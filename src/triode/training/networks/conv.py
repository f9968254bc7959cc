"""What networks are made of: the causal convolution of WaveNets, in the form that trains fastest on each kind of
processor, and the knobs as further inputs.
"""

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
    T' = T - (K - 1) * dilation. Weight, bias and mixin may have B in front: weights of its own for each item.
    On a GPU this is `conv1d`; on a CPU the taps are stacked and multiplied as one matrix, which for the few channels
    of an amp model runs as fast as `conv1d` or up to twice as fast.
    """
    channels, kernel = weight.shape[-2:]
    length = h.shape[-1] - (kernel - 1) * dilation
    if h.device.type != "cpu":
        z = _conv1d(h, weight, bias, dilation)
        if condition is not None and mixin is not None:
            z = z + _conv1d(condition[..., -length:], mixin, None, 1)
        return z
    rows = [h[..., k * dilation : k * dilation + length] for k in range(kernel)]
    matrix = weight.transpose(-1, -2).reshape(*weight.shape[:-2], kernel * channels)
    if condition is not None and mixin is not None:
        rows.append(condition[..., -length:])
        matrix = torch.cat([matrix, mixin.squeeze(-1)], dim=-1)
    stacked = torch.cat(rows, dim=1) if len(rows) > 1 else rows[0]
    matrix = matrix.expand(h.shape[0], -1, -1)
    if bias is None:
        return torch.bmm(matrix, stacked)
    return torch.baddbmm(bias.unsqueeze(-1), matrix, stacked)


def with_knobs(x: Tensor, travels: Tensor | None) -> Tensor:
    """Audio (B, T) and the knobs' travels (B, knobs), held still -> (B, 1 + knobs, T)."""
    audio = x.unsqueeze(1)
    if travels is None or travels.shape[-1] == 0:
        return audio
    return torch.cat([audio, travels.unsqueeze(-1).expand(-1, -1, x.shape[-1])], dim=1)


def _conv1d(h: Tensor, weight: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
    """torch's `conv1d`; with weights of their own the items are groups of one convolution."""
    if weight.dim() == 3:
        return functional.conv1d(h, weight, bias, dilation=dilation)
    batch = h.shape[0]
    flat_bias = None if bias is None else bias.reshape(-1)
    z = functional.conv1d(h.reshape(1, -1, h.shape[-1]), weight.flatten(0, 1), flat_bias, 1, 0, dilation, batch)
    return z.reshape(batch, weight.shape[1], -1)
