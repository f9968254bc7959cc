"""The shape of a WaveNet as docs/model-file.md and the `.nam` format describe it, turned into tensors' shapes."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from triode.errors import ModelFileError

__all__ = [
    "FILM_POSITIONS",
    "STRICT",
    "Activation",
    "Count",
    "Film",
    "Head",
    "Head1x1",
    "Layer1x1",
    "PostHead",
    "Shapes",
    "Trace",
    "WaveNet",
    "WaveNetArray",
    "conv_shapes",
]

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
Count = Annotated[int, Field(ge=1, le=1 << 20)]
Shapes = dict[str, tuple[int, ...]]

FILM_POSITIONS = (
    "conv_pre",
    "conv_post",
    "input_mixin_pre",
    "input_mixin_post",
    "activation_pre",
    "activation_post",
    "layer1x1_post",
    "head1x1_post",
)
_ACTIVATION_OPTIONS: Mapping[str, frozenset[str]] = {
    "LeakyReLU": frozenset({"negative_slope"}),
    "PReLU": frozenset({"negative_slope", "negative_slopes"}),
    "LeakyHardtanh": frozenset({"min_val", "max_val", "min_slope", "max_slope"}),
}


def conv_shapes(name: str, outputs: int, inputs: int, kernel: int, bias: bool = True, groups: int = 1) -> Shapes:
    """Weight (out, in / groups, kernel) and bias (out,) of a convolution; ModelFileError where groups do not fit."""
    if inputs % groups or outputs % groups:
        raise ModelFileError(f"{name}: {inputs} -> {outputs} channels cannot be split into {groups} groups")
    shapes: Shapes = {f"{name}.weight": (outputs, inputs // groups, kernel)}
    return shapes | {f"{name}.bias": (outputs,)} if bias else shapes


@dataclass(frozen=True, config=STRICT)
class Activation:
    """A pointwise function by its `.nam` name; the options belong to the leaky kinds, None where not given."""

    type: Literal[
        "Tanh",
        "Hardtanh",
        "Fasttanh",
        "ReLU",
        "LeakyReLU",
        "PReLU",
        "Sigmoid",
        "SiLU",
        "Hardswish",
        "LeakyHardtanh",
        "Softsign",
    ]
    negative_slope: float | None = None
    negative_slopes: tuple[float, ...] | None = None
    min_val: float | None = None
    max_val: float | None = None
    min_slope: float | None = None
    max_slope: float | None = None

    def __post_init__(self) -> None:
        foreign = set(self.json()) - {"type"} - _ACTIVATION_OPTIONS.get(self.type, frozenset())
        if foreign:
            raise ValueError(f"{self.type} has no option {', '.join(sorted(foreign))}")

    def json(self) -> dict[str, Any]:
        """The JSON object, without what was not given."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items() if v is not None}


@dataclass(frozen=True, config=STRICT)
class Head:
    """The convolution from an array's head sum to its output."""

    out_channels: Count
    kernel_size: Count = 1
    bias: bool = False
    head_dilation: Count = 1


@dataclass(frozen=True, config=STRICT)
class Layer1x1:
    """The 1x1 convolution back onto the residual path."""

    active: bool = True
    groups: Count = 1


@dataclass(frozen=True, config=STRICT)
class Head1x1:
    """An optional 1x1 convolution from a layer's activation to the head sum."""

    active: bool = False
    out_channels: Count = 1
    groups: Count = 1


@dataclass(frozen=True, config=STRICT)
class Film:
    """Feature-wise scale (and shift) by a 1x1 convolution of the condition (Perez et al. 2018)."""

    active: bool = False
    shift: bool = True
    groups: Count = 1


