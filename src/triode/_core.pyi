"""The real-time engine and the built-in circuits of Triode."""

from typing import Annotated

import numpy
from numpy.typing import NDArray


def circuit_names() -> list[str]:
    """Names of the built-in circuits."""

class Circuit:
    """One instance of a built-in circuit; configure() before process()."""

    def __init__(self, name: str) -> None: ...

    @property
    def description(self) -> str: ...

    @property
    def knobs(self) -> list[tuple[str, float, float, float]]:
        """Name, lowest, highest and initial value of each knob."""

    @property
    def part_values(self) -> list[tuple[str, float]]:
        """Name and value of each part of the schematic, in ohm, farad or volt."""

    @property
    def input_full_scale_volt(self) -> float: ...

    @property
    def output_full_scale_volt(self) -> float: ...

    @property
    def latency_samples(self) -> int: ...

    def configure(self, rate_hz: float) -> None: ...

    def set(self, knob: str, value: float) -> None: ...

    def reset(self) -> None: ...

    def process(self, samples: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> Annotated[NDArray[numpy.float32], dict(shape=(None,))]:
        """Samples (n,) to samples (n,), late by latency_samples."""
