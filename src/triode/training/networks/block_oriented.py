"""Block-oriented models: filters and static curves in series, every parameter one that an engineer can read.

Hammerstein is a curve and a filter, Wiener-Hammerstein a filter, a curve and a filter, after F. Eichas, S. Möller,
U. Zölzer (DAFx-17). The computation is that of docs/model-file.md. Filters are sampled in the frequency domain, so that
everything can be descended: a recursive filter's response is a product of responses, and its memory is heard as long as
the Fourier transform is padded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from triode.architecture_blocks import CURVE_RANGES, SECTION_RANGES
from triode.errors import OptionError

# Dry audio that a model hears before its output counts, and silence after what is transformed: recursive filters and
# the bias shift have died away by then, all but.
LEAD_SAMPLES = 12_288
TAIL_SAMPLES, LONG_TAIL_SAMPLES = 4_096, 65_536
# One step of descent moves a tap, a decibel and a logarithm alike.
TAP_UNIT, DECIBEL_UNIT = 0.02, 10.0


@dataclass(frozen=True)
class SectionsConfig:
    """Second-order sections in series: low_shelf, peak, high_shelf, high_pass or low_pass."""

    bands: tuple[str, ...]


@dataclass(frozen=True)
class FirConfig:
    """A finite impulse response of so many taps."""

    taps: int


@dataclass(frozen=True)
class CurveConfig:
    """A static curve whose operating point follows the level."""


Block = SectionsConfig | FirConfig | CurveConfig


def _logarithm(value: Tensor, name: str) -> Tensor:
    low, high = {**SECTION_RANGES, **CURVE_RANGES}[name]
    return value.clamp(max(low, 1e-3) if name == "knees" else low, high).log()


def _from_logarithm(parameter: Tensor, name: str) -> Tensor:
    """Within the range of the file; double precision, in which the file's values are used."""
    low, high = {**SECTION_RANGES, **CURVE_RANGES}[name]
    return parameter.double().exp().clamp(max(low, 1e-12), high)


class Sections(nn.Module):
    """Recursive filters, of which the logarithms of frequency and Q and the gain in tens of dB are learned."""

    def __init__(self, config: SectionsConfig) -> None:
        super().__init__()
        self.config = config
        count = len(config.bands)
        self.frequency = nn.Parameter(torch.linspace(-6.5, -1.2, count))
        self.q = nn.Parameter(torch.zeros(count))
        self.gain = nn.Parameter(torch.zeros(count))

    def values(self) -> dict[str, Tensor]:
        """What the model file holds, in double precision."""
        low, high = SECTION_RANGES["gain_db"]
        return {
            "frequency": _from_logarithm(self.frequency, "frequency"),
            "gain_db": (DECIBEL_UNIT * self.gain.double()).clamp(low, high),
            "q": _from_logarithm(self.q, "q"),
        }

    @torch.no_grad()
    def set_values(self, values: Mapping[str, Tensor]) -> None:
        """The inverse of `values`."""
        self.frequency.copy_(_logarithm(values["frequency"], "frequency"))
        self.q.copy_(_logarithm(values["q"], "q"))
        self.gain.copy_(values["gain_db"] / DECIBEL_UNIT)

    def response(self, size: int) -> Tensor:
        """Complex gain (size // 2 + 1,) at the bins of a real transform."""
        return section_response(self.config.bands, self.values(), _frequencies(size, self.q.device))

    def forward(self, x: Tensor, tail: int) -> Tensor:
        """(B, T) -> (B, T)."""
        size = _transform_size(x.shape[-1] + tail)
        return _filtered(x, self.response(size), size)


class Fir(nn.Module):
    """A finite impulse response, at first that of a wire."""

    def __init__(self, config: FirConfig) -> None:
        super().__init__()
        self.config = config
        wire = torch.zeros(config.taps)
        wire[0] = 1 / TAP_UNIT
        self.taps = nn.Parameter(wire)

    def values(self) -> dict[str, Tensor]:
        """What the model file holds."""
        return {"taps": TAP_UNIT * self.taps}

    @torch.no_grad()
    def set_values(self, values: Mapping[str, Tensor]) -> None:
        """The inverse of `values`."""
        self.taps.copy_(values["taps"] / TAP_UNIT)

    def forward(self, x: Tensor, tail: int) -> Tensor:
        """(B, T) -> (B, T)."""
        size = _transform_size(x.shape[-1] + self.config.taps)
        return _filtered(x, torch.fft.rfft(self.values()["taps"].double(), size), size)