@dataclass(frozen=True, config=STRICT)
class WaveNetArray:
    """One array of layers; the tuples have one entry per layer. Absent `gating` means none, `bottleneck` channels.

    `allowed_channels` are the widths that the array may be cut down to by keeping the first of everything.
    """

    input_size: Count
    channels: Count
    kernel_sizes: tuple[Count, ...]
    dilations: tuple[Count, ...]
    activations: tuple[Activation, ...]
    head: Head
    condition_size: Count = 1
    bottleneck: Count | None = None
    gating: tuple[Literal["none", "gated", "blended"], ...] = ()
    secondary_activations: tuple[Activation | None, ...] = ()
    groups_input: Count = 1
    groups_input_mixin: Count = 1
    rechannel_bias: bool = False
    layer1x1: Layer1x1 = Layer1x1()
    head1x1: Head1x1 = Head1x1()
    conv_pre_film: Film = Film()
    conv_post_film: Film = Film()
    input_mixin_pre_film: Film = Film()
    input_mixin_post_film: Film = Film()
    activation_pre_film: Film = Film()
    activation_post_film: Film = Film()
    layer1x1_post_film: Film = Film()
    head1x1_post_film: Film = Film()
    allowed_channels: tuple[Count, ...] = ()

    def __post_init__(self) -> None:
        layers = len(self.dilations)
        if self.bottleneck is None:
            object.__setattr__(self, "bottleneck", self.channels)
        if not self.gating:
            object.__setattr__(self, "gating", ("none",) * layers)
        if not self.secondary_activations:
            seconds = tuple(None if g == "none" else Activation("Sigmoid") for g in self.gating)
            object.__setattr__(self, "secondary_activations", seconds)
        if layers == 0:
            raise ValueError("an array needs at least one layer")
        for name in ("kernel_sizes", "activations", "gating", "secondary_activations"):
            if len(getattr(self, name)) != layers:
                raise ValueError(f"{name} has {len(getattr(self, name))} entries for {layers} dilations")
        for gating, second in zip(self.gating, self.secondary_activations, strict=True):
            if (gating == "none") != (second is None):
                raise ValueError("secondary_activations must be null exactly where gating is none")
        widths = self.allowed_channels
        if widths and (list(widths) != sorted(set(widths)) or widths[-1] != self.channels):
            raise ValueError(f"allowed_channels {list(widths)} must ascend to the {self.channels} channels there are")
        if self.film("layer1x1_post").active and not self.layer1x1.active:
            raise ValueError("layer1x1_post_film needs an active layer1x1")
        if self.film("head1x1_post").active and not self.head1x1.active:
            raise ValueError("head1x1_post_film needs an active head1x1")

    @property
    def width(self) -> int:
        """Channels of the activation, B."""
        return self.bottleneck or self.channels

    @property
    def head_width(self) -> int:
        """Channels of the head sum, H."""
        return self.head1x1.out_channels if self.head1x1.active else self.width

    @property
    def receptive_samples(self) -> int:
        """Samples of history beyond the current one."""
        layers = sum((k - 1) * d for k, d in zip(self.kernel_sizes, self.dilations, strict=True))
        return layers + (self.head.kernel_size - 1) * self.head.head_dilation

    def film(self, position: str) -> Film:
        """The scale and shift at one of FILM_POSITIONS."""
        film: Film = getattr(self, f"{position}_film")
        return film

    @property
    def films(self) -> dict[str, Film]:
        """All of them, by position."""
        return {position: self.film(position) for position in FILM_POSITIONS}

    def tensor_shapes(self, prefix: str) -> Shapes:
        """Names and shapes of this array's tensors, in the order of the `.nam` format's weights."""
        shapes = conv_shapes(f"{prefix}rechannel", self.channels, self.input_size, 1, self.rechannel_bias)
        for index in range(len(self.dilations)):
            shapes |= self._layer_shapes(index, f"{prefix}layers.{index}.")
        shapes |= conv_shapes(
            f"{prefix}head", self.head.out_channels, self.head_width, self.head.kernel_size, self.head.bias
        )
        return shapes

    def _layer_shapes(self, index: int, prefix: str) -> Shapes:
        channels, width, condition = self.channels, self.width, self.condition_size
        rows = width if self.gating[index] == "none" else 2 * width
        kernel = self.kernel_sizes[index]
        shapes = conv_shapes(f"{prefix}conv", rows, channels, kernel, groups=self.groups_input)
        shapes |= conv_shapes(f"{prefix}mixin", rows, condition, 1, bias=False, groups=self.groups_input_mixin)
        if self.layer1x1.active:
            shapes |= conv_shapes(f"{prefix}layer1x1", channels, width, 1, groups=self.layer1x1.groups)
        if self.head1x1.active:
            shapes |= conv_shapes(f"{prefix}head1x1", self.head_width, width, 1, groups=self.head1x1.groups)
        sizes = (channels, rows, condition, rows, rows, width, channels, self.head_width)
        for position, size in zip(FILM_POSITIONS, sizes, strict=True):
            film = self.film(position)
            if film.active:
                out = 2 * size if film.shift else size
                shapes |= conv_shapes(f"{prefix}{position}_film", out, condition, 1, groups=film.groups)
        return shapes


