"""The report in a real browser: it plays, switches in place, asks the network for nothing and complains of nothing.

Skipped by name where Chromium and its driver are not installed.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browsing import PATIENCE_SECONDS, click, press
from triode.measure.report import ReportData, write_report

RATE_HZ = 48_000
SECONDS = 3.0
NAME = '<img src=x onerror=alert(1)>\'s "Plexi" & </script><script>alert(2)</script>'


def sine(hz: float, amplitude: float) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ)).astype(np.float32)


# Steady tones of different levels, so that the meter tells which one is heard.
DRY, DEVICE, MODEL = sine(1000, 0.1), sine(1000, 0.5), sine(1000, 0.25)


@pytest.fixture(scope="module")
def report_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    finding = {"code": "x", "severity": "warning", "measured": NAME, "why": NAME, "what_to_do": NAME}
    rows = [{"seconds": 10.0 * i, "epoch": i, "loss": 0.1, "validation_esr": 0.5**i} for i in range(1, 6)]
    write_report(
        path,
        ReportData(
            NAME, RATE_HZ, DRY, DEVICE, MODEL, start_seconds=60.0, replicate_esr=0.01, notes=NAME, history=rows,
            findings=[finding], process=np.tanh, device_process=np.tanh, training={"seconds": 50.0, "seed": 0},
            model_info={"parameters": 1000, "metadata": {"maker": NAME}},
        ),
    )  # fmt: skip
    return path


@pytest.fixture
def page(browser: Any, report_file: Path) -> Any:
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(report_file.as_uri())
    return browser


def state(page: Any) -> dict[str, str]:
    return page.execute_script("return {...document.getElementById('player').dataset}")


def gains(page: Any) -> dict[str, float]:
    radios = page.execute_script(
        "return [...document.querySelectorAll('input[name=heard]')].map(radio => [radio.value, radio.dataset.gain])"
    )
    return {name: float(gain) for name, gain in radios}


def wait_for(page: Any, condition: Callable[[dict[str, str]], bool]) -> None:
    """Wait until the player's state meets a condition; show the state where it never does."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not condition(state(page)):
        assert time.monotonic() < give_up, state(page)
        time.sleep(0.05)


def wait_for_level(page: Any, amplitude: float) -> None:
    """Wait until the meter, which looks back 43 ms, shows the RMS of a sine of this amplitude within 0.1 dB."""
    level_db = 20 * np.log10(amplitude / np.sqrt(2))
    wait_for(page, lambda now: now["outputDbfs"] != "silent" and abs(float(now["outputDbfs"]) - level_db) < 0.1)


def test_nothing_is_complained_of_and_nothing_asked_from_outside(page: Any) -> None:
    click(page, "#play")
    wait_for(page, lambda now: float(now["position"]) > 0)
    assert page.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert any(url.startswith("file:") for url in asked), "requests are watched"
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_the_verdict_is_shown_and_names_are_text(page: Any) -> None:
    # Half the amplitude: a quarter of the energy is missing.
    assert page.find_element("id", "verdict").text.startswith("A rough likeness:")
    assert "25 %" in page.find_element("class name", "figures").text
    assert page.find_element("tag name", "h1").text == NAME
    assert page.title == f"{NAME}: Triode report"
    assert page.find_elements("tag name", "img") == []


def test_players_hold_the_signals_and_their_difference(page: Any) -> None:
    dry, device, model, difference = page.execute_script("return window.spy.buffers")
    for buffer in (dry, device, model, difference):
        assert buffer["rate"] == RATE_HZ
        assert buffer["length"] / RATE_HZ == SECONDS
    assert float(state(page)["duration"]) == SECONDS
    scale = 0.95 / 0.5
    for buffer, signal in ((device, DEVICE), (model, MODEL), (difference, DEVICE - MODEL)):
        assert np.max(np.abs(buffer["samples"] - scale * signal[:4800])) < 1e-4


