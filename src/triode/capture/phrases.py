"""What is played in the capture signal: phrases in the styles and registers that amps meet.

Every phrase has its own guitar, tuning, tempo and touch, drawn from one random generator.
"""

from collections.abc import Callable, Mapping

import numpy as np

from triode.capture.strings import RATE_HZ, Array, Guitar, mix, pluck

Rng = np.random.Generator
Notes = list[tuple[float, Array]]
Style = Callable[[Guitar, float, Rng], Notes]

STANDARD = (40, 45, 50, 55, 59, 64)
TUNINGS = (
    STANDARD,
    STANDARD,
    tuple(n - 1 for n in STANDARD),
    (38, 45, 50, 55, 59, 64),
    (36, 43, 48, 53, 57, 62),
    (35, 40, 45, 50, 54, 59),
)
BASS = (28, 33, 38, 43)
CHORDS = ((0, 7, 12, 16, 19, 24), (0, 7, 12, 15, 19, 24), (0, 7, 10, 16, 19, 24), (0, 7, 12, 14, 19, 24))
JAZZ = ((0, 10, 16, 19), (0, 10, 15, 19), (0, 11, 16, 19), (0, 9, 16, 21))
SCALES = ((0, 3, 5, 7, 10), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 5, 7, 9, 11), (0, 3, 5, 6, 7, 10))


def note_hz(midi: float) -> float:
    """Frequency of a MIDI note number, A4 = 69 = 440 Hz."""
    return float(440 * 2 ** ((midi - 69) / 12))


def random_guitar(rng: Rng) -> Guitar:
    """A pickup between bridge and neck, bright or dark."""
    return Guitar(
        pickup=rng.uniform(0.04, 0.22),
        resonance_hz=float(np.exp(rng.uniform(np.log(2000), np.log(5000)))),
        resonance_q=rng.uniform(0.8, 2.2),
        tone_hz=float(np.exp(rng.uniform(np.log(1500), np.log(9000)))),
        stiffness=rng.uniform(3e-5, 1.2e-4),
        sustain_seconds=rng.uniform(6, 16),
        lean_radians=rng.uniform(-np.pi, np.pi),
    )


