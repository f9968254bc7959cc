"""Triode learns the sound of a guitar amp or pedal from a recording, plays it in real time, and turns its knobs.

Importing this package loads neither torch nor an audio device.
"""

from typing import TYPE_CHECKING, Any

from triode.errors import TriodeError

if TYPE_CHECKING:
    from triode.engine import load as load

__version__ = "0.1.0"
__all__ = ["TriodeError", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """`triode.load` brings the engine (and numpy) in when it is first asked for, not before."""
    if name == "load":
        from triode.engine import load

        return load
    raise AttributeError(f"module 'triode' has no attribute {name!r}")
