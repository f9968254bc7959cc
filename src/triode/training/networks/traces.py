"""Traces of what came long before: slow averages of the input that a WaveNet hears beside it.

A supply that sags, a coupling capacitor that charges, a compressor: they remember for seconds, where a stack of
convolutions remembers for less than a tenth. One-pole averages of the input, and square roots of those of its
magnitude, hold that for hardly any cost, and the network learns what to make of them. Formulas: docs/model-file.md.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from scipy.signal import lfilter
from torch import Tensor

from triode.errors import OptionError

KINDS = ("low_pass", "envelope")


@dataclass(frozen=True)
class Trace:
    """One of them, of `type` "low_pass" or "envelope"; what the network hears is scale * (level - offset)."""

    type: str
    time_constant_samples: float
    offset: float
    scale: float

    def __post_init__(self) -> None:
        if self.type not in KINDS or not self.time_constant_samples >= 1:
            raise OptionError(
                f"a trace {self.type!r} of {self.time_constant_samples:g} samples: expected one of {', '.join(KINDS)} "
                "and a time constant of at least 1 sample"
            )

    def json(self) -> dict[str, Any]:
        """The JSON object of docs/model-file.md."""
        return asdict(self)


def with_traces(x: Tensor, traces: Sequence[Trace]) -> Tensor:
    """Audio (..., T), which begins after silence -> (..., 1 + traces, T): the audio, then each trace."""
    audio = x.detach().cpu().double().numpy()
    rows = [x]
    for trace in traces:
        decay = np.exp(-1 / trace.time_constant_samples)
        heard = np.abs(audio) if trace.type == "envelope" else audio
        level = lfilter([1 - decay], [1, -decay], heard)
        if trace.type == "envelope":
            level = np.sqrt(level)
        rows.append(torch.from_numpy(trace.scale * (level - trace.offset)).to(x))
    return torch.stack(rows, dim=-2)
