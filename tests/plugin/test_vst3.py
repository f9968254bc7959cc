"""The VST3 in a host of others: pedalboard, which is JUCE."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from plugin_files import built, from_chunk, from_juce, guitar, to_chunk, to_juce, write_gain_model

from engine_files import write_triode
from models import a1_architecture, random_tensors
from triode.audio import Audio, Samples, read_audio
from triode.capture.folder import load_take
from triode.capture.record import plugin_take
from triode.engine import load as load_model
from triode.render import render
from triode.rig import RigSettings

FROZEN = Path(__file__).parent
KNOBS = [
    {"name": "drive", "low": 0, "high": 10, "default": 5},
    {"name": "tone", "unit": "Hz", "low": 100, "high": 10_000, "default": 1000, "taper": "log"},
]
AS_IT_IS = {"dc_blocker": 0, "output_level": 0}


@pytest.fixture(scope="module")
def load() -> Callable[[], Any]:
    pedalboard = pytest.importorskip("pedalboard", reason="pedalboard is not installed (pip install 'triode[plugins]')")
    path = built("Triode.vst3")
    return lambda: pedalboard.load_plugin(str(path))


@pytest.fixture(scope="module")
def amp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with two knobs and levels."""
    network = a1_architecture(4, 3)
    architecture = {"name": "parametric", "knobs": 2, "hidden_sizes": [4], "network": network}
    path = tmp_path_factory.mktemp("amp") / "amp.triode"
    levels = {"input_dbu": 9.0, "output_dbu": 5.0, "loudness_db": -14.0}
    return write_triode(path, architecture, random_tensors(architecture), knobs=KNOBS, levels=levels)


