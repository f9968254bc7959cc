"""What the tests in plug-in hosts share: where the plug-in is, and the state that hosts keep of it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from triode.audio import Samples

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "build" / "plugin" / "bin"

# The alphabet in which JUCE, the framework of many hosts, writes bytes: six bits a letter, the lowest first.
LETTERS = ".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+"


def built(name: str) -> Path:
    """A part of the plug-in's build, or a skip that says what is missing."""
    if not (BUILT / name).exists():
        pytest.skip(f"{name} is not built here (make plugin; it needs Debian's dpf-source)")
    return BUILT / name


def guitar(seconds: float, rate_hz: int) -> Samples:
    """Two plucked strings, full scale 0.5."""
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    plucked = np.sin(2 * np.pi * 110 * t) + 0.5 * np.sin(2 * np.pi * 331 * t)
    return (0.33 * plucked * np.exp(-3 * (t % 0.5))).astype(np.float32)


def write_gain_model(path: Path, gain: float, rate_hz: int = 48000, **metadata: object) -> Path:
    """A `.nam` file that is a factor."""
    config = {"receptive_field": 1, "bias": False}
    model = {"version": "0.5.4", "architecture": "Linear", "config": config, "weights": [gain], "sample_rate": rate_hz}
    path.write_text(json.dumps(model | ({"metadata": metadata} if metadata else {})))
    return path


def to_chunk(states: Mapping[str, str], parameters: Mapping[str, float]) -> bytes:
    """What DPF keeps in a session: keys and values, ended by zeros."""
    words = ["__dpf_state_begin__", *(word for pair in states.items() for word in pair), "__dpf_state_end__"]
    words.append("__dpf_parameters_begin__")
    words += [word for name, value in parameters.items() for word in (name, f"{value:.9g}")]
    words.append("__dpf_parameters_end__")
    return b"".join(word.encode() + b"\0" for word in words) + b"\xfe\0"


def from_chunk(chunk: bytes) -> tuple[dict[str, str], dict[str, float]]:
    """The states and parameters that `to_chunk` puts together."""
    # A path may be any bytes, also the one that ends a session.
    words = [word.decode(errors="surrogateescape") for word in chunk[: chunk.rindex(b"\xfe")].split(b"\0")]
    begin, end = words.index("__dpf_state_begin__"), words.index("__dpf_state_end__")
    first, last = words.index("__dpf_parameters_begin__"), words.index("__dpf_parameters_end__")
    states, parameters = words[begin + 1 : end], words[first + 1 : last]
    numbers = zip(parameters[::2], map(float, parameters[1::2]), strict=True)
    return dict(zip(states[::2], states[1::2], strict=True)), dict(numbers)


def to_juce(chunk: bytes) -> bytes:
    """The chunk as a JUCE host keeps it."""
    bits = int.from_bytes(chunk, "little")
    text = "".join(LETTERS[bits >> 6 * index & 63] for index in range((8 * len(chunk) + 5) // 6))
    xml = '<?xml version="1.0" encoding="UTF-8"?> '
    xml += f"<VST3PluginState><IComponent>{len(chunk)}.{text}</IComponent></VST3PluginState>"
    return b"VC2!" + len(xml).to_bytes(4, "little") + xml.encode() + b"\0"


def from_juce(state: bytes) -> bytes:
    """The chunk within what a JUCE host keeps."""
    found = re.search(rb"<IComponent>(\d+)\.([^<]*)</IComponent>", state)
    assert found, state
    bits = sum(LETTERS.index(chr(letter)) << 6 * index for index, letter in enumerate(found[2]))
    return bits.to_bytes(int(found[1]) + 1, "little")[: int(found[1])]
