"""The comparison in a real browser: every model is heard in step with the device, and what it gets wrong alone."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browsing import PATIENCE_SECONDS, click, press
from triode.measure.comparison import Comparison, Contender
from triode.measure.comparison_page import write_comparison

RATE_HZ = 48_000
AMPLITUDES = {"half": 0.25, "close": 0.4}


def sine(amplitude: float) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * 1000 * np.arange(2 * RATE_HZ) / RATE_HZ)).astype(np.float32)


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("comparison") / "comparison.html"
    contenders = [
        Contender(name, "lstm", "x", esr=(1 - amplitude / 0.5) ** 2, realtime_factor=100 * amplitude, parameters=9)
        for name, amplitude in AMPLITUDES.items()
    ]
    contenders.append(Contender("W" * 60, "", "x", problem="what a pity " * 20))
    outputs = {name: sine(amplitude) for name, amplitude in AMPLITUDES.items()}
    write_comparison(path, Comparison("Amp", RATE_HZ, sine(0.1), sine(0.5), 0.0, contenders, outputs, {"Seed": "0"}))
    return path


def wait_for_level(page: Any, amplitude: float) -> None:
    level_db, give_up = 20 * np.log10(amplitude / np.sqrt(2)), time.monotonic() + PATIENCE_SECONDS
    while True:
        shown = page.execute_script("return document.getElementById('player').dataset.outputDbfs")
        if shown != "silent" and abs(float(shown) - level_db) < 0.1:
            return
        assert time.monotonic() < give_up, f"{shown} dBFS, expected {level_db:.2f}"
        time.sleep(0.05)


def test_models_and_their_errors_are_heard(browser: Any, page_file: Path) -> None:
    browser.get_log("browser")
    browser.get(page_file.as_uri())
    scale = 0.95 / 0.5
    click(browser, "#match")
    click(browser, "#play")
    wait_for_level(browser, scale * 0.5)
    press(browser, "x")
    assert browser.execute_script("return document.getElementById('player').dataset.heard") == "model-0"
    wait_for_level(browser, scale * 0.4)  # the closest comes first
    press(browser, "4")
    wait_for_level(browser, scale * 0.25)
    # All errors are raised alike, the largest to the same peak as the device.
    click(browser, "#difference")
    wait_for_level(browser, 0.95)
    press(browser, "3")
    wait_for_level(browser, 0.95 * 0.1 / 0.25)
    press(browser, "2")
    wait_for_level(browser, scale * 0.5)
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("width", [1280, 375])
def test_nothing_hangs_over_the_edge(browser: Any, page_file: Path, width: int) -> None:
    browser.get(page_file.as_uri())
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    try:
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
