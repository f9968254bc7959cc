"""Traces of what came long before: slow averages of the input that a WaveNet hears beside it.

A supply that sags, a coupling capacitor that charges, a compressor: they remember for seconds, where a stack of
convolutions remembers for less than a tenth. One-pole averages of the input, and square roots of those of its
magnitude, hold that for hardly any cost, and the network learns what to make of them. Formulas: docs/model-file.md.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.signal import lfilter
from torch import Tensor

from triode.architecture_wavenet import Trace


def with_traces(x: Tensor, traces: Sequence[Trace], period_samples: int = 0) -> Tensor:
    """Audio (..., T), which begins after silence -> (..., 1 + traces, T): the audio, then each trace.

    With `period_samples`, of which T holds at least one, what repeats itself in `x` has always done so.
    """
    audio = x.detach().cpu().double().numpy()
    rows = [x]
    for trace in traces:
        decay = np.exp(-1 / trace.time_constant_samples)
        heard = np.abs(audio) if trace.type == "envelope" else audio
        before = np.zeros((*heard.shape[:-1], 1))
        if period_samples:
            once = lfilter([1 - decay], [1, -decay], heard[..., :period_samples])[..., -1:]
            before = once / (1 - decay**period_samples)
        level, _ = lfilter([1 - decay], [1, -decay], heard, zi=decay * before)
        if trace.type == "envelope":
            level = np.sqrt(level)
        rows.append(torch.from_numpy(trace.scale * (level - trace.offset)).to(x))
    return torch.stack(rows, dim=-2)
