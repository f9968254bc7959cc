"""The capture signal: what is sent through a device so that a model of it can be trained and judged.

    silence and impulses | repeated passage | sweeps, staircase, noise, bursts | phrases | own DI | repeated passage

The passage that stands at both ends shows how well the device repeats itself; its second copy is what is held out for
validation, and training stays clear of both. Most of the rest is playing, because a model is as good as what it heard.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from triode.audio import Samples, resample, write_audio
from triode.capture.manifest import Kind, Repeat, Segment, SignalManifest, manifest_path, write_manifest
from triode.capture.phrases import PASSAGE_STYLES, Style, next_style, play
from triode.capture.strings import RATE_HZ as PHRASE_RATE_HZ
from triode.capture.strings import Array
from triode.errors import OptionError

SHORTEST_SECONDS, LONGEST_SECONDS = 5.0, 3600.0
LOWEST_HZ, HIGHEST_HZ = 22050, 192000
LEVEL_DBFS, LEAST_LEVEL_DBFS = -1.0, -40.0
GAP_SECONDS = 0.05
# Peaks of phrases below the signal's level. Notes decay and differ in touch, so quiet playing is in each of them; loud
# playing, where devices bend most, must not be rare.
PHRASE_LEVELS_DB = (0.0, -1.0, -2.0, -4.0, -6.0)
# Short, so that even a short signal has many guitars, registers and ways of playing in it.
PHRASE_SECONDS = (1.0, 2.5)
PASSAGE_PHRASE_SECONDS = (1.5, 2.5)
# A signal this much longer than what is played in it has room for everything else.
PLAYING_SHARE = 3.0


@dataclass(frozen=True)
class CaptureSignal:
    """The signal: `samples` (n,) at `rate_hz`, and the manifest that says what stands where in it."""

    samples: Samples
    rate_hz: int
    manifest: SignalManifest


@dataclass(frozen=True)
class _TestTone:
    """A test segment: made by `make(seconds, rate_hz, rng)` with a peak of 1, from signals of `from_seconds` on."""

    kind: Kind
    make: Callable[[float, int, np.random.Generator], Array]
    level_db: float
    seconds: float
    from_seconds: float


def make_signal(
    seconds: float = 180.0, rate_hz: int = 48000, seed: int = 0, level_dbfs: float = -1.0, di: Samples | None = None
) -> CaptureSignal:
    """The capture signal: same arguments, same samples. `level_dbfs` is its peak.

    `di` (m,), a dry recording of one's own at `rate_hz`, comes before the final passage and adds to the length; it
    keeps its level unless that is above `level_dbfs`. Short signals do without the test segments that matter least:
    first the quiet sweep, then bursts, staircase, the middle sweep, noise. Raises OptionError.
    """
    _check(seconds, rate_hz, seed, level_dbfs, di)
    rng = np.random.default_rng(seed)
    passage_seconds = float(np.clip(0.05 * seconds, min(1.0, 0.1 * seconds), 9.0))
    passage = _phrases(round(passage_seconds * rate_hz), rate_hz, rng, PASSAGE_PHRASE_SECONDS, PASSAGE_STYLES)
    head = _impulses(min(1.5, 0.1 * seconds), rate_hz)
    parts: list[tuple[Kind, Array]] = [("impulses", head), ("repeat", passage)]
    for tone in TEST_TONES:
        if seconds >= tone.from_seconds:
            length = tone.seconds * float(np.clip(seconds / 180, 0.2, 1.0))
            wave = _with_gap(10 ** (tone.level_db / 20) * tone.make(length, rate_hz, rng), rate_hz)
            parts.append((tone.kind, wave))
    room = round(seconds * rate_hz) - sum(len(part) for _, part in parts) - len(passage)
    parts.append(("plucked", _phrases(room, rate_hz, rng, PHRASE_SECONDS)))
    level = 10 ** (level_dbfs / 20)
    samples = [level * part for _, part in parts]
    kinds = [kind for kind, _ in parts]
    if di is not None:
        samples.append(_with_gap(di * np.float32(min(1.0, level / float(np.max(np.abs(di))))), rate_hz))
        kinds.append("di")
    samples.append(level * passage)
    kinds.append("repeat")
    manifest = _describe(kinds, samples, rate_hz, seed, level_dbfs)
    return CaptureSignal(np.concatenate(samples).astype(np.float32), rate_hz, manifest)


def playing(seconds: float, rate_hz: int, seed: int) -> Samples:
    """Nothing but playing (n,), `seconds` of it at `rate_hz`: what a model is judged by that learned another seed."""
    signal = make_signal(max(PLAYING_SHARE * seconds, SHORTEST_SECONDS), rate_hz, seed)
    part = next(segment for segment in signal.manifest.segments if segment.kind == "plucked")
    return signal.samples[round(part.start_seconds * rate_hz) :][: round(seconds * rate_hz)]


def level_test(rate_hz: int) -> Samples:
    """A second and a half (n,) to set levels by: an impulse, then bursts of noise as loud as the signal gets."""
    bursts = _bursts(1.0, rate_hz, np.random.default_rng(0))
    wave = np.concatenate([_impulses(0.5, rate_hz), _to_peak(bursts)])
    return (10 ** (LEVEL_DBFS / 20) * wave).astype(np.float32)


def write_signal(path: str | Path, signal: CaptureSignal) -> None:
    """Write the signal as 24-bit audio and its manifest beside it (`out.wav` and `out.json`), each in one step.

    Raises OptionError for an unknown ending or a folder that cannot be written to, OutputError where the disk is full.
    """
    write_audio(path, signal.samples, signal.rate_hz, subtype="PCM_24")
    write_manifest(manifest_path(path), signal.manifest)


def check_length(seconds: float) -> None:
    """Raise OptionError for a length that no capture signal has."""
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise OptionError(
            f"a signal of {seconds:g} s: expected {SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g} s; 180 s is good"
        )


def _check(seconds: float, rate_hz: int, seed: int, level_dbfs: float, di: Samples | None) -> None:
    check_length(seconds)
    if not LOWEST_HZ <= rate_hz <= HIGHEST_HZ:
        raise OptionError(f"a rate of {rate_hz} Hz: expected {LOWEST_HZ} to {HIGHEST_HZ} Hz")
    if not LEAST_LEVEL_DBFS <= level_dbfs <= 0:
        raise OptionError(f"a level of {level_dbfs:g} dBFS: expected {LEAST_LEVEL_DBFS:g} to 0 dBFS")
    if seed < 0:
        raise OptionError(f"a seed of {seed}: expected a whole number from 0 on")
    if di is not None and (len(di) == 0 or not np.all(np.isfinite(di)) or float(np.max(np.abs(di))) < 1e-4):
        raise OptionError("the DI to append is empty or silent; choose another recording")


def _describe(kinds: list[Kind], parts: list[Array], rate_hz: int, seed: int, level_dbfs: float) -> SignalManifest:
    edges = np.concatenate([[0], np.cumsum([len(part) for part in parts])]) / rate_hz
    segments = tuple(
        Segment(kind, float(start), float(end), round(20 * float(np.log10(np.max(np.abs(part)) + 1e-9)), 2))
        for kind, part, start, end in zip(kinds, parts, edges[:-1], edges[1:], strict=True)
    )
    first, second = (segment for segment in segments if segment.kind == "repeat")
    length = second.end_seconds - second.start_seconds
    return SignalManifest(
        version=1,
        seed=seed,
        rate_hz=rate_hz,
        level_dbfs=level_dbfs,
        seconds=float(edges[-1]),
        segments=segments,
        repeats=(Repeat(first.start_seconds, second.start_seconds, length),),
        train_seconds=(first.end_seconds, second.start_seconds),
        held_out_seconds=(second.start_seconds, second.end_seconds),
    )


def _with_gap(wave: Array | Samples, rate_hz: int) -> Array:
    """`wave` with its ends faded over 5 ms, and a short silence after it."""
    fade = min(len(wave) // 2, int(0.005 * rate_hz))
    faded = wave.astype(np.float64)
    faded[:fade] *= np.linspace(0, 1, fade)
    faded[len(wave) - fade :] *= np.linspace(1, 0, fade)
    return np.concatenate([faded, np.zeros(int(GAP_SECONDS * rate_hz))])


def _impulses(seconds: float, rate_hz: int) -> Array:
    """Silence, an impulse up, an impulse down, silence: to be seen in any editor, and to measure the noise floor by."""
    out = np.zeros(round(seconds * rate_hz))
    out[len(out) // 3], out[2 * len(out) // 3] = 0.5, -0.5
    return out


def _phrases(
    count: int, rate_hz: int, rng: np.random.Generator, lengths: tuple[float, float], styles: tuple[Style, ...] = ()
) -> Array:
    """Playing, `count` samples: phrase after phrase, each at its own level, `styles` in turn or all by their shares."""
    total = int(np.ceil(count / rate_hz * PHRASE_RATE_HZ)) + 1
    played: list[Array] = []
    by_style: dict[Style, float] = {}
    levels_db: list[float] = []
    left = total
    while left > 0:
        seconds = rng.uniform(*lengths)
        if left < 1.4 * seconds * PHRASE_RATE_HZ:
            seconds = (left + 1) / PHRASE_RATE_HZ
        style = styles[len(played) % len(styles)] if styles else next_style(by_style)
        by_style[style] = by_style.get(style, 0.0) + seconds
        if not levels_db:
            levels_db = list(rng.permutation(PHRASE_LEVELS_DB))
        played.append(10 ** (levels_db.pop() / 20) * play(seconds, rng, style))
        left -= len(played[-1])
    wave = resample(np.concatenate(played)[:total].astype(np.float32), PHRASE_RATE_HZ, rate_hz)[:count]
    return wave.astype(np.float64) / max(1.0, float(np.max(np.abs(wave))))


def _sweep(seconds: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """Exponential sine sweep (Farina 2000), 20 Hz to 20 kHz or what the rate allows."""
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    low, high = 20.0, min(20000.0, 0.45 * rate_hz)
    growth = np.log(high / low)
    return np.asarray(np.sin(2 * np.pi * low * seconds / growth * (np.exp(time / seconds * growth) - 1)))


def _staircase(seconds: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """A tone of 220 Hz, then of 1 kHz, each rising from -54 dB to 0 in steps of 6 dB."""
    steps = 10 ** (np.arange(-54, 1, 6) / 20)
    time = np.arange(int(seconds / 2 / len(steps) * rate_hz)) / rate_hz
    tones = [level * np.sin(2 * np.pi * hz * time) for hz in (220.0, 1000.0) for level in steps]
    return np.concatenate(tones)


def _pink(count: int, rng: np.random.Generator) -> Array:
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    return np.asarray(np.fft.irfft(spectrum, count))


def _noise(seconds: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """White, then pink noise, each rising from -50 dB to 0."""
    count = int(seconds / 2 * rate_hz)
    ramp = 10 ** (np.linspace(-50, 0, count) / 20)
    return np.concatenate([_to_peak(ramp * wave) for wave in (rng.standard_normal(count), _pink(count, rng))])


def _bursts(seconds: float, rate_hz: int, rng: np.random.Generator) -> Array:
    """Gated pink noise: bursts of 120 ms at falling levels, with as much silence, for attack and recovery."""
    count = int(seconds * rate_hz)
    burst = int(0.12 * rate_hz)
    index = np.arange(count)
    level = 10 ** (-3.0 * (index // (2 * burst)) / 20)
    return _to_peak(_pink(count, rng) * (index // burst % 2 == 0)) * level


def _to_peak(wave: Array) -> Array:
    return np.asarray(wave / np.max(np.abs(wave)))


# A thirtieth of the signal, because what is not playing costs fidelity where it counts: of a model of the overdrive,
# trained on 90 s, the ESR on real playing fell from .0080 to .0053 when their share was halved from a fifth.
TEST_TONES = (
    _TestTone("sweep", _sweep, 0.0, 1.0, 0.0),
    _TestTone("sweep", _sweep, -14.0, 0.8, 30.0),
    _TestTone("sweep", _sweep, -30.0, 0.8, 90.0),
    _TestTone("staircase", _staircase, 0.0, 1.2, 45.0),
    _TestTone("noise", _noise, -3.0, 1.0, 20.0),
    _TestTone("bursts", _bursts, -2.0, 0.8, 60.0),
)
