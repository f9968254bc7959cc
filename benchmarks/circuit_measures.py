"""What the circuits are measured by: ngspice on the same schematic, and the gain before and after a loud burst.

The netlists in `ngspice/` are the drawings of docs/circuits.md, written by hand: device equations, pot tapers and
constants are stated there and here a second time, only the values of the parts come from the engine. ngspice knows
nothing of our discretisation.
"""

import shutil
import string
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.signal import firwin, oaconvolve

from triode.audio import resample
from triode.capture.devices import circuits, run_circuit

NETLISTS = Path(__file__).parent / "ngspice"
RATE_HZ = 48000
# ngspice's largest step, and the grid its output is interpolated to before it is brought to RATE_HZ.
FINE_RATE_HZ = 384000
# Above this the engine's band limit and that of the resampler are told apart.
COMPARED_TO_HZ = 18000
# Filters reach this far past either end of the signal.
EDGE_SAMPLES = 200

AUDIO_POTS = ("drive", "gain", "bass", "sag")
SYMMETRIC_POTS = ("tone",)
POT_END_OHM = 10.0


@dataclass(frozen=True)
class DampedSine:
    """A sine of `volt` and `hz` that starts at `start_seconds` and decays by exp(-`damping` t)."""

    volt: float
    hz: float
    start_seconds: float
    damping: float

    def samples(self, seconds: float, rate_hz: int) -> NDArray[np.float64]:
        t = np.arange(round(seconds * rate_hz)) / rate_hz - self.start_seconds
        return np.where(t < 0, 0.0, self.volt * np.sin(2 * np.pi * self.hz * t) * np.exp(-self.damping * t))


# A soft chord, then a hard one on top of it: a guitarist in 0.15 s.
CHORDS = (
    DampedSine(0.25, 110.0, 0.005, 8),
    DampedSine(0.20, 164.8, 0.006, 8),
    DampedSine(0.15, 277.2, 0.007, 10),
    DampedSine(0.12, 659.3, 0.008, 15),
    DampedSine(0.50, 82.4, 0.060, 20),
    DampedSine(0.20, 1318.0, 0.060, 30),
)
SECONDS = 0.15

SPICE_CASES: tuple[tuple[str, dict[str, float]], ...] = (
    ("overdrive", {}),
    ("overdrive", {"drive": 10, "tone": 8, "level": 7}),
    ("overdrive", {"drive": 1, "tone": 2, "level": 10}),
    ("preamp", {}),
    ("preamp", {"gain": 10, "bass": 2, "middle": 3, "treble": 8, "master": 8, "sag": 1}),
    ("preamp", {"gain": 3, "bass": 8, "middle": 9, "treble": 2, "master": 3, "sag": 0.5}),
)


def has_ngspice() -> bool:
    """Whether ngspice is installed."""
    return shutil.which("ngspice") is not None


def spice_esr(name: str, settings: Mapping[str, float], chords: Sequence[DampedSine] = CHORDS) -> float:
    """Error-to-signal ratio of a circuit of the engine against ngspice, both band-limited alike."""
    volt = np.sum([sine.samples(SECONDS, RATE_HZ) for sine in chords], axis=0)
    dry = (volt / circuits()[name].input_full_scale_volt).astype(np.float32)
    ours = run_circuit(name, dry, RATE_HZ, settings).astype(np.float64)
    theirs = spice_output(name, settings, chords)
    low_pass = firwin(255, COMPARED_TO_HZ, fs=RATE_HZ)
    inside = slice(EDGE_SAMPLES, -EDGE_SAMPLES)
    theirs, ours = (oaconvolve(signal, low_pass, mode="same")[inside] for signal in (theirs, ours))
    return float(np.sum((ours - theirs) ** 2) / np.sum(theirs**2))


