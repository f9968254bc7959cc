"""Plug-ins as devices: found, described, played; what one of them breaks, breaks its own process only."""

import ctypes.util
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from triode.audio import read_audio
from triode.capture.folder import load_take, read_capture
from triode.capture.plugins.description import Control, Description
from triode.capture.plugins.device import PluginDevice, choose_knobs
from triode.capture.plugins.process import describe, play, plugin_format
from triode.capture.plugins.vst3 import Vst3Plugin
from triode.capture.record import plugin_take, plugin_takes
from triode.errors import DeviceError, OptionError
from triode.knobs import Knob

TS9 = "http://guitarix.sourceforge.net/plugins/gxts9#ts9sim"
RATE = 22050
SOURCE = Path(__file__).with_name("faulty_lv2.c")
FAULTS = ("good", "crash", "hang", "nan", "latency", "late", "exit", "slow")

MANIFEST = """
@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix doap: <http://usefulinc.com/ns/doap#> .
"""
PLUGIN = """
<urn:test:%s> a lv2:Plugin ; lv2:binary <faulty.so> ; doap:name "%s" ;
  lv2:port [ a lv2:AudioPort, lv2:InputPort ; lv2:index 0 ; lv2:symbol "in" ; lv2:name "In" ] ,
    [ a lv2:AudioPort, lv2:OutputPort ; lv2:index 1 ; lv2:symbol "out" ; lv2:name "Out" ] ,
    [ a lv2:ControlPort, lv2:InputPort ; lv2:index 2 ; lv2:symbol "g" ; lv2:name "Gain" ;
      lv2:default 0.5 ; lv2:minimum 0.0 ; lv2:maximum 1.0 ] ,
    [ a lv2:ControlPort, lv2:OutputPort ; lv2:index 3 ; lv2:symbol "l" ; lv2:name "Latency" ;
      lv2:designation lv2:latency ] .
"""


@pytest.fixture(scope="session")
def lilv() -> None:
    if ctypes.util.find_library("lilv-0") is None:
        pytest.skip("liblilv is not on this machine")


