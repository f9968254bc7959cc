"""Architectures and sizes by name: the closed table that `--arch` and `--size` choose from."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from triode.architecture_wavenet import Trace
from triode.errors import OptionError
from triode.training.networks.block_oriented import (
    Block,
    BlockOriented,
    CurveConfig,
    FirConfig,
    SectionsConfig,
    config_from_blocks,
)
from triode.training.networks.concatenated import ConcatenatedConfig, ConcatenatedWaveNet
from triode.training.networks.linear import Linear, LinearConfig
from triode.training.networks.parametric import Parametric, ParametricConfig
from triode.training.networks.recurrent import Recurrent, RecurrentConfig
from triode.training.networks.wavenet import ArrayConfig, HeadConfig, WaveNet, WaveNetConfig, config_from_architecture

Network = WaveNet | Recurrent | Linear | Parametric | ConcatenatedWaveNet | BlockOriented

TANH: Mapping[str, Any] = {"type": "Tanh"}
LEAKY_RELU: Mapping[str, Any] = {"type": "LeakyReLU", "negative_slope": 0.01}


def a1_shape(first: int, second: int, dilations: Sequence[Sequence[int]]) -> WaveNetConfig:
    """NAM's first generation: two arrays, kernel 3, tanh, `first` then `second` channels."""
    arrays = []
    for index, (channels, spread) in enumerate(zip((first, second), dilations, strict=True)):
        layers = len(spread)
        arrays.append(
            ArrayConfig(
                input_size=1 if index == 0 else first,
                channels=channels,
                kernel_sizes=(3,) * layers,
                dilations=tuple(spread),
                activations=(TANH,) * layers,
                head=HeadConfig(out_channels=second if index == 0 else 1, bias=index == 1),
            )
        )
    return WaveNetConfig(tuple(arrays), head_scale=0.02)


def a2_shape(channels: int) -> WaveNetConfig:
    """NAM's second generation: one array of 23 layers, kernels 6 and 15, leaky ReLU, a head of 16 taps."""
    primes = (1, 3, 7, 17, 41, 101, 239)
    kernel_sizes = (6,) * 14 + (15,) * 2 + (6,) * 7
    array = ArrayConfig(
        input_size=1,
        channels=channels,
        kernel_sizes=kernel_sizes,
        dilations=primes * 2 + (1, 13) + primes,
        activations=(LEAKY_RELU,) * len(kernel_sizes),
        head=HeadConfig(out_channels=1, kernel_size=16, bias=True),
    )
    return WaveNetConfig((array,), head_scale=0.01)


_OCTAVES = [2**i for i in range(10)]
_SHORT = ([2**i for i in range(7)], [2**i for i in range(7, 10)] + _OCTAVES)
# 0.45 s at 48 kHz in a layer less: what a supply that sags or a cathode's capacitor remembers.
_LONG = ([3**i for i in range(9)], _OCTAVES)

WAVENETS: Mapping[str, WaveNetConfig] = {
    "nano": a1_shape(4, 2, _SHORT),
    "feather": a1_shape(8, 4, _SHORT),
    "lite": a1_shape(12, 6, _SHORT),
    "standard": a1_shape(16, 8, (_OCTAVES, _OCTAVES)),
    "long": a1_shape(8, 4, _LONG),
    "a2-lite": a2_shape(3),
    "a2-full": a2_shape(8),
}

# Our own: a WaveNet that hears traces beside the audio (docs/fidelity.md says how it was found). Sizes by what they
# cost in the engine: NAM's A2-Lite, half of its A2-Full, A2-Full.
OWN: Mapping[str, WaveNetConfig] = {
    "small": a1_shape(5, 2, _SHORT),
    "medium": a1_shape(8, 6, _SHORT),
    "full": a1_shape(16, 6, _SHORT),
}
# Averages of the input below these frequencies, with what brings guitar's to the level of the audio, and envelopes.
LOW_PASSES_HZ = (20.0, 80.0, 320.0)
ENVELOPES_SECONDS = (0.005, 0.03, 0.15, 0.7)


