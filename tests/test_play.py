"""Playing live through a sound card that is not there: samples, meters, xruns, and what goes wrong."""

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from engine_files import write_triode
from models import a1_architecture, random_tensors
from triode import play as play_module
from triode.audio import read_audio, write_audio
from triode.engine import load
from triode.errors import DeviceError, OptionError
from triode.play import Interface, LivePlayer, default_rate_hz, devices
from triode.rig import Rig, RigSettings

RATE = 48000
BLOCK = 100


class PortAudioError(Exception):
    pass


class CallbackAbort(Exception):
    pass


class Sound:
    """What is used of the sounddevice module: a card with two inputs; `start` plays all of `taken` at once."""

    PortAudioError, CallbackAbort = PortAudioError, CallbackAbort

    def __init__(self, taken: np.ndarray, lost_at: tuple[int, ...] = ()) -> None:
        self.taken, self.lost_at = taken, lost_at
        self.given = np.full((len(taken), 2), np.nan, np.float32)
        self.options: dict[str, Any] = {}
        self.closed = False
        self.let_go = threading.Event()
        self.let_go.set()

    def query_devices(self, device: object = None, kind: str = "") -> Any:
        box = {"name": "box", "max_input_channels": 2, "max_output_channels": 6, "default_samplerate": 44100.0}
        if device not in (None, 0):
            raise ValueError(f"No {kind} device matching\n'{device}'")
        return box if kind else [box]

    def Stream(self, **options: Any) -> Any:
        if options["samplerate"] == 1:
            raise PortAudioError("Invalid sample rate")
        self.options = options
        return SimpleNamespace(start=self.start, close=self.close, latency=(0.004, 0.005), cpu_load=0.25)

    def start(self) -> None:
        for at in range(0, len(self.taken), BLOCK):
            lost = at in self.lost_at
            try:
                self.options["callback"](
                    self.taken[at : at + BLOCK], self.given[at : at + BLOCK], BLOCK, None, "overflow" if lost else None
                )
            except CallbackAbort:
                self.options["finished_callback"]()
                return

    def close(self) -> None:
        self.let_go.wait()
        self.closed = True

    def _exit_handler(self) -> None:
        self.let_go.wait()


@pytest.fixture
def sound(monkeypatch: pytest.MonkeyPatch) -> Sound:
    rng = np.random.default_rng(1)
    fake = Sound(rng.uniform(-0.5, 0.5, (1000, 2)).astype(np.float32), lost_at=(300, 500))
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


@pytest.fixture
def model(tmp_path: Path) -> Path:
    config = {"receptive_field": 2, "bias": False}
    path = tmp_path / "amp.nam"
    path.write_text(json.dumps({"version": "0.5.4", "architecture": "Linear", "config": config, "weights": [0.5, 1.5]}))
    return path


def rig(model: Path) -> Rig:
    return Rig(load(model), RigSettings(bass_db=3.0, input_gain_db=6.0), sample_rate=RATE)


def test_the_guitar_goes_through_the_rig_to_both_outputs(sound: Sound, model: Path) -> None:
    with LivePlayer(rig(model), Interface("0", input_channel=2, block=BLOCK)) as live:
        meters = live.meters()
    expected = rig(model).render(np.ascontiguousarray(sound.taken[:, 1]))
    for channel in (0, 1):
        np.testing.assert_array_equal(sound.given[:, channel], expected)
    assert meters.input_db == pytest.approx(20 * np.log10(np.abs(sound.taken[:, 1]).max()))
    assert meters.output_db == pytest.approx(20 * np.log10(np.abs(expected).max()))
    assert meters.clipped
    assert (meters.xruns, meters.load, meters.latency_seconds) == (2, 0.25, pytest.approx(0.009))
    assert live.meters().output_db == -120.0, "peaks begin anew"
    assert sound.closed
    asked = {name: sound.options[name] for name in ("samplerate", "blocksize", "device", "channels")}
    assert asked == {"samplerate": RATE, "blocksize": BLOCK, "device": 0, "channels": (2, 2)}


def test_a_driver_that_never_lets_go_is_left(sound: Sound, model: Path, monkeypatch) -> None:
    """JACK's does not when the server has thrown the client out."""
    monkeypatch.setattr(play_module, "CLOSE_SECONDS", 0.05)
    sound.let_go.clear()
    with pytest.raises(DeviceError, match="does not let go"), LivePlayer(rig(model), Interface("0")):
        pass
    sound.let_go.set()