class Curve(nn.Module):
    """The static curve; gains, knees, slopes and the speed of the bias shift as logarithms."""

    LOGARITHMS = ("pre_gain", "bias_shift_frequency", "knees", "slopes", "post_gain")

    def __init__(self, config: CurveConfig) -> None:
        super().__init__()
        self.config = config
        start = {"pre_gain": [1.0], "bias_shift_frequency": [2e-4], "knees": [0.5, 0.5], "slopes": [1.0, 1.0]}
        start |= {"post_gain": [1.0]}
        self.logs = nn.ParameterDict({name: nn.Parameter(torch.tensor(value).log()) for name, value in start.items()})
        self.bias = nn.Parameter(torch.tensor([0.1]))
        self.bias_shift = nn.Parameter(torch.zeros(1))
        self.sign: Tensor
        self.register_buffer("sign", torch.ones(1))  # of post_gain

    def values(self) -> dict[str, Tensor]:
        """What the model file holds, in double precision."""
        found = {name: _from_logarithm(self.logs[name], name) for name in self.LOGARITHMS}
        found["post_gain"] = self.sign.double() * found["post_gain"]
        found["bias"] = self.bias.double().clamp(*CURVE_RANGES["bias"])
        found["bias_shift"] = self.bias_shift.double().clamp(*CURVE_RANGES["bias_shift"])
        return found

    @torch.no_grad()
    def set_values(self, values: Mapping[str, Tensor]) -> None:
        """The inverse of `values`, of which some may be left out; a pre_gain below 0 is refused."""
        for name, value in values.items():
            if name in ("bias", "bias_shift"):
                getattr(self, name).copy_(value)
                continue
            if name == "post_gain":
                self.sign.copy_(torch.where(value < 0, -1.0, 1.0))
            elif (value < 0).any():
                raise OptionError(f"this model's {name} is below 0, which can be played but not trained")
            self.logs[name].copy_(_logarithm(value.abs().clamp_min(1e-12), name))

    def forward(self, x: Tensor, tail: int) -> Tensor:
        """(B, T) -> (B, T)."""
        value = {name: found.to(x.dtype) for name, found in self.values().items()}
        u = value["pre_gain"] * x
        z = u + value["bias"] + value["bias_shift"] * self._level(torch.tanh(u).abs(), tail)
        y: Tensor = value["post_gain"] * (bend(z, value) - bend(value["bias"], value))
        return y

    def _level(self, size_of_u: Tensor, tail: int) -> Tensor:
        """The one-pole low-pass that the operating point follows."""
        size = _transform_size(size_of_u.shape[-1] + tail)
        share = 1 - torch.exp(-2 * torch.pi * self.values()["bias_shift_frequency"])
        w = 2 * torch.pi * _frequencies(size, share.device)
        delay = torch.polar(torch.ones_like(w), -w)
        return _filtered(size_of_u, share / (1 - (1 - share) * delay), size)


def bend(z: Tensor, value: Mapping[str, Tensor]) -> Tensor:
    """tanh up to the knees, from there a tanh of another slope that goes on smoothly (docs/model-file.md)."""
    knee = torch.where(z >= 0, value["knees"][0], value["knees"][1])
    slope = torch.where(z >= 0, value["slopes"][0], value["slopes"][1])
    level, size = torch.tanh(knee), z.abs()
    above = level + (1 - level.square()) / slope * torch.tanh(slope * (size - knee).clamp_min(0))
    return torch.sign(z) * torch.where(size <= knee, torch.tanh(size), above)


def section_response(bands: tuple[str, ...], values: Mapping[str, Tensor], frequencies: Tensor) -> Tensor:
    """Complex gain (n,) of Audio EQ Cookbook sections (R. Bristow-Johnson) in series.

    `frequencies` (n,) are shares of the sample rate.
    """
    w, a = 2 * torch.pi * values["frequency"], 10 ** (values["gain_db"] / 40)
    cosine, alpha = torch.cos(w), torch.sin(w) / (2 * values["q"])
    pairs = [_coefficients(band, cosine[i], alpha[i], a[i]) for i, band in enumerate(bands)]
    numerators, denominators = (torch.stack([torch.stack(row) for row in rows]) for rows in zip(*pairs, strict=True))
    # Powers of what a delay of one sample does, e^(-jw): (3, n).
    powers = _powers(frequencies)
    # The values are real: two real products take half the time of a complex one.
    upper, lower = (torch.complex(rows @ powers.real, rows @ powers.imag) for rows in (numerators, denominators))
    total = upper[0] / lower[0]
    for one in upper[1:] / lower[1:]:
        total = total * one
    return total


