"""The circuits against ngspice, which simulates the same schematics by other means."""

import pytest
from benchmarks.circuit_measures import has_ngspice, spice_esr

pytestmark = pytest.mark.skipif(not has_ngspice(), reason="ngspice is not installed: the circuits stay unverified")

OVERDRIVE = [{}, {"drive": 10, "tone": 8, "level": 7}, {"drive": 1, "tone": 2, "level": 10}]
PREAMP = [
    {},
    {"gain": 10, "bass": 2, "middle": 3, "treble": 8, "master": 8, "sag": 1},
    {"gain": 3, "bass": 8, "middle": 9, "treble": 2, "master": 3, "sag": 0.5},
]
CASES = [("overdrive", settings) for settings in OVERDRIVE] + [("preamp", settings) for settings in PREAMP]


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_agrees_with_ngspice(name: str, settings: dict[str, float]) -> None:
    # Agreement is 1e-8 to 3e-7; most parts 3 % off give 5e-6 to 5e-3.
    assert spice_esr(name, settings) < 2e-6