@pytest.fixture(scope="module")
def response(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ir") / "ir.wav"
    rng = np.random.default_rng(3)
    soundfile.write(path, 0.2 * rng.normal(size=3000) * np.exp(-np.arange(3000) / 400), 48000, subtype="PCM_24")
    return path


def kept(plugin: Any) -> tuple[dict[str, str], dict[str, float]]:
    """States and parameters in the session that the host keeps."""
    return from_chunk(from_juce(plugin.raw_state))


def restore(plugin: Any, states: dict[str, str], parameters: dict[str, float] | None = None) -> None:
    """Open a session; parameters that are not named stay as they are."""
    plugin.raw_state = to_juce(to_chunk(states, kept(plugin)[1] | (parameters or {})))


def play(plugin: Any, dry: Samples, rate_hz: int = 48000, block: int = 64) -> Samples:
    """Both channels (2, n) for one dry signal (n,), from silence."""
    return np.asarray(plugin.process(np.stack([dry, dry]), rate_hz, buffer_size=block))


def test_every_control_is_there(load: Callable[[], Any]) -> None:
    plugin = load()
    assert {"input_db", "gate_threshold_db", "bass_db", "cabinet", "quality", "knob_1", "knob_8"} <= set(
        plugin.parameters
    )
    assert plugin.parameters["quality"].valid_values == ["Economy", "Normal", "Oversampled 2x", "Oversampled 4x"]
    assert plugin.parameters["gate_threshold_db"].range[:2] == (-120.0, 0.0)


def test_it_plays_what_render_plays(load: Callable[[], Any], amp: Path, response: Path) -> None:
    """Everything turned on: to a millionth of full scale the samples of `triode render`, at each rate and block."""
    rig = RigSettings(
        input_gain_db=3.0,
        output_gain_db=-4.5,
        interface_dbu=12.0,
        output_level="normalized",
        gate_threshold_db=-50.0,
        gate_hysteresis_db=8.0,
        gate_hold_seconds=0.02,
        gate_release_seconds=0.25,
        bass_db=4.0,
        middle_db=-2.0,
        treble_db=3.0,
        presence_db=-1.0,
        dc_blocker=True,
    )
    parameters = {
        "input_gain": 3.0,
        "output_gain": -3.0,
        "cabinet_level": -1.5,
        "calibrate": 1,
        "interface_dbu": 12.0,
        "output_level": 1,
        "gate": 1,
        "gate_threshold": -50.0,
        "gate_hysteresis": 8.0,
        "gate_hold": 20.0,
        "gate_release": 250.0,
        "bass": 4.0,
        "middle": -2.0,
        "treble": 3.0,
        "presence": -1.0,
        "dc_blocker": 1,
        "knob_1": 0.75,
        "knob_2": 0.25,
    }
    plugin, model = load(), load_model(amp)
    restore(plugin, {"version": "1", "model": str(amp), "cabinet": str(response)}, parameters)
    turned = {"drive": 7.5, "tone": 100 * 100**0.25}
    for rate_hz, block in ((48000, 64), (44100, 1), (44100, 4096), (96000, 333), (192000, 128)):
        dry = guitar(0.1 if block == 1 else 0.4, rate_hz)
        expected = render(
            model, Audio(dry, rate_hz, np.inf), settings=turned, rig=rig, response=read_audio(response)
        ).samples
        left, right = play(plugin, dry, rate_hz, block)
        assert np.abs(expected).max() > 0.01
        np.testing.assert_allclose(left, expected, atol=1e-6, err_msg=f"{rate_hz} Hz, blocks of {block}")
        np.testing.assert_array_equal(left, right)


def test_two_models_and_two_cabinets(
    load: Callable[[], Any], amp: Path, response: Path, tmp_path: Path, triode: Callable[..., Any]
) -> None:
    """In series and side by side, the cabinets mixed: to a millionth of full scale what the command line renders."""
    other, dry, wet, plugin = tmp_path / "other.wav", tmp_path / "dry.wav", tmp_path / "wet.wav", load()
    soundfile.write(other, [0.0, 0.5, -0.2], 48000, subtype="FLOAT")
    soundfile.write(dry, guitar(0.3, 44100), 44100, subtype="FLOAT")
    half = write_gain_model(tmp_path / "half.nam", 0.5, loudness=-20.0)
    states = {"model": str(half), "model_2": str(amp), "cabinet": str(response), "cabinet_2": str(other)}
    asked = {"second_gain": 3.0, "blend": 0.3, "cabinet_blend": 0.6, "output_level": 1, "dc_blocker": 0}
    asked |= {"second_knob_1": 0.75, "second_knob_2": 0.5}
    options = ["--second", amp, "--second-gain", 3, "--second-knob", "drive=7.5", "--normalize"]
    options += ["--ir", response, "--second-ir", other, "--cabinet-blend", 0.6]
    played = []
    for number, pairing in ((1, []), (2, ["--pairing", "parallel", "--blend", 0.3])):
        restore(plugin, states, asked | {"second": number})
        done = triode("render", half, dry, wet, *options, *pairing)
        assert done.status == 0, done.err
        late = load_model(half, sample_rate=44100).latency_samples * (1 if number == 2 else 2)
        expected = read_audio(wet).samples[:-late]  # which the host takes away
        heard = play(plugin, guitar(0.3, 44100), 44100)[0][:-late]
        np.testing.assert_allclose(heard, expected, atol=1e-6, err_msg=f"second {number}")
        played.append(expected)
    assert np.abs(played[0] - played[1][: len(played[0])]).max() > 0.01


def test_one_guitar_or_two(load: Callable[[], Any], tmp_path: Path) -> None:
    plugin = load()
    restore(plugin, {"model": str(write_gain_model(tmp_path / "half.nam", 0.5))}, AS_IT_IS)
    both = np.stack([guitar(0.2, 48000), -0.3 * guitar(0.2, 48000)])
    for inputs, expected in (("Left", both[[0, 0]]), ("Right", both[[1, 1]]), ("Both", both)):
        plugin.inputs = inputs
        plugin.process(np.zeros_like(both), 48000)  # the host hears of the change
        plugin.raw_state = plugin.raw_state  # and waits until it is made
        np.testing.assert_allclose(plugin.process(both, 48000), 0.5 * expected, atol=1e-7)


def test_a_session_is_kept_and_opened_again(load: Callable[[], Any], amp: Path, response: Path) -> None:
    first, second = load(), load()
    restore(first, {"model": str(amp), "cabinet": str(response)})
    first.parameters["bass_db"].raw_value = 0.75
    first.parameters["knob_2"].raw_value = 0.125
    first.gate = True
    dry = guitar(0.2, 48000)
    play(first, dry)  # its knobs move
    wet = play(first, dry)
    second.raw_state = first.raw_state
    assert kept(second) == kept(first)
    states, parameters = kept(second)
    assert (states["model"], states["cabinet"], states["status"]) == (str(amp), str(response), "")
    assert (parameters["bass"], parameters["knob_2"], parameters["gate"]) == (10.0, 0.125, 1.0)
    np.testing.assert_array_equal(play(second, dry), wet)


@pytest.mark.parametrize("version", [1, 2])
def test_a_session_of_each_version_opens(load: Callable[[], Any], version: int) -> None:
    """Frozen: sessions once kept open for ever. The models are in the session itself, a factor of 0.25 in all."""
    frozen = json.loads((FROZEN / f"state_{version}.json").read_text())
    plugin = load()
    plugin.raw_state = to_juce(to_chunk(frozen["states"], frozen["parameters"]))
    states, parameters = kept(plugin)
    assert (frozen["states"] | {"version": "2"}).items() <= states.items()
    assert frozen["parameters"].items() <= parameters.items()
    dry = guitar(0.2, 48000)
    np.testing.assert_allclose(play(plugin, dry)[0], 0.25 * 10 ** (-6 / 20) * dry, atol=1e-7)


def test_a_missing_model_is_named_and_the_guitar_is_heard(load: Callable[[], Any], tmp_path: Path) -> None:
    plugin, dry = load(), guitar(0.1, 48000)
    gone = tmp_path / "gone.nam"
    restore(plugin, {"model": str(gone)}, AS_IT_IS)
    assert str(gone) in kept(plugin)[0]["status"]
    np.testing.assert_array_equal(play(plugin, dry)[0], dry)
    cut = write_gain_model(tmp_path / "cut.nam", 0.5)
    cut.write_text(cut.read_text()[:50])
    restore(plugin, {"model": str(cut), "cabinet": str(cut)}, AS_IT_IS)
    status = kept(plugin)[0]["status"]
    assert status.startswith(f"{cut}: ")
    assert "no WAV file" in status
    np.testing.assert_array_equal(play(plugin, dry)[0], dry)
    restore(plugin, {"version": "7", "model": "", "cabinet": ""}, AS_IT_IS)
    assert "newer version" in kept(plugin)[0]["status"]


def test_what_is_no_number_does_not_come_out(load: Callable[[], Any], amp: Path) -> None:
    plugin = load()
    restore(plugin, {"model": str(amp)})
    dry = guitar(0.2, 48000)
    dry[100:200], dry[300] = np.nan, np.inf
    assert np.isfinite(play(plugin, dry)).all()


@pytest.fixture(scope="module")
def robbed(load: Callable[[], Any]) -> Any:
    """One plug-in that gets all forged sessions, one after the other."""
    return load()


words = st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=40)