def _coefficients(band: str, cosine: Tensor, alpha: Tensor, a: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    if band == "peak":
        return [1 + alpha * a, -2 * cosine, 1 - alpha * a], [1 + alpha / a, -2 * cosine, 1 - alpha / a]
    if band in ("high_pass", "low_pass"):
        sign = 1 if band == "low_pass" else -1
        edge = 1 - sign * cosine
        return [edge / 2, sign * edge, edge / 2], [1 + alpha, -2 * cosine, 1 - alpha]
    # The high shelf is the low shelf mirrored at a quarter of the rate.
    mirror = 1 if band == "low_shelf" else -1
    c, root = mirror * cosine, 2 * torch.sqrt(a) * alpha
    more, less = (a + 1) + (a - 1) * c, (a + 1) - (a - 1) * c
    b = [a * (less + root), mirror * 2 * a * ((a - 1) - (a + 1) * c), a * (less - root)]
    return b, [more + root, -mirror * 2 * ((a - 1) + (a + 1) * c), more - root]


def _powers(frequencies: Tensor) -> Tensor:
    """(3, n): what delays of 0, 1 and 2 samples do."""
    w = torch.arange(3, device=frequencies.device).unsqueeze(-1) * (2 * torch.pi * frequencies)
    return torch.polar(torch.ones_like(w), -w)


def _frequencies(size: int, device: torch.device) -> Tensor:
    """The bins of a real transform as shares of the sample rate."""
    return torch.arange(size // 2 + 1, dtype=torch.float64, device=device) / size


def _transform_size(least: int) -> int:
    """The next size that is quick to transform: a power of two, or one and a half times one."""
    power = 1 << (least - 1).bit_length()
    return power * 3 // 4 if power * 3 // 4 >= least else power


def _filtered(x: Tensor, response: Tensor, size: int) -> Tensor:
    """(B, T) through a response (size // 2 + 1,) -> (B, T)."""
    spectrum = torch.fft.rfft(x, size)
    y: Tensor = torch.fft.irfft(spectrum * response.to(spectrum.dtype), size)
    return y[..., : x.shape[-1]]


class BlockOriented(nn.Module):
    """(B, T) -> (B, T - LEAD_SAMPLES): every output sample has heard so much, its filters have settled."""

    receptive_field = 1 + LEAD_SAMPLES

    def __init__(self, blocks: tuple[Block, ...]) -> None:
        super().__init__()
        self.config = blocks
        kinds = {SectionsConfig: Sections, FirConfig: Fir, CurveConfig: Curve}
        self.blocks = nn.ModuleList(kinds[type(block)](block) for block in blocks)

    def forward(self, x: Tensor, travels: Tensor | None = None, exact: bool = False) -> Tensor:
        """(B, T) -> (B, T - LEAD_SAMPLES); it follows no knobs, so that there are no `travels`.

        `exact` computes in double precision and hears filters to their end, as the engine does.
        """
        y = x.double() if exact else x
        for block in self.blocks:
            y = block(y, LONG_TAIL_SAMPLES if exact else TAIL_SAMPLES)
        return y[:, LEAD_SAMPLES:].to(x.dtype)

    def curves(self) -> list[Curve]:
        """The static curves in order."""
        return [block for block in self.blocks if isinstance(block, Curve)]

    def architecture(self) -> dict[str, Any]:
        """The JSON object of docs/model-file.md."""
        entries: list[dict[str, Any]] = []
        for block in self.config:
            if isinstance(block, SectionsConfig):
                entries.append({"type": "sections", "bands": list(block.bands)})
            elif isinstance(block, FirConfig):
                entries.append({"type": "fir", "taps": block.taps})
            else:
                entries.append({"type": "curve"})
        return {"name": "block-oriented", "blocks": entries}

    def tensors(self, target_gain: float) -> dict[str, Tensor]:
        """Named tensors of the model file; the output is multiplied by `target_gain`, which undoes normalisation."""
        found: dict[str, Tensor] = {}
        for index, block in enumerate(self.blocks):
            assert isinstance(block, Sections | Fir | Curve)
            found |= {f"blocks.{index}.{name}": value.float() for name, value in block.values().items()}
        last = max(index for index, block in enumerate(self.config) if isinstance(block, CurveConfig))
        found[f"blocks.{last}.post_gain"] = found[f"blocks.{last}.post_gain"] * target_gain
        return found

    def load(self, tensors: Mapping[str, Tensor], target_gain: float) -> None:
        """The inverse of `tensors`."""
        last = max(index for index, block in enumerate(self.config) if isinstance(block, CurveConfig))
        for index, block in enumerate(self.blocks):
            assert isinstance(block, Sections | Fir | Curve)
            values = {name: tensors[f"blocks.{index}.{name}"] for name in block.values()}
            if index == last:
                values["post_gain"] = values["post_gain"] / target_gain
            block.set_values(values)


def config_from_blocks(architecture: Mapping[str, Any]) -> tuple[Block, ...]:
    """The inverse of `BlockOriented.architecture`; raises OptionError where no curve is in the chain."""
    blocks: list[Block] = []
    for entry in architecture["blocks"]:
        if entry["type"] == "sections":
            blocks.append(SectionsConfig(tuple(entry["bands"])))
        else:
            blocks.append(FirConfig(entry["taps"]) if entry["type"] == "fir" else CurveConfig())
    if not any(isinstance(block, CurveConfig) for block in blocks):
        raise OptionError("this chain of filters has no curve; it can be played but not trained: use --arch linear")
    return tuple(blocks)
