"""The circuits against ngspice, which simulates the same schematics by other means."""

import pytest
from benchmarks.circuit_measures import SPICE_CASES, has_ngspice, spice_esr

pytestmark = pytest.mark.skipif(not has_ngspice(), reason="ngspice is not installed: the circuits stay unverified")


@pytest.mark.parametrize(("name", "settings"), SPICE_CASES)
def test_agrees_with_ngspice(name: str, settings: dict[str, float]) -> None:
    # Agreement is 1e-8 to 3e-7; most parts 3 % off give 5e-6 to 5e-3.
    assert spice_esr(name, settings) < 2e-6
