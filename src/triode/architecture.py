"""The shapes of networks that a model file may hold: parsed, checked, and turned into names and shapes of tensors.

The JSON object and the tensors are specified in docs/model-file.md.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from triode.architecture_blocks import BlockOriented
from triode.architecture_wavenet import STRICT, Activation, Count, Shapes, WaveNet, conv_shapes
from triode.errors import ModelFileError

__all__ = [
    "Architecture",
    "BlockOriented",
    "Conv",
    "ConvNet",
    "Linear",
    "Parametric",
    "Recurrent",
    "Sequential",
    "check_tensors",
    "finite_float32",
    "first_problem",
    "parse_architecture",
]


@dataclass(frozen=True, config=STRICT)
class Recurrent:
    """A stack of LSTM or GRU layers in PyTorch's layout, a linear output, and the input added to it if `skip`.

    Inputs after the first are knobs; `skip` adds as many inputs as there are outputs.
    """

    name: Literal["lstm", "gru"]
    input_size: Count
    hidden_size: Count
    num_layers: Count
    skip: bool
    output_size: Count = 1

    def __post_init__(self) -> None:
        if self.skip and self.input_size < self.output_size:
            raise ValueError(f"skip needs an input for each of {self.output_size} outputs, found {self.input_size}")

    @property
    def inputs(self) -> int:
        """Channels in."""
        return self.input_size

    @property
    def outputs(self) -> int:
        """Channels out."""
        return self.output_size

    @property
    def receptive_field(self) -> int:
        """1: what is further back reaches the output only through the state."""
        return 1

    def tensor_shapes(self) -> Shapes:
        """Names and shapes of all tensors."""
        hidden = self.hidden_size
        rows = (4 if self.name == "lstm" else 3) * hidden
        shapes: Shapes = {}
        for layer in range(self.num_layers):
            shapes[f"rec.weight_ih_l{layer}"] = (rows, self.input_size if layer == 0 else hidden)
            shapes[f"rec.weight_hh_l{layer}"] = (rows, hidden)
            shapes[f"rec.bias_ih_l{layer}"] = (rows,)
            shapes[f"rec.bias_hh_l{layer}"] = (rows,)
        linear: Shapes = {"lin.weight": (self.output_size, hidden), "lin.bias": (self.output_size,)}
        return shapes | linear | {"output_scale": (1,)}

    def optional_shapes(self) -> Shapes:
        """The state to start from, before the warm-up."""
        names = ("rec.h0", "rec.c0") if self.name == "lstm" else ("rec.h0",)
        return dict.fromkeys(names, (self.num_layers, self.hidden_size))


@dataclass(frozen=True, config=STRICT)
class Linear:
    """One finite impulse response."""

    name: Literal["linear"]
    taps: Count

    @property
    def inputs(self) -> int:
        """Channels in."""
        return 1

    @property
    def outputs(self) -> int:
        """Channels out."""
        return 1

    @property
    def receptive_field(self) -> int:
        """Input samples that one output sample depends on."""
        return self.taps

    def tensor_shapes(self) -> Shapes:
        """Names and shapes of all tensors."""
        return {"taps": (self.taps,), "bias": (1,)}

    def optional_shapes(self) -> Shapes:
        """Tensors that may be there."""
        return {}


@dataclass(frozen=True, config=STRICT)
class ConvNet:
    """Blocks of two-tap dilated convolution, optional batch normalisation and activation; only `.nam` files have it."""

    name: Literal["convnet"]
    channels: Count
    dilations: tuple[Count, ...]
    batchnorm: bool
    activation: Activation
    input_size: Count = 1
    output_size: Count = 1
    groups: Count = 1

    @property
    def inputs(self) -> int:
        """Channels in."""
        return self.input_size

    @property
    def outputs(self) -> int:
        """Channels out."""
        return self.output_size

    @property
    def receptive_field(self) -> int:
        """Input samples that one output sample depends on."""
        return 1 + sum(self.dilations)

    def tensor_shapes(self) -> Shapes:
        """Names and shapes of all tensors, in the order of the `.nam` format's weights."""
        shapes: Shapes = {}
        for index in range(len(self.dilations)):
            prefix, inputs = f"blocks.{index}.", self.input_size if index == 0 else self.channels
            shapes |= conv_shapes(f"{prefix}conv", self.channels, inputs, 2, not self.batchnorm, self.groups)
            if self.batchnorm:
                shapes |= {f"{prefix}norm.{name}": (self.channels,) for name in ("mean", "variance", "weight", "bias")}
                shapes[f"{prefix}norm.epsilon"] = (1,)
        return shapes | {"head.weight": (self.output_size, self.channels), "head.bias": (self.output_size,)}

    def optional_shapes(self) -> Shapes:
        """Tensors that may be there."""
        return {}


