"""Stepwise identification of block-oriented models, before anything is descended.

After F. Eichas, S. Möller, U. Zölzer, "Block-oriented gray box modeling of guitar amplifiers", DAFx-17: the response to
quiet playing is that of all filters together, the response to loud playing, which saturates the curve, that of the
filter behind it alone; their ratio is the filter in front, fitted by shelves and peaks. Then the gain into the curve is
searched on a grid, and the curve's parameters are refined by Levenberg and Marquardt's method, with the best filter
behind it at every step. Where this differs from the paper is written in docs/fidelity.md.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import scipy.fft
import scipy.linalg
import scipy.optimize
import scipy.signal
import torch
from numpy.typing import NDArray

from triode.training.dataset import Dataset
from triode.training.networks.block_oriented import (
    LEAD_SAMPLES,
    TAIL_SAMPLES,
    BlockOriented,
    Curve,
    Fir,
    Sections,
    section_response,
)

Array = NDArray[np.float64]
_Frame = tuple[float, NDArray[np.complex128], Array]

FRAME_SAMPLES = 8192
POINTS_PER_OCTAVE = 12
LOWEST_HZ, HIGHEST_SHARE = 30.0, 0.42  # of what is fitted; of the sample rate
SUBSONIC_HZ = 5.0
# Loud and quiet frames, among those that sound at all.
QUIET_SHARE, LOUD_SHARE, SILENCE_DB = 0.3, 0.3, -60.0
PIECES, PIECE_SECONDS = 12, 0.25  # of the recording, for the curve
BEHIND_TAPS, ALIGNING_TAPS = 512, 64
PRE_GAINS = np.geomspace(0.3, 300.0, 13)  # over the RMS of what goes in
REFINED = ("pre_gain", "bias", "bias_shift", "knees", "slopes")
REACH = np.array([3.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0])  # logarithms, but for bias and bias shift


@torch.no_grad()
def identify(network: BlockOriented, data: Dataset) -> None:
    """Set the parameters of `network` from the training stretches of `data`, which holds one setting."""
    quiet, loud = responses(data)
    filters = [block for block in network.blocks if isinstance(block, Sections)]
    first = network.curves()[0]
    if len(filters) > 1:
        fit_sections(filters[0], quiet - loud, data.rate_hz)
    for other in network.curves()[1:]:
        other.set_values({"pre_gain": torch.tensor([0.1]), "post_gain": torch.tensor([10.0]), "bias": torch.zeros(1)})
    for between in filters[1:-1]:
        _as_wire(between, data.rate_hz)
    dry, wet = _excerpts(data)
    for block in network.blocks[: [*network.blocks].index(first)]:
        dry = block(dry, TAIL_SAMPLES)
    # What stands behind the curve is at first any filter, then the sections that come closest to it. Of several filters
    # behind the first curve it is the last one; others begin as wires.
    stage = _CurveStage(first, [], dry, wet, BEHIND_TAPS)
    stage.search()
    stage.refine()
    fit_sections(filters[-1], stage.gain_db(data.rate_hz), data.rate_hz)
    behind = [*network.blocks][[*network.blocks].index(first) + 1 :]
    last = _CurveStage(first, [block for block in behind if not isinstance(block, Fir)], dry, wet, ALIGNING_TAPS)
    _keep_if_better_than_a_wire(filters[-1], last, data.rate_hz)
    last.finish(next((block for block in behind if isinstance(block, Fir)), None))


def _as_wire(block: Sections, rate_hz: float) -> None:
    """Let a filter pass everything that can be heard: no gains, and a high-pass below them all."""
    values = block.values()
    passes = torch.tensor([band == "high_pass" for band in block.config.bands])
    frequency = torch.where(passes, SUBSONIC_HZ / rate_hz, values["frequency"])
    block.set_values({"frequency": frequency, "gain_db": torch.zeros_like(frequency), "q": values["q"]})


def _keep_if_better_than_a_wire(block: Sections, stage: "_CurveStage", rate_hz: float) -> None:
    """Where nothing sounds the response is anybody's guess: sections that follow it there can be worse than none."""
    fitted, error = block.values(), np.sum(stage.error() ** 2)
    _as_wire(block, rate_hz)
    if error < np.sum(stage.error() ** 2):
        block.set_values(fitted)


def responses(data: Dataset) -> tuple[Array, Array]:
    """Gains in dB at `fit_frequencies`: of quiet and of loud playing, or of sweeps where our own signal has some."""
    crosses: list[_Frame] = []  # level of the dry frame, cross spectrum, power spectrum
    for take, (start, stop) in enumerate(data.train):
        stretches = data.sweeps[take] if len(data.sweeps) > take and len(data.sweeps[take]) > 1 else ((start, stop),)
        for begin, end in stretches:
            dry, wet = (signal[take][begin:end].double().cpu().numpy() for signal in (data.dry, data.wet))
            crosses += _frames(dry, wet)
    levels = np.array([level for level, _, _ in crosses])
    sounding = levels > levels.max() * 10 ** (SILENCE_DB / 20)
    low, high = np.quantile(levels[sounding], [QUIET_SHARE, 1 - LOUD_SHARE])
    frequencies = fit_frequencies(data.rate_hz)
    found = []
    for chosen in (sounding & (levels <= low), sounding & (levels >= high)):
        cross = sum((c for (_, c, _), take in zip(crosses, chosen, strict=True) if take), np.zeros(1))
        power = sum((p for (_, _, p), take in zip(crosses, chosen, strict=True) if take), np.zeros(1))
        found.append(_smoothed(np.abs(cross), np.asarray(power), frequencies / data.rate_hz))
    return found[0], found[1]


