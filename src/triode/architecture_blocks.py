"""The shape of a block-oriented model, and what its tensors may hold, as docs/model-file.md describes them."""

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from triode.architecture_wavenet import STRICT, Count, Shapes
from triode.errors import ModelFileError

__all__ = ["CURVE_RANGES", "SECTION_RANGES", "BlockOriented", "Curve", "Fir", "Sections"]

Band = Literal["low_shelf", "peak", "high_shelf", "high_pass", "low_pass"]
Ranges = Mapping[str, tuple[float, float]]

SECTION_RANGES: Ranges = {"frequency": (1e-6, 0.45), "gain_db": (-60.0, 60.0), "q": (0.05, 50.0)}
CURVE_RANGES: Ranges = {
    "pre_gain": (-1e6, 1e6),
    "bias": (-100.0, 100.0),
    "bias_shift": (-100.0, 100.0),
    "bias_shift_frequency": (1e-7, 0.45),
    "knees": (0.0, 20.0),
    "slopes": (1e-3, 1e3),
    "post_gain": (-1e6, 1e6),
}


@dataclass(frozen=True, config=STRICT)
class Sections:
    """Second-order sections in series."""

    type: Literal["sections"]
    bands: Annotated[tuple[Band, ...], Field(min_length=1, max_length=64)]

    @property
    def ranges(self) -> Ranges:
        """What each tensor may hold."""
        return SECTION_RANGES

    def tensor_shapes(self) -> Shapes:
        """Names and shapes of all tensors."""
        return dict.fromkeys(SECTION_RANGES, (len(self.bands),))


@dataclass(frozen=True, config=STRICT)
class Fir:
    """A finite impulse response."""

    type: Literal["fir"]
    taps: Count

    @property
    def ranges(self) -> Ranges:
        """What each tensor may hold: anything."""
        return {}

    def tensor_shapes(self) -> Shapes:
        """Names and shapes of all tensors."""
        return {"taps": (self.taps,)}


@dataclass(frozen=True, config=STRICT)
class Curve:
    """A static curve whose operating point follows the level."""

    type: Literal["curve"]

    @property
    def ranges(self) -> Ranges:
        """What each tensor may hold."""
        return CURVE_RANGES

    def tensor_shapes(self) -> Shapes:
        """Names and shapes of all tensors."""
        return {name: (2,) if name in ("knees", "slopes") else (1,) for name in CURVE_RANGES}


Block = Annotated[Sections | Fir | Curve, Field(discriminator="type")]


@dataclass(frozen=True, config=STRICT)
class BlockOriented:
    """Filters and static curves in series."""

    name: Literal["block-oriented"]
    blocks: Annotated[tuple[Block, ...], Field(min_length=1, max_length=32)]

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
        """Input samples that one output sample depends on, what is remembered as a state apart."""
        return 1 + sum(block.taps - 1 for block in self.blocks if isinstance(block, Fir))

    def tensor_shapes(self) -> Shapes:
        """Names and shapes of all tensors."""
        return {
            f"blocks.{index}.{name}": shape
            for index, block in enumerate(self.blocks)
            for name, shape in block.tensor_shapes().items()
        }

    def optional_shapes(self) -> Shapes:
        """Tensors that may be there."""
        return {}

    def check_values(self, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        """Raise ModelFileError for a value that makes no stable filter or no curve."""
        for index, block in enumerate(self.blocks):
            for name, (low, high) in block.ranges.items():
                values = tensors[f"blocks.{index}.{name}"]
                # The limits as the file holds them.
                if np.any(values < np.float32(low)) or np.any(values > np.float32(high)):
                    raise ModelFileError(
                        f"tensor blocks.{index}.{name} holds {float(np.min(values)):g} to {float(np.max(values)):g}; "
                        f"expected {low:g} to {high:g}"
                    )
