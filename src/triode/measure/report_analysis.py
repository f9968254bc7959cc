"""Everything a report shows, as numbers: computed once, before a single line of it is written."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triode.audio import Samples
from triode.errors import OptionError
from triode.knobs import Knob
from triode.measure import metrics
from triode.measure.aliasing import Aliasing, aliasing_to_signal_ratio
from triode.measure.harmonics import (
    FrequencyResponse,
    HarmonicFingerprint,
    SelfNoise,
    TransferCurve,
    frequency_response,
    harmonic_fingerprint,
    self_noise,
    transfer_curve,
)
from triode.measure.tones import Process

Float64 = NDArray[np.float64]

SEGMENT_SECONDS = 0.5
LONGEST_LAG_SECONDS = 0.05
# A note in the middle of the band, where coupling capacitors and tone controls turn the phase least.
TRANSFER_HZ, TRANSFER_LEVELS_DBFS = 440.0, (-26.0, -6.0)
SPECTRUM_BANDS_PER_OCTAVE, SPECTRUM_SAMPLES = 6, 8192


@dataclass(frozen=True)
class TakeError:
    """How close the model is to one take: its knobs' `settings`, and whether it was `held_out` of training whole."""

    name: str
    settings: Mapping[str, float]
    esr: float
    held_out: bool = False


@dataclass(frozen=True)
class ReportData:
    """What a report is about. Only the first five are needed; whatever else is missing, its section is left out.

    `dry`, `device`, `model` (n,) are the stretch to compare on: input, target and estimate, in time with each other;
    `start_seconds` is where it lies in its recording, `unseen` whether none of it was trained on. `metrics` holds esr,
    mae, mrstft where they are known already.
    `history` rows have seconds, epoch, loss, validation_esr; `findings` rows code, severity, measured, why,
    what_to_do. `process` and `device_process` run dry samples through the model and through the device itself, where
    that is a circuit or a plug-in. `training` and `model_info` are shown as tables; the keys that the report words
    itself are in report_words.py. Of a model with `knobs`, `process_at` gives the process at any of their settings,
    and `takes` how close it is at those that were recorded.
    """

    name: str
    rate_hz: int
    dry: Samples
    device: Samples
    model: Samples
    start_seconds: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    replicate_esr: float | None = None
    history: Sequence[Mapping[str, Any]] = ()
    findings: Sequence[Mapping[str, Any]] = ()
    process: Process | None = None
    device_process: Process | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    model_info: Mapping[str, Any] = field(default_factory=dict)
    notes: str = ""
    knobs: Sequence[Knob] = ()
    process_at: Callable[[Mapping[str, float]], Process] | None = None
    takes: Sequence[TakeError] = ()
    unseen: bool = False


@dataclass(frozen=True)
class Sound:
    """What a process does to sound: everything of triode.measure.harmonics and .aliasing."""

    fingerprint: HarmonicFingerprint
    transfer: tuple[TransferCurve, ...]
    response: FrequencyResponse
    noise: SelfNoise
    aliasing: Aliasing


@dataclass(frozen=True)
class Spectrum:
    """Mean power of device, model and their difference per band (bands,), in dB below the device's loudest band."""

    frequencies_hz: Float64
    device_db: Float64
    model_db: Float64
    difference_db: Float64


@dataclass(frozen=True)
class Match:
    """How the model would fit better without being another model.

    `lag_samples`: how much later than the device it plays; `polarity`: -1 if it is upside down; `gain_db`: what to
    amplify it by; `esr` (0..1): the ESR that is left after that, `esr_in_place` that after the gain alone.
    """

    lag_samples: int
    polarity: int
    gain_db: float
    esr: float
    esr_in_place: float


@dataclass(frozen=True)
class Analysis:
    """The numbers of a report. `segment_edges` (segments + 1,) in samples, `segment_esr` (segments,) NaN in pauses."""

    esr: float
    a_weighted_esr: float
    mae: float
    mrstft: float
    segment_edges: NDArray[np.intp]
    segment_esr: Float64
    spectrum: Spectrum | None
    match: Match | None
    model_sound: Sound | None
    device_sound: Sound | None


