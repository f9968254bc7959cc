"""What the tests of the rig play through it."""

import numpy as np

from triode.audio import Audio

RATE = 48_000


def noise(count: int, level: float = 0.5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-level, level, count).astype(np.float32)


def sine(hz: float, seconds: float, level: float = 0.5, rate: int = RATE) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz / rate * np.arange(int(seconds * rate)))).astype(np.float32)


def response_of(count: int, seed: int = 1, rate: int = RATE) -> Audio:
    """Noise that dies away by 60 dB, with unit energy: as loud as a cabinet."""
    taps = np.random.default_rng(seed).standard_normal(count) * 10 ** (-3 * np.arange(count) / count)
    return Audio((taps / np.linalg.norm(taps)).astype(np.float32), rate)
