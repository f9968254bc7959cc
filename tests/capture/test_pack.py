"""One file to share: what goes in comes out, and what anybody else made of such a file does no harm."""

import stat
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from triode.audio import Audio
from triode.capture.folder import add_take, load_take, read_capture, take_manifest
from triode.capture.manifest import SignalManifest
from triode.capture.pack import pack_capture, unpack_capture
from triode.capture.signal import make_signal
from triode.errors import CaptureError, OptionError, TriodeError
from triode.knobs import Knob, switch

RATE = 22050
TERMS = {"licence": "CC-BY-4.0", "author": "Ada"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three takes: of 24-bit audio, of floats, and of floats beyond full scale; two share a dry file."""
    signal = make_signal(5, RATE, seed=1)
    dry = Audio(signal.samples, RATE)
    knobs = [Knob("drive", low=0, high=10, default=5), switch("mode", ["clean", "lead"])]
    folder = tmp_path / "amp"
    whole = np.round(signal.samples * 2**22).astype(np.float32) / np.float32(2**23)
    for number, (wet, manifest) in enumerate(
        [(whole, signal.manifest), (0.3 * signal.samples, None), (3 * signal.samples, None)]
    ):
        add_take(folder, dry, Audio(wet, RATE), {"drive": number, "mode": 1}, knobs=knobs, manifest=manifest)
    return folder


def test_what_goes_in_comes_out(folder: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    pack_capture(folder, tmp_path / "amp.zip", **TERMS)
    opened = unpack_capture(tmp_path / "amp.zip", tmp_path / "opened")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    original = read_capture(folder)
    assert (opened.name, opened.knobs) == (original.name, original.knobs)
    assert {**original.metadata, **TERMS} == opened.metadata
    for ours, theirs in zip(original.takes, opened.takes, strict=True):
        assert (ours.name, ours.settings) == (theirs.name, theirs.settings)
        for a, b in zip(load_take(original, ours), load_take(opened, theirs), strict=True):
            np.testing.assert_allclose(a.samples, b.samples, rtol=0, atol=2**-24)
        assert isinstance(take_manifest(opened, theirs), SignalManifest)
    kinds = sorted(path.suffix for path in (tmp_path / "opened").iterdir())
    assert kinds == [".flac", ".flac", ".flac", ".json", ".toml", ".wav"]
    np.testing.assert_array_equal(
        load_take(original, original.takes[0])[1].samples, load_take(opened, opened.takes[0])[1].samples
    )


def test_licence_and_author_are_required(folder: Path, tmp_path: Path) -> None:
    for terms in ({}, {"licence": "MIT"}, {"licence": "MIT", "author": " "}):
        with pytest.raises(OptionError, match="nobody may use"):
            pack_capture(folder, tmp_path / "amp.zip", **terms)
    assert not (tmp_path / "amp.zip").exists()
    assert pack_capture(folder, tmp_path / "amp.zip", **TERMS).metadata["author"] == "Ada"


def test_nothing_that_is_there_is_overwritten(folder: Path, tmp_path: Path) -> None:
    pack_capture(folder, tmp_path / "amp.zip", **TERMS)
    with pytest.raises(OptionError, match="there already"):
        unpack_capture(tmp_path / "amp.zip", folder)
    with pytest.raises(OptionError, match="does not exist"):
        unpack_capture(tmp_path / "amp.zip", tmp_path / "nowhere" / "amp")
    with pytest.raises(CaptureError, match="no such file"):
        unpack_capture(tmp_path / "gone.zip", tmp_path / "x")


@pytest.fixture
def packed(folder: Path, tmp_path: Path) -> dict[str, bytes]:
    """The files of a packed capture."""
    pack_capture(folder, tmp_path / "good.zip", **TERMS)
    with zipfile.ZipFile(tmp_path / "good.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def refused(files: dict[str, bytes] | list[tuple[str | zipfile.ZipInfo, bytes]], tmp_path: Path, words: str) -> None:
    """A zip of `files` is refused with one line that holds `words`, and leaves nothing behind."""
    source = tmp_path / "bad.zip"
    entries = list(files.items()) if isinstance(files, dict) else files
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in entries:
            archive.writestr(name, data)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(CaptureError, match=words) as caught:
        unpack_capture(source, tmp_path / "opened")
    assert "\n" not in str(caught.value)
    assert str(source) in str(caught.value)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "name",
    ["../evil.wav", "/etc/evil.wav", "a/b.wav", "..\\evil.wav", "C:evil.wav", "evil.sh", ".hidden.wav", "a\n.wav"],
)
def test_names_that_do_not_belong_are_refused(packed, tmp_path: Path, name: str) -> None:
    refused({**packed, name: b"x"}, tmp_path, "does not belong in a capture")


def test_links_and_doubles_are_refused(packed, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.wav")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    refused([*packed.items(), (link, b"/etc/passwd")], tmp_path, "does not belong")
    refused([*packed.items(), ("DRY.FLAC", b"x")], tmp_path, "twice")


def test_bombs_are_refused(packed, tmp_path: Path) -> None:
    refused({**packed, "zeros.wav": bytes(200 * 2**20)}, tmp_path, "this is no audio")
    refused({**packed, "long.json": b"[" * (17 * 2**20)}, tmp_path, "expected a page or two|this is no audio")
    refused({**packed, **{f"f{i}.wav": b"" for i in range(10_001)}}, tmp_path, "10.* files of")


def test_captures_that_are_not_whole_are_refused(packed, tmp_path: Path) -> None:
    toml = packed["capture.toml"]
    wet = next(name for name in packed if name.endswith(".flac") and not name.startswith("dry"))
    refused({"notes.json": b"{}"}, tmp_path, r"holds no capture\.toml")
    refused({**packed, "capture.toml": b"name ="}, tmp_path, "no whole capture: .*TOML")
    refused({**packed, "capture.toml": toml.replace(b"CC-BY-4.0", b"")}, tmp_path, "says no licence")
    refused({**packed, "capture.toml": toml.replace(b'"dry.flac"', b'"../dry.flac"')}, tmp_path, "no whole capture")
    refused({name: data for name, data in packed.items() if name != wet}, tmp_path, f"there is no file {wet}")
    refused({**packed, wet: packed[wet][:3000]}, tmp_path, "no whole capture")
    refused({**packed, wet: b"this is not audio"}, tmp_path, "no whole capture")
    refused({**packed, "dry.json": b"{}"}, tmp_path, "no whole capture: .*manifest")
    soundfile.write(tmp_path / "s.flac", np.zeros((100, 2)), RATE)
    refused({**packed, wet: (tmp_path / "s.flac").read_bytes()}, tmp_path, "in 2 channels")


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_damage_is_refused_or_harmless(tmp_path_factory, data: st.DataObject) -> None:
    base = tmp_path_factory.getbasetemp() / "packed"
    if not base.exists():
        base.mkdir()
        audio = Audio(make_signal(5, RATE).samples[:3000], RATE)
        add_take(base / "amp", audio, audio, {"drive": 1}, knobs=[Knob("drive", low=0, high=10, default=5)])
        pack_capture(base / "amp", base / "amp.zip", **TERMS)
    damaged = bytearray((base / "amp.zip").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "bad.zip").write_bytes(damaged[: data.draw(st.integers(1, len(damaged)))])
    try:
        opened = unpack_capture(folder / "bad.zip", folder / "opened")
    except TriodeError:
        assert [path.name for path in folder.iterdir()] == ["bad.zip"]
        return
    assert opened.takes
