"""Devices to test with: filters, clipping and delays from scipy, so that every fault has a known size."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

Array = NDArray[np.float64]


def guitar(seconds: float, rate_hz: int, seed: int) -> Array:
    """Plucked notes of random pitch and strength: noise bursts in a lossy comb, with pauses."""
    rng = np.random.default_rng(seed)
    out = np.zeros(int(seconds * rate_hz))
    position = 0
    while position < len(out):
        period = round(rate_hz / (82.4 * 2 ** (rng.integers(0, 30) / 12)))
        length = min(int(rate_hz * rng.uniform(0.15, 0.6)), len(out) - position)
        burst = np.zeros(length)
        strike = min(period, length)
        burst[:strike] = rng.uniform(-1, 1, strike) * 10 ** (-rng.uniform(0, 25) / 20)
        loop = np.zeros(period + 2)
        loop[0], loop[period], loop[period + 1] = 1, -0.995 * 0.55, -0.995 * 0.45
        out[position : position + length] += signal.lfilter([0.5, 0.5], loop, burst)
        position += int(length * rng.uniform(0.6, 1.1)) + 1
    return 0.5 * out / np.max(np.abs(out))


def delayed(x: Array, samples: float) -> Array:
    """`x` delayed by any number of samples (negative: earlier), band-limited and exact; as long as before."""
    size = fft.next_fast_len(len(x) + 2 * int(abs(samples)) + 4096, real=True)
    turns = fft.rfftfreq(size) * samples
    return np.asarray(fft.irfft(fft.rfft(x, size) * np.exp(-2j * np.pi * turns), size)[: len(x)])


def _filtered(x: Array, rate_hz: int, order: int, hz: float, kind: str) -> Array:
    return np.asarray(signal.sosfilt(signal.butter(order, hz, kind, fs=rate_hz, output="sos"), x))


def _shaped(x: Array, shape: Callable[[Array], Array]) -> Array:
    return np.asarray(signal.resample_poly(shape(signal.resample_poly(x, 4, 1)), 1, 4))


def clean(x: Array, rate_hz: int) -> Array:
    """Tone controls only."""
    return _filtered(_filtered(x, rate_hz, 2, 6000, "lowpass"), rate_hz, 1, 80, "highpass")


def overdrive(x: Array, rate_hz: int) -> Array:
    """Bass cut, soft clipping, treble cut."""
    hot = 25 * _filtered(x, rate_hz, 1, 400, "highpass") + 3 * x
    return 0.4 * _filtered(_shaped(hot, np.tanh), rate_hz, 1, 1500, "lowpass")


def fuzz(x: Array, rate_hz: int) -> Array:
    """Hard asymmetric clipping that turns the polarity."""
    hot = 200 * _filtered(x, rate_hz, 1, 60, "highpass")
    clipped = _filtered(_shaped(hot, lambda v: np.clip(v, -0.5, 1.0)), rate_hz, 2, 5000, "lowpass")
    return -0.4 * _filtered(clipped, rate_hz, 1, 40, "highpass")


def amp(x: Array, rate_hz: int) -> Array:
    """Two stages and a dark loudspeaker."""
    first = _shaped(12 * _filtered(x, rate_hz, 1, 100, "highpass"), lambda v: np.tanh(v + 0.3) - np.tanh(0.3))
    second = _shaped(3 * _filtered(first, rate_hz, 1, 100, "highpass"), np.tanh)
    return 0.4 * _filtered(_filtered(second, rate_hz, 4, 4500, "lowpass"), rate_hz, 2, 90, "highpass")


DEVICES: dict[str, Callable[[Array, int], Array]] = {"clean": clean, "overdrive": overdrive, "fuzz": fuzz, "amp": amp}
