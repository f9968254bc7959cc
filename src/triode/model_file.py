"""The `.triode` model file, written: what docs/model-file.md specifies, checked before a byte reaches the disk.

Reading is the engine's part (`triode.engine`), in every surface alike.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pydantic.dataclasses
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError
from safetensors.numpy import save

from triode.architecture import Architecture, check_tensors, finite_float32, first_problem, parse_architecture
from triode.architecture_wavenet import STRICT
from triode.audio import Samples
from triode.errors import ModelFileError
from triode.files import write_bytes
from triode.knobs import Knob

__all__ = [
    "FORMAT_VERSION",
    "SELF_TEST_SAMPLES",
    "Alignment",
    "Levels",
    "ModelFile",
    "SelfTest",
    "checked_network",
    "knobs_json",
    "loudness_db",
    "model_bytes",
    "model_from_header",
    "self_test_signal",
    "write_model",
]

FORMAT_VERSION = 1
"""The version of the specification that is written."""

SELF_TEST_SAMPLES = (1024, 96_000)
"""The shortest and the longest self-test, in samples."""


@pydantic.dataclasses.dataclass(frozen=True, config=STRICT)
class Levels:
    """How loud things were: `input_dbu`, `output_dbu` is the level in dBu of a 1 kHz sine of 0 dBFS peak.

    `loudness_db` is the RMS in dBFS of the model's output on the self-test signal; `target_gain` the factor the
    target was divided by in training, which the weights already contain. None is unknown.
    """

    input_dbu: float | None = None
    output_dbu: float | None = None
    loudness_db: float | None = None
    target_gain: Annotated[float, Field(gt=0)] = 1.0


@pydantic.dataclasses.dataclass(frozen=True, config=STRICT)
class Alignment:
    """What alignment did to the recording: `latency_samples` were removed; the `polarity` found was kept."""

    latency_samples: float = 0.0
    polarity: Literal[1, -1] = 1


@dataclass(frozen=True)
class SelfTest:
    """A short signal (n,) and the model's output (n,) from the start state: what a player checks itself with."""

    input: Samples
    output: Samples


