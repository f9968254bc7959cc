"""Playing models over recordings: any rate, any block, no delay, the same length, nothing overwritten by mistake."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from models import model_file, played, recurrent_architecture
from triode.audio import Audio, read_audio, write_audio
from triode.engine import load
from triode.errors import AudioFileError, ModelFileError, OptionError, TriodeError
from triode.export import export
from triode.model_file import write_model
from triode.render import render, render_file
from triode.rig import Rig, RigSettings

RATES_HZ = [8_000, 44_100, 48_000, 96_000, 192_000]


def linear_model(taps: list[float], folder: Path) -> Path:
    architecture = {"name": "linear", "taps": len(taps)}
    tensors = {"taps": np.array(taps), "bias": np.zeros(1)}
    write_model(folder / "linear.triode", played(model_file(architecture, tensors=tensors)))
    return folder / "linear.triode"


@pytest.fixture
def lstm(tmp_path: Path) -> Path:
    write_model(tmp_path / "lstm.triode", played(model_file(recurrent_architecture("lstm"), warm_up_samples=1_000)))
    return tmp_path / "lstm.triode"


def tone(rate_hz: int, seconds: float = 0.3, hz: float = 440.0) -> np.ndarray:
    """A sine that fades in and out, so that resampling has no edges to ring on."""
    count = int(seconds * rate_hz)
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(count) / rate_hz) * np.hanning(count)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_any_rate_comes_back_in_time_and_in_length(tmp_path: Path, rate_hz: int) -> None:
    """A model that only turns down: at any rate the input comes back turned down, not a sample late."""
    x = tone(rate_hz)
    out = render(load(linear_model([0.5], tmp_path)), Audio(x, rate_hz))
    assert (out.rate_hz, out.samples.dtype, out.samples.shape) == (rate_hz, np.float32, x.shape)
    np.testing.assert_allclose(out.samples, 0.5 * x, atol=1e-5)


def test_a_delay_of_the_model_is_measured_in_its_own_samples(tmp_path: Path) -> None:
    """48 samples of a model at 48 kHz are 1 ms at any rate."""
    path = linear_model([0.0] * 48 + [1.0], tmp_path)
    x = tone(96_000)
    out = render(load(path), Audio(x, 96_000)).samples
    np.testing.assert_allclose(out[96:], x[:-96], atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 2, 17, 1_001])
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_short_audio(lstm: Path, rate_hz: int, count: int) -> None:
    out = render(load(lstm), Audio(np.full(count, 0.1, dtype=np.float32), rate_hz))
    assert out.samples.shape == (count,)
    assert np.isfinite(out.samples).all()


@pytest.mark.parametrize("block", [1, 7, 64, 4_096, 1_000_000])
def test_blocks_do_not_change_the_sound(lstm: Path, block: int) -> None:
    audio = Audio(tone(48_000), 48_000)
    expected = render(load(lstm), audio).samples
    np.testing.assert_allclose(render(load(lstm), audio, block=block).samples, expected, atol=1e-6)


@pytest.mark.parametrize(("rate_hz", "oversample"), [(44_100, 1), (48_000, 2), (96_000, 1)])
def test_a_host_gets_the_same_samples(lstm: Path, rate_hz: int, oversample: int) -> None:
    """What a plug-in would play, block by block, but in time."""
    audio = Audio(tone(rate_hz), rate_hz)
    rig = RigSettings(gate_threshold_db=-40, treble_db=6, output_gain_db=-3)
    response = Audio(np.array([0.5, 0.25, -0.1], dtype=np.float32), 48_000)
    rendered = render(load(lstm, oversample=oversample), audio, rig=rig, response=response).samples
    host = Rig(load(lstm, oversample=oversample), rig, response=response, sample_rate=rate_hz)
    late = host.latency_samples
    played = np.concatenate([host.process(block) for block in np.array_split(audio.samples, 100)])
    np.testing.assert_array_equal(rendered[: len(rendered) - late], played[late:])


def test_every_rendering_starts_from_the_start_state(lstm: Path) -> None:
    model, audio = load(lstm), Audio(tone(48_000), 48_000)
    first = render(model, audio).samples
    np.testing.assert_array_equal(render(model, audio).samples, first)


def test_latency_of_the_model_is_made_up_for(tmp_path: Path) -> None:
    """Oversampled, a model that only turns down is heard in time, to the last sample."""
    path, audio = linear_model([0.5], tmp_path), Audio(tone(48_000), 48_000)
    late = load(path, oversample=2)
    assert late.latency_samples > 0
    np.testing.assert_allclose(render(late, audio).samples, 0.5 * audio.samples, atol=1e-4)


def test_the_model_keeps_its_rate(tmp_path: Path) -> None:
    model = load(linear_model([0.5], tmp_path), sample_rate=96_000)
    render(model, Audio(tone(44_100), 44_100))
    assert model.sample_rate == 96_000


def test_impossible_options(lstm: Path) -> None:
    audio = Audio(tone(48_000), 48_000)
    with pytest.raises(OptionError, match="block"):
        render(load(lstm), audio, block=0)
    with pytest.raises(OptionError, match="there is no knob 'drive'"):
        render(load(lstm), audio, settings={"drive": 1.0})


def test_file_to_file(lstm: Path, tmp_path: Path) -> None:
    x = np.stack([tone(44_100), tone(44_100, hz=880)], axis=1)
    soundfile.write(tmp_path / "in.flac", x, 44_100, subtype="PCM_16")
    write_audio(tmp_path / "ir.wav", np.array([0.0, 0.25], dtype=np.float32), 44_100)
    written = render_file(
        lstm, tmp_path / "in.flac", tmp_path / "out.wav", channel=2, ir_path=tmp_path / "ir.wav", block=100
    )
    assert soundfile.info(tmp_path / "out.wav").subtype == "FLOAT"
    out = read_audio(tmp_path / "out.wav")
    assert out.rate_hz == 44_100
    np.testing.assert_array_equal(out.samples, written.samples)
    dry = render(load(lstm), read_audio(tmp_path / "in.flac", channel=2)).samples
    np.testing.assert_allclose(out.samples[1:], 0.25 * dry[:-1], atol=1e-6)


def test_a_stereo_response_needs_a_choice(lstm: Path, tmp_path: Path) -> None:
    write_audio(tmp_path / "in.wav", tone(44_100), 44_100)
    both = np.array([[0.5, 0.25]], dtype=np.float32)
    soundfile.write(tmp_path / "ir.wav", both, 44_100, subtype="FLOAT")
    files = lstm, tmp_path / "in.wav", tmp_path / "out.wav"
    with pytest.raises(AudioFileError, match=r"--ir-channel 1\.\.2"):
        render_file(*files, ir_path=tmp_path / "ir.wav")
    dry = render(load(lstm), read_audio(tmp_path / "in.wav")).samples
    for channel, gain in ((1, 0.5), (2, 0.25)):
        out = render_file(*files, ir_path=tmp_path / "ir.wav", ir_channel=channel)
        np.testing.assert_allclose(out.samples, gain * dry, atol=1e-6)


def test_a_nam_file_plays_like_its_triode(lstm: Path, tmp_path: Path) -> None:
    export(lstm, tmp_path / "m.nam")
    write_audio(tmp_path / "in.wav", tone(48_000), 48_000)
    for model in (lstm, tmp_path / "m.nam"):
        render_file(model, tmp_path / "in.wav", tmp_path / f"{model.suffix[1:]}.wav")
    first, second = read_audio(tmp_path / "triode.wav"), read_audio(tmp_path / "nam.wav")
    np.testing.assert_allclose(first.samples, second.samples, atol=2e-5)


@pytest.mark.parametrize("victim", ["in.wav", "lstm.triode", "ir.wav"])
def test_inputs_are_never_overwritten(lstm: Path, tmp_path: Path, victim: str) -> None:
    """Not under another spelling of the path either."""
    write_audio(tmp_path / "in.wav", tone(48_000), 48_000)
    write_audio(tmp_path / "ir.wav", tone(48_000), 48_000)
    (tmp_path / "sub").mkdir()
    before = (tmp_path / victim).read_bytes()
    with pytest.raises(OptionError, match="choose another name"):
        render_file(lstm, tmp_path / "in.wav", tmp_path / "sub" / ".." / victim, ir_path=tmp_path / "ir.wav")
    assert (tmp_path / victim).read_bytes() == before


@pytest.mark.parametrize(
    ("model", "audio", "target", "error"),
    [
        ("missing.triode", "in.wav", "out.wav", ModelFileError),
        ("in.wav", "in.wav", "out.wav", ModelFileError),
        ("lstm.triode", "missing.wav", "out.wav", AudioFileError),
        ("lstm.triode", "lstm.triode", "out.wav", AudioFileError),
        ("lstm.triode", "in.wav", "nowhere/out.wav", OptionError),
        ("lstm.triode", "in.wav", "out.mp9", OptionError),
    ],
)
def test_wrong_files(lstm: Path, tmp_path: Path, model: str, audio: str, target: str, error: type[TriodeError]) -> None:
    write_audio(tmp_path / "in.wav", tone(48_000), 48_000)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error) as caught:
        render_file(tmp_path / model, tmp_path / audio, tmp_path / target)
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


def test_real_cabinet_and_guitar(shared_data: Path, tmp_path: Path) -> None:
    """A real A1 model, five seconds of a real guitar, a real cabinet: alive, bounded, as long as the input."""
    guitar = read_audio(shared_data / "captures" / "input.flac")
    write_audio(tmp_path / "in.wav", guitar.samples[200 * guitar.rate_hz : 205 * guitar.rate_hz], guitar.rate_hz)
    cabinet = sorted((shared_data / "ir").glob("*.wav"))[0]
    model = shared_data / "models" / "nam" / "b029b7_wavenet_a1_standard.nam"
    out = render_file(model, tmp_path / "in.wav", tmp_path / "out.wav", ir_path=cabinet)
    assert len(out.samples) == 5 * guitar.rate_hz
    assert 1e-3 < np.sqrt(np.mean(out.samples**2)) < 10
