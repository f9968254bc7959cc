"""The sound in a report: the loudest seconds of the stretch, as 16-bit samples in base64."""

import base64
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triode.audio import resample
from triode.measure.metrics import a_weighting
from triode.measure.report_analysis import ReportData
from triode.measure.report_plots import loudest

Float64 = NDArray[np.float64]

# Three signals of 12 s at 48 kHz make 4.6 MB of base64.
LONGEST_SECONDS = 12.0
HIGHEST_RATE_HZ = 48_000
# Loudness is compared between signals, so a floor far below any music keeps silence from asking for endless gain.
QUIETEST = 1e-6
PEAK = 0.95


@dataclass(frozen=True)
class Channel:
    """One signal as the page holds it: 16-bit little-endian samples in base64, and what to amplify them by.

    `gain` plays it at the level it has beside the device, `matched_gain` as loud as the device (A-weighted RMS). Both
    are held back where the signal would clip.
    """

    pcm: str
    gain: float
    matched_gain: float


@dataclass(frozen=True)
class ReportAudio:
    """What the players of a report hold. `boost_db` is what the difference can be raised by without clipping."""

    rate_hz: int
    samples: int
    start_seconds: float
    dry: Channel
    device: Channel
    model: Channel
    boost_db: float


def report_audio(data: ReportData) -> ReportAudio:
    """Cut the loudest stretch, convert it to at most 48 kHz, and find the levels to play it at."""
    length = round(LONGEST_SECONDS * data.rate_hz)
    start = loudest(np.asarray(data.device, np.float64) ** 2, length)
    rate_hz = min(data.rate_hz, HIGHEST_RATE_HZ)
    dry, device, model = (
        np.asarray(resample(signal[start : start + length], data.rate_hz, rate_hz), np.float64)
        for signal in (data.dry, data.device, data.model)
    )
    # Device and model share one scale, so that the page can subtract one from the other.
    scale = PEAK / max(peak(device), peak(model))
    dry_scale = PEAK / peak(dry)
    wanted = loudness(device, rate_hz)
    difference_peak = peak(scale * (device - model))
    return ReportAudio(
        rate_hz=rate_hz,
        samples=len(device),
        start_seconds=data.start_seconds + start / data.rate_hz,
        dry=Channel(
            pcm(dry * dry_scale),
            min(1.0, scale / dry_scale),
            min(1.0, scale / dry_scale * wanted / loudness(dry, rate_hz)),
        ),
        device=Channel(pcm(device * scale), 1.0, 1.0),
        model=Channel(pcm(model * scale), 1.0, min(PEAK / peak(scale * model), wanted / loudness(model, rate_hz))),
        boost_db=float(np.clip(20 * np.log10(PEAK / difference_peak), 0.0, 20.0)),
    )


def peak(signal: Float64) -> float:
    """The largest absolute sample, never quite 0."""
    return max(float(np.max(np.abs(signal))), QUIETEST)


def loudness(signal: Float64, rate_hz: float) -> float:
    """A-weighted RMS, never quite 0."""
    spectrum = np.fft.rfft(signal) * a_weighting(np.fft.rfftfreq(len(signal), 1 / rate_hz))
    return max(float(np.linalg.norm(spectrum) * np.sqrt(2) / len(signal)), QUIETEST)


def pcm(signal: Float64) -> str:
    """16-bit little-endian samples in base64; what is over full scale is cut."""
    return base64.b64encode(np.round(np.clip(signal, -1, 1) * 32767).astype("<i2").tobytes()).decode()
