"""The capture signal is repeatable, says truly what it holds, and sounds like playing."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as dsp

from triode.capture.manifest import SignalManifest, find_manifest, manifest_path, read_manifest, write_manifest
from triode.capture.phrases import STYLES, play
from triode.capture.signal import make_signal, write_signal
from triode.capture.strings import RATE_HZ, Guitar, pluck
from triode.errors import CaptureError, OptionError

OCTAVES_HZ = 31.5 * 2.0 ** np.arange(10)
# Medians over 19 guitar and 2 bass recordings: share of each octave in dB, RMS below peak in dB.
REAL_OCTAVES_DB = np.array([-25, -17, -9, -5, -6, -9, -18, -31, -48, -63])
REAL_CREST_DB = 20


def octaves_db(x: np.ndarray, rate_hz: int) -> np.ndarray:
    frequency, power = dsp.welch(x, rate_hz, nperseg=8192, window="blackmanharris")
    bands = [power[(frequency >= c / 2**0.5) & (frequency < c * 2**0.5)].sum() for c in OCTAVES_HZ]
    return 10 * np.log10(bands / np.sum(bands))


def stretch(samples: np.ndarray, rate_hz: int, start: float, end: float) -> np.ndarray:
    return samples[round(start * rate_hz) : round(end * rate_hz)]


def test_same_seed_same_samples() -> None:
    first, again, other = make_signal(12, seed=3), make_signal(12, seed=3), make_signal(12, seed=4)
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.manifest == again.manifest
    assert np.mean(first.samples == other.samples) < 0.5


@pytest.mark.parametrize(
    ("seconds", "rate_hz", "level_dbfs"), [(10, 22050, -1), (12.34, 44100, -6), (31, 48000, 0), (10, 192000, -20)]
)
def test_length_rate_and_level_are_as_asked(seconds: float, rate_hz: int, level_dbfs: float) -> None:
    made = make_signal(seconds, rate_hz, level_dbfs=level_dbfs)
    assert len(made.samples) == round(seconds * rate_hz)
    assert 20 * np.log10(np.max(np.abs(made.samples))) == pytest.approx(level_dbfs, abs=0.01)
    assert (made.rate_hz, made.manifest.rate_hz, made.manifest.level_dbfs) == (rate_hz, rate_hz, level_dbfs)
    kinds = {segment.kind for segment in made.manifest.segments}
    assert {"impulses", "repeat", "sweep", "plucked"} <= kinds


@pytest.fixture(scope="module")
def minute():
    return make_signal(60)


def test_manifest_tells_the_truth(minute) -> None:
    manifest = minute.manifest
    edges = [segment.end_seconds for segment in manifest.segments]
    assert [segment.start_seconds for segment in manifest.segments] == [0, *edges[:-1]]
    assert edges[-1] == manifest.seconds == 60
    for segment in manifest.segments:
        part = stretch(minute.samples, 48000, segment.start_seconds, segment.end_seconds)
        assert 20 * np.log10(np.max(np.abs(part))) == pytest.approx(segment.level_dbfs, abs=0.02)
    (repeat,) = manifest.repeats
    first = stretch(minute.samples, 48000, repeat.first_seconds, repeat.first_seconds + repeat.seconds)
    second = stretch(minute.samples, 48000, repeat.second_seconds, repeat.second_seconds + repeat.seconds)
    np.testing.assert_array_equal(first, second)
    assert np.std(first) > 0.01
    assert manifest.held_out_seconds == (repeat.second_seconds, 60)
    start, end = manifest.train_seconds
    assert repeat.first_seconds + repeat.seconds <= start < end <= repeat.second_seconds
    plucked = sum(s.end_seconds - s.start_seconds for s in manifest.segments if s.kind == "plucked")
    assert plucked > 30


def test_short_signals_do_without_what_matters_least() -> None:
    kinds = [
        {segment.kind for segment in make_signal(seconds, 22050).manifest.segments} - {"impulses", "repeat", "plucked"}
        for seconds in (10, 20, 45, 60)
    ]
    assert kinds == [
        {"sweep"},
        {"sweep", "noise"},
        {"sweep", "noise", "staircase"},
        {"sweep", "noise", "staircase", "bursts"},
    ]


def test_the_sweep_runs_through_the_audio_band() -> None:
    made = make_signal(120)
    segment = next(s for s in made.manifest.segments if s.kind == "sweep")
    sweep = stretch(made.samples, 48000, segment.start_seconds, segment.end_seconds - 0.05)
    crossings = np.flatnonzero(np.diff(np.signbit(sweep))) / 48000
    length = len(sweep) / 48000
    for share, hz in ((0.2, 20 * 1000**0.2), (0.5, 20 * 1000**0.5), (0.8, 20 * 1000**0.8)):
        near = np.abs(crossings - share * length) < 0.02 * length
        assert 1 / (2 * np.mean(np.diff(crossings[near]))) == pytest.approx(hz, rel=0.03)


def test_it_sounds_like_playing(minute) -> None:
    segment = next(s for s in minute.manifest.segments if s.kind == "plucked")
    playing = stretch(minute.samples, 48000, segment.start_seconds, segment.end_seconds).astype(float)
    # From 63 Hz to 8 kHz: below and above, real recordings differ by their preamps.
    np.testing.assert_allclose(octaves_db(playing, 48000)[1:9], REAL_OCTAVES_DB[1:9], atol=7)
    crest_db = 20 * np.log10(np.max(np.abs(playing)) / np.sqrt(np.mean(playing**2)))
    assert crest_db == pytest.approx(REAL_CREST_DB, abs=4)


@pytest.mark.parametrize("style", [style for style, _ in STYLES], ids=lambda style: style.__name__)
def test_every_style_plays(style) -> None:
    phrase = play(3.0, np.random.default_rng(1), style)
    assert len(phrase) == 3 * RATE_HZ
    assert np.max(np.abs(phrase)) == 1
    assert abs(phrase[0]) < 0.01
    level_db = octaves_db(phrase, RATE_HZ)
    assert level_db[6] < level_db[3]
    assert level_db[8] < level_db[3] - 20


@pytest.mark.parametrize("hz", [41.2, 110.0, 440.0, 1318.5])
def test_a_string_rings_at_its_pitch(hz: float) -> None:
    note = pluck(Guitar(), hz, 2.0, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(note * np.hanning(len(note)), 4 * len(note)))
    bins = np.fft.rfftfreq(4 * len(note), 1 / RATE_HZ)
    near = (bins > 0.8 * hz) & (bins < 1.2 * hz)
    assert bins[near][np.argmax(spectrum[near])] == pytest.approx(hz, rel=0.005)


def brightness_db(note: np.ndarray) -> float:
    level = octaves_db(note, RATE_HZ)
    return float(level[6] - level[3])


def test_a_harder_pick_is_louder_and_brighter_and_a_palm_shortens() -> None:
    def rng() -> np.random.Generator:
        return np.random.default_rng(0)

    soft = pluck(Guitar(), 220.0, 1.0, rng(), strength=0.2)
    hard = pluck(Guitar(), 220.0, 1.0, rng(), strength=1.0)
    muted = pluck(Guitar(), 220.0, 1.0, rng(), strength=1.0, mute=1.0)
    assert np.max(np.abs(hard)) > 4 * np.max(np.abs(soft))
    assert brightness_db(hard) > brightness_db(soft) + 3

    def late(note: np.ndarray) -> float:
        return float(np.std(note[RATE_HZ // 4 : RATE_HZ // 2]) / np.std(note[: RATE_HZ // 50]))

    assert late(muted) < 0.1 * late(hard)


def test_a_bend_changes_the_pitch() -> None:
    bend = np.full(RATE_HZ, 2 ** (2 / 12))
    note = pluck(Guitar(), 440.0, 1.0, np.random.default_rng(0), bend=bend)
    spectrum = np.abs(np.fft.rfft(note * np.hanning(len(note))))
    assert np.argmax(spectrum[300:600]) + 300 == pytest.approx(440 * 2 ** (2 / 12), abs=2)


def test_an_own_di_comes_before_the_last_passage_at_its_own_level() -> None:
    tone = (0.05 * np.sin(np.arange(44100) * 0.05)).astype(np.float32)
    plain, made = make_signal(10, 44100), make_signal(10, 44100, di=tone)
    kinds = [segment.kind for segment in made.manifest.segments]
    assert kinds[-2:] == ["di", "repeat"]
    segment = made.manifest.segments[-2]
    part = stretch(made.samples, 44100, segment.start_seconds, segment.end_seconds)
    np.testing.assert_allclose(part[1000:43000], tone[1000:43000], atol=1e-6)
    assert len(made.samples) == len(plain.samples) + len(part)
    loud = make_signal(10, 44100, level_dbfs=-12, di=30 * tone)
    assert 20 * np.log10(np.max(np.abs(loud.samples))) == pytest.approx(-12, abs=0.01)


def test_signal_and_manifest_travel_together(tmp_path: Path) -> None:
    made = make_signal(10, 44100, seed=7)
    write_signal(tmp_path / "out.wav", made)
    assert soundfile.info(tmp_path / "out.wav").subtype == "PCM_24"
    read, rate_hz = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert rate_hz == 44100
    np.testing.assert_allclose(read, made.samples, atol=2**-23)
    assert read_manifest(tmp_path / "out.json") == made.manifest
    assert find_manifest(tmp_path / "out.wav") == made.manifest
    (tmp_path / "out.json").unlink()
    assert find_manifest(tmp_path / "out.wav") is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seconds": 4}, "4 s"),
        ({"seconds": float("nan")}, "nan"),
        ({"rate_hz": 8000}, "8000 Hz"),
        ({"level_dbfs": 3}, "3 dBFS"),
        ({"seed": -1}, "seed"),
        ({"di": np.zeros(1000, dtype=np.float32)}, "silent"),
    ],
)
def test_impossible_options_are_refused(options, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        make_signal(**{"seconds": 10, **options})


def changed(**changes: object) -> bytes:
    document = dataclasses.asdict(make_signal(10, 22050).manifest)
    return json.dumps({**document, **changes}).encode()


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "the file"),
        (b"{", "the file"),
        (b"[]", "the file"),
        (changed(colour="red"), "colour"),
        (changed(version=2), "version"),
        (changed(rate_hz=-1), "rate_hz"),
        (changed(seconds=3.0), "beyond"),
        (changed(held_out_seconds=[9.0, 8.0]), "held_out"),
        (
            changed(segments=[{"kind": "song", "start_seconds": 0, "end_seconds": 1, "level_dbfs": 0}]),
            "segments.0.kind",
        ),
    ],
)
def test_a_broken_manifest_is_refused(tmp_path: Path, data: bytes, word: str) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(data)
    with pytest.raises(CaptureError) as caught:
        read_manifest(path)
    assert str(path) in str(caught.value)
    assert word in str(caught.value)


@given(
    st.recursive(
        st.none() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from([field.name for field in dataclasses.fields(SignalManifest)]), inner, max_size=8
            )
        ),
        max_leaves=12,
    )
)
@settings(max_examples=150, deadline=None)
def test_any_json_is_refused(tmp_path_factory, document: object) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(document))
    with pytest.raises(CaptureError):
        read_manifest(path)


def test_manifest_path_is_beside_the_audio(tmp_path: Path) -> None:
    manifest = make_signal(10, 22050).manifest
    write_manifest(manifest_path(tmp_path / "a.b.flac"), manifest)
    assert read_manifest(tmp_path / "a.b.json") == manifest