def test_the_switch_changes_what_is_heard_without_a_restart(page: Any) -> None:
    assert state(page)["state"] == "paused"
    click(page, "#match")
    click(page, "#play")
    wait_for_level(page, 0.95)
    press(page, "x")
    wait_for_level(page, 0.95 / 2)
    assert state(page)["heard"] == "model"
    assert gains(page) == {"dry": 0, "device": 0, "model": 1, "difference": 0, "boosted": 0}
    press(page, "1")
    wait_for_level(page, 0.95 / 5)
    # The device minus half of it is half of it.
    press(page, "4")
    wait_for_level(page, 0.95 / 2)
    click(page, "label.device")
    wait_for_level(page, 0.95)
    assert page.find_element("css selector", "label.device input").is_selected()
    assert page.execute_script("return window.spy.sources") == 5, "five signals were started once and never again"
    assert state(page)["state"] == "playing"


def test_matched_loudness_takes_the_level_out_of_the_comparison(page: Any) -> None:
    click(page, "#play")
    for key in ("2", "x", "1"):
        press(page, key)
        wait_for_level(page, 0.95)


def test_the_difference_is_raised_as_far_as_it_does_not_clip(page: Any) -> None:
    click(page, "label.boosted")
    click(page, "#play")
    assert "+6 dB" in page.find_element("css selector", "label.boosted").text
    wait_for_level(page, 0.95)


def test_play_pause_seek_and_loop(page: Any) -> None:
    press(page, " ")
    wait_for(page, lambda now: now["state"] == "playing" and float(now["position"]) > 0)
    press(page, " ")
    paused = state(page)
    assert paused["state"] == "paused"
    time.sleep(0.2)
    assert state(page)["position"] == paused["position"]
    assert state(page)["outputDbfs"] == "silent"
    click(page, "#loop")
    page.execute_script(
        "const seek = document.getElementById('seek'); seek.value = 2.6; seek.dispatchEvent(new Event('input'))"
    )
    assert float(state(page)["position"]) == pytest.approx(2.6, abs=0.02)
    assert page.find_element("id", "clock").text == "1:02.6", "the clock counts from the start of the recording"
    press(page, " ")
    wait_for(page, lambda now: float(now["position"]) > 2.6)
    # Without the loop it stops by itself at the end.
    wait_for(page, lambda now: now["state"] == "paused")
    assert float(state(page)["position"]) == 0.0


@pytest.mark.parametrize("error", [0.5, 0.01, 0.0], ids="error {}".format)
def test_nothing_hangs_over_the_edge(browser: Any, tmp_path: Path, error: float) -> None:
    path = tmp_path / "report.html"
    # A long table beside short ones, and a name without a place to break it.
    process = np.tanh if error == 0.5 else None
    model = DEVICE * np.float32(1 - error)
    write_report(path, ReportData("W" * 80, RATE_HZ, DRY, DEVICE, model, replicate_esr=0.01, process=process))
    browser.get(path.as_uri())
    for width in (1280, 800, 375):
        screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        try:
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width
            assert 0 < browser.find_element("id", "play").rect["x"] < width
        finally:
            browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_words_keep_their_contrast_in_light_and_dark(page: Any) -> None:
    ratios = {}
    for scheme in ("light", "dark"):
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
        names = ("paper", "card", "ink", "muted", "device", "model", "difference", "odd", "even")
        colours = page.execute_script(
            "const styles = getComputedStyle(document.documentElement);"
            "return arguments[0].map(name => styles.getPropertyValue('--' + name).trim())",
            names,
        )
        light = {name: luminance(colour) for name, colour in zip(names, colours, strict=True)}
        for name in names[2:]:
            for ground in ("paper", "card"):
                high, low = max(light[name], light[ground]), min(light[name], light[ground])
                ratios[scheme, name, ground] = (high + 0.05) / (low + 0.05)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    # WCAG 2.1 AA for text.
    assert {key: round(value, 2) for key, value in ratios.items() if value < 4.5} == {}


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.1) of `#rgb` or `#rrggbb`."""
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    linear = [(value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4)
              for value in (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))]  # fmt: skip
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))