def spice_output(name: str, settings: Mapping[str, float], chords: Sequence[DampedSine]) -> NDArray[np.float64]:
    """What ngspice makes of the chords, at RATE_HZ, full scale 1.0 as the engine's."""
    step = 1 / FINE_RATE_HZ
    deck = netlist(name, settings, chords) + "\n".join(
        [
            ".options method=trap reltol=1e-5 abstol=1e-11 vntol=1e-7",
            ".control",
            f"tran {step} {SECONDS} 0 {step}",
            "wrdata out.txt v(out)",
            "quit",
            ".endc",
            ".end\n",
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "deck.cir").write_text(deck)
        done = subprocess.run(
            ["ngspice", "-b", "deck.cir"], cwd=folder, capture_output=True, text=True, timeout=120, check=False
        )
        result = Path(folder) / "out.txt"
        if not result.exists():
            raise RuntimeError(f"ngspice failed on {name}: {done.stdout[-500:]} {done.stderr[-500:]}")
        seconds, volt = np.loadtxt(result, unpack=True)
    rising = np.concatenate([[True], np.diff(seconds) > 0])
    fine = CubicSpline(seconds[rising], volt[rising])(np.arange(round(SECONDS * FINE_RATE_HZ)) / FINE_RATE_HZ)
    return resample(fine / circuits()[name].output_full_scale_volt, FINE_RATE_HZ, RATE_HZ).astype(np.float64)


def netlist(name: str, settings: Mapping[str, float], chords: Sequence[DampedSine]) -> str:
    """The netlist of a circuit with its values, pots and input filled in. Every part of the engine must be in it."""
    info = circuits()[name]
    template = (NETLISTS / f"{name}.cir").read_text()
    fields = {field for _, field, _, _ in string.Formatter().parse(template) if field}
    values = dict(info.part_values)
    for knob in info.knobs:
        share = pot_share(knob.name, knob.travel(settings.get(knob.name, knob.default)))
        ohm = values.pop(knob.name)
        halves = {f"{knob.name}_bottom": ohm * share, f"{knob.name}_top": ohm * (1 - share)}
        if not halves.keys() & fields:
            raise ValueError(f"{name}.cir lacks the pot {knob.name}")
        values |= {half: max(value, POT_END_OHM) for half, value in halves.items() if half in fields}
    without_value = {part for part, value in values.items() if value == 0.0}
    if fields != (values.keys() - without_value) | {"input"}:
        raise ValueError(f"{name}.cir and the engine differ in {sorted(fields ^ values.keys() ^ without_value)}")
    between = [f"chord{n}" for n in range(1, len(chords))]
    sources = [
        f"V{top} {top} {bottom} SIN(0 {sine.volt} {sine.hz} {sine.start_seconds} {sine.damping})"
        for sine, top, bottom in zip(chords, ["in", *between], [*between, "0"], strict=True)
    ]
    return template.format(input="\n".join(sources), **values)


def pot_share(name: str, travel: float) -> float:
    """Share of a pot's resistance below the wiper: the tapers of docs/circuits.md."""
    if name in AUDIO_POTS:  # exponential, 15 % at half travel
        ratio = (1 / 0.15 - 1) ** 2
        return float((ratio**travel - 1) / (ratio - 1))
    if name in SYMMETRIC_POTS:
        return float(travel**2.5 / (travel**2.5 + (1 - travel) ** 2.5))
    return travel


@dataclass(frozen=True)
class BurstResponse:
    """Gain of a quiet tone after a loud burst relative to before it: `gain_db` (n,) at `seconds` (n,) after its end.

    `within_db`: by how much the level of the loud tone itself falls from the burst's beginning to its end.
    """

    seconds: NDArray[np.float64]
    gain_db: NDArray[np.float64]
    within_db: float


def burst_response(name: str, settings: Mapping[str, float], hz: float = 1000.0) -> BurstResponse:
    """A tone at -40 dBFS, one second of it at 0 dBFS, then at -40 dBFS again; its level in windows of 40 ms."""
    window = round(0.04 * RATE_HZ)
    before, burst, after = 25, 25, 50  # windows
    level = np.repeat([0.01, 1.0, 0.01], np.array([before, burst, after]) * window)
    t = np.arange(len(level)) / RATE_HZ
    wet = run_circuit(name, (level * np.sin(2 * np.pi * hz * t)).astype(np.float32), RATE_HZ, settings)
    carrier = np.hanning(window) * np.exp(-2j * np.pi * hz * t[:window])
    level_db = 20 * np.log10(np.abs(wet.reshape(-1, window) @ carrier))
    return BurstResponse(
        (np.arange(after) + 0.5) * window / RATE_HZ,
        level_db[before + burst :] - level_db[before - 1],
        float(level_db[before] - level_db[before + burst - 1]),
    )
