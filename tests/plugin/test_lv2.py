"""The LV2 in the host that `triode capture --plugin` is, and the threads of the plug-in under ThreadSanitizer."""

import ctypes.util
import subprocess

import numpy as np
import pytest
from plugin_files import built, guitar

from triode.capture.plugins.device import PluginDevice
from triode.capture.plugins.process import describe


def test_it_is_described_and_played_as_a_device() -> None:
    if ctypes.util.find_library("lilv-0") is None:
        pytest.skip("liblilv is not on this machine")
    bundle = str(built("Triode.lv2"))
    found = describe(bundle)
    assert (found.name, found.audio_inputs, found.audio_outputs) == ("Triode", 2, 2)
    knobs = {name: knob for name, (knob, _) in found.knobs().items()}
    assert (knobs["bass"].low, knobs["bass"].high, knobs["bass"].default) == (-20, 20, 0)
    assert knobs["quality"].positions == ("economy", "normal", "oversampled_2x", "oversampled_4x")
    dry = guitar(0.3, 48000)
    played = PluginDevice(bundle, {}, 1).play(dry, 48000, {"output": -6.0, "dc_blocker": 0.0})
    np.testing.assert_allclose(played[2000:], 10 ** (-6 / 20) * dry[2000:], atol=1e-6)


def test_threads_do_not_race() -> None:
    done = subprocess.run([built("test_threads")], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
