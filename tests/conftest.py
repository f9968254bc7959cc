"""Fixtures shared by all tests. Real material lies beside the project where it is available; tests skip without it."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Before anything imports torch: see triode.training.runtime.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# How long examples take says nothing about what is tested, only how busy the machine is.
settings.register_profile("triode", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("triode")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real captures and model files, or a skip that says what is missing."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real captures and models are not on this machine ({SHARED_DATA})")
    return SHARED_DATA


@dataclass(frozen=True)
class Result:
    """What a command line said on stdout and stderr, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the browser puts what a page hands out."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory, downloads: Path) -> Iterator[Any]:
    """A real browser, one for all tests; skipped by name where there is none."""
    from browsing import open_browser

    driver = open_browser(tmp_path_factory.mktemp("profile"), downloads)
    yield driver
    driver.quit()


@pytest.fixture(autouse=True)
def _denormals_as_everywhere() -> Iterator[None]:
    """A training leaves the processor flushing denormals to zero, which changes the arithmetic of what runs next."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture
def triode(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Result]]:
    """Run a command line in this process."""
    import torch

    from triode.cli import main

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["triode", *map(str, arguments)])
        capsys.readouterr()
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    threads = torch.get_num_threads()
    yield run
    torch.set_num_threads(threads)
