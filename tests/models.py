"""Small models with known weights, for the tests of everything that writes, reads or plays model files."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triode.architecture import parse_architecture
from triode.engine import load
from triode.model_file import ModelFile, SelfTest, self_test_signal, write_model

TANH = {"type": "Tanh"}
LEAKY_RELU = {"type": "LeakyReLU", "negative_slope": 0.01}
OCTAVES = [2**i for i in range(10)]
PRIMES = [1, 3, 7, 17, 41, 101, 239]


def a1_architecture(first: int = 16, second: int = 8) -> dict[str, Any]:
    """NAM's first generation; 16 and 8 channels are its standard size."""
    arrays = []
    for index, channels in enumerate((first, second)):
        arrays.append(
            {
                "input_size": (1, first)[index],
                "condition_size": 1,
                "channels": channels,
                "bottleneck": channels,
                "kernel_sizes": [3] * 10,
                "dilations": OCTAVES,
                "activations": [TANH] * 10,
                "gating": ["none"] * 10,
                "secondary_activations": [None] * 10,
                "head": {"out_channels": (second, 1)[index], "kernel_size": 1, "bias": index == 1},
            }
        )
    return {"name": "wavenet", "arrays": arrays}


def a2_architecture(channels: int) -> dict[str, Any]:
    """NAM's second generation; 8 channels are its full size, 3 its lite one."""
    array = {
        "input_size": 1,
        "condition_size": 1,
        "channels": channels,
        "bottleneck": channels,
        "kernel_sizes": [6] * 14 + [15] * 2 + [6] * 7,
        "dilations": [*PRIMES, *PRIMES, 1, 13, *PRIMES],
        "activations": [LEAKY_RELU] * 23,
        "gating": ["none"] * 23,
        "secondary_activations": [None] * 23,
        "head": {"out_channels": 1, "kernel_size": 16, "bias": True},
    }
    return {"name": "wavenet", "arrays": [array]}


def recurrent_architecture(unit: str, hidden_size: int = 8, num_layers: int = 1, skip: bool = True) -> dict[str, Any]:
    """An LSTM or a GRU."""
    shape = {"input_size": 1, "hidden_size": hidden_size, "num_layers": num_layers}
    return {"name": unit, **shape, "skip": skip}


def traces(*kinds_and_seconds: tuple[str, float]) -> list[dict[str, Any]]:
    """Slow filters of audio at 48 kHz, scaled so that a network hears them as loud as the audio."""
    offsets = {"low_pass": 0.0, "envelope": 0.4}
    return [
        {"type": kind, "time_constant_samples": 48_000 * seconds, "offset": offsets[kind], "scale": 2.5}
        for kind, seconds in kinds_and_seconds
    ]


SEVEN_TRACES = traces(
    ("envelope", 0.7),
    ("low_pass", 0.002),
    ("low_pass", 0.03),
    ("envelope", 0.01),
    ("envelope", 0.05),
    ("low_pass", 0.3),
    ("envelope", 2.0),
)


def convnet_architecture(batchnorm: bool) -> dict[str, Any]:
    """Two blocks of two taps, as some `.nam` files have."""
    return {
        "name": "convnet",
        "channels": 3,
        "dilations": [1, 4],
        "batchnorm": batchnorm,
        "activation": TANH,
    }


def block_architecture(taps: int = 40) -> dict[str, Any]:
    """Wiener-Hammerstein with every kind of block and of section."""
    bands = ["low_shelf", "peak", "high_shelf", "high_pass", "low_pass"]
    blocks = [{"type": "sections", "bands": bands}, {"type": "curve"}, {"type": "fir", "taps": taps}]
    return {"name": "block-oriented", "blocks": [*blocks, {"type": "sections", "bands": ["high_pass", "peak"]}]}


def random_tensors(architecture: Mapping[str, Any], seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Weights of about the size that training leaves, so that signals neither vanish nor explode."""
    rng = np.random.default_rng(seed)
    tensors = {}
    for name, shape in parse_architecture(architecture).tensor_shapes().items():
        fan_in = max(1, int(np.prod(shape[1:])))
        tensors[name] = (rng.uniform(-1, 1, shape) / np.sqrt(fan_in)).astype(np.float32)
        if name.endswith(("head_scale", "output_scale")):
            tensors[name] = np.asarray([0.5], dtype=np.float32)
        elif name.endswith(("norm.variance", "norm.epsilon", ".q", ".slopes", ".knees")):
            tensors[name] = np.abs(tensors[name])
        elif name.endswith("frequency"):
            tensors[name] = 0.01 + 0.2 * np.abs(tensors[name])
        if name.endswith((".q", ".slopes")):
            tensors[name] += np.float32(0.3)
        elif name.endswith(("pre_gain", "post_gain")):
            tensors[name] = np.sign(tensors[name]) * np.float32(2.0)
        elif name.endswith(".gain_db"):
            tensors[name] *= np.float32(12)
    return tensors


def played(model: ModelFile) -> ModelFile:
    """The same model with the self-test's output as the engine plays it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.triode"
        write_model(path, model)
        output = load(path).render(model.self_test.input)
    return replace(model, self_test=SelfTest(model.self_test.input, output))


def model_file(architecture: Mapping[str, Any], **changes: Any) -> ModelFile:
    """A model file with random weights; its self-test output is silence, to be replaced where it matters."""
    signal = self_test_signal(48_000)
    fields = {
        "name": "test device",
        "architecture": architecture,
        "tensors": random_tensors(architecture),
        "sample_rate": 48_000,
        "warm_up_samples": parse_architecture(architecture).receptive_field,
        "self_test": SelfTest(signal, np.zeros_like(signal)),
    }
    return ModelFile(**(fields | changes))
