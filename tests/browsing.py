"""A real browser for tests of pages: Chromium without a window, and what it plays written down."""

from pathlib import Path
from typing import Any

import pytest

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_SECONDS = 20.0

# Notes what the page hands to the audio hardware, before any of its own code runs.
SPY = """
window.spy = {buffers: [], sources: 0};
const copy = AudioBuffer.prototype.copyToChannel;
AudioBuffer.prototype.copyToChannel = function (samples, ...rest) {
  window.spy.buffers.push({rate: this.sampleRate, samples: Array.from(samples.subarray(0, 4800)), length: this.length});
  return copy.call(this, samples, ...rest);
};
const source = AudioContext.prototype.createBufferSource;
AudioContext.prototype.createBufferSource = function () {
  window.spy.sources += 1;
  return source.call(this);
};
"""


def open_browser(profile: Path, downloads: Path) -> Any:
    """A driver with an empty profile; a skip where Chromium, its driver or selenium is not installed."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    for program in (CHROMIUM, DRIVER):
        if not program.exists():
            pytest.skip(f"{program} is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": SPY})
    return driver


def press(page: Any, keys: str) -> None:
    page.find_element("tag name", "body").send_keys(keys)


def click(page: Any, selector: str) -> None:
    page.find_element("css selector", selector).click()