def _bent(seconds: float, rng: Rng, semitones: float, vibrato: float) -> Array:
    """A bend (or slide) to `semitones` that begins and ends somewhere in the note, with vibrato after it."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    begin, rise = rng.uniform(0, 0.3) * seconds, rng.uniform(0.04, 0.25)
    reached = np.clip((time - begin) / rise, 0, 1)
    pitch = semitones * (0.5 - 0.5 * np.cos(np.pi * reached))
    wobble = vibrato * np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * time) * np.clip((time - begin - rise) * 4, 0, 1)
    return np.asarray(2 ** ((pitch + wobble) / 12))


def lead(guitar: Guitar, seconds: float, rng: Rng) -> Notes:
    """Single notes over three octaves with bends, slides, vibrato, pauses."""
    scale, root = SCALES[rng.integers(len(SCALES))], int(rng.integers(45, 62))
    step, touch = rng.uniform(0.09, 0.4), rng.uniform(0.3, 0.9)
    degree, time, notes = int(rng.integers(0, 8)), 0.0, []
    while time < seconds:
        degree = int(np.clip(degree + rng.integers(-3, 4), 0, 3 * len(scale) - 1))
        midi = root + 12 * (degree // len(scale)) + scale[degree % len(scale)]
        beats = float(rng.choice([1, 1, 1, 2, 2, 4, 8], p=[0.25, 0.2, 0.15, 0.15, 0.1, 0.1, 0.05]))
        length = step * beats
        if rng.random() > 0.08:
            sounding = length * rng.uniform(0.75, 1.05)
            bend = None
            if length > 0.25 and rng.random() < 0.5:
                bend = _bent(sounding, rng, float(rng.choice([0, 0, 1, 2, 3, -2, -5])), rng.uniform(0, 0.4))
            strength = float(np.clip(touch + rng.normal(0, 0.15), 0.05, 1))
            pick = rng.uniform(0.06, 0.25)
            notes.append((time, pluck(guitar, note_hz(midi), sounding, rng, strength=strength, pick=pick, bend=bend)))
        time += length
    return notes


def riff(guitar: Guitar, seconds: float, rng: Rng) -> Notes:
    """Palm-muted low strings with power chords between them."""
    tuning = TUNINGS[rng.integers(len(TUNINGS))]
    step, touch, hand = rng.uniform(0.075, 0.2), rng.uniform(0.55, 1.0), rng.uniform(0.15, 1.0)
    time, notes = 0.0, []
    while time < seconds:
        fret = int(rng.choice([0, 0, 0, 0, 1, 3, 5, 7]))
        accent = rng.random() < 0.25
        length = step * (int(rng.integers(1, 5)) if accent else 1)
        intervals = (0, 7, 12) if accent or rng.random() < 0.2 else (0,)
        for i, interval in enumerate(intervals):
            strength = float(np.clip(touch + rng.normal(0, 0.08), 0.1, 1))
            mute = 0.0 if accent else hand
            tone = pluck(
                guitar, note_hz(tuning[0] + fret + interval), length, rng, strength=strength, mute=mute, pick=0.07
            )
            notes.append((time + 0.002 * i, tone))
        time += length
    return notes


def power(guitar: Guitar, seconds: float, rng: Rng) -> Notes:
    """Power chords, octaves and double stops that ring."""
    tuning = TUNINGS[rng.integers(len(TUNINGS))]
    time, notes = 0.0, []
    while time < seconds:
        length = rng.uniform(0.3, 2.2)
        base = tuning[int(rng.integers(0, 3))] + int(rng.integers(0, 10))
        intervals = [(0, 7), (0, 7, 12), (0, 12), (0, 5), (0, 4), (0, 3)][int(rng.integers(6))]
        strength = rng.uniform(0.35, 1.0)
        for i, interval in enumerate(intervals):
            tone = pluck(guitar, note_hz(base + interval), length, rng, strength=strength, pick=rng.uniform(0.06, 0.2))
            notes.append((time + rng.uniform(0.001, 0.006) * i, tone))
        time += length * rng.uniform(0.9, 1.2)
    return notes


def strum(guitar: Guitar, seconds: float, rng: Rng) -> Notes:
    """Chords over all strings, down and up, some of them choked."""
    step, touch = rng.uniform(0.14, 0.35), rng.uniform(0.3, 0.9)
    time, notes, down = 0.0, [], True
    shape, root = CHORDS[0], 40
    beat = 0
    while time < seconds:
        if beat % 8 == 0:
            shape, root = CHORDS[rng.integers(len(CHORDS))], int(rng.integers(38, 50))
        if rng.random() < 0.75:
            choked = rng.random() < 0.15
            length = step * (0.5 if choked else rng.uniform(0.9, 2.5))
            spread = rng.uniform(0.004, 0.018)
            strings = shape if down else shape[:2:-1]
            for i, interval in enumerate(strings):
                strength = float(np.clip(touch * (1.0 if down else 0.8) + rng.normal(0, 0.08), 0.05, 1))
                mute = 0.8 if choked else 0.0
                tone = pluck(guitar, note_hz(root + interval), length, rng, strength=strength, mute=mute, pick=0.18)
                notes.append((time + spread * i, tone))
        time += step
        down, beat = not down, beat + 1
    return notes


def arpeggio(guitar: Guitar, seconds: float, rng: Rng) -> Notes:
    """Picked chords whose notes ring into each other, softly."""
    step, touch = rng.uniform(0.12, 0.35), rng.uniform(0.15, 0.7)
    shapes = CHORDS if rng.random() < 0.6 else JAZZ
    shape, root = shapes[rng.integers(len(shapes))], int(rng.integers(40, 55))
    time, notes = 0.0, []
    while time < seconds:
        if rng.random() < 0.12:
            shape, root = shapes[rng.integers(len(shapes))], int(rng.integers(40, 55))
        hz = note_hz(root + shape[rng.integers(len(shape))])
        strength = float(np.clip(touch + rng.normal(0, 0.1), 0.03, 1))
        notes.append((time, pluck(guitar, hz, step * rng.uniform(2, 8), rng, strength=strength, pick=0.22)))
        time += step
    return notes


def comping(guitar: Guitar, seconds: float, rng: Rng) -> Notes:
    """Four-note chords, long or short, in the middle of the neck."""
    time, notes = 0.0, []
    touch = rng.uniform(0.3, 0.85)
    while time < seconds:
        shape, root = JAZZ[rng.integers(len(JAZZ))], int(rng.integers(41, 58))
        length = float(rng.choice([0.12, 0.25, 0.5, 1.0]))
        for interval in shape:
            strength = float(np.clip(touch + rng.normal(0, 0.06), 0.05, 1))
            tone = pluck(guitar, note_hz(root + interval), length, rng, strength=strength, pick=0.25)
            notes.append((time + rng.uniform(0, 0.008), tone))
        time += length * rng.uniform(1.0, 1.8)
    return notes


def bass(guitar: Guitar, seconds: float, rng: Rng) -> Notes:
    """A bass line, one string at a time."""
    deep = Guitar(guitar.pickup, guitar.resonance_hz, guitar.resonance_q, guitar.tone_hz * 0.7, 1e-4, 10.0)
    step, touch = rng.uniform(0.13, 0.4), rng.uniform(0.5, 1.0)
    time, notes = 0.0, []
    while time < seconds:
        midi = BASS[rng.integers(len(BASS))] + int(rng.choice([0, 0, 2, 3, 5, 7, 9]))
        length = step * int(rng.choice([1, 1, 2, 3]))
        strength = float(np.clip(touch + rng.normal(0, 0.12), 0.1, 1))
        mute = float(rng.choice([0.0, 0.0, 0.0, 0.2]))
        tone = pluck(deep, note_hz(midi), length * rng.uniform(0.7, 1.0), rng, strength=strength, mute=mute, pick=0.15)
        notes.append((time, tone))
        time += length
    return notes


def sustain(guitar: Guitar, seconds: float, rng: Rng) -> Notes:
    """One chord or note that rings into silence."""
    shape = CHORDS[rng.integers(len(CHORDS))] if rng.random() < 0.6 else (0,)
    root, strength = int(rng.integers(38, 58)), rng.uniform(0.6, 1.0)
    return [
        (
            0.01 * i,
            pluck(guitar, note_hz(root + interval), seconds, rng, strength=strength, pick=rng.uniform(0.08, 0.2)),
        )
        for i, interval in enumerate(shape)
    ]


def scratch(guitar: Guitar, seconds: float, rng: Rng) -> Notes:
    """Dead notes: strings hit while the hand damps them."""
    step = rng.uniform(0.08, 0.2)
    notes = []
    for time in np.arange(0, seconds, step):
        if rng.random() < 0.8:
            strength = rng.uniform(0.4, 1.0)
            for i in range(int(rng.integers(2, 6))):
                hz = note_hz(rng.uniform(40, 66))
                notes.append(
                    (time + 0.004 * i, pluck(guitar, hz, 0.06, rng, strength=strength, mute=rng.uniform(1, 3)))
                )
    return notes


# How often each is played, in parts of a hundred.
STYLES: tuple[tuple[Style, int], ...] = (
    (lead, 24),
    (riff, 24),
    (power, 16),
    (strum, 16),
    (arpeggio, 8),
    (comping, 5),
    (bass, 4),
    (sustain, 2),
    (scratch, 1),
)


# What the repeated passage is made of, in turn: the ways of playing that differ most.
PASSAGE_STYLES = (riff, lead, strum, power)


def next_style(played_seconds: Mapping[Style, float]) -> Style:
    """The style that lags furthest behind its share, so that a short signal holds as much of each as a long one."""
    return max(
        STYLES,
        key=lambda entry: entry[1] * (sum(played_seconds.values()) + 1.0) - 100 * played_seconds.get(entry[0], 0.0),
    )[0]


def play(seconds: float, rng: Rng, style: Style) -> Array:
    """One phrase (n,) in `style` at 48 kHz with a peak of 1, faded at its ends."""
    phrase = mix(style(random_guitar(rng), seconds, rng), seconds)
    fade = min(len(phrase) // 2, int(0.015 * RATE_HZ))
    phrase[:fade] *= np.linspace(0, 1, fade)
    phrase[len(phrase) - fade :] *= np.linspace(1, 0, fade)
    phrase += 10 ** (rng.uniform(-95, -70) / 20) * np.max(np.abs(phrase)) * rng.standard_normal(len(phrase))
    return phrase / max(1e-9, float(np.max(np.abs(phrase))))