def analyse(data: ReportData) -> Analysis:
    """Compute the numbers of a report. Raises OptionError for signals of different lengths, empty or not finite."""
    if data.dry.shape != data.device.shape:
        raise OptionError(f"dry and device have shapes {data.dry.shape} and {data.device.shape}; give equal lengths")
    device, model = data.device, data.model
    sounding = bool(np.any(device))
    return Analysis(
        esr=_given(data, "esr", lambda: metrics.esr(device, model)),
        a_weighted_esr=_given(data, "a_weighted_esr", lambda: metrics.a_weighted_esr(device, model, data.rate_hz)),
        mae=_given(data, "mae", lambda: metrics.mae(device, model)),
        mrstft=_given(data, "mrstft", lambda: metrics.mrstft(device, model)),
        segment_edges=metrics.segment_edges(len(device), data.rate_hz, SEGMENT_SECONDS),
        segment_esr=metrics.segment_esr(device, model, data.rate_hz, SEGMENT_SECONDS),
        spectrum=spectra(device, model, data.rate_hz) if sounding and len(device) >= SPECTRUM_SAMPLES else None,
        match=best_match(device, model, data.rate_hz) if sounding and np.any(model) else None,
        model_sound=measure_sound(data.process, data.rate_hz) if data.process else None,
        device_sound=measure_sound(data.device_process, data.rate_hz) if data.device_process else None,
    )


def learning_curve(data: ReportData) -> Float64:
    """The history's validations as rows (n, 2) of seconds and ESR, those without a number left out."""
    rows = [(row.get("seconds"), row.get("validation_esr")) for row in data.history]
    numbers = [row for row in rows if all(isinstance(value, int | float) and math.isfinite(value) for value in row)]
    return np.array(numbers, dtype=np.float64).reshape(-1, 2)


def _given(data: ReportData, key: str, compute: Callable[[], float]) -> float:
    """A metric as it was handed in, else computed; NaN where the stretch is too short for it."""
    if key in data.metrics:
        return float(data.metrics[key])
    if key == "mrstft" and len(data.device) < metrics.STFT_MIN_SAMPLES:
        return math.nan
    return compute()


def measure_sound(process: Process, rate_hz: float) -> Sound:
    """Everything that tones, sweeps and silence tell about a process; about 30 s of audio go through it."""
    return Sound(
        fingerprint=harmonic_fingerprint(process, rate_hz),
        transfer=tuple(transfer_curve(process, rate_hz, TRANSFER_HZ, level) for level in TRANSFER_LEVELS_DBFS),
        response=frequency_response(process, rate_hz),
        noise=self_noise(process, rate_hz),
        aliasing=aliasing_to_signal_ratio(process, rate_hz),
    )


def spectra(device: Samples, model: Samples, rate_hz: float) -> Spectrum:
    """Mean spectra in sixth-octave bands from 30 Hz up (Welch's method, Hann windows of 8192 samples)."""
    from scipy import signal

    highest_hz = min(20_000.0, 0.45 * rate_hz)
    count = round(SPECTRUM_BANDS_PER_OCTAVE * math.log2(highest_hz / 30.0))
    edges_hz = np.geomspace(30.0, highest_hz, count + 1)
    signals = np.stack([device, model, np.asarray(device, np.float64) - model])
    bins_hz, power = signal.welch(signals, rate_hz, nperseg=SPECTRUM_SAMPLES)
    # Interpolating the running sum shares a bin among the narrow bands below, and sums many bins above.
    running = np.concatenate([np.zeros((3, 1)), np.cumsum(power, axis=1)], axis=1)
    bin_edges_hz = np.concatenate([[0.0], bins_hz + bins_hz[1] / 2])
    bands = np.diff([np.interp(edges_hz, bin_edges_hz, row) for row in running], axis=1)
    level_db = 10 * np.log10(np.maximum(bands, 1e-12 * bands[0].max()) / bands[0].max())
    return Spectrum(np.sqrt(edges_hz[1:] * edges_hz[:-1]), level_db[0], level_db[1], level_db[2])


def best_match(device: Samples, model: Samples, rate_hz: float) -> Match:
    """The lag (within 50 ms), polarity and gain that would bring the model nearest to the device."""
    y, x = np.asarray(device, np.float64), np.asarray(model, np.float64)
    length = 1 << (2 * len(y) - 1).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(x, length) * np.fft.rfft(y, length).conj(), length)
    longest = min(round(LONGEST_LAG_SECONDS * rate_hz), len(y) - 1)
    lags = np.arange(-longest, longest + 1)
    near = correlation[lags] / math.sqrt((x @ x) * (y @ y))
    best = int(np.argmax(np.abs(near)))
    in_place = float(near[longest])
    gain = abs(float(correlation[lags[best]])) / float(x @ x)
    return Match(
        lag_samples=int(lags[best]),
        polarity=1 if near[best] >= 0 else -1,
        gain_db=20 * math.log10(max(gain, 1e-10)),
        esr=max(0.0, 1 - float(near[best]) ** 2),
        esr_in_place=max(0.0, 1 - in_place**2) if in_place > 0 else 1.0,
    )
