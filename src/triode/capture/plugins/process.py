"""Asking a plug-in something in a process of its own: it may crash, hang or print, and only that process is lost."""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from triode.audio import Samples
from triode.capture.plugins.description import Control, Description
from triode.errors import DeviceError, OptionError

DESCRIBE_SECONDS = 60.0


def plugin_format(plugin: str) -> str:
    """`lv2` or `vst3`, by what the plug-in's name looks like. Raises OptionError."""
    if plugin.rstrip("/").endswith(".vst3"):
        found = "vst3"
    elif plugin.rstrip("/").endswith(".lv2") or ":" in plugin:
        found = "lv2"
    else:
        raise OptionError(f"--plugin {plugin}: expected an LV2 URI, a folder ending in .lv2, or a .vst3")
    if ":" not in plugin and not Path(plugin).exists():
        raise OptionError(f"--plugin {plugin}: there is no such file or folder; check the name")
    return found


def describe(plugin: str, limit_seconds: float = DESCRIBE_SECONDS) -> Description:
    """What the plug-in says of itself. Raises OptionError where there is none, DeviceError where it fails."""
    reply, _ = _ask({"action": "describe", "plugin": plugin}, None, limit_seconds)
    controls = []
    for table in reply["controls"]:
        points = tuple((value, label) for value, label in table["points"])
        controls.append(Control(**{**{f.name: table[f.name] for f in fields(Control)}, "points": points}))
    return Description(reply["name"], reply["audio_inputs"], reply["audio_outputs"], tuple(controls))


def play(
    plugin: str, samples: Samples, rate_hz: float, controls: Mapping[str, float], limit_seconds: float
) -> tuple[Samples, int]:
    """What the plug-in makes of `samples` (n,), and its latency in samples. A fresh instance each time.

    Raises DeviceError where it crashes, takes longer than `limit_seconds`, or returns NaN, and where its latency at the
    end is not that at the beginning.
    """
    request = {"action": "play", "plugin": plugin, "rate_hz": rate_hz, "controls": dict(controls)}
    reply, played = _ask(request, samples, limit_seconds)
    if played is None or played.shape != samples.shape:
        raise DeviceError("the plug-in's process returned no audio")
    bad = int(np.count_nonzero(~np.isfinite(played)))
    if bad:
        raise DeviceError(f"the plug-in returned {bad} NaN or infinite samples")
    before, after = (round(latency) for latency in reply["latency_samples"])
    if before != after:
        raise DeviceError(f"the plug-in changed its latency from {before} to {after} samples while it played")
    if not 0 <= after < len(samples):
        raise DeviceError(f"the plug-in says that its latency is {after} samples")
    return played, after


def _ask(request: dict[str, Any], samples: Samples | None, limit_seconds: float) -> tuple[dict[str, Any], Any]:
    """The reply to one request, and the audio that came with it."""
    request["format"] = plugin_format(request["plugin"])
    with tempfile.TemporaryDirectory(prefix="triode-plugin-") as name:
        folder = Path(name)
        (folder / "request.json").write_text(json.dumps(request))
        if samples is not None:
            np.save(folder / "input.npy", samples)
        command = [sys.executable, "-m", "triode.capture.plugins.worker", str(folder)]
        with (folder / "errors.txt").open("wb") as errors:
            try:
                status = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, timeout=limit_seconds, check=False
                ).returncode
            except subprocess.TimeoutExpired:
                raise DeviceError(f"the plug-in hung: it took longer than {limit_seconds:.0f} s") from None
        reply = _read_reply(folder / "reply.json", status, folder / "errors.txt")
        audio = np.load(folder / "output.npy") if (folder / "output.npy").is_file() else None
    if "error" in reply:
        raise (OptionError if reply["kind"] == "OptionError" else DeviceError)(reply["error"])
    return reply, audio


def _read_reply(path: Path, status: int, errors: Path) -> dict[str, Any]:
    """The reply of a process that ended well; DeviceError saying how it ended otherwise."""
    if status == 0 and path.is_file():
        reply = json.loads(path.read_text())
        assert isinstance(reply, dict)
        return reply
    if status < 0:
        raise DeviceError(f"the plug-in crashed ({signal.Signals(-status).name})")
    lines = errors.read_text(errors="replace").strip().splitlines()
    raise DeviceError(f"the plug-in's process ended with status {status}: {lines[-1][:200] if lines else 'no message'}")
