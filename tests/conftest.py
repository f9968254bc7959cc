"""Fixtures shared by all tests. Real material lies beside the project where it is available; tests skip without it."""

import os
from pathlib import Path

import pytest

# Before anything imports torch: see triode.training.runtime.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real captures and model files, or a skip that says what is missing."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real captures and models are not on this machine ({SHARED_DATA})")
    return SHARED_DATA