def traces(rate_hz: float) -> tuple[Trace, ...]:
    """What a network of our own hears beside the audio."""
    slow = (
        Trace("low_pass", rate_hz / (2 * math.pi * hz), offset=0.0, scale=round((250 / hz) ** 0.8, 3))
        for hz in LOW_PASSES_HZ
    )
    envelopes = (Trace("envelope", rate_hz * seconds, offset=0.2, scale=1.5) for seconds in ENVELOPES_SECONDS)
    return (*slow, *envelopes)


_LONG_TWICE = tuple(2**i for i in range(9)) * 2
# The names of Wright et al. 2020.
CONCATENATED: Mapping[str, ConcatenatedConfig] = {
    "wavenet1": ConcatenatedConfig(16, tuple(_OCTAVES)),
    "wavenet2": ConcatenatedConfig(8, _LONG_TWICE),
    "wavenet3": ConcatenatedConfig(16, _LONG_TWICE),
}
HIDDEN_SIZES = {"nano": 8, "feather": 16, "lite": 24, "standard": 40, "full": 64}
TAPS = {"nano": 256, "feather": 1024, "lite": 4096, "standard": 8192, "full": 32768}
# Peaks of each filter, and taps of an impulse response at the end: a short one takes up what alignment leaves before an
# onset. Ten peaks are those of Eichas, Möller, Zölzer 2017.
CHAINS = {"nano": (4, 64), "standard": (10, 64), "full": (10, 1024)}
CHAIN_ARCHITECTURES = ("hammerstein", "wiener-hammerstein", "grey-box")
ARCHITECTURES = ("triode", "wavenet", "lstm", "gru", "linear", *CHAIN_ARCHITECTURES)
CONDITIONINGS = ("film", "inputs")


def size_names(arch: str) -> tuple[str, ...]:
    """The sizes that `arch` has."""
    if arch == "triode":
        return tuple(OWN)
    return (
        (*WAVENETS, "full", *CONCATENATED)
        if arch == "wavenet"
        else tuple(HIDDEN_SIZES if arch in ("lstm", "gru") else TAPS)
    )


def make_network(
    arch: str, size: str, seed: int, knobs: int = 0, conditioning: str = "film", rate_hz: float = 48000
) -> Network:
    """A freshly initialised network.

    `size` is a name, or a number: hidden units, taps, peaks of a filter, or channels of the A2 shape. `rate_hz` is the
    rate of the audio, for what lasts so many seconds.

    How its `knobs` act: `conditioning` "film" lets them scale and shift a WaveNet's rows, "inputs" makes them further
    inputs, as they always are in recurrent networks. Raises OptionError for unknown names, and for knobs where the
    network follows none.
    """
    if arch not in ARCHITECTURES:
        raise OptionError(f"--arch {arch}: unknown; choose one of {', '.join(ARCHITECTURES)}")
    number = int(size) if size.isdigit() else None
    if size not in size_names(arch) and (number is None or arch == "triode"):
        numbers = "" if arch == "triode" else ", or a number"
        raise OptionError(f"--size {size}: unknown for {arch}; choose {', '.join(size_names(arch))}{numbers}")
    if conditioning not in CONDITIONINGS:
        raise OptionError(f"--conditioning {conditioning}: unknown; choose one of {', '.join(CONDITIONINGS)}")
    if arch in ("linear", *CHAIN_ARCHITECTURES) and knobs:
        raise OptionError(f"--arch {arch}: it follows no knobs; choose wavenet, or one take with --take")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if arch == "wavenet" and size in CONCATENATED:
            if knobs:
                raise OptionError(f"--size {size}: this WaveNet follows no knobs; choose full, or one take with --take")
            return ConcatenatedWaveNet(CONCATENATED[size])
        if arch in ("triode", "wavenet"):
            config = _shape(arch, size, rate_hz)
            if knobs and conditioning == "film":
                return Parametric(ParametricConfig(knobs, with_inputs(config, 1)))
            return WaveNet(with_inputs(config, 1 + knobs))
        if arch == "linear":
            return Linear(LinearConfig(TAPS[size] if number is None else number))
        if arch in CHAIN_ARCHITECTURES:
            return BlockOriented(chain(arch, *(CHAINS[size] if number is None else (number, 64))))
        hidden = HIDDEN_SIZES[size] if number is None else number
        return Recurrent(RecurrentConfig("lstm" if arch == "lstm" else "gru", hidden, knobs=knobs))


