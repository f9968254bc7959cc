"""The standalone player, and the LV2 in jalv, each under a JACK server without hardware, heard by a client of ours."""

import ctypes.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
from numpy.typing import NDArray
from plugin_files import BUILT, built, guitar, write_gain_model

from triode.audio import Audio, Samples
from triode.engine import load
from triode.render import render
from triode.rig import Rig

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
STATE = """
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix pset: <http://lv2plug.in/ns/ext/presets#> .
@prefix state: <http://lv2plug.in/ns/ext/state#> .
@prefix atom: <http://lv2plug.in/ns/ext/atom#> .
<> a pset:Preset ; lv2:appliesTo <urn:triode:rig> ;
  lv2:port [ lv2:symbol "dc_blocker" ; pset:value 0.0 ] , [ lv2:symbol "output_gain" ; pset:value -6.0 ] ;
  state:state [ <urn:triode:rig#model> "%s"^^atom:Path ] .
"""


def priority() -> list[str]:
    """Of JACK's threads: before all others where this machine allows it, so that it may be busy."""
    real_time = shutil.which("chrt") and subprocess.run(["chrt", "-f", "10", "true"], check=False, **QUIET)
    return ["-R", "-P", "10"] if real_time and real_time.returncode == 0 else ["-r"]


@pytest.fixture
def jack(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server at 48 kHz, in blocks of 1024."""
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not on this machine")
    name = f"triode-plugin-{os.getpid()}"
    monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    command = ["jackd", "-n", name, *priority(), "-d", "dummy", "-r", "48000", "-p", "1024"]
    with subprocess.Popen(command, **QUIET) as server:
        for _ in range(40):
            time.sleep(0.25)
            if subprocess.run(["jack_lsp"], check=False, **QUIET).returncode == 0:
                break
        else:
            server.kill()
            pytest.skip("jackd does not start here")
        yield
        server.terminate()


@pytest.fixture
def start(jack: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Starts a program that is ended with the test."""
    running: list[subprocess.Popen[bytes]] = []

    def run(*command: object) -> None:
        running.append(subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, **QUIET))

    yield run
    for process in running:
        process.terminate()
        assert process.wait(20) in (0, -15)


@dataclass(frozen=True)
class Returned:
    """What comes back for a dry signal, from its first sample on, and how late it is: measured, and as JACK has it."""

    wet: Samples
    late_samples: int
    played_late_samples: int
    captured_late_samples: int


def through(
    into: str, out_of: str, dry: Samples, program: tuple[str, int] | None = None, like: Samples | None = None
) -> Returned:
    """Send `dry` (n,) through two ports; a busy machine gets a few tries.

    `program` is a MIDI port, and the number of the program change that it gets before. What comes back is looked for by
    its likeness to `like`, where that is not much like `dry`.
    """
    extra = 16384
    for _ in range(5):
        command = [str(built("jack_loop")), into, out_of, str(extra), *map(str, program or ())]
        done = subprocess.run(command, input=dry.tobytes(), capture_output=True, timeout=180, check=False)
        assert done.returncode == 0, done.stderr
        if re.search(rb"xruns 0$", done.stderr.strip()):
            break
    else:
        pytest.skip("samples are lost at every try: this machine is too busy for live audio")
    back = np.frombuffer(done.stdout, np.float32)
    likeness = scipy.signal.correlate(back, dry if like is None else like, "valid")
    late = int(np.argmax(np.abs(likeness)))
    told = re.search(rb"latency (\d+) (\d+)", done.stderr)
    assert told, done.stderr
    return Returned(back[late:][: len(dry)], late, int(told[1]), int(told[2]))


@pytest.fixture
def presets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two of a person's own, programs 0 and 1: half as loud at another sample rate, a quarter as loud."""
    folder = tmp_path / "triode" / "presets"
    folder.mkdir(parents=True)
    for number, (gain, rate_hz) in enumerate(((0.5, 44100), (0.25, 48000))):
        model = write_gain_model(folder / f"{number}.nam", gain, rate_hz)
        preset = {"triode_preset": 1, "parameters": {"dc_blocker": 0.0}, "model": model.name}
        (folder / f"{number}.json").write_text(json.dumps(preset))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A screen without hardware, for the window."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not on this machine")
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "800x540x24"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        monkeypatch.setenv("DISPLAY", f":{server.stdout.readline().strip()}")
        yield
        server.terminate()


def screen() -> NDArray[np.uint8]:
    """What is on the screen, (height, width, 3), by the X Window Dump format."""
    dump = subprocess.run(["xwd", "-root", "-silent"], capture_output=True, check=True).stdout
    header = np.frombuffer(dump[:100], ">u4")
    width, height, line = int(header[4]), int(header[5]), int(header[12])
    pixels = np.frombuffer(dump[int(header[0]) + 12 * int(header[19]) :], np.uint8)[: line * height]
    return pixels.reshape(height, line)[:, : 4 * width].reshape(height, width, 4)[:, :, 2::-1]


def comes_about(holds: Callable[[], bool]) -> bool:
    """Within twenty seconds."""
    for _ in range(100):
        if holds():
            return True
        time.sleep(0.2)
    return False


def amber(pixels: NDArray[np.uint8]) -> int:
    """How many of them are of the colour of what is on."""
    return int(np.all(np.abs(pixels.astype(int) - (240, 160, 60)) < 12, axis=2).sum())


def click(x: int, y: int) -> None:
    """With the left button, by the XTEST extension."""
    if ctypes.util.find_library("Xtst") is None:
        pytest.skip("what is seen is right; nothing can be clicked, libXtst is not on this machine")
    screen_of, test = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
    screen_of.XOpenDisplay.restype = ctypes.c_void_p
    display = ctypes.c_void_p(screen_of.XOpenDisplay(None))
    test.XTestFakeMotionEvent(display, 0, x, y, 0)
    for pressed in (1, 0):
        test.XTestFakeButtonEvent(display, 1, pressed, 0)
    screen_of.XCloseDisplay(display)


