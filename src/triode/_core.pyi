"""The real-time engine and the built-in circuits of Triode."""

import pathlib
from typing import Annotated

import numpy
import numpy.typing
from numpy.typing import NDArray


class Engine:
    """A model, ready to play; see triode.engine.Model."""

    @staticmethod
    def load(path: pathlib.Path, quality: float) -> Engine: ...

    def process(self, block: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> NDArray[numpy.float32]: ...

    def render(self, audio: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], block: int) -> NDArray[numpy.float32]: ...

    def reset(self) -> None: ...

    def self_test(self) -> float: ...

    @property
    def format(self) -> str: ...

    @property
    def architecture(self) -> str: ...

    @property
    def metadata(self) -> str: ...

    @property
    def parameters(self) -> int: ...

    @property
    def sample_rate_hz(self) -> float: ...

    @property
    def latency_samples(self) -> int: ...

    @property
    def receptive_field(self) -> int: ...

    @property
    def isa(self) -> str: ...

def read_model(path: pathlib.Path, quality: float) -> tuple[str, str, dict[str, numpy.typing.NDArray[numpy.float32]], float, int, str]:
    """
    Format, architecture, tensors, sample rate, warm-up, metadata of a model file.
    """

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
