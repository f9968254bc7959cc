"""What `make plugin-windows` builds: what Windows sees of it, and how it plays under Wine."""

import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from plugin_files import ROOT, from_chunk, guitar, to_chunk, write_gain_model

from triode.engine import load as load_model
from triode.rig import Rig, RigSettings

BUILT = ROOT / "build" / "plugin-windows" / "bin"
PARTS = {
    "clap_entry": BUILT / "Triode.clap",
    "GetPluginFactory": BUILT / "Triode.vst3" / "Contents" / "x86_64-win" / "Triode.vst3",
}


def exports(library: bytes) -> list[str]:
    """The names that a 64-bit library for Windows offers, by the PE format."""
    (header,) = struct.unpack_from("<I", library, 0x3C)
    assert library[header : header + 6] == b"PE\0\0\x64\x86"
    (count,) = struct.unpack_from("<H", library, header + 6)
    (size,) = struct.unpack_from("<H", library, header + 20)
    sections = [struct.unpack_from("<IIII", library, header + 24 + size + 40 * i + 8) for i in range(count)]

    def place(address: int) -> int:
        return next(address - start + at for length, start, _, at in sections if start <= address < start + length)

    (table,) = struct.unpack_from("<I", library, header + 24 + 112)
    names, first = (struct.unpack_from("<I", library, place(table) + at)[0] for at in (24, 32))
    starts = struct.unpack_from(f"<{names}I", library, place(first))
    return [library[place(start) : library.index(b"\0", place(start))].decode() for start in starts]


@pytest.mark.parametrize("entry", PARTS)
def test_a_host_finds_its_way_in(entry: str) -> None:
    if not PARTS[entry].exists():
        pytest.skip(f"{PARTS[entry].name} for Windows is not built here (make plugin-windows)")
    assert entry in exports(PARTS[entry].read_bytes())


def test_it_plays_a_model_from_a_folder_of_any_name(tmp_path: Path) -> None:
    wine = shutil.which("wine64") or shutil.which("wine64", path="/usr/lib/wine")
    if wine is None or not PARTS["clap_entry"].exists():
        pytest.skip("Wine or the build for Windows is not on this machine (make plugin-windows)")
    folder = tmp_path / "Verstärker 真空管"
    folder.mkdir()
    model, dry, session = write_gain_model(folder / "ä.nam", 0.5), guitar(0.3, 44100), tmp_path / "session"
    path = "Z:" + str(model).replace("/", "\\")
    session.write_bytes(to_chunk({"version": "2", "model": path}, {"bass": 5.0, "output_level": 0, "dc_blocker": 0}))
    command = [wine, BUILT / "clap_host.exe", PARTS["clap_entry"], 44100, 37, session]
    prefix = {"WINEPREFIX": str(tmp_path / "wine"), "WINEDEBUG": "-all"}
    stereo = np.stack([dry, dry], axis=1).tobytes()
    done = subprocess.run([*map(str, command)], input=stereo, capture_output=True, env=os.environ | prefix, check=False)
    told = done.stderr.decode(errors="replace")
    found = re.search(r"^latency (\d+)\s+state (\w+)", told, re.M)
    assert found, told
    states = from_chunk(bytes.fromhex(found[2]))[0]
    assert (states["model"], states["status"]) == (path, "")
    rig = Rig(load_model(model), RigSettings(bass_db=5.0), sample_rate=44100)
    assert int(found[1]) == rig.latency_samples > 0
    played = np.frombuffer(done.stdout, np.float32).reshape(-1, 2)
    np.testing.assert_allclose(played[:, 1], rig.render(dry), atol=1e-6)