def fit_frequencies(rate_hz: float) -> Array:
    """Twelve to an octave (Hz), over what is fitted."""
    octaves = np.log2(HIGHEST_SHARE * rate_hz / LOWEST_HZ)
    return LOWEST_HZ * 2 ** np.linspace(0, octaves, round(octaves * POINTS_PER_OCTAVE))


def fit_sections(block: Sections, gain_db: Array, rate_hz: float) -> None:
    """Set shelves, peaks and passes to a gain (dB) at `fit_frequencies`, up to a constant: the curve has gains, too."""
    share = fit_frequencies(rate_hz) / rate_hz
    wanted = gain_db - np.mean(gain_db)
    start, low, high = _start(block.config.bands, share, wanted)
    count = len(block.config.bands)

    def error(parameters: Array) -> Array:
        db = _gain_db(block.config.bands, parameters.reshape(3, count), share)
        return cast(Array, db - np.mean(db) - wanted)

    fitted = scipy.optimize.least_squares(error, start, bounds=(low, high), max_nfev=60).x.reshape(3, count)
    names = ("frequency", "gain_db", "q")
    values = (np.exp(fitted[0]), fitted[1], np.exp(fitted[2]))
    block.set_values({name: torch.from_numpy(value) for name, value in zip(names, values, strict=True)})


