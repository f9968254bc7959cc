"""The real-time engine and the built-in circuits of Triode."""

from collections.abc import Sequence
import enum
import pathlib
from typing import Annotated

import numpy
import numpy.typing
from numpy.typing import NDArray


def compiler() -> str:
    """Name and version of what compiled this."""

class Engine:
    """A model, ready to play; see triode.engine.Model."""

    @staticmethod
    def load(path: pathlib.Path, quality: float, oversample: int, fast: bool, isa: str) -> tuple[Engine, int]:
        """
        The engine, and the bytes of memory that it holds; the best instruction set for no `isa`.
        """

    def configure(self, sample_rate_hz: float) -> int:
        """By how many bytes of memory the engine has grown."""

    def process(self, block: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> NDArray[numpy.float32]: ...

    def render(self, audio: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], block: int) -> NDArray[numpy.float32]: ...

    def bench(self, block: int, blocks: int) -> tuple[NDArray[numpy.float64], int]: ...

    def set(self, knob: str, value: float) -> bool: ...

    def reset(self) -> None: ...

    def self_test(self) -> float: ...

    @property
    def format(self) -> str: ...

    @property
    def architecture(self) -> str: ...

    @property
    def metadata(self) -> str: ...

    @property
    def knobs(self) -> list[tuple[str, str, float, float, float, str]]:
        """Name, unit, lowest, highest and initial value, and taper of each knob."""

    @property
    def parameters(self) -> int: ...

    @property
    def sample_rate_hz(self) -> float: ...

    @property
    def host_rate_hz(self) -> float: ...

    @property
    def network_rate_hz(self) -> float: ...

    @property
    def latency_samples(self) -> int: ...

    @property
    def receptive_field(self) -> int: ...

    @property
    def isa(self) -> str: ...

def peak_multiply_adds(isa: str) -> float:
    """
    Multiply-adds per second that this core reaches at best with an instruction set.
    """

def read_model(path: pathlib.Path, quality: float) -> tuple[str, str, dict[str, numpy.typing.NDArray[numpy.float32]], float, int, list[tuple[str, str, float, float, float, str]], str]:
    """
    Format, architecture, tensors, sample rate, warm-up, knobs, metadata of a model file.
    """

class OutputLevel(enum.Enum):
    """What the output gain starts from."""

    raw = 0

    normalized = 1

    calibrated = 2

class Pairing(enum.Enum):
    """Where a second model plays."""

    series = 0

    parallel = 1

class GateSettings:
    """See triode.rig.RigSettings."""

    def __init__(self) -> None: ...

    @property
    def threshold_db(self) -> float: ...

    @threshold_db.setter
    def threshold_db(self, arg: float, /) -> None: ...

    @property
    def hysteresis_db(self) -> float: ...

    @hysteresis_db.setter
    def hysteresis_db(self, arg: float, /) -> None: ...

    @property
    def hold_seconds(self) -> float: ...

    @hold_seconds.setter
    def hold_seconds(self, arg: float, /) -> None: ...

    @property
    def release_seconds(self) -> float: ...

    @release_seconds.setter
    def release_seconds(self, arg: float, /) -> None: ...

class RigSettings:
    """See triode.rig.RigSettings."""

    def __init__(self) -> None: ...

    @property
    def input_gain_db(self) -> float: ...

    @input_gain_db.setter
    def input_gain_db(self, arg: float, /) -> None: ...

    @property
    def output_gain_db(self) -> float: ...

    @output_gain_db.setter
    def output_gain_db(self, arg: float, /) -> None: ...

    @property
    def interface_dbu(self) -> float | None: ...

    @interface_dbu.setter
    def interface_dbu(self, arg: float | None, /) -> None: ...

    @property
    def output_level(self) -> OutputLevel: ...

    @output_level.setter
    def output_level(self, arg: OutputLevel, /) -> None: ...

    @property
    def gate(self) -> bool: ...

    @gate.setter
    def gate(self, arg: bool, /) -> None: ...

    @property
    def gate_settings(self) -> GateSettings: ...

    @gate_settings.setter
    def gate_settings(self, arg: GateSettings, /) -> None: ...

    @property
    def bass_db(self) -> float: ...

    @bass_db.setter
    def bass_db(self, arg: float, /) -> None: ...

    @property
    def middle_db(self) -> float: ...

    @middle_db.setter
    def middle_db(self, arg: float, /) -> None: ...

    @property
    def treble_db(self) -> float: ...

    @treble_db.setter
    def treble_db(self, arg: float, /) -> None: ...

    @property
    def presence_db(self) -> float: ...

    @presence_db.setter
    def presence_db(self, arg: float, /) -> None: ...

    @property
    def cabinet(self) -> bool: ...

    @cabinet.setter
    def cabinet(self, arg: bool, /) -> None: ...

    @property
    def dc_blocker(self) -> bool: ...

    @dc_blocker.setter
    def dc_blocker(self, arg: bool, /) -> None: ...

    @property
    def second_gain_db(self) -> float: ...

    @second_gain_db.setter
    def second_gain_db(self, arg: float, /) -> None: ...

    @property
    def blend(self) -> float: ...

    @blend.setter
    def blend(self, arg: float, /) -> None: ...

    @property
    def cabinet_blend(self) -> float: ...

    @cabinet_blend.setter
    def cabinet_blend(self, arg: float, /) -> None: ...

class Levels:
    """What a model file says about levels."""

    @property
    def input_dbu(self) -> float | None: ...

    @property
    def output_dbu(self) -> float | None: ...

    @property
    def loudness_db(self) -> float | None: ...