@pytest.fixture(scope="session")
def bundle(lilv, tmp_path_factory) -> Path:
    """A bundle with one plug-in for each fault."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler on this machine")
    folder = tmp_path_factory.mktemp("lv2") / "faulty.lv2"
    folder.mkdir()
    command = [compiler, "-O1", "-Wall", "-Werror", "-shared", "-fPIC", str(SOURCE), "-o", str(folder / "faulty.so")]
    subprocess.run(command, check=True)
    (folder / "manifest.ttl").write_text(MANIFEST + "".join(PLUGIN % (fault, fault) for fault in FAULTS))
    return folder


@pytest.fixture
def faulty(bundle, monkeypatch) -> None:
    """The faulty plug-ins are the only ones on the machine."""
    monkeypatch.setenv("LV2_PATH", str(bundle.parent))


@pytest.fixture
def guitarix(lilv) -> str:
    if not Path("/usr/lib/lv2/gxts9.lv2").is_dir():
        pytest.skip("guitarix-lv2 is not on this machine")
    return TS9


def tone(seconds: float = 0.5) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def test_a_plugin_plays_and_its_latency_is_taken_out(faulty) -> None:
    for name in ("good", "late"):
        played = PluginDevice(f"urn:test:{name}", {}, 4).play(tone(), RATE, {"gain": 0.25})
        np.testing.assert_allclose(played[200:-200], 0.25 * tone()[200:-200], atol=1e-4)
        assert len(played) == len(tone())


def test_a_plugin_has_time_to_wake_up(faulty) -> None:
    """This one is mute for most of its first second."""
    played = PluginDevice("urn:test:slow", {}, 1).play(tone(), RATE, {"gain": 0.25})
    np.testing.assert_allclose(played, 0.25 * tone(), atol=1e-6)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("crash", r"crashed \(SIGABRT\)"),
        ("hang", r"hung: it took longer than 2 s"),
        ("nan", "NaN or infinite samples"),
        ("latency", "changed its latency from 0 to 64 samples"),
        ("exit", "ended with status 3: a plug-in that talks"),
    ],
)
def test_what_a_plugin_breaks_is_named(faulty, fault: str, words: str) -> None:
    began = time.monotonic()
    with pytest.raises(DeviceError, match=words):
        PluginDevice(f"urn:test:{fault}", {}, 1, limit_seconds=2).play(tone(), RATE, {"gain": 1.0})
    assert time.monotonic() - began < 60


def test_a_plugin_that_fails_at_some_settings_does_not_take_the_capture_down(faulty, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with pytest.raises(DeviceError, match=r"takes are recorded, the device failed at take-\d+: .*crashed \(SIGABRT\)"):
        plugin_takes(folder, "urn:test:crash", 5, seconds=5, rate_hz=RATE, oversample=1)
    there = read_capture(folder).takes
    assert len(there) == 3
    assert max(take.settings["gain"] for take in there) <= 0.5


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        ("urn:test:nothing", "there is no LV2 plug-in urn:test:nothing"),
        ("nowhere.lv2", "no such file or folder"),
        ("nowhere.vst3", "no such file or folder"),
        ("reverb", "expected an LV2 URI"),
    ],
)
def test_a_plugin_that_is_not_there_is_named(faulty, tmp_path: Path, plugin: str, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        plugin_takes(tmp_path / "c", plugin, 3, seconds=5)
    assert not (tmp_path / "c").exists()


def test_a_bundle_of_several_plugins_asks_for_one(faulty, bundle) -> None:
    with pytest.raises(OptionError, match=r"holds 8 plug-ins \(.*urn:test:good.*name one by its URI"):
        describe(str(bundle))
    assert plugin_format(str(bundle)) == "lv2"


def test_a_real_plugin_is_described(guitarix: str) -> None:
    found = describe(guitarix)
    knobs = {name: knob for name, (knob, _) in found.knobs().items()}
    assert (found.name, found.audio_inputs, found.audio_outputs) == ("GxTubeScreamer", 1, 1)
    assert set(knobs) == {"drive", "tone", "level"}, "its bypass is no knob"
    assert (knobs["tone"].low, knobs["tone"].high, knobs["tone"].default) == (100, 1000, 400)
    assert describe("/usr/lib/lv2/gxts9.lv2") == found


def test_a_real_plugin_plays_what_others_recorded_of_it(guitarix: str, shared_data: Path) -> None:
    """The grid was rendered by another host at four times the rate."""
    dry = read_audio(shared_data / "captures" / "input.flac").samples[round(31.83 * 48000) :][: 4 * 48000]
    wet = read_audio(shared_data / "grids" / "ts9" / "train_01.flac").samples[: 4 * 48000]
    played = PluginDevice(guitarix, {}, 4).play(dry, 48000, {"drive": 1.0, "tone": 1000.0, "level": -4.0})
    # What was played before differs: the filters' first moments are left out.
    error = (played - wet)[24000:-4800]
    assert np.sum(error**2) / np.sum(wet[24000:-4800] ** 2) < 1e-5


def test_a_capture_of_a_real_plugin(guitarix: str, tmp_path: Path) -> None:
    knobs = ["drive", "tone=200:900", "level=-10"]
    capture = plugin_takes(tmp_path / "c", guitarix, 3, knobs, seconds=5, rate_hz=RATE)
    assert [(knob.name, knob.low, knob.high, knob.default) for knob in capture.knobs] == [
        ("drive", 0, 1, 0.5),
        ("tone", 200, 900, 400),
    ]
    again = plugin_takes(tmp_path / "c", guitarix, 4, knobs, seconds=5, rate_hz=RATE)
    assert again.takes[:3] == capture.takes
    for take in again.takes:
        dry, wet = load_take(again, take)
        assert len(dry.samples) == len(wet.samples) == 5 * RATE
        assert np.std(wet.samples) > 0.001
    # One take more keeps what the plan holds, and a planned one its settings.
    added = plugin_take(tmp_path / "c", guitarix, ["drive=0.25"], take="more", seconds=5, rate_hz=RATE, oversample=1)
    device = PluginDevice(guitarix, {"level": -10.0}, 4)
    dry, wet = load_take(added, added.take("more"))
    np.testing.assert_array_equal(wet.samples, device.play(dry.samples, RATE, {"drive": 0.25, "tone": 400.0}))
    again = plugin_take(tmp_path / "c", guitarix, take="take-02")
    assert again.take("take-02").settings == added.take("take-02").settings
    assert len(load_take(again, again.take("take-02"))[0].samples) == 5 * RATE
    with pytest.raises(OptionError, match=r"is a capture of the plugin .*level -10.*another folder"):
        plugin_takes(tmp_path / "c", guitarix, 6, [*knobs[:2], "level=-3"], seconds=5, rate_hz=RATE)


def test_one_take_at_chosen_values(guitarix: str, tmp_path: Path) -> None:
    capture = plugin_take(tmp_path / "c", guitarix, ["drive=70%"], seconds=5, rate_hz=RATE, oversample=1)
    assert (capture.takes[0].name, capture.takes[0].settings) == ("drive0.7", {"drive": 0.7})
    with pytest.raises(OptionError, match="outside its range 0 to 1"):
        plugin_take(tmp_path / "c", guitarix, ["drive=7"], seconds=5)


def described(*controls: Control) -> Description:
    return Description("box", 1, 1, controls)


def test_kinds_of_controls_become_kinds_of_knobs() -> None:
    knobs = {
        name: knob
        for name, (knob, _) in described(
            Control("a", "Boost", 0, 1, 1, toggled=True),
            Control("b", "Model", 0, 2, 0, enumerated=True, points=((0, "Clean 1"), (2, "Lead"))),
            Control("c", "Stages", 1, 4, 2, integer=True),
            Control("d", "Low Cut", 20, 2000, 100, logarithmic=True),
            Control("e", "Volume", -20, 4, -30),
            Control("f", "Volume", 0, 1, 1),
            Control("g", "Bypass", 0, 1, 1, toggled=True),
            Control("h", "Tuner", 0, 1, 1, is_knob=False),
            Control("i", "Constant", 1, 1, 1),
        )
        .knobs()
        .items()
    }
    assert set(knobs) == {"boost", "model", "stages", "low_cut", "e", "f"}
    assert (knobs["boost"].positions, knobs["boost"].default) == (("off", "on"), 1)
    assert (knobs["model"].positions, knobs["model"].steps) == (("clean_1", "lead"), (0, 2))
    assert knobs["stages"].steps == (1, 2, 3, 4)
    assert knobs["low_cut"].taper == "log"
    assert knobs["e"].default == -20, "a default outside its range moves into it"


def test_knobs_are_chosen_limited_and_held() -> None:
    box = described(*(Control(c, c, 0, 10, 5) for c in "abcdefghij"))
    with pytest.raises(OptionError, match=r"box has 10 knobs \(a, b.*choose some, like --knob a"):
        choose_knobs(box, [])
    chosen = choose_knobs(box, ["b", "a=2:3", "c=7"])
    assert [(knob.name, knob.low, knob.high, knob.default) for knob in chosen.knobs] == [
        ("b", 0, 10, 5),
        ("a", 2, 3, 3),
    ]
    assert chosen.fixed == {"c": 7}
    small = described(Control("a", "a", 0, 10, 5), Control("b", "b", 0, 10, 5))
    assert [knob.name for knob in choose_knobs(small, ["a=1"]).knobs] == ["b"]
    with pytest.raises(OptionError, match="no knobs to turn"):
        choose_knobs(small, ["a=1", "b=1"])
    with pytest.raises(OptionError, match="no knob 'x'; the knobs here: a, b"):
        choose_knobs(small, ["x"])


def test_the_time_limit_holds_for_a_description_too(faulty, monkeypatch) -> None:
    with pytest.raises(DeviceError, match="hung"):
        describe("urn:test:good", limit_seconds=0.01)
    with pytest.raises(DeviceError, match="hung"):
        play("urn:test:hang", tone(), RATE, {}, limit_seconds=1)


class Vst3:
    """What is used of a plug-in that pedalboard has loaded: one that takes two channels only."""

    name, is_effect, latency_samples = "Two Box", True, 0

    def __init__(self) -> None:
        self.parameters = {
            "drive": SimpleNamespace(raw_value=0.5, type=float),
            "bright": SimpleNamespace(raw_value=1.0, type=bool),
        }

    def process(self, samples, rate_hz, buffer_size):
        if len(samples) == 1:
            raise ValueError("does not support 1-channel output")
        return self.parameters["drive"].raw_value * samples[:, :-3]


def test_a_vst3_is_described_and_played(monkeypatch) -> None:
    def load_plugin(path: str) -> Vst3:
        if "broken" in path:
            raise ImportError("not a plug-in\nat all")
        return Vst3()

    monkeypatch.setitem(sys.modules, "pedalboard", SimpleNamespace(load_plugin=load_plugin))
    plugin = Vst3Plugin("two.vst3")
    knobs = {name: knob for name, (knob, _) in plugin.describe().knobs().items()}
    assert knobs["drive"] == Knob("drive", "", 0, 1, 0.5)
    assert (knobs["bright"].positions, knobs["bright"].default) == (("off", "on"), 1)
    played, latency = plugin.play(tone(), RATE, {"drive": 0.25})
    assert latency == (0, 0)
    np.testing.assert_allclose(played[:-3], 0.25 * tone()[:-3])
    assert len(played) == len(tone())
    with pytest.raises(OptionError, match="cannot be loaded as a VST3 plug-in"):
        Vst3Plugin("broken.vst3")


def test_without_pedalboard_a_vst3_says_what_to_install(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pedalboard", None)
    with pytest.raises(OptionError, match=r"pip install 'triode\[plugins\]'"):
        Vst3Plugin("two.vst3")