def _shape(arch: str, size: str, rate_hz: float) -> WaveNetConfig:
    if arch == "triode":
        return replace(OWN[size], traces=traces(rate_hz))
    return a2_shape(int(size)) if size.isdigit() else WAVENETS["a2-full" if size == "full" else size]


def chain(arch: str, peaks: int, taps: int) -> tuple[Block, ...]:
    """The blocks of a chain whose filters are two shelves, `peaks` peaks and, behind a curve, a high-pass.

    `grey-box` has a second curve and a filter behind it, as a power amp after a preamp.
    """
    if not 1 <= peaks <= 60:
        raise OptionError(f"--size {peaks}: expected 1 to 60 peaks")
    front = SectionsConfig(("low_shelf", *("peak",) * peaks, "high_shelf"))
    behind = SectionsConfig((*front.bands, "high_pass"))
    blocks: list[Block] = [CurveConfig(), behind] if arch == "hammerstein" else [front, CurveConfig(), behind]
    if arch == "grey-box":
        blocks += [CurveConfig(), behind]
    return (*blocks, FirConfig(taps)) if taps else tuple(blocks)


def with_inputs(config: WaveNetConfig, inputs: int) -> WaveNetConfig:
    """The same shape for so many inputs, all of which are the condition, too."""
    first, *others = (replace(array, condition_size=inputs) for array in config.arrays)
    return replace(config, arrays=(replace(first, input_size=inputs + len(config.traces)), *others))


def network_from_architecture(architecture: Mapping[str, Any]) -> Network:
    """A network of the shape a model file describes; raises OptionError for what can be played but not trained."""
    name = architecture.get("name")
    if name == "wavenet":
        return WaveNet(config_from_architecture(architecture))
    if name == "parametric":
        inner = config_from_architecture(architecture["network"])
        sizes, tapers = tuple(architecture["hidden_sizes"]), tuple(architecture.get("tapers", ("linear",)))
        return Parametric(ParametricConfig(architecture["knobs"], inner, sizes, tapers))
    if name in ("lstm", "gru"):
        sizes = architecture["hidden_size"], architecture["num_layers"]
        return Recurrent(RecurrentConfig(name, *sizes, bool(architecture["skip"]), architecture["input_size"] - 1))
    if name == "linear":
        return Linear(LinearConfig(architecture["taps"]))
    if name == "block-oriented":
        return BlockOriented(config_from_blocks(architecture))
    raise OptionError(f"a model of architecture {name!r} can be played but not trained; train a new one instead")


def arch_of(network: Network) -> str:
    """The name in `ARCHITECTURES` of networks of this kind."""
    inner = network.network if isinstance(network, Parametric) else network
    if isinstance(inner, WaveNet):
        return "triode" if inner.config.traces else "wavenet"
    if isinstance(inner, BlockOriented):
        return "grey-box" if len(inner.curves()) > 1 else _chain_of_one_curve(inner)
    if isinstance(inner, Recurrent):
        return inner.config.unit
    return "linear" if isinstance(inner, Linear) else "wavenet"


def _chain_of_one_curve(network: BlockOriented) -> str:
    return "hammerstein" if isinstance(network.config[0], CurveConfig) else "wiener-hammerstein"


def load_tensors(network: Network, tensors: Mapping[str, Tensor], target_gain: float) -> None:
    """Take over the weights of a model file, for a target that is divided by `target_gain`.

    The inverse of `network.tensors(target_gain)`. Tensors that training has no use for (a start state) are left.
    """
    if isinstance(network, BlockOriented):
        network.load(tensors, target_gain)
        return
    own = network.state_dict()
    scaled = ("head_scale", "network.head_scale", "output_scale", "taps", "bias")
    network.load_state_dict({name: tensors[name] / (target_gain if name in scaled else 1.0) for name in own})


def count_parameters(network: nn.Module) -> int:
    """Trained numbers in the network."""
    return sum(parameter.numel() for parameter in network.parameters())
