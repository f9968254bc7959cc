"""Playing and reading model files of any format: the C++ engine from Python.

`load` gives a model that plays; `read` gives what is inside the file, for exporters and fine-tuning. Both go through
the same reader, which tells the format by content: `.triode` (docs/model-file.md), `.nam`, AIDA-X and RTNeural keras,
GuitarML, WaveNetVA and SmartAmpPro JSON.
"""

import json
import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triode import _core
from triode.audio import Samples
from triode.errors import OptionError
from triode.factory import model_path
from triode.knobs import Knob, checked_settings

__all__ = ["Description", "Model", "load", "read"]


@dataclass(frozen=True)
class Description:
    """What a model file holds, in one form for all formats: that of docs/model-file.md.

    `format` is "triode", "nam", "guitarml_rnn", "rtneural_keras", "wavenet_smartpedal" or "smartamppro".
    `architecture` is the JSON object, `tensors` the named float32 arrays (with `selftest.input` and `selftest.output`
    where the file has them). `sample_rate` is in Hz. `warm_up_samples` of silence lead to the start state. `knobs` are
    the network's inputs after the audio. `metadata` is the whole `triode` object of a `.triode` file, or the root of
    any other without the network.
    """

    format: str
    architecture: dict[str, Any]
    tensors: dict[str, NDArray[np.float32]]
    sample_rate: float
    warm_up_samples: int
    knobs: tuple[Knob, ...]
    metadata: dict[str, Any]


class Model:
    """A model that plays: streams blocks of any size and keeps its state from block to block.

    Audio is mono float32 with full scale 1.0 at `sample_rate`, which need not be the model's own. One thread at a
    time may use a model; models share nothing, and the interpreter is free while they run.
    """

    def __init__(self, engine: _core.Engine, memory_bytes: int) -> None:
        self._engine, self._memory_bytes = engine, memory_bytes

    @property
    def engine(self) -> _core.Engine:
        """What plays, for a rig to play it."""
        return self._engine

    @property
    def sample_rate(self) -> float:
        """Samples per second of the audio it takes and gives; the model's own rate stands in `info`."""
        return self._engine.host_rate_hz

    @property
    def latency_samples(self) -> int:
        """Samples by which the output lags the input: 0 where no sample rate is converted (docs/engine.md)."""
        return self._engine.latency_samples

    @property
    def receptive_field(self) -> int:
        """Input samples that one output sample depends on; 1 for recurrent networks, whose memory is a state."""
        return self._engine.receptive_field

    @property
    def knobs(self) -> list[Knob]:
        """The model's knobs; empty for a snapshot."""
        return list(_knobs(self._engine.knobs))

    @property
    def memory_bytes(self) -> int:
        """Memory that this model holds: its weights, its history and its buffers, at the rate it is configured for."""
        return self._memory_bytes

    @property
    def isa(self) -> str:
        """The instruction set in use: baseline, avx2 or avx512."""
        return self._engine.isa

    @property
    def info(self) -> dict[str, Any]:
        """What `triode info --json` prints.

        Its keys: format, architecture, parameters, sample_rate, knobs, latency_samples, metadata.
        """
        return {
            "format": self._engine.format,
            "architecture": json.loads(self._engine.architecture),
            "parameters": self._engine.parameters,
            "sample_rate": self._engine.sample_rate_hz,
            "knobs": [knob.in_model_file() for knob in self.knobs],
            "latency_samples": self.latency_samples,
            "metadata": json.loads(self._engine.metadata),
        }

    def configure(self, sample_rate: float) -> None:
        """Take and give audio at `sample_rate` Hz from now on, and go back to the start state.

        Raises OptionError for a rate outside 8 to 768 kHz that is not the model's own.
        """
        if not (isinstance(sample_rate, int | float) and math.isfinite(sample_rate)):
            raise OptionError(f"sample_rate = {sample_rate!r}: expected samples per second, like 44100")
        try:
            self._memory_bytes += self._engine.configure(float(sample_rate))
        except ValueError as error:
            raise OptionError(str(error)) from None

    def set(self, knob: str, value: float) -> None:
        """Turn a knob, in its own unit: the sound follows within 25 ms, at once after `reset` and in `render`.

        Raises OptionError for a knob the model does not have and for a value outside its range.
        """
        wanted = checked_settings({knob: value}, self.knobs)
        self._engine.set(knob, wanted[knob])

    def process(self, block: Samples) -> Samples:
        """The next samples: `block` (n,) in, (n,) out, going on from the state the last block left.

        NaN and infinite samples count as 0. Raises OptionError for anything but a float32 array of one dimension.
        """
        return self._engine.process(checked_audio(block))

    def render(self, audio: Samples, block: int = 1024) -> Samples:
        """All of `audio` (n,) from the start state, knobs as set, in blocks of `block` samples; (n,) out."""
        self._engine.configure(self._engine.host_rate_hz)
        return self._engine.render(checked_audio(audio), checked_block(block))

    def reset(self) -> None:
        """Go back to the start state, the state after silence."""
        self._engine.reset()

    def bench(self, block: int = 64, seconds: float = 10.0) -> dict[str, Any]:
        """How fast and how evenly this model plays on one core: what `triode bench --json` prints.

        Plays `seconds` of audio in blocks of `block` samples. `realtime_factor` is a block's length over the median
        time it takes; `fma_peak_fraction` the parameters (one multiply-add each a sample of the network) per second
        over what the core reaches in a loop that does nothing else; `p50_us`, `p99_us`, `max_us` are block times.
        """
        found = measured_speed(self._engine, self.sample_rate, block, seconds)
        self.reset()
        network_samples = block * self._engine.network_rate_hz / self.sample_rate
        multiply_adds = self._engine.parameters * network_samples / (found["p50_us"] * 1e-6)
        share = multiply_adds / _core.peak_multiply_adds(self.isa)
        return {**found, "fma_peak_fraction": share, "memory_bytes": self.memory_bytes, "isa": self.isa}

    def self_test(self) -> float | None:
        """Largest absolute error against the file's own self-test, None where it has none; resets the model.

        A player that is off by more than 1e-4 is wrong.
        """
        error = self._engine.self_test()
        return None if error < 0 else error