def _frames(dry: Array, wet: Array) -> list[_Frame]:
    window = np.hanning(FRAME_SAMPLES)
    found = []
    for at in range(0, max(len(dry) - FRAME_SAMPLES, 0) + 1, FRAME_SAMPLES // 2):
        x, y = (np.fft.rfft(window * _padded(signal[at : at + FRAME_SAMPLES])) for signal in (dry, wet))
        found.append((float(np.sqrt(np.mean(np.abs(x) ** 2))), np.conj(x) * y, np.abs(x) ** 2))
    return found


def _padded(frame: Array) -> Array:
    return np.pad(frame, (0, FRAME_SAMPLES - len(frame)))


def _smoothed(cross: Array, power: Array, share: Array) -> Array:
    """|cross| / power in dB, each averaged over a twelfth of an octave (at least three bins) around `share`."""
    found = []
    for centre in share:
        width = max(centre * (2 ** (0.5 / POINTS_PER_OCTAVE) - 1), 1.5 / FRAME_SAMPLES)
        first, last = (round(float(edge) * FRAME_SAMPLES) for edge in (centre - width, centre + width))
        bins = slice(max(first, 1), last + 1)
        found.append(20 * np.log10(max(np.sum(cross[bins]), 1e-12) / max(np.sum(power[bins]), 1e-12)))
    gain: Array = np.array(found)
    return cast(Array, np.maximum(gain, gain.max() - 80))


def _start(bands: Sequence[str], share: Array, wanted: Array) -> tuple[Array, Array, Array]:
    """First guess and bounds: log frequency, gain in dB and log Q of each section."""
    peaks = [i for i, band in enumerate(bands) if band == "peak"]
    places = np.geomspace(share[0] * 2, share[-1] / 2, max(len(peaks), 1))
    frequency, gain, q = np.empty(len(bands)), np.zeros(len(bands)), np.full(len(bands), np.log(0.7))
    for i, band in enumerate(bands):
        if band == "peak":
            frequency[i] = places[peaks.index(i)]
            gain[i] = np.clip(0.5 * np.interp(frequency[i], share, wanted), -20, 20)
            q[i] = np.log(1.4)
        else:
            frequency[i] = {"low_shelf": 4 * share[0], "high_shelf": 0.3 * share[-1], "high_pass": 0.5 * share[0]}.get(
                band, share[-1]
            )
    ones = np.ones(len(bands))
    low = np.concatenate([np.log(share[0] / 8) * ones, -40 * ones, np.log(0.3) * ones])
    high = np.concatenate([np.log(0.44) * ones, 40 * ones, np.log(8.0) * ones])
    return np.clip(np.concatenate([np.log(frequency), gain, q]), low + 1e-6, high - 1e-6), low, high


def _gain_db(bands: tuple[str, ...], parameters: Array, share: Array) -> Array:
    """Gain of sections at frequencies as shares of the sample rate."""
    values = {
        "frequency": torch.from_numpy(np.exp(parameters[0])),
        "gain_db": torch.from_numpy(parameters[1]),
        "q": torch.from_numpy(np.exp(parameters[2])),
    }
    gain = section_response(bands, values, torch.from_numpy(share)).abs().numpy()
    return cast(Array, 20 * np.log10(np.maximum(gain, 1e-9)))


def _excerpts(data: Dataset) -> tuple[torch.Tensor, torch.Tensor]:
    """Pieces of the training stretches, evenly spread over what sounds, each with the time to settle: (B, T) both."""
    length = LEAD_SAMPLES + round(PIECE_SECONDS * data.rate_hz)
    places = []
    for take, (start, stop) in enumerate(data.train):
        length = min(length, stop - start)
        for at in range(start, stop - length + 1, max(length // 2, 1)):
            energy = float(data.wet[take][at + LEAD_SAMPLES : at + length].double().square().mean())
            places.append((energy, take, at))
    loudest = max(energy for energy, _, _ in places)
    sounding = [place for place in places if place[0] > 1e-3 * loudest]
    chosen = [sounding[i] for i in np.unique(np.linspace(0, len(sounding) - 1, PIECES).round().astype(int))]
    dry = torch.stack([data.dry[take][at : at + length] for _, take, at in chosen])
    wet = torch.stack([data.wet[take][at : at + length] for _, take, at in chosen])
    return dry, wet


class _CurveStage:
    """The curve's parameters against a recording: `dry` (B, T) is what goes into it, `wet` (B, T) the target.

    What stands behind the curve is kept, but for a short impulse response that is solved anew for every try (variable
    projection). It takes up gain and the samples that alignment leaves before an onset.
    """

    def __init__(
        self, curve: Curve, behind: Sequence[torch.nn.Module], dry: torch.Tensor, wet: torch.Tensor, taps: int
    ) -> None:
        self.curve, self.behind, self.dry = curve, behind, dry
        self.target = wet[:, LEAD_SAMPLES:].double().numpy()
        self.scale = max(float(np.sqrt(np.sum(self.target**2))), 1e-12)
        self.rms = max(float(dry.square().mean().sqrt()), 1e-9)
        self.taps = np.zeros(taps)

    def error(self) -> Array:
        """The difference to the target with the best impulse response, relative to its energy."""
        count = len(self.taps)
        y = self.curve(self.dry, TAIL_SAMPLES)
        for block in self.behind:
            y = block(y, TAIL_SAMPLES)
        played = y[:, LEAD_SAMPLES - count + 1 :].double().numpy()
        size = scipy.fft.next_fast_len(played.shape[1] + count, real=True)
        spectra = scipy.fft.rfft(played, size)
        auto = scipy.fft.irfft(np.sum(np.abs(spectra) ** 2, axis=0), size)[:count]
        late = np.pad(self.target, ((0, 0), (count - 1, 0)))
        cross = scipy.fft.irfft(np.sum(np.conj(spectra) * scipy.fft.rfft(late, size), axis=0), size)[:count]
        auto[0] *= 1 + 1e-6
        self.taps = scipy.linalg.solve_toeplitz(auto, cross)
        estimate = scipy.signal.oaconvolve(played, self.taps[np.newaxis], mode="valid", axes=1)
        return cast(Array, ((estimate - self.target) / self.scale).reshape(-1))

    def search(self) -> None:
        """The gain into the curve by a grid."""
        errors = []
        for gain in PRE_GAINS:
            self.curve.set_values({"pre_gain": torch.tensor([gain / self.rms])})
            errors.append(float(np.sum(self.error() ** 2)))
        self.curve.set_values({"pre_gain": torch.tensor([PRE_GAINS[int(np.argmin(errors))] / self.rms])})

    def refine(self) -> None:
        """Gain, bias, bias shift, knees and slopes by Levenberg and Marquardt's method, within bounds."""
        curve = self.curve
        own: dict[str, torch.Tensor] = {
            name: curve.logs[name] if name in curve.logs else getattr(curve, name) for name in REFINED
        }
        edges = np.cumsum([parameter.numel() for parameter in own.values()])[:-1]
        start = np.concatenate([parameter.double().numpy().reshape(-1) for parameter in own.values()])

        def error(values: Array) -> Array:
            for parameter, part in zip(own.values(), np.split(values, edges), strict=True):
                parameter.copy_(torch.from_numpy(part))
            return self.error()

        bounds = start - REACH, start + REACH
        error(scipy.optimize.least_squares(error, start, bounds=bounds, max_nfev=15, diff_step=1e-3).x)

    def gain_db(self, rate_hz: float) -> Array:
        """The gain of the impulse response that was found, at `fit_frequencies`."""
        phase = np.exp(-2j * np.pi * np.outer(fit_frequencies(rate_hz) / rate_hz, np.arange(len(self.taps))))
        return cast(Array, 20 * np.log10(np.maximum(np.abs(phase @ self.taps), 1e-9)))

    def finish(self, response: Fir | None) -> None:
        """Give the impulse response to the block that is for it, else its gain at its loudest tap to the curve."""
        self.error()
        gain = float(self.taps[np.argmax(np.abs(self.taps))])
        if response is None:
            self.curve.set_values({"post_gain": torch.tensor([gain])})
            return
        taps = np.zeros(response.config.taps)
        count = min(len(taps), len(self.taps))
        taps[:count] = self.taps[:count] / gain
        self.curve.set_values({"post_gain": torch.tensor([gain])})
        response.set_values({"taps": torch.from_numpy(taps)})