def test_the_standalone_plays(
    display: None, presets: None, start: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = write_gain_model(tmp_path / "amp.nam", -0.9)
    monkeypatch.setenv("TRIODE_MODEL", str(model))
    start(built("Triode"))
    dry = guitar(0.5, 48000)
    ports = ("Triode:audio_in_1", "Triode:audio_out_2", dry)
    wet = through(*ports).wet
    # Its DC blocker is on, which hardly touches 110 Hz.
    assert np.sum((wet + 0.9 * dry) ** 2) < 0.01 * np.sum(dry**2)
    for number in (1, 0):
        back = through(*ports, ("Triode:events-in", number))
        model = load(tmp_path / "triode" / "presets" / f"{number}.nam")
        expected = render(model, Audio(dry, 48000, np.inf)).samples
        late = Rig(model, sample_rate=48000).latency_samples
        assert (late > 0) == (number == 0)
        # A rate is converted from wherever it stands.
        np.testing.assert_allclose(back.wet, expected, atol=1e-4 if late else 1e-6, err_msg=f"program {number}")
        assert (back.captured_late_samples, back.played_late_samples) == (100 + late, 200 + late)
        assert back.late_samples % 1024 == late, "but for JACK's own blocks"
    if shutil.which("xwd") is None:
        pytest.skip("it plays; how its window looks is not seen, xwd is not on this machine")
    assert comes_about(lambda: amber(screen()) > 300), "its dials are lit"
    blocker = (slice(411, 431), slice(406, 490))
    assert comes_about(lambda: amber(screen()[blocker]) == 0), "the preset has turned the DC blocker off"
    click(448, 421)
    assert comes_about(lambda: amber(screen()[blocker]) > 500), "a click has turned it on"


def test_a_model_for_the_standalone_begins_at_its_own_settings(
    display: None, start: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    preset = {"triode_preset": 1, "parameters": {"dc_blocker": 0, "output_level": 0, "knob_1": 0.9}}
    (tmp_path / "mine.json").write_text(json.dumps(preset))
    monkeypatch.setenv("TRIODE_PRESET", str(tmp_path / "mine.json"))
    monkeypatch.setenv("TRIODE_MODEL", "triode:preamp")
    start(built("Triode"))
    dry = guitar(0.5, 48000)
    expected = render(load("triode:preamp"), Audio(dry, 48000, np.inf)).samples
    wet = through("Triode:audio_in_1", "Triode:audio_out_1", dry, like=expected).wet
    np.testing.assert_allclose(wet, expected, atol=1e-4)


def test_a_missing_model_is_told_in_the_window(
    display: None, start: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if shutil.which("xwd") is None:
        pytest.skip("xwd is not on this machine")
    monkeypatch.setenv("TRIODE_MODEL", str(tmp_path / "gone.nam"))
    start(built("Triode"))

    def red() -> int:
        return int(np.all(np.abs(screen()[505:540].astype(int) - (226, 74, 58)) < 40, axis=2).sum())

    assert comes_about(lambda: red() > 100), "red words at the foot of the window"


def test_the_lv2_plays_in_jalv(
    presets: None, start: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    built("Triode.lv2")
    if shutil.which("jalv") is None:
        pytest.skip("jalv is not on this machine")
    monkeypatch.setenv("LV2_PATH", f"{BUILT}:/usr/lib/lv2")
    model = write_gain_model(tmp_path / "amp.nam", -0.9)
    (tmp_path / "session").mkdir()
    (tmp_path / "session" / "state.ttl").write_text(STATE % model)
    start("jalv", "-i", "-n", "amp", "-l", tmp_path / "session", "urn:triode:rig")
    dry = guitar(0.5, 48000)
    wet = through("amp:lv2_audio_in_1", "amp:lv2_audio_out_1", dry).wet
    np.testing.assert_allclose(wet, -0.9 * 10 ** (-6 / 20) * dry, atol=1e-6)
    wet = through("amp:lv2_audio_in_1", "amp:lv2_audio_out_1", dry, ("amp:lv2_events_in", 1)).wet
    np.testing.assert_allclose(wet, 0.25 * dry, atol=1e-6)


def test_triode_play_plays_live(jack: None, tmp_path: Path) -> None:
    """The whole command, until somebody presses Ctrl-C."""
    if ctypes.util.find_library("portaudio") is None:  # to import it would open another client here
        pytest.skip("PortAudio is not on this machine")
    model, dry = write_gain_model(tmp_path / "amp.nam", -0.9), guitar(0.5, 48000)
    command = [sys.executable, "-m", "triode", "play", str(model), "--block", "1024", "--output-gain", "-6"]
    for _ in range(4):
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Tests that run in the background have Ctrl-C ignored, and hand that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as player:
            try:
                wet = through("PortAudio:in_0", "PortAudio:out_1", dry).wet
                player.send_signal(signal.SIGINT)
                out, err = player.communicate(timeout=30)
            finally:
                player.kill()
        if "does not let go" in err:  # the server has thrown a client out that came too late
            continue
        assert player.returncode == 0, err
        assert "playing; Ctrl-C stops" in err
        found = re.search(r"xruns\s+(\d+)", out)
        assert found, out
        if found[1] == "0":
            np.testing.assert_allclose(wet, -0.9 * 10 ** (-6 / 20) * dry, atol=1e-6)
            return
    pytest.skip("samples are lost at every try: this machine is too busy for live audio")