class Rig:
    """The playing chain around a model; see triode.rig.Rig."""

    def __init__(self) -> None: ...

    def play(self, engine: Engine | None, second: Engine | None, pairing: Pairing) -> None: ...

    def configure(self, sample_rate_hz: float) -> None: ...

    def load_response(self, samples: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], sample_rate_hz: float, which: int) -> None: ...

    def set(self, settings: RigSettings) -> None: ...

    def process(self, block: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)]) -> NDArray[numpy.float32]: ...

    def render(self, audio: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], block: int) -> NDArray[numpy.float32]: ...

    def bench(self, block: int, blocks: int) -> tuple[NDArray[numpy.float64], int]: ...

    def reset(self) -> None: ...

    @property
    def levels(self) -> Levels: ...

    @property
    def latency_samples(self) -> int: ...

    @property
    def host_rate_hz(self) -> float: ...

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

class TapeFloat:
    """What a forward pass keeps for its backward pass."""

class WaveNetArrayFloat:
    """Forward and backward through one array of WaveNet layers."""

    def __init__(self, inputs: int, condition: int, channels: int, bottleneck: int, outputs: int, head_kernel_size: int, head_bias: bool, layers: Sequence[tuple[int, int, str, float]]) -> None:
        """
        `layers` holds (kernel size, dilation, activation, negative slope) of each.
        """

    @property
    def channels(self) -> int: ...

    @property
    def outputs(self) -> int: ...

    @property
    def head_kernel_size(self) -> int: ...

    @property
    def parameter_count(self) -> int: ...

    def forward(self, parameters: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], input: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], condition: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], head: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)] | None, output: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu')], head_output: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu')], threads: int, keep: bool) -> TapeFloat:
        """
        Writes `output` and `head_output`; returns a tape if `keep`. `parameters` holds one flat vector for all items of the batch, or one for each.
        """

    def backward(self, tape: TapeFloat, input: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], condition: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], head: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)] | None, output_gradient: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)] | None, head_output_gradient: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)] | None, parameter_gradient: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')], input_gradient: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu')] | None, head_gradient: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu')] | None, threads: int) -> None:
        """Writes the last three gradients from those before."""

class TapeDouble:
    """What a forward pass keeps for its backward pass."""

class WaveNetArrayDouble:
    """Forward and backward through one array of WaveNet layers."""

    def __init__(self, inputs: int, condition: int, channels: int, bottleneck: int, outputs: int, head_kernel_size: int, head_bias: bool, layers: Sequence[tuple[int, int, str, float]]) -> None:
        """
        `layers` holds (kernel size, dilation, activation, negative slope) of each.
        """

    @property
    def channels(self) -> int: ...

    @property
    def outputs(self) -> int: ...

    @property
    def head_kernel_size(self) -> int: ...

    @property
    def parameter_count(self) -> int: ...

    def forward(self, parameters: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], input: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], condition: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], head: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)] | None, output: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu')], head_output: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu')], threads: int, keep: bool) -> TapeDouble:
        """
        Writes `output` and `head_output`; returns a tape if `keep`. `parameters` holds one flat vector for all items of the batch, or one for each.
        """

    def backward(self, tape: TapeDouble, input: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], condition: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], head: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)] | None, output_gradient: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)] | None, head_output_gradient: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)] | None, parameter_gradient: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], input_gradient: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu')] | None, head_gradient: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu')] | None, threads: int) -> None:
        """Writes the last three gradients from those before."""

class RecurrentTapeFloat:
    """What a forward pass keeps for its backward pass."""

class RecurrentLayerFloat:
    """
    Forward and backward through one LSTM or GRU layer and its linear output.
    """

    def __init__(self, unit: str, inputs: int, hidden: int) -> None: ...

    @property
    def parameter_count(self) -> int: ...

    def forward(self, parameters: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], input: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], hidden: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], memory: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)] | None, output: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], last_hidden: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')], last_memory: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')] | None, threads: int, keep: bool) -> RecurrentTapeFloat:
        """Writes the output and the last state; returns a tape if `keep`."""

    def backward(self, tape: RecurrentTapeFloat, input: Annotated[NDArray[numpy.float32], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], hidden: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], memory: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)] | None, output_gradient: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)], last_hidden_gradient: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)] | None, last_memory_gradient: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu', writable=False)] | None, parameter_gradient: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu')], hidden_gradient: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')] | None, memory_gradient: Annotated[NDArray[numpy.float32], dict(shape=(None, None), order='C', device='cpu')] | None, threads: int) -> None:
        """Writes the last three gradients from those before."""

class RecurrentTapeDouble:
    """What a forward pass keeps for its backward pass."""

class RecurrentLayerDouble:
    """
    Forward and backward through one LSTM or GRU layer and its linear output.
    """

    def __init__(self, unit: str, inputs: int, hidden: int) -> None: ...

    @property
    def parameter_count(self) -> int: ...

    def forward(self, parameters: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], input: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], hidden: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], memory: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)] | None, output: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')], last_hidden: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')], last_memory: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')] | None, threads: int, keep: bool) -> RecurrentTapeDouble:
        """Writes the output and the last state; returns a tape if `keep`."""

    def backward(self, tape: RecurrentTapeDouble, input: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order='C', device='cpu', writable=False)], hidden: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], memory: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)] | None, output_gradient: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)], last_hidden_gradient: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)] | None, last_memory_gradient: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu', writable=False)] | None, parameter_gradient: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu')], hidden_gradient: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')] | None, memory_gradient: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order='C', device='cpu')] | None, threads: int) -> None:
        """Writes the last three gradients from those before."""
