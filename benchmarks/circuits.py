"""Measures the built-in circuits and writes the tables into docs/circuits.md: `python -m benchmarks.circuits`."""

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.circuit_measures import RATE_HZ, SECONDS, SPICE_CASES, burst_response, has_ngspice, spice_esr
from benchmarks.page import table
from triode.capture.devices import run_circuit
from triode.files import write_text
from triode.measure.aliasing import aliasing_to_signal_ratio

PAGE = Path(__file__).resolve().parents[1] / "docs" / "circuits.md"
BEGIN = "<!-- measured: begin (python -m benchmarks.circuits) -->"
END = "<!-- measured: end -->"

ALIASING_CASES: tuple[tuple[str, dict[str, float]], ...] = (("overdrive", {"drive": 10}), ("preamp", {"gain": 10}))
ALIASING_HZ = (1249.0, 4001.0)
RATES_HZ = (22050, 44100, 48000, 88200, 96000, 192000)
SAGS = (0.0, 0.3, 0.5, 1.0)
SAG_SECONDS = (0.1, 0.2, 0.5, 1.0, 1.5)


def words(settings: Mapping[str, float]) -> str:
    """Settings as a reader writes them."""
    return ", ".join(f"{knob} {value:g}" for knob, value in settings.items()) or "default"


def spice_table() -> str:
    """Agreement with ngspice."""
    rows = [[name, words(settings), f"{spice_esr(name, settings):.1e}"] for name, settings in SPICE_CASES]
    return table(["circuit", "knobs", "ESR"], rows)


def aliasing_table() -> str:
    """Aliasing-to-signal ratio at full drive, in dB."""
    ratios = {
        (name, rate_hz): aliasing_to_signal_ratio(
            partial(run_circuit, name, rate_hz=rate_hz, settings=settings), rate_hz, ALIASING_HZ, (-6.0,)
        ).ratio_db[:, 0]
        for name, settings in ALIASING_CASES
        for rate_hz in RATES_HZ
    }
    rows = [
        [name, words(settings), f"{hz:g} Hz", *(f"{ratios[name, rate_hz][n]:.0f}" for rate_hz in RATES_HZ)]
        for name, settings in ALIASING_CASES
        for n, hz in enumerate(ALIASING_HZ)
    ]
    return table(["circuit", "knobs", "tone", *(f"{rate_hz / 1000:g} kHz" for rate_hz in RATES_HZ)], rows)


def sag_table() -> str:
    """Gain in dB within and after a loud burst."""
    rows = []
    for sag in SAGS:
        burst = burst_response("preamp", {"sag": sag})
        after = np.round(np.interp(SAG_SECONDS, burst.seconds, burst.gain_db), 1) + 0.0  # + 0.0: no -0.0
        rows.append([f"{sag:g}", f"{-burst.within_db:.1f}", *(f"{gain:.1f}" for gain in after)])
    return table(["sag", "end of the burst", *(f"{seconds:g} s after" for seconds in SAG_SECONDS)], rows)


def speed_words() -> str:
    """Times real time of either circuit with noise at full drive, the best of three."""
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, 2 * RATE_HZ).astype(np.float32)
    noise = np.convolve(noise, np.ones(16) / 16, mode="same").astype(np.float32)
    found = []
    for name, settings in ALIASING_CASES:
        spent = []
        for _ in range(3):
            start = time.process_time()
            run_circuit(name, noise, RATE_HZ, settings)
            spent.append(time.process_time() - start)
        found.append(f"`{name}` {2 / min(spent):.0f}")
    return " and ".join(found)


def measured() -> str:
    """The section of the page that comes from here."""
    return f"""\
Against ngspice, which is given the same schematic (`benchmarks/ngspice/`), {SECONDS:g} s of two chords, band-limited to
18 kHz on either side:

{spice_table()}

Aliasing-to-signal ratio (docs/measures.md) of sines at -6 dBFS, in dB, over the whole band of the sample rate:

{aliasing_table()}

Gain of the preamp to a 1 kHz tone, in dB: fall of the level of a burst at 0 dBFS over its one second, and gain at
-40 dBFS after it against before it:

{sag_table()}

Speed at 48 kHz on one core of the machine that wrote this, in times real time: {speed_words()}."""


def main() -> None:
    """Rewrite the measured section of docs/circuits.md."""
    if not has_ngspice():
        raise SystemExit("ngspice is not installed; the page stays as it is")
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    write_text(PAGE, f"{before}{BEGIN}\n\n{measured()}\n\n{END}{after}")


if __name__ == "__main__":
    main()
