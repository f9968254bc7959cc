"""The CLAP in a host of the tests' own (clap_host.cpp): what it plays, its latency, its sessions."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from plugin_files import built, from_chunk, guitar, to_chunk, write_gain_model

from triode.audio import Samples
from triode.engine import load
from triode.rig import Rig, RigSettings


def run(dry: Samples, rate_hz: int, block: int, *arguments: object) -> tuple[Samples, int, dict[str, str]]:
    """Both channels (2, n), the latency, and the states kept afterwards."""
    command = [built("clap_host"), built("Triode.clap"), rate_hz, block, *arguments]
    done = subprocess.run([*map(str, command)], input=dry.T.tobytes(), capture_output=True, timeout=120, check=False)
    told = done.stderr.decode()
    assert done.returncode == 0, told
    found = re.search(r"^latency (\d+)\nstate (\w+)$", told, re.M)
    assert found, told
    played = np.frombuffer(done.stdout, np.float32).reshape(-1, 2).T
    return played, int(found[1]), from_chunk(bytes.fromhex(found[2]))[0]


@pytest.mark.parametrize(("rate_hz", "block"), [(48000, 64), (44100, 37), (96000, 4096)])
def test_it_plays_what_the_rig_plays(tmp_path: Path, rate_hz: int, block: int) -> None:
    model = write_gain_model(tmp_path / "amp.nam", 0.5, name="Half")
    session = tmp_path / "session"
    parameters = {"bass": 5.0, "inputs": 2, "output_level": 0, "dc_blocker": 0}
    session.write_bytes(to_chunk({"version": "1", "model": str(model)}, parameters))
    dry = np.stack([guitar(0.3, rate_hz), -0.5 * guitar(0.3, rate_hz)])
    wet, latency, states = run(dry, rate_hz, block, session)
    rig = Rig(load(model), RigSettings(bass_db=5.0), sample_rate=rate_hz)
    assert latency == rig.latency_samples
    assert (latency > 0) == (rate_hz == 44100)
    for channel in (0, 1):
        np.testing.assert_allclose(wet[channel], rig.render(dry[channel]), atol=1e-6)
    assert (states["model"], states["status"]) == (str(model), "")


def test_a_parameter_is_turned_by_an_event(tmp_path: Path) -> None:
    dry = np.stack([guitar(0.3, 48000)] * 2)
    wet, latency, _ = run(dry, 48000, 64, "Output=-6", "DC blocker=0")
    assert latency == 0
    np.testing.assert_allclose(wet[:, 2000:], 10 ** (-6 / 20) * dry[:, 2000:], atol=1e-6)


def test_a_preset_is_chosen_by_midi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write_gain_model(tmp_path / "amp.nam", 0.5)
    presets = tmp_path / "triode" / "presets"
    presets.mkdir(parents=True)
    for name in ("1", "2"):
        preset = {"triode_preset": 1, "name": name, "model": str(model) if name == "2" else ""}
        (presets / f"{name}.json").write_text(json.dumps(preset))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    dry = np.stack([guitar(0.1, 48000)] * 2)
    assert run(dry, 48000, 64, "program=0")[2]["model"] == ""
    assert run(dry, 48000, 64, "program=1")[2]["model"] == str(model)
    assert run(dry, 48000, 64, "program=2")[2]["model"] == "triode:preamp-clean"


def test_a_session_that_is_cut_off_is_no_harm(tmp_path: Path) -> None:
    session = tmp_path / "session"
    whole = to_chunk({"version": "1", "model": str(tmp_path / "gone.nam")}, {"dc_blocker": 0})
    dry = np.stack([guitar(0.05, 48000)] * 2)
    for cut in (0, 3, 40, 70, len(whole) - 1):
        session.write_bytes(whole[:cut])
        wet, _, states = run(dry, 48000, 64, session)
        assert np.isfinite(wet).all()
        assert (str(tmp_path / "gone.nam") in states["status"]) == (cut == len(whole) - 1)