def load(
    path: str | os.PathLike[str],
    *,
    quality: float = 1.0,
    oversample: int = 1,
    fast: bool = False,
    isa: str | None = None,
    sample_rate: float | None = None,
) -> Model:
    """Load a model file of any known format, or `triode:NAME` from the package, ready to play from its start state.

    `quality`, 0 to 1, chooses among the sizes of a file that has several; 1 is the best. `oversample` (1, 2 or 4) runs
    the network at a multiple of its own rate, for less aliasing (docs/engine.md says when that is safe). `fast`
    approximates tanh and sigmoid, which changes the sound by an ESR below 1e-5. `isa` ("avx512", "avx2", "baseline")
    plays with a lesser instruction set than the processor's best. `sample_rate` in Hz is that of the audio to come, by
    default the model's own. Raises ModelFileError for a file that is missing, damaged, forged or unsupported,
    OptionError for an option out of its range.
    """
    if oversample not in (1, 2, 4):
        raise OptionError(f"oversample = {oversample!r}: expected 1, 2 or 4")
    try:
        options = _checked_quality(quality), int(oversample), bool(fast), isa or ""
        model = Model(*_core.Engine.load(model_path(path), *options))
    except ValueError as error:
        raise OptionError(str(error)) from None
    if sample_rate is not None:
        model.configure(sample_rate)
    return model


def compiler() -> str:
    """Name and version of the compiler that built the engine."""
    return _core.compiler()


def read(path: str | os.PathLike[str], *, quality: float | None = 1.0) -> Description:
    """Read a model file of any known format, or `triode:NAME`, to write it in another format or train it further.

    A file of several sizes gives the one for `quality`; with None it gives all of them, as an architecture named
    "container" or with `allowed_channels`. Raises ModelFileError and OptionError like `load`.
    """
    wanted = -1.0 if quality is None else _checked_quality(quality)
    kind, shape, tensors, sample_rate, warm_up_samples, knobs, metadata = _core.read_model(model_path(path), wanted)
    architecture, told = json.loads(shape), json.loads(metadata)
    return Description(kind, architecture, tensors, sample_rate, warm_up_samples, _knobs(knobs), told)


def _knobs(fields: list[tuple[str, str, float, float, float, str]]) -> tuple[Knob, ...]:
    return tuple(
        Knob(name, unit, low, high, default, "log" if taper == "log" else "linear")
        for name, unit, low, high, default, taper in fields
    )


def _checked_quality(quality: float) -> float:
    if not (isinstance(quality, int | float) and math.isfinite(quality) and 0 <= quality <= 1):
        raise OptionError(f"quality = {quality!r}: expected a number from 0 (smallest) to 1 (best)")
    return float(quality)


def measured_speed(player: _core.Engine | _core.Rig, rate_hz: float, block: int, seconds: float) -> dict[str, Any]:
    """Block times of a player and what follows from them, as `Model.bench` tells them; leaves the player playing."""
    if not isinstance(block, int) or block < 1 or not seconds > 0:
        raise OptionError(f"block = {block!r}, seconds = {seconds!r}: expected at least 1 sample and some time")
    taken, allocations = player.bench(block, max(100, math.ceil(seconds * rate_hz / block)))
    median_seconds = float(np.median(taken))
    return {
        "realtime_factor": block / rate_hz / median_seconds,
        "block": block,
        "p50_us": median_seconds * 1e6,
        "p99_us": float(np.percentile(taken, 99)) * 1e6,
        "max_us": float(np.max(taken)) * 1e6,
        "allocations": allocations,
    }


def checked_block(block: int) -> int:
    """`block` as a number of samples; OptionError for anything else."""
    if not isinstance(block, int) or not 1 <= block <= 1 << 24:
        raise OptionError(f"block = {block!r}: expected a whole number of samples, at least 1")
    return block


def checked_audio(audio: Samples) -> Samples:
    """`audio` as the engine takes it; a strided view is copied, everything else must be right already.

    Raises OptionError where it is not.
    """
    if not isinstance(audio, np.ndarray) or audio.dtype != np.float32 or audio.ndim != 1:
        kind = f"{audio.dtype} {audio.shape}" if isinstance(audio, np.ndarray) else type(audio).__name__
        raise OptionError(f"audio is {kind}: expected a float32 array of shape (n,); use astype(np.float32)")
    return np.ascontiguousarray(audio)