@dataclass(frozen=True, config=STRICT)
class Conv:
    """One causal convolution with a bias, and an activation after it; with one tap a dense layer."""

    name: Literal["conv"]
    input_size: Count = 1
    output_size: Count = 1
    kernel_size: Count = 1
    dilation: Count = 1
    groups: Count = 1
    activation: Activation | None = None

    @property
    def inputs(self) -> int:
        """Channels in."""
        return self.input_size

    @property
    def outputs(self) -> int:
        """Channels out."""
        return self.output_size

    @property
    def receptive_field(self) -> int:
        """Input samples that one output sample depends on."""
        return 1 + (self.kernel_size - 1) * self.dilation

    def tensor_shapes(self) -> Shapes:
        """Names and shapes of all tensors."""
        shapes = conv_shapes("conv", self.output_size, self.input_size, self.kernel_size, groups=self.groups)
        return {name.removeprefix("conv."): shape for name, shape in shapes.items()}

    def optional_shapes(self) -> Shapes:
        """Tensors that may be there."""
        return {}


@dataclass(frozen=True, config=STRICT)
class Sequential:
    """Convolutions and recurrent networks one after the other, and the input added to the output if `skip`."""

    name: Literal["sequential"]
    layers: tuple[Annotated[Conv | Recurrent, Field(discriminator="name")], ...]
    skip: bool = False

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("a sequential network needs at least one layer")
        for index, (before, layer) in enumerate(zip(self.layers, self.layers[1:], strict=False), start=1):
            if layer.inputs != before.outputs:
                raise ValueError(f"layer {index} has {layer.inputs} inputs, the layer before {before.outputs} outputs")
        if self.skip and self.inputs < self.outputs:
            raise ValueError(f"skip needs an input for each of {self.outputs} outputs, found {self.inputs}")

    @property
    def inputs(self) -> int:
        """Channels in."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Channels out."""
        return self.layers[-1].outputs

    @property
    def receptive_field(self) -> int:
        """Input samples that one output sample depends on, what is remembered as a state apart."""
        return 1 + sum(layer.receptive_field - 1 for layer in self.layers)

    def tensor_shapes(self) -> Shapes:
        """Names and shapes of all tensors."""
        shapes = _with_prefixes([layer.tensor_shapes() for layer in self.layers])
        return shapes | {"output_scale": (1,)}

    def optional_shapes(self) -> Shapes:
        """Tensors that may be there."""
        return _with_prefixes([layer.optional_shapes() for layer in self.layers])


def _with_prefixes(layers: list[Shapes]) -> Shapes:
    return {f"layers.{index}.{name}": shape for index, shapes in enumerate(layers) for name, shape in shapes.items()}


