"""How fast the rig plays, part by part, on one core in blocks of 64 samples: `python -m benchmarks.rig`."""

import numpy as np

from benchmarks.engine import pin_to_one_core
from benchmarks.page import table, write_section
from triode.audio import Audio
from triode.rig import Rig, RigSettings

RATE_HZ = 48_000
BLOCK, SECONDS = 64, 5.0
TONE = RigSettings(bass_db=3, middle_db=-2, treble_db=3, presence_db=1)
GATE = RigSettings(gate_threshold_db=-50)
BOTH = RigSettings(gate_threshold_db=-50, bass_db=3, middle_db=-2, treble_db=3, presence_db=1)
CASES = (
    ("nothing set", RigSettings(), 0.0),
    ("gate", GATE, 0.0),
    ("tone stack", TONE, 0.0),
    ("DC blocker", RigSettings(dc_blocker=True), 0.0),
    *((f"cabinet of {seconds:g} s", RigSettings(), seconds) for seconds in (0.02, 0.2, 0.5, 2.0)),
    ("gate, tone stack, cabinet of 0.2 s", BOTH, 0.2),
)


def response(seconds: float) -> Audio | None:
    """Noise that dies away by 60 dB."""
    count = round(seconds * RATE_HZ)
    if count == 0:
        return None
    decay = 10 ** (-3 * np.arange(count) / count)
    return Audio((np.random.default_rng(0).standard_normal(count) * decay / 100).astype(np.float32), RATE_HZ)


def main() -> None:
    """Measure and write the section."""
    pin_to_one_core()
    rows = []
    for name, settings, seconds in CASES:
        found = Rig(settings=settings, response=response(seconds), sample_rate=RATE_HZ).bench(BLOCK, SECONDS)
        assert found["allocations"] == 0, f"{name} allocated memory while playing"
        rows.append((name, f"{found['realtime_factor']:.0f}", f"{found['p50_us']:.2f} us", f"{found['p99_us']:.2f} us"))
        print(*rows[-1], sep="  ", flush=True)
    body = f"Blocks of {BLOCK} samples at 48 kHz on one core, no model; x real time is of the median block."
    head = ("part", "x real time", "median block", "slowest 1 % from")
    write_section("Speed of the rig", "python -m benchmarks.rig", f"{body}\n\n{table(head, rows)}")


if __name__ == "__main__":
    main()