@settings(max_examples=25)
@given(
    states=st.dictionaries(
        st.sampled_from(["version", "model", "model_data", "model_2", "model_2_data", "preset", "more"]), words
    ),
    cut=st.integers(0, 400),
    noise=st.binary(max_size=60),
)
def test_forged_sessions_break_nothing(robbed: Any, states: dict[str, str], cut: int, noise: bytes) -> None:
    chunk = to_chunk(states, {"bass": 1e30, "gate": -7.0, "quality": 99.0, "nothing": 1.0})
    for forged in (chunk, chunk[:cut] + noise + chunk[cut:], chunk[:cut] + b"\xfe"):
        robbed.raw_state = to_juce(forged)
    assert kept(robbed)[1]["bass"] <= 20.0
    assert np.isfinite(play(robbed, guitar(0.01, 48000))).all()


def test_a_capture_of_the_plugin(load: Callable[[], Any], tmp_path: Path) -> None:
    """What `triode capture --plugin Triode.vst3` does, in a process of its own: a boost of 15 dB below 120 Hz."""
    capture = plugin_take(
        tmp_path / "c", str(built("Triode.vst3")), ["bass_db=87.5%", "treble_db=50%"], seconds=5, oversample=1
    )
    dry, wet = load_take(capture, capture.takes[0])
    spectra = [np.abs(np.fft.rfft(audio.samples))[5 * 30 : 5 * 60].mean() for audio in (dry, wet)]
    assert 20 * np.log10(spectra[1] / spectra[0]) == pytest.approx(15.0, abs=0.7)
