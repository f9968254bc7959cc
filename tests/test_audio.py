"""Reading and writing audio files of every common kind, refusing the rest in one line, and converting sample rates."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from triode.audio import Audio, read_audio, read_pair, resample, write_audio
from triode.errors import AudioFileError, OptionError

RATES_HZ = [8_000, 22_050, 44_100, 48_000, 50_000, 88_200, 96_000, 192_000]
# One step of the quantiser; half of it is the largest error of rounding.
STEPS = {"PCM_16": 2.0**-15, "PCM_24": 2.0**-23, "PCM_32": 2.0**-23, "FLOAT": 0.0, "DOUBLE": 2.0**-24}


def sine(rate_hz: int, seconds: float = 0.1, hz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate_hz)) / rate_hz)).astype(np.float32)


KINDS = [
    (ending, subtype)
    for ending in ("wav", "flac", "aiff")
    for subtype in STEPS
    if soundfile.check_format(ending.upper(), subtype)
]


@pytest.mark.parametrize(("ending", "subtype"), KINDS)
def test_formats_and_bit_depths(tmp_path: Path, ending: str, subtype: str) -> None:
    path, x = tmp_path / f"a.{ending}", sine(48_000)
    soundfile.write(path, x.astype(np.float64), 48_000, subtype=subtype)
    audio = read_audio(path)
    assert audio.samples.dtype == np.float32
    assert audio.samples.shape == x.shape
    np.testing.assert_allclose(audio.samples, x, rtol=0, atol=STEPS[subtype])
    assert audio.full_scale == (np.inf if subtype in ("FLOAT", "DOUBLE") else 1.0)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_sample_rates(tmp_path: Path, rate_hz: int) -> None:
    write_audio(tmp_path / "a.wav", sine(rate_hz), rate_hz)
    audio = read_audio(tmp_path / "a.wav")
    assert audio.rate_hz == rate_hz
    assert audio.seconds == pytest.approx(0.1, abs=1 / rate_hz)


def test_float_files_may_exceed_full_scale(tmp_path: Path) -> None:
    x = 3 * sine(48_000)
    write_audio(tmp_path / "a.wav", x, 48_000)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav").samples, x)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.wav", "FLOAT"), ("a.WAV", "FLOAT"), ("a.flac", "PCM_24"), ("a.aif", "FLOAT"), ("a.aiff", "FLOAT")],
)
def test_default_subtype(tmp_path: Path, name: str, expected: str) -> None:
    write_audio(tmp_path / name, sine(48_000), 48_000)
    assert soundfile.info(tmp_path / name).subtype == expected


def test_stereo_needs_a_choice(tmp_path: Path) -> None:
    path, left, right = tmp_path / "a.wav", sine(48_000), sine(48_000, hz=880)
    soundfile.write(path, np.stack([left, right], axis=1), 48_000, subtype="FLOAT")
    with pytest.raises(AudioFileError, match=r"has 2 channels, expected mono; choose one with --channel 1\.\.2"):
        read_audio(path)
    np.testing.assert_array_equal(read_audio(path, channel=1).samples, left)
    np.testing.assert_array_equal(read_audio(path, channel=2).samples, right)
    for channel in (0, 3, -1):
        with pytest.raises(OptionError, match="channels 1 to 2"):
            read_audio(path, channel=channel)


def test_a_channel_is_chosen_of_the_file_that_has_several(tmp_path: Path) -> None:
    """A mono signal that was played, and a stereo export with the amp on the right."""
    mono, left, right = (np.full(100, value, np.float32) for value in (0.1, 0.2, 0.3))
    write_audio(tmp_path / "dry.wav", mono, 48000)
    soundfile.write(tmp_path / "wet.wav", np.stack([left, right], axis=1), 48000, subtype="FLOAT")
    dry, wet = read_pair(tmp_path / "dry.wav", tmp_path / "wet.wav", channel=2)
    np.testing.assert_array_equal(dry.samples, mono)
    np.testing.assert_array_equal(wet.samples, right)
    with pytest.raises(AudioFileError, match=r"wet.wav has 2 channels"):
        read_pair(tmp_path / "dry.wav", tmp_path / "wet.wav")


def test_mono_with_channel_one(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", sine(48_000), 48_000)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav", channel=1).samples, sine(48_000))
    with pytest.raises(OptionError):
        read_audio(tmp_path / "a.wav", channel=2)


def refused(path: Path, message: str) -> None:
    with pytest.raises(AudioFileError, match=message) as caught:
        read_audio(path)
    assert caught.value.exit_status == 2
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_audio(tmp_path: Path) -> None:
    refused(tmp_path / "missing.wav", "does not exist")
    refused(tmp_path, "is a folder")
    (tmp_path / "empty.wav").touch()
    refused(tmp_path / "empty.wav", "0 bytes")
    (tmp_path / "text.wav").write_text("These are the lyrics.\n" * 100)
    refused(tmp_path / "text.wav", "not a readable audio file")
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 48_000)
    refused(tmp_path / "none.wav", "no samples")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_found_and_placed(tmp_path: Path, value: float) -> None:
    x = sine(48_000)
    x[[2400, 3000]] = value
    soundfile.write(tmp_path / "a.wav", x, 48_000, subtype="FLOAT")
    refused(tmp_path / "a.wav", r"holds 2 NaN or infinite samples, the first at 0\.050 s")


@pytest.mark.parametrize("ending", ["wav", "flac", "aiff", "w64", "rf64", "au", "caf"])
def test_truncated_files(tmp_path: Path, ending: str) -> None:
    """A copy that broke off in the middle of the samples, and one that broke off in the header."""
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, sine(48_000, seconds=2), 48_000, subtype="PCM_16", format=ending.upper())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    refused(path, "not a readable audio file" if ending in ("caf", "flac") else "is truncated: .* copy it again")
    path.write_bytes(data[:30])
    refused(path, "truncated|not a readable|no samples")


@pytest.mark.parametrize("announced", [0xFFFFFFFF - 36, 0x7FFFF000])
def test_streamed_wav_of_unknown_length(tmp_path: Path, announced: int) -> None:
    """Programs that write into a pipe cannot know the length and announce a huge one: nothing is missing."""
    path, x = tmp_path / "a.wav", sine(48_000)
    soundfile.write(path, x, 48_000, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    assert data[36:40] == b"data"
    data[40:44] = announced.to_bytes(4, "little")
    path.write_bytes(data)
    assert len(read_audio(path).samples) == len(x)


def test_wav_with_more_chunks_after_the_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sine(48_000), 48_000, subtype="PCM_16")
    path.write_bytes(path.read_bytes() + b"LIST" + (4).to_bytes(4, "little") + b"note")
    assert len(read_audio(path).samples) == 4_800


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_files_are_read_or_refused_never_worse(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "a.wav"
    soundfile.write(path, sine(8_000, seconds=0.05), 8_000, subtype="FLOAT")
    contents = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        contents[data.draw(st.integers(0, 80))] = data.draw(st.integers(0, 255))
    path.write_bytes(contents)
    try:
        audio = read_audio(path)
    except AudioFileError:
        return
    assert len(audio.samples) > 0
    assert np.isfinite(audio.samples).all()


def test_writing_an_unknown_kind(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"unknown audio format '\.docx'"):
        write_audio(tmp_path / "a.docx", sine(48_000), 48_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("from_hz", "to_hz"), [(44_100, 48_000), (48_000, 44_100), (96_000, 48_000), (8_000, 48_000)])
def test_resampling_has_no_delay_and_no_colour(from_hz: int, to_hz: int) -> None:
    """A sine stays the same sine, sample for sample, away from the ends."""
    out = resample(sine(from_hz, seconds=0.5), from_hz, to_hz)
    expected = sine(to_hz, seconds=0.5)
    assert abs(len(out) - len(expected)) <= 1
    middle = slice(to_hz // 10, 4 * to_hz // 10)
    np.testing.assert_allclose(out[middle], expected[middle], atol=2e-6)


def test_resampling_removes_what_the_lower_rate_cannot_hold() -> None:
    out = resample(sine(96_000, seconds=0.5, hz=30_000), 96_000, 48_000)
    assert np.abs(out[4_800:-4_800]).max() < 0.5 * 10 ** (-100 / 20)


def test_same_rate_is_left_alone() -> None:
    x = sine(48_000)
    assert resample(x, 48_000, 48_000) is x


def test_seconds() -> None:
    assert Audio(np.zeros(22_050, dtype=np.float32), 44_100).seconds == 0.5