@dataclass(frozen=True, config=STRICT)
class Parametric:
    """A WaveNet whose scales and shifts before the activations, and whose gains, a small network makes of `knobs`."""

    name: Literal["parametric"]
    knobs: Annotated[int, Field(ge=1, le=64)]
    hidden_sizes: Annotated[tuple[Annotated[int, Field(ge=1, le=1024)], ...], Field(max_length=8)]
    network: WaveNet
    tapers: Annotated[tuple[Literal["linear", "log", "reverse-log"], ...], Field(min_length=1, max_length=3)] = (
        "linear",
    )

    def __post_init__(self) -> None:
        net = self.network
        if net.inputs != 1:
            raise ValueError(f"the network has {net.inputs} inputs, expected 1, the audio")
        if net.condition_dsp or net.head:
            raise ValueError("the network has a condition_dsp or a head of its own, expected neither")
        for array in net.arrays:
            if array.allowed_channels or any(film.active for film in array.films.values()):
                raise ValueError("the network has FiLM or allowed_channels, expected neither")

    @property
    def inputs(self) -> int:
        """Channels in: the audio, then the knobs."""
        return 1 + self.knobs

    @property
    def outputs(self) -> int:
        """Channels out."""
        return self.network.outputs

    @property
    def receptive_field(self) -> int:
        """Input samples that one output sample depends on."""
        return self.network.receptive_field

    @property
    def modulations(self) -> int:
        """Numbers that the knobs decide: a gain, a scale and a shift for each row before an activation, a gain."""
        rows = sum(a.width * (1 if gating == "none" else 2) for a in self.network.arrays for gating in a.gating)
        return 2 + 2 * rows

    def tensor_shapes(self) -> Shapes:
        """Names and shapes of all tensors."""
        shapes = {f"network.{name}": shape for name, shape in self.network.tensor_shapes().items()}
        inputs = told = self.knobs * len(self.tapers)
        for index, size in enumerate(self.hidden_sizes):
            shapes |= {f"knobs.hidden.{index}.weight": (size, inputs), f"knobs.hidden.{index}.bias": (size,)}
            inputs = size
        features = told + (inputs if self.hidden_sizes else 0)
        output: Shapes = {"knobs.output.weight": (self.modulations, features), "knobs.output.bias": (self.modulations,)}
        return shapes | output

    def optional_shapes(self) -> Shapes:
        """Tensors that may be there."""
        return {}


Architecture = WaveNet | Recurrent | Linear | ConvNet | Conv | Sequential | Parametric | BlockOriented
"""Every shape of network that a model file may hold."""

_ADAPTER: TypeAdapter[Architecture] = TypeAdapter(Annotated[Architecture, Field(discriminator="name")])


def first_problem(error: ValidationError) -> str:
    """What pydantic found wrong first, in one line: where, what, and what was there."""
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"]) or "top level"
    found = repr(problem["input"])
    shown = found if len(found) <= 60 else f"{found[:57]}..."
    return f"{where}: {problem['msg']} (found {shown})"


def parse_architecture(architecture: Mapping[str, Any]) -> Architecture:
    """The checked form of the `architecture` object of a model file; raises ModelFileError with the first problem."""
    try:
        # By way of JSON, because that is what the file holds: lists become tuples, numpy numbers are refused.
        parsed = _ADAPTER.validate_json(json.dumps(architecture))
    except ValidationError as error:
        raise ModelFileError(f"architecture is not as in docs/model-file.md: {first_problem(error)}") from error
    except TypeError as error:
        raise ModelFileError(f"architecture is not plain JSON: {error}") from error
    if parsed.outputs != 1:
        raise ModelFileError(f"architecture: the {parsed.name} has {parsed.outputs} output channels; expected 1")
    return parsed


def check_tensors(architecture: Architecture, tensors: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float32]]:
    """`tensors` as float32, or ModelFileError: a name missing or too many, a wrong shape, a number that is not allowed.

    The order is that of `architecture.tensor_shapes()`, optional tensors last.
    """
    required, optional = architecture.tensor_shapes(), architecture.optional_shapes()
    expected = required | {name: shape for name, shape in optional.items() if name in tensors}
    missing, foreign = required.keys() - tensors.keys(), tensors.keys() - expected.keys()
    if missing:
        raise ModelFileError(f"tensors are missing: {', '.join(sorted(missing)[:5])}; {architecture.name} needs them")
    if foreign:
        raise ModelFileError(f"tensors that {architecture.name} does not have: {', '.join(sorted(foreign)[:5])}")
    found = {name: finite_float32(name, tensors[name], shape) for name, shape in expected.items()}
    if isinstance(architecture, BlockOriented):
        architecture.check_values(found)
    return found


def finite_float32(name: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """`values` as contiguous little-endian float32 of `shape`, or ModelFileError."""
    array = np.asarray(values)
    if array.shape != shape:
        raise ModelFileError(f"tensor {name} has shape {array.shape}; expected {shape}")
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(array, dtype="<f4")
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad:
        raise ModelFileError(f"tensor {name} holds {bad} NaN or infinite numbers; the training diverged")
    return array
