"""Recurrent networks rewritten so that formats without a skip or an output scale can hold them."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from triode.architecture import Recurrent

__all__ = ["Tensors", "with_wire"]

Tensors = Mapping[str, NDArray[np.float32]]

# A wire is one more hidden unit per layer that hands the first input on. Its gates stand at +-GATE: far enough that
# sigmoid(GATE) is 1 in float32, and just where the rational tanh that fast hosts use comes nearest to 1. Its signal
# is scaled by WIRE_SCALE, a power of two (exact), so small that tanh is a straight line: the relative error is
# (WIRE_SCALE * x)^2 / 3 per tanh, two of them per LSTM layer, or 4e-8 per layer at full scale.
GATE = 17.0
WIRE_SCALE = 2.0**-12


def with_wire(net: Recurrent, tensors: Tensors, gain: float) -> tuple[Recurrent, dict[str, NDArray[np.float32]]]:
    """The same network with one more hidden unit per layer, the last, and `gain` times the first input in its output.

    The wire sees nothing of the other units, and they see nothing of it. Neither `skip` nor `output_scale` changes,
    and the latter scales the wire as well.
    """
    gates = 4 if net.name == "lstm" else 3
    # LSTM: i, f, g, o; open, shut, the signal, open. GRU: r, z, n; z shut, so that n is what comes out.
    held = (GATE, -GATE, 0.0, GATE) if net.name == "lstm" else (0.0, -GATE, 0.0)
    wide = dict(tensors)
    for layer in range(net.num_layers):
        suffix = f"_l{layer}"
        signal = np.zeros((gates, tensors[f"rec.weight_ih{suffix}"].shape[1] + (layer > 0)), np.float32)
        signal[2, 0 if layer == 0 else -1] = WIRE_SCALE if layer == 0 else 1.0
        wide[f"rec.weight_ih{suffix}"] = _one_more_unit(tensors[f"rec.weight_ih{suffix}"], gates, signal, layer > 0)
        nothing = np.zeros((gates, net.hidden_size + 1), np.float32)
        wide[f"rec.weight_hh{suffix}"] = _one_more_unit(tensors[f"rec.weight_hh{suffix}"], gates, nothing, True)
        bias = np.array(held, np.float32)[:, np.newaxis]
        wide[f"rec.bias_ih{suffix}"] = _one_more_unit(tensors[f"rec.bias_ih{suffix}"][:, None], gates, bias, False)[
            :, 0
        ]
        silent = np.zeros((gates, 1), np.float32)
        wide[f"rec.bias_hh{suffix}"] = _one_more_unit(tensors[f"rec.bias_hh{suffix}"][:, None], gates, silent, False)[
            :, 0
        ]
    for name in ("rec.h0", "rec.c0"):
        if name in tensors:
            wide[name] = np.pad(tensors[name], ((0, 0), (0, 1)))
    head = np.full((net.output_size, 1), gain / WIRE_SCALE, np.float32)
    wide["lin.weight"] = np.hstack([tensors["lin.weight"], head])
    return replace(net, hidden_size=net.hidden_size + 1), wide


def _one_more_unit(
    matrix: NDArray[np.float32], gates: int, rows: NDArray[np.float32], one_more_column: bool
) -> NDArray[np.float32]:
    """(gates * hidden, columns) with one row more per gate, and one column of zeros more if asked for."""
    old = matrix.reshape(gates, -1, matrix.shape[1])
    if one_more_column:
        old = np.pad(old, ((0, 0), (0, 0), (0, 1)))
    return np.concatenate([old, rows[:, np.newaxis, :]], axis=1).reshape(-1, old.shape[2])