def test_the_latency_of_another_rate_counts(sound: Sound, model: Path) -> None:
    slow = Rig(load(model), sample_rate=44100)
    assert slow.latency_samples > 0
    with LivePlayer(slow, Interface()) as live:
        assert live.meters().latency_seconds == pytest.approx(0.009 + slow.latency_samples / 44100)


def test_what_breaks_in_the_callback_is_silence_and_said(sound: Sound) -> None:
    def breaks(block: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError("the rig fell over")

    broken = SimpleNamespace(sample_rate=RATE, latency_samples=0, process=breaks)
    with LivePlayer(broken, Interface()) as live, pytest.raises(DeviceError, match=r"stopped \(the rig fell over\)"):
        live.wait(5)
    assert np.all(sound.given[:BLOCK] == 0)


def test_devices_and_channels_that_are_not_there(sound: Sound, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert devices() == ["0  box: 2 in, 6 out, 44100 Hz"]
    assert default_rate_hz(Interface()) == 44100
    with pytest.raises(OptionError, match="--input-channel 3: box has channels 1 to 2"):
        LivePlayer(rig(model), Interface(input_channel=3))
    with pytest.raises(OptionError, match="--device moon: No input device matching 'moon'; `triode play --list`"):
        LivePlayer(rig(model), Interface("moon"))
    with pytest.raises(OptionError, match="--block -1"):
        Interface(block=-1)
    with pytest.raises(DeviceError, match="cannot be opened: Invalid sample rate"):
        LivePlayer(SimpleNamespace(sample_rate=1, latency_samples=0, process=abs), Interface())
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(OptionError, match=r"triode\[live\]"):
        LivePlayer(rig(model), Interface())


def test_the_command(sound: Sound, model: Path, triode: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    done = triode("play", model, "--seconds", 0.05, "--rate", RATE, "--block", BLOCK, "--bass", 3, "--input-gain", 6)
    assert done.status == 0, done.err
    np.testing.assert_array_equal(sound.given[:, 0], rig(model).render(np.ascontiguousarray(sound.taken[:, 0])))
    assert "xruns" in done.out
    assert "clipped" in done.out
    assert triode("play", "--list").out == "0  box: 2 in, 6 out, 44100 Hz\n"
    assert triode("play").err == "triode: say which model to play: triode play MODEL\n"
    assert triode("play", model, "--normalize", "--calibrate").status == 2

    def interrupted(live: LivePlayer, seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LivePlayer, "wait", interrupted)
    stopped = triode("play", model)
    assert (stopped.status, "played" in stopped.out) == (0, True)
    assert sound.closed


def test_render_has_the_options_of_the_rig(model: Path, triode: Callable[..., Any], tmp_path: Path) -> None:
    dry, wet = tmp_path / "dry.wav", tmp_path / "wet.wav"
    pluck = (0.3 * np.sin(np.arange(20000) * 0.05) * np.exp(-np.arange(20000) / 2000)).astype(np.float32)
    write_audio(dry, pluck, RATE)
    options = ["--gate", -40, "--gate-hysteresis", 3, "--gate-hold", 0.01, "--gate-release", 0.02, "--presence", 2]
    assert triode("render", model, dry, wet, *options).status == 0
    gated = RigSettings(
        gate_threshold_db=-40,
        gate_hysteresis_db=3,
        gate_hold_seconds=0.01,
        gate_release_seconds=0.02,
        presence_db=2,
    )
    expected = Rig(load(model), gated, sample_rate=RATE).render(pluck)
    np.testing.assert_array_equal(read_audio(wet).samples, expected)
    loose = Rig(load(model), replace(gated, gate_hysteresis_db=12), sample_rate=RATE).render(pluck)
    assert not np.array_equal(loose, expected)
    refused = triode("render", model, dry, wet, "--calibrate")
    assert (refused.status, "interface_dbu" in refused.err) == (2, True)


def test_a_second_model_and_a_second_cabinet(
    sound: Sound, model: Path, triode: Callable[..., Any], tmp_path: Path
) -> None:
    """What is played live and what is rendered is what the rig plays; the second model has a knob."""
    architecture = {"name": "parametric", "knobs": 1, "hidden_sizes": [4], "network": a1_architecture(4, 3)}
    knob = {"name": "drive", "low": 0, "high": 10, "default": 5}
    second = write_triode(tmp_path / "2.triode", architecture, random_tensors(architecture), knobs=[knob])
    dry, wet, cabinets = tmp_path / "dry.wav", tmp_path / "wet.wav", [tmp_path / "1.wav", tmp_path / "stereo.wav"]
    write_audio(cabinets[0], np.float32([0.5, 0.25]), RATE)
    soundfile.write(cabinets[1], np.float32([[0.0, 0.1], [0.0, 0.3]]), RATE, subtype="FLOAT")
    guitar = np.ascontiguousarray(sound.taken[:, 0])
    write_audio(dry, guitar, RATE)
    options = ["--second", second, "--second-gain", -3, "--second-knob", "drive=80%", "--ir", cabinets[0]]
    options += ["--second-ir", cabinets[1], "--second-ir-channel", 2, "--cabinet-blend", 0.25]
    heard = []
    for pairing, asked in (("series", []), ("parallel", ["--pairing", "parallel", "--blend", 0.75])):
        other = load(second)
        other.set("drive", 8.0)
        settings = RigSettings(second_gain_db=-3, cabinet_blend=0.25, blend=0.75 if asked else 0.5)
        responses = {"response": read_audio(cabinets[0]), "second_response": read_audio(cabinets[1], channel=2)}
        rig = Rig(load(model), settings, second=other, pairing=pairing, sample_rate=RATE, **responses)
        expected = rig.render(guitar)
        done = triode("play", model, "--seconds", 0.05, "--rate", RATE, *options, *asked)
        assert done.status == 0, done.err
        np.testing.assert_array_equal(sound.given[:, 0], expected)
        assert triode("render", model, dry, wet, *options, *asked).status == 0
        np.testing.assert_array_equal(read_audio(wet).samples, expected)
        heard.append(expected)
    assert np.abs(heard[0] - heard[1]).max() > 0.01
    before = second.read_bytes()
    assert "is the second model itself" in triode("render", model, dry, second, *options).err
    assert second.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pairing", "parallel"], "--pairing is about a second model; name it with --second MODEL"),
        (["--second-gain", 0], "--second-gain is about a second model; name it with --second MODEL"),
        (["--blend", 0.5], "--blend is about a second model; name it with --second MODEL"),
        (["--second-knob", "drive=1"], "--second-knob is about a second model; name it with --second MODEL"),
        (["--second", "MODEL", "--blend", 0.5], "add --pairing parallel"),
        (["--second", "MODEL", "--second-knob", "drive=1"], "--second-knob drive=1: there is no knob 'drive'"),
        (["--second", "MODEL", "--second-gain", 90], "second_gain_db = 90.0: expected a number from -60 to 60"),
        (["--second", "gone.nam"], "gone.nam: the file does not exist"),
        (["--second-ir", "IR"], "name that one with --ir"),
        (["--ir", "IR", "--cabinet-blend", 0.5], "--cabinet-blend is about a second impulse response"),
        (["--ir", "IR", "--second-ir-channel", 1], "--second-ir-channel is about a second impulse response"),
        (["--ir", "IR", "--second-ir", "IR", "--second-ir-channel", 3], "--second-ir-channel 3: "),
    ],
)
def test_what_a_second_model_or_cabinet_needs(
    model: Path, triode: Callable[..., Any], tmp_path: Path, options: list[object], said: str
) -> None:
    dry, wet = tmp_path / "dry.wav", tmp_path / "wet.wav"
    soundfile.write(dry, np.zeros(4), RATE)
    soundfile.write(tmp_path / "ir.wav", np.zeros((4, 2)), RATE)
    files = {"MODEL": model, "IR": tmp_path / "ir.wav"}
    channel = ["--ir-channel", 1] if "--ir" in options else []
    asked = [files.get(str(option), option) for option in options] + channel
    for command in (["render", model, dry, wet], ["play", model, "--rate", RATE]):
        refused = triode(*command, *asked)
        assert refused.status == 2
        assert said in refused.err, refused.err
    assert not wet.exists()