@dataclass(frozen=True, config=STRICT)
class PostHead:
    """Blocks of activation and convolution after the scaled head of the last array."""

    channels: Count
    out_channels: Count
    kernel_sizes: tuple[Count, ...]
    activation: Activation


@dataclass(frozen=True, config=STRICT)
class Trace:
    """A slow filter of the audio, heard as scale * (level - offset).

    The level is that of a one-pole low-pass, or the square root of one of the audio's magnitude.
    """

    type: Literal["low_pass", "envelope"]
    time_constant_samples: Annotated[float, Field(ge=1, le=1e7)]
    offset: Annotated[float, Field(ge=-1e6, le=1e6)]
    scale: Annotated[float, Field(ge=-1e6, le=1e6)]


@dataclass(frozen=True, config=STRICT)
class WaveNet:
    """Arrays of dilated causal convolutions with a summed head: the WaveNet of the `.nam` format.

    Unlike there, the first array may hear `traces` between the audio and the knobs.
    """

    name: Literal["wavenet"]
    arrays: tuple[WaveNetArray, ...]
    head: PostHead | None = None
    condition_dsp: "WaveNet | None" = None
    traces: Annotated[tuple[Trace, ...], Field(min_length=1, max_length=16)] | None = None

    def __post_init__(self) -> None:
        if not self.arrays:
            raise ValueError("a wavenet needs at least one array")
        if self.inputs < 1:
            size = self.arrays[0].input_size
            raise ValueError(f"array 0 has input_size {size}, expected 1 for the audio and 1 for each trace")
        if self.condition_dsp and (self.traces or self.condition_dsp.traces):
            raise ValueError("a network with a condition_dsp has no traces, and neither has the condition_dsp")
        condition_size = self.condition_dsp.outputs if self.condition_dsp else self.inputs
        channels, head = self.arrays[0].input_size, None
        for index, array in enumerate(self.arrays):
            found = (array.input_size, array.condition_size, head or array.head_width)
            expected = (channels, condition_size, array.head_width)
            if found != expected:
                raise ValueError(
                    f"array {index}: input_size, condition_size and the head sum it is given are {found}, "
                    f"expected {expected}"
                )
            channels, head = array.channels, array.head.out_channels
        if self.condition_dsp and self.condition_dsp.inputs != self.inputs:
            raise ValueError(f"condition_dsp has {self.condition_dsp.inputs} inputs, the network {self.inputs}")

    @property
    def inputs(self) -> int:
        """Channels in: the audio, then the knobs."""
        return self.arrays[0].input_size - len(self.traces or ())

    @property
    def outputs(self) -> int:
        """Channels of the output: 1 for a model, the condition's size for a nested one."""
        return self.head.out_channels if self.head else self.arrays[-1].head.out_channels

    @property
    def receptive_field(self) -> int:
        """Input samples that one output sample depends on."""
        nested = self.condition_dsp.receptive_field - 1 if self.condition_dsp else 0
        after = sum(k - 1 for k in self.head.kernel_sizes) if self.head else 0
        return 1 + sum(array.receptive_samples for array in self.arrays) + after + nested

    def tensor_shapes(self, prefix: str = "") -> Shapes:
        """Names and shapes of all tensors, in the order of the `.nam` format's weights, the condition's own last."""
        shapes: Shapes = {}
        for index, array in enumerate(self.arrays):
            shapes |= array.tensor_shapes(f"{prefix}arrays.{index}.")
        if self.head:
            inputs, last = self.arrays[-1].head.out_channels, len(self.head.kernel_sizes) - 1
            for index, kernel in enumerate(self.head.kernel_sizes):
                outputs = self.head.out_channels if index == last else self.head.channels
                shapes |= conv_shapes(f"{prefix}head.{index}", outputs, inputs, kernel)
                inputs = outputs
        shapes[f"{prefix}head_scale"] = (1,)
        if self.condition_dsp:
            shapes |= self.condition_dsp.tensor_shapes(f"{prefix}condition_dsp.")
        return shapes

    def optional_shapes(self) -> Shapes:
        """Tensors that may be there."""
        return {}