@dataclass(frozen=True)
class ModelFile:
    """Everything a model file holds; the fields are those of docs/model-file.md.

    `architecture` is the JSON object, `tensors` its named arrays. `warm_up_samples` of silence from zero state lead
    to the start state. `metadata` is free text by key; `training` any plain JSON values by key.
    """

    name: str
    architecture: Mapping[str, Any]
    tensors: Mapping[str, NDArray[Any]]
    sample_rate: float
    warm_up_samples: int
    self_test: SelfTest
    levels: Levels = field(default_factory=Levels)
    alignment: Alignment = field(default_factory=Alignment)
    knobs: tuple[Knob, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


@pydantic.dataclasses.dataclass(frozen=True, config=STRICT)
class _Header:
    """The JSON object in the safetensors metadata."""

    format_version: Literal[1]
    name: Annotated[str, Field(min_length=1)]
    architecture: dict[str, Any]
    sample_rate: Annotated[float, Field(ge=1000, le=1_000_000)]
    warm_up_samples: Annotated[int, Field(ge=0, le=10_000_000)]
    levels: Levels = field(default_factory=Levels)
    alignment: Alignment = field(default_factory=Alignment)
    knobs: tuple[Knob, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


_HEADER = TypeAdapter(_Header)


def write_model(path: str | Path, model: ModelFile) -> None:
    """Write `model` to `path` in one step.

    Raises ModelFileError where the contents contradict the specification (and leaves an existing file as it was),
    OptionError or OutputError where the place cannot be written to.
    """
    try:
        data = model_bytes(model)
    except ModelFileError as error:
        raise ModelFileError(f"cannot write {path}: {error}") from error
    write_bytes(path, data)


def model_bytes(model: ModelFile) -> bytes:
    """The bytes of the `.triode` file; the same model gives the same bytes."""
    _, tensors = checked_network(model)
    test_input, test_output = _checked_self_test(model.self_test)
    tensors |= {"selftest.input": test_input, "selftest.output": test_output}
    return save(tensors, metadata={"triode": _header_json(model)})


def checked_network(model: ModelFile) -> tuple[Architecture, dict[str, NDArray[np.float32]]]:
    """Architecture and tensors of a model; raises ModelFileError where they contradict each other or the knobs."""
    architecture = parse_architecture(model.architecture)
    if architecture.inputs != 1 + len(model.knobs):
        raise ModelFileError(
            f"the network has {architecture.inputs} inputs; expected {1 + len(model.knobs)}, one for the audio and one "
            f"for each of {len(model.knobs)} knobs"
        )
    return architecture, check_tensors(architecture, model.tensors)


def model_from_header(header: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], test: SelfTest) -> ModelFile:
    """The inverse of writing: a model from a file's JSON object and its tensors; raises ModelFileError."""
    found = _checked_header(json.dumps(header))
    return ModelFile(
        name=found.name,
        architecture=found.architecture,
        tensors=tensors,
        sample_rate=found.sample_rate,
        warm_up_samples=found.warm_up_samples,
        self_test=test,
        levels=found.levels,
        alignment=found.alignment,
        knobs=found.knobs,
        metadata=found.metadata,
        training=found.training,
    )


def self_test_signal(rate_hz: float) -> Samples:
    """A deterministic signal (n,) of 0.4 s (at least 1024, at most 96,000 samples), RMS -15 dBFS, peak below 0.8.

    A plucked E2 with its harmonics, a burst of white noise, and silence, so that dynamics, bandwidth and decay of a
    model all show. The level is that of the guitar with which NAM's trainer measures loudness, so that `loudness_db`
    means about the same to a host.
    """
    shortest, longest = SELF_TEST_SAMPLES
    count = int(np.clip(round(0.4 * rate_hz), shortest, longest))
    time_seconds = np.arange(count) / rate_hz
    fundamental_hz = 82.41
    harmonics = np.arange(1, 1 + max(1, min(40, int(0.45 * rate_hz / fundamental_hz))))[:, np.newaxis]
    decay = np.exp(-time_seconds * (2 + harmonics))
    # Phases by Schroeder's rule keep the peak of a sum of harmonics low.
    phases = np.pi * harmonics * (harmonics - 1) / len(harmonics)
    signal = np.sum(decay * np.sin(2 * np.pi * fundamental_hz * harmonics * time_seconds + phases) / harmonics, axis=0)
    start, stop = int(0.6 * count), int(0.8 * count)
    noise = np.random.default_rng(1).uniform(-1.2, 1.2, stop - start)
    signal[start:stop] += noise * np.hanning(stop - start)
    signal[stop:] = 0.0
    return np.asarray(signal * (10 ** (-15 / 20) / np.sqrt(np.mean(signal**2))), dtype=np.float32)


def loudness_db(samples: Samples) -> float | None:
    """RMS of `samples` (n,) in dBFS, where a constant 1.0 is 0 dBFS; None for silence."""
    mean_square = float(np.mean(np.square(samples, dtype=np.float64)))
    return 10 * math.log10(mean_square) if mean_square > 0 else None


def knobs_json(knobs: Sequence[Knob]) -> list[dict[str, Any]]:
    """The `knobs` list of docs/model-file.md."""
    return [knob.in_model_file() for knob in knobs]


def _header_json(model: ModelFile) -> str:
    """The checked JSON text of the metadata."""
    contents = {
        "format_version": FORMAT_VERSION,
        "name": model.name,
        "architecture": dict(model.architecture),
        "sample_rate": model.sample_rate,
        "warm_up_samples": model.warm_up_samples,
        "levels": asdict(model.levels),
        "alignment": asdict(model.alignment),
        "knobs": knobs_json(model.knobs),
        "metadata": dict(model.metadata),
        "training": dict(model.training),
    }
    try:
        text = json.dumps(contents, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"metadata and training must hold finite, plain JSON values: {error}") from error
    _checked_header(text)
    return text


def _checked_header(text: str) -> _Header:
    try:
        return _HEADER.validate_json(text)
    except ValidationError as error:
        raise ModelFileError(first_problem(error)) from error


def _checked_self_test(test: SelfTest) -> tuple[Samples, Samples]:
    """Input and output as float32, or ModelFileError: too short, too long, of two lengths, or not finite."""
    shortest, longest = SELF_TEST_SAMPLES
    shape = np.shape(test.input)
    if len(shape) != 1 or not shortest <= shape[0] <= longest:
        raise ModelFileError(f"the self-test's input has shape {shape}; expected {shortest} to {longest} samples")
    return (
        finite_float32("selftest.input", test.input, shape),
        finite_float32("selftest.output", test.output, shape),
    )
