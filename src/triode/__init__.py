"""Triode learns the sound of a guitar amp or pedal from a recording, plays it in real time, and turns its knobs.

Importing this package loads neither torch nor an audio device.
"""

from triode.errors import TriodeError

__version__ = "0.1.0"
__all__ = ["TriodeError", "__version__"]
