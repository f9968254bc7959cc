"""Takes with a fault of known kind and size, to see whether the checks find it; and takes without, to see silence."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import soxr
from devices_like import DEVICES, Array, delayed
from scipy import signal

from triode.audio import Audio
from triode.capture.manifest import SignalManifest
from triode.capture.signal import make_signal

RATE_HZ = 22050
SECONDS = 12.0
NAMES = tuple(DEVICES)


@dataclass(frozen=True)
class Case:
    """A dry and a wet signal (float64), the device's name and the delay put in."""

    dry: Array
    wet: Array
    device: str
    delay: float
    manifest: SignalManifest | None
    seed: int

    def audio(self) -> tuple[Audio, Audio]:
        """As 24-bit files would hold them."""
        steps = 2.0**23
        clipped = [np.clip(np.round(x * steps), -steps, steps - 1) / steps for x in (self.dry, self.wet)]
        return tuple(Audio(x.astype(np.float32), RATE_HZ) for x in clipped)  # type: ignore[return-value]


def clean(seed: int, seconds: float = SECONDS) -> Case:
    """A healthy take: a device, its latency, a quiet noise floor, a sensible level."""
    rng = np.random.default_rng(1000 + seed)
    made = make_signal(seconds, RATE_HZ, seed, level_dbfs=-3.0)
    dry = made.samples.astype(np.float64)
    device = NAMES[seed % len(NAMES)]
    delay = float(rng.uniform(0, 400))
    wet = DEVICES[device](np.concatenate([dry, np.zeros(800)]), RATE_HZ)
    wet = 0.5 * delayed(wet, delay) / np.max(np.abs(wet))
    wet += 10 ** (-rng.uniform(75, 95) / 20) * rng.standard_normal(len(wet))
    return Case(dry, wet, device, delay, made.manifest if seed % 2 else None, seed)


def shifted(case: Case, rng: np.random.Generator) -> Case:
    by = float(rng.uniform(-300, 300))
    return replace(case, wet=delayed(case.wet, by), delay=case.delay + by)


def inverted(case: Case, rng: np.random.Generator) -> Case:
    return replace(case, wet=-case.wet)


def drifting(case: Case, rng: np.random.Generator) -> Case:
    """Two clocks; half a minute of it, as drift needs time to show."""
    case = clean(case.seed, 30.0)
    return replace(case, wet=soxr.resample(case.wet, 1.0, 1.0 + DRIFT_PPM * 1e-6, quality="VHQ"))


def clipped(case: Case, rng: np.random.Generator) -> Case:
    gain = rng.uniform(2.5, 5)
    return replace(case, wet=np.clip(gain * case.wet, -1, 1 - 2.0**-23))


def noisy(case: Case, rng: np.random.Generator) -> Case:
    level = np.std(case.wet) * 10 ** (-rng.uniform(15, 32) / 20)
    return replace(case, wet=case.wet + level * rng.standard_normal(len(case.wet)))


def humming(case: Case, rng: np.random.Generator) -> Case:
    time = np.arange(len(case.wet)) / RATE_HZ
    hz = float(rng.choice([50.0, 60.0]))
    wave = sum(0.6**k * np.sin(2 * np.pi * hz * k * time + rng.uniform(0, 6)) for k in range(1, 8))
    return replace(case, wet=case.wet + np.std(case.wet) * 10 ** (-rng.uniform(25, 48) / 20) * np.asarray(wave))


def offset(case: Case, rng: np.random.Generator) -> Case:
    return replace(case, wet=case.wet + rng.choice([-1, 1]) * rng.uniform(0.01, 0.1))


def changing(case: Case, rng: np.random.Generator) -> Case:
    """Somebody turned the tone knob half-way."""
    middle = len(case.wet) // 2
    wet = case.wet.copy()
    wet[middle:] = signal.lfilter([0.4], [1, -0.6], wet[middle:])
    return replace(case, wet=wet)


def silent(case: Case, rng: np.random.Generator) -> Case:
    return replace(case, wet=np.zeros_like(case.wet))


def swapped(case: Case, rng: np.random.Generator) -> Case:
    return replace(case, dry=case.wet, wet=case.dry, manifest=None)


def cut_short(case: Case, rng: np.random.Generator) -> Case:
    return replace(case, wet=case.wet[: -int(rng.uniform(0.3, 4) * RATE_HZ)])


def interrupted(case: Case, rng: np.random.Generator) -> Case:
    at = int(rng.uniform(0.25, 0.75) * len(case.wet))
    lost = int(rng.choice([32, 64, 128, 256, 512, 1024, 3000]))
    return replace(case, wet=np.concatenate([case.wet[:at], case.wet[at + lost :]]))


DRIFT_PPM = 40.0

# Each fault with the findings that name it; none for what is measured and reported as a number alone.
FAULTS: dict[str, tuple[Callable[[Case, np.random.Generator], Case], set[str]]] = {
    "shifted": (shifted, set()),
    "inverted": (inverted, {"polarity"}),
    "drifting": (drifting, {"drift"}),
    "clipped": (clipped, {"clipped"}),
    "noisy": (noisy, {"noise"}),
    "humming": (humming, {"hum"}),
    "offset": (offset, {"dc"}),
    "changing": (changing, {"replicate"}),
    "silent": (silent, {"silent"}),
    "swapped": (swapped, {"swapped"}),
    "cut short": (cut_short, {"length"}),
    "interrupted": (interrupted, {"dropout"}),
}
