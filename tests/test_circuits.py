"""The built-in circuits, heard from outside: levels, knobs, aliasing, sag, and what they do with nonsense."""

import numpy as np
import pytest

from triode.capture.devices import circuits, run_circuit
from triode.errors import OptionError

RATE_HZ = 48000
NAMES = ["overdrive", "preamp"]


@pytest.mark.parametrize("name", NAMES)
def test_silence_in_gives_silence_out(name: str) -> None:
    assert np.abs(run_circuit(name, np.zeros(RATE_HZ, np.float32), RATE_HZ, {})).max() < 1e-9


def test_unknown_circuit_names_the_known() -> None:
    with pytest.raises(OptionError, match="'fuzz'; the built-in ones: overdrive, preamp"):
        run_circuit("fuzz", np.zeros(8, np.float32), RATE_HZ, {})


def test_knob_out_of_range() -> None:
    with pytest.raises(OptionError, match="knob drive = 11: outside its range 0 to 10"):
        run_circuit("overdrive", np.zeros(8, np.float32), RATE_HZ, {"drive": 11.0})


def test_knobs() -> None:
    assert [knob.name for knob in circuits()["overdrive"].knobs] == ["drive", "tone", "level"]
    assert [knob.name for knob in circuits()["preamp"].knobs] == ["gain", "bass", "middle", "treble", "master", "sag"]
