"""A capture folder keeps every bit, names every fault, and is never half written."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from triode.audio import Audio, write_audio
from triode.capture.folder import (
    Capture,
    Levels,
    Take,
    add_take,
    load_take,
    read_capture,
    take_manifest,
    write_capture,
)
from triode.capture.knob_ranges import guessed_knobs
from triode.capture.signal import make_signal, write_signal
from triode.errors import AudioFileError, CaptureError, OptionError
from triode.knobs import Knob

RATE = 44100
DRIVE = Knob("drive", low=0, high=10, default=5)


def noise(seed: int, count: int = 1000) -> Audio:
    rng = np.random.default_rng(seed)
    return Audio(np.round(rng.uniform(-0.9, 0.9, count) * 2**23).astype(np.float32) / np.float32(2**23), RATE)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    dry, wet = noise(0), noise(1)
    folder = tmp_path / "amp"
    add_take(
        folder,
        dry,
        wet,
        {"drive": 7},
        notes="bright switch off",
        device="Plexi",
        knobs=[DRIVE, Knob("tone", "Hz", 300, 3000, 1000, "log")],
        levels=Levels(input_dbu=12.5),
        metadata={"maker": "Marshall"},
    )
    capture = read_capture(folder)
    assert (capture.name, capture.rate_hz, capture.levels) == ("Plexi", RATE, Levels(12.5, None))
    assert capture.knobs == (DRIVE, Knob("tone", "Hz", 300, 3000, 1000, "log"))
    assert capture.takes[0].settings == {"drive": 7, "tone": 1000}
    assert capture.takes[0].notes == "bright switch off"
    assert capture.metadata == {"maker": "Marshall"}
    got_dry, got_wet = load_take(capture, capture.takes[0])
    np.testing.assert_array_equal(got_dry.samples, dry.samples)
    np.testing.assert_array_equal(got_wet.samples, wet.samples)


def test_audio_keeps_its_bits_whatever_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    extremes = Audio(np.array([-1.0, 1 - 2**-23, 2**-23, 0.0] * 10, dtype=np.float32), RATE)
    floats = Audio(rng.normal(0, 2, 500).astype(np.float32), RATE, full_scale=np.inf)
    capture = add_take(tmp_path / "c", extremes, floats)
    dry, wet = load_take(capture, capture.takes[0])
    np.testing.assert_array_equal(dry.samples, extremes.samples)
    np.testing.assert_array_equal(wet.samples, floats.samples)
    assert (capture.takes[0].dry, capture.takes[0].wet) == ("dry.flac", "take.wav")


def test_files_of_any_format_are_copied_in(tmp_path: Path) -> None:
    samples = noise(0).samples
    soundfile.write(tmp_path / "d.aiff", samples, RATE, subtype="PCM_16")
    write_audio(tmp_path / "w.wav", samples * 3, RATE)
    capture = add_take(tmp_path / "c", tmp_path / "d.aiff", tmp_path / "w.wav")
    expected, _ = soundfile.read(tmp_path / "d.aiff", dtype="float32")
    dry, wet = load_take(capture, capture.takes[0])
    np.testing.assert_array_equal(dry.samples, expected)
    np.testing.assert_array_equal(wet.samples, samples * np.float32(3))


def test_takes_share_a_dry_signal(tmp_path: Path) -> None:
    for drive in (1, 5, 9):
        capture = add_take(tmp_path, noise(0), noise(drive), {"drive": drive}, knobs=[DRIVE])
    assert [take.dry for take in capture.takes] == ["dry.flac"] * 3
    assert len(list(tmp_path.glob("*.flac"))) == 4


def test_a_retake_takes_the_old_place_and_removes_its_audio(tmp_path: Path) -> None:
    for drive in (1, 5):
        add_take(tmp_path, noise(0), noise(drive), {"drive": drive}, knobs=[DRIVE])
    capture = add_take(tmp_path, noise(0), noise(99), {"drive": 1}, replace_existing=True)
    assert [take.settings["drive"] for take in capture.takes] == [1, 5]
    np.testing.assert_array_equal(load_take(capture, capture.takes[0])[1].samples, noise(99).samples)
    assert len(list(tmp_path.glob("*.flac"))) == 3
    capture = add_take(tmp_path, noise(7), noise(8), {"drive": 2}, name=capture.takes[1].name, replace_existing=True)
    assert [take.settings["drive"] for take in capture.takes] == [1, 2]


def test_a_take_is_not_replaced_without_asking(tmp_path: Path) -> None:
    add_take(tmp_path, noise(0), noise(1), {"drive": 1}, knobs=[DRIVE])
    before = contents(tmp_path)
    with pytest.raises(CaptureError, match="drive1"):
        add_take(tmp_path, noise(0), noise(2), {"drive": 1})
    assert contents(tmp_path) == before


def test_a_capture_without_knobs_gathers_takes(tmp_path: Path) -> None:
    for seed in range(3):
        capture = add_take(tmp_path, noise(seed), noise(seed + 10))
    assert [take.name for take in capture.takes] == ["take", "take-2", "take-3"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(colour="red"), ["colour"]),
        (lambda d: d["takes"][0].update(colour="red"), ["take 'a'", "colour"]),
        (lambda d: d["knobs"][0].update(colour="red"), ["knob drive", "colour"]),
        (lambda d: d["levels"].update(colour=1), ["levels.colour"]),
        (lambda d: d["takes"][0].pop("wet"), ["take 'a'", "wet"]),
        (lambda d: d.pop("rate_hz"), ["rate_hz"]),
        (lambda d: d.update(rate_hz="fast"), ["rate_hz", "fast"]),
        (lambda d: d.update(version=2), ["version", "2"]),
        (lambda d: d["takes"][0]["settings"].update(drive=11), ["take 'a'", "drive", "11"]),
        (lambda d: d["takes"][0]["settings"].update(drive="7"), ["take 'a'", "settings.drive"]),
        (lambda d: d["takes"][0]["settings"].update(tone=1), ["take 'a'", "tone"]),
        (lambda d: d["takes"][0].update(wet="../x.wav"), ["take 'a'", "wet", "../x.wav"]),
        (lambda d: d["takes"][0].update(dry="/etc/x.wav"), ["take 'a'", "dry", "/etc/x.wav"]),
        (lambda d: d["takes"][0].update(dry="gone.wav"), ["take 'a'", "dry", "gone.wav"]),
        (lambda d: d["takes"].append(d["takes"][0]), ["take 'a'", "2 times"]),
        (lambda d: d["knobs"].append(d["knobs"][0]), ["knob 'drive'", "2 times"]),
        (lambda d: d["knobs"][0].update(low=20), ["drive"]),
        (lambda d: d.update(takes=3), ["takes"]),
        (lambda d: d.update(takes=[3]), ["take 1"]),
        (lambda d: d.update(folder="/tmp"), ["folder"]),
    ],
)
def test_every_fault_is_named(tmp_path: Path, change, words: list[str]) -> None:
    import tomli_w

    add_take(tmp_path, noise(0), noise(1), {"drive": 1}, name="a", knobs=[DRIVE], levels=Levels(1.0, 2.0))
    path = tmp_path / "capture.toml"
    document = tomllib.loads(path.read_text())
    change(document)
    path.write_text(tomli_w.dumps(document))
    with pytest.raises(CaptureError) as caught:
        read_capture(tmp_path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    add_take(tmp_path / "c", noise(0), noise(1), name="a")
    write_audio(tmp_path / "secret.wav", noise(2).samples, RATE)
    (tmp_path / "c" / "a.flac").unlink()
    (tmp_path / "c" / "a.flac").symlink_to(tmp_path / "secret.wav")
    with pytest.raises(CaptureError, match="leads out"):
        read_capture(tmp_path / "c")


def test_missing_folder_file_and_toml(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no such folder"):
        read_capture(tmp_path / "nowhere")
    with pytest.raises(CaptureError, match=r"no capture\.toml"):
        read_capture(tmp_path)
    (tmp_path / "capture.toml").write_bytes(b"\xff\xfe = [")
    with pytest.raises(CaptureError, match="TOML"):
        read_capture(tmp_path)


def test_rates_must_agree(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=r"44100 Hz.*48000 Hz"):
        add_take(tmp_path / "c", noise(0), Audio(noise(1).samples, 48000))
    assert not (tmp_path / "c").exists()
    capture = add_take(tmp_path / "c", noise(0), noise(1))
    with pytest.raises(CaptureError, match=r"44100 Hz.*48000 Hz"):
        add_take(tmp_path / "c", Audio(noise(1).samples, 48000), Audio(noise(1).samples, 48000))
    write_audio(tmp_path / "c" / capture.takes[0].wet, noise(1).samples, 96000)
    with pytest.raises(AudioFileError, match="96000"):
        load_take(capture, capture.takes[0])


def test_a_failed_take_leaves_the_capture_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_take(tmp_path, noise(0), noise(1), {"drive": 1}, knobs=[DRIVE])
    before = contents(tmp_path)
    monkeypatch.setattr(
        "triode.capture.folder.write_capture", lambda capture: (_ for _ in ()).throw(OSError(28, "full"))
    )
    with pytest.raises(OSError, match="full"):
        add_take(tmp_path, noise(5), noise(6), {"drive": 2})
    assert contents(tmp_path) == before


def test_a_new_knob_needs_values_for_the_takes_there(tmp_path: Path) -> None:
    add_take(tmp_path, noise(0), noise(1), {"drive": 1}, knobs=[DRIVE])
    with pytest.raises(CaptureError, match="tone"):
        add_take(tmp_path, noise(0), noise(2), {"drive": 2}, knobs=[DRIVE, Knob("tone")])
    with pytest.raises(CaptureError, match="declared differently"):
        add_take(tmp_path, noise(0), noise(2), {"drive": 2}, knobs=[Knob("drive")])
    with pytest.raises(OptionError, match="no knob 'tone'"):
        add_take(tmp_path, noise(0), noise(2), {"tone": 2})


@pytest.mark.parametrize(("value", "high"), [(0, 10), (7, 10), (10, 10), (11, 100), (440, 1000)])
def test_a_knob_is_guessed_from_one_value(value: float, high: float) -> None:
    (knob,) = guessed_knobs([f"drive={value!r}"])
    assert (knob.low, knob.high, knob.default) == (0, high, value)


def test_a_knob_is_not_guessed_from_a_negative_value() -> None:
    with pytest.raises(OptionError, match="-3"):
        guessed_knobs(["bass=-3"])


def test_a_foreign_json_beside_the_dry_file_is_not_a_manifest(tmp_path: Path) -> None:
    write_audio(tmp_path / "dry.wav", noise(0).samples, RATE)
    (tmp_path / "dry.json").write_text(json.dumps({"artist": "me"}))
    capture = add_take(tmp_path / "c", tmp_path / "dry.wav", noise(1))
    assert take_manifest(capture, capture.takes[0]) is None


NAMES = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=20)


@given(
    NAMES,
    st.dictionaries(NAMES, st.text(max_size=20), max_size=3),
    st.lists(st.tuples(NAMES, st.floats(0, 10)), max_size=4, unique_by=lambda pair: pair[0]),
)
@settings(max_examples=50, deadline=None)
def test_writing_and_reading_is_the_identity(tmp_path_factory, name: str, metadata, takes) -> None:
    folder = tmp_path_factory.mktemp("capture")
    write_audio(folder / "a.wav", noise(0).samples, RATE)
    written = Capture(
        folder,
        name,
        RATE,
        knobs=(DRIVE,),
        takes=tuple(Take(take, "a.wav", "a.wav", {"drive": drive}) for take, drive in takes),
        metadata=metadata,
    )
    write_capture(written)
    assert read_capture(folder) == written


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
@settings(max_examples=200, deadline=None)
def test_a_file_of_anything_is_refused(tmp_path_factory, data: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    (folder / "capture.toml").write_bytes(data)
    with pytest.raises(CaptureError) as caught:
        read_capture(folder)
    assert str(folder / "capture.toml") in str(caught.value)


def test_the_signals_manifest_comes_along(tmp_path: Path) -> None:
    signal = make_signal(10, RATE)
    write_signal(tmp_path / "signal.wav", signal)
    capture = add_take(tmp_path / "c", tmp_path / "signal.wav", noise(1, len(signal.samples)))
    assert take_manifest(capture, capture.takes[0]) == signal.manifest
    capture = add_take(tmp_path / "c", noise(5), noise(6), name="take", replace_existing=True)
    assert take_manifest(capture, capture.takes[0]) is None
    assert len(list((tmp_path / "c").iterdir())) == 3


def test_the_guides_example_is_a_capture(tmp_path: Path) -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs" / "capture-guide.md").read_text()
    (tmp_path / "capture.toml").write_text(guide.split("```toml\n")[1].split("```")[0])
    write_audio(tmp_path / "dry.flac", noise(0).samples, 48000)
    write_audio(tmp_path / "drive7.flac", noise(1).samples, 48000)
    capture = read_capture(tmp_path)
    assert capture.levels == Levels(12.5, 4.0)
    assert capture.take("drive7").settings == {"drive": 7, "bright": 1, "master": 5}
    assert capture.couplings[0].limits(12.0, capture.knobs[2]) == (2, 4)
    assert set(capture.metadata) == {"maker", "gear_make", "gear_model", "notes"}
    with pytest.raises(CaptureError, match="drive7"):
        capture.take("drive8")
