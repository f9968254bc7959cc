"""What a host of another sample rate gets: `python -m benchmarks.sample_rates`.

A model at 48 kHz that plays what it hears (one tap) shows the way in and out alone: tones over the pass band, and what
comes out of them beside themselves; then noise-like tones above half the lower rate, and how much of them is heard.
"""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.page import table, write_section
from triode.audio import Samples
from triode.engine import Model, load
from triode.model_file import ModelFile, SelfTest, self_test_signal, write_model

MODEL_HZ = 48_000
HOSTS = (
    (44_100, 1),
    (48_000, 2),
    (48_000, 4),
    (44_100, 2),
    (88_200, 1),
    (96_000, 1),
    (96_000, 4),
    (176_400, 1),
    (192_000, 1),
)
HEAD = ("host", "oversample", "latency", "ripple to 0.41", "at 20 kHz", "worst image", "worst alias")
PASS = 0.41


def wire(folder: Path) -> Path:
    """A model that plays what it hears."""
    signal = self_test_signal(MODEL_HZ)
    tensors = {"taps": np.ones(1, np.float32), "bias": np.zeros(1, np.float32)}
    path = folder / "wire.triode"
    write_model(path, ModelFile("wire", {"name": "linear", "taps": 1}, tensors, MODEL_HZ, 0, SelfTest(signal, signal)))
    return path


def tone_through(model: Model, hz: float) -> tuple[float, float]:
    """Gain of a steady tone, and the amplitude of all else that comes out of it, in dB."""
    rate = model.sample_rate
    n = np.arange(int(0.15 * rate))
    tone: Samples = np.sin(2 * np.pi * hz / rate * n).astype(np.float32)
    out = model.render(tone)[int(0.05 * rate) : int(0.14 * rate)].astype(float)
    angle = 2 * np.pi * hz / rate * np.arange(len(out))
    basis = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, out, rcond=None)
    rest = np.sqrt(2 * np.mean((out - basis @ fit) ** 2))
    return float(20 * np.log10(max(np.linalg.norm(fit), 1e-9))), float(20 * np.log10(max(rest, 1e-9)))


def row(path: Path, host_hz: int, oversample: int) -> tuple[str, ...]:
    """What the table says of one host."""
    model = load(path, sample_rate=host_hz, oversample=oversample)
    late = model.latency_samples
    lower = min(host_hz, MODEL_HZ)
    latency = f"{late} ({1000 * late / host_hz:.2f} ms)" if late else "0"
    if not late:
        return f"{host_hz / 1000:g} kHz", str(oversample), latency, "none", "0.0 dB", "none", "none"
    passed = [tone_through(model, hz) for hz in np.linspace(20, PASS * lower, 60)]
    stopped = (
        [tone_through(model, hz) for hz in np.linspace(0.505 * lower, 0.495 * host_hz, 20)] if host_hz > lower else []
    )
    return (
        f"{host_hz / 1000:g} kHz",
        str(oversample),
        latency,
        f"{max(abs(gain) for gain, _ in passed):.4f} dB",
        f"{tone_through(model, 20_000)[0]:.1f} dB",
        f"{max(rest for _, rest in passed):.0f} dB",
        f"{max(max(pair) for pair in stopped):.0f} dB" if stopped else "none",
    )


def main() -> None:
    """Measure and write the section."""
    with tempfile.TemporaryDirectory() as folder:
        path = wire(Path(folder))
        rows = [row(path, host, oversample) for host, oversample in HOSTS]
    for found in rows:
        print(*found, sep="  ")
    body = "A model of 48 kHz. The pass band ends at 0.41 of the lower rate: 18 kHz for 44.1, 19.7 kHz for 48."
    write_section("Sample rates of hosts", "python -m benchmarks.sample_rates", f"{body}\n\n{table(HEAD, rows)}")


if __name__ == "__main__":
    main()
