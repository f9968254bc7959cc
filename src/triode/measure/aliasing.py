"""Aliasing-to-signal ratio: how much of a tone's overtones comes back below as inharmonic tones.

A device bends a tone into harmonics. A digital model bends too, and what would lie above half the sample rate folds
back to frequencies that belong to no harmonic; high notes get a metallic whistle. Definition and source in
docs/measures.md (after Sato & Smith, DAFx-25, arXiv 2505.04082).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triode.measure.tones import Process, amplitudes, fitted_tone, run, steady_spectrum

FREQUENCIES_HZ = (331.0, 659.0, 1249.0, 2503.0, 4001.0)
LEVELS_DBFS = (-24.0, -12.0, -6.0)

# Harmonics that sum up to less than this hold no sound to relate aliasing to: a silent model does not score well.
SILENCE_DBFS = -100.0
# A supply that sags gives way for seconds. While the level of a tone still moves, its energy spreads beside the
# harmonics, where it would be taken for aliasing.
SETTLE_SECONDS = 6.0
# Rounding of float32 samples lies about here: nothing below it is worth telling apart.
LOWEST_DB = -160.0


@dataclass(frozen=True)
class Aliasing:
    """Aliasing-to-signal ratios of a grid of tones.

    `ratio_db` (frequencies, levels) is in decibels, at least -160; NaN where the output is silent.
    """

    frequencies_hz: tuple[float, ...]
    levels_dbfs: tuple[float, ...]
    ratio_db: NDArray[np.float64]

    @property
    def mean_db(self) -> float:
        """Mean of the decibel values over all tones that sound; NaN if none does."""
        sounding = self.ratio_db[np.isfinite(self.ratio_db)]
        return float(np.mean(sounding)) if sounding.size else float("nan")

    @property
    def worst_db(self) -> float:
        """The largest ratio of the grid; NaN if no tone sounds."""
        sounding = self.ratio_db[np.isfinite(self.ratio_db)]
        return float(np.max(sounding)) if sounding.size else float("nan")


def aliasing_to_signal_ratio(
    process: Process,
    rate_hz: float,
    frequencies_hz: Sequence[float] = FREQUENCIES_HZ,
    levels_dbfs: Sequence[float] = LEVELS_DBFS,
) -> Aliasing:
    """Send tones through `process` and compare the energy between the harmonics with that of the harmonics.

    The energy that `process` gives to silence (hiss, hum) is taken off; DC counts on neither side. Raises OptionError
    for a frequency above half the sample rate, or a process that changes the length.
    """
    tones = [
        [fitted_tone(frequency, level, rate_hz, SETTLE_SECONDS) for level in levels_dbfs]
        for frequency in frequencies_hz
    ]
    first = tones[0][0]
    silence = run(process, np.zeros(first.settle + first.window, dtype=np.float32))
    noise_energy = amplitudes(silence[first.settle :]) ** 2
    ratio_db = np.array(
        [
            [_ratio_db(steady_spectrum(process, tone) ** 2, noise_energy, tone.harmonic_bins) for tone in row]
            for row in tones
        ]
    )
    return Aliasing(tuple(row[0].frequency_hz for row in tones), tuple(map(float, levels_dbfs)), ratio_db)


def _ratio_db(energy: NDArray[np.float64], noise_energy: NDArray[np.float64], harmonics: NDArray[np.intp]) -> float:
    harmonic = float(np.sum(energy[harmonics]))
    if harmonic < 10 ** (SILENCE_DBFS / 10):
        return float("nan")
    between = np.ones(len(energy), dtype=bool)
    between[0] = False
    between[harmonics] = False
    aliased = float(np.sum(energy[between]) - np.sum(noise_energy[between]))
    return 10 * math.log10(max(aliased / harmonic, 10 ** (LOWEST_DB / 10)))
