"""The listening test in a real browser: what is heard, what may not be skipped, and a CSV that says what was done."""

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browsing import PATIENCE_SECONDS, click
from triode.audio import write_audio
from triode.measure.listening import abx_scores, mushra_scores, read_results, read_trials
from triode.measure.listening_page import ABX_ROUNDS, write_listening

RATE_HZ = 48_000
# Steady tones of one frequency: after matching they are equally loud, whatever their level was.
LEVELS = {"reference": 0.5, "lstm": 0.1, 'odd, "name"': 0.3}


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("listen")
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    for name, level in LEVELS.items():
        write_audio(folder / f"{name}.wav", (level * np.sin(2 * np.pi * 1000 * t)).astype(np.float32), RATE_HZ)
    write_listening(folder / "listen.html", "Amp", read_trials(folder))
    return folder / "listen.html"


@pytest.fixture
def page(browser: Any, page_file: Path, downloads: Path) -> Any:
    for path in downloads.iterdir():
        path.unlink()
    browser.get_log("browser")
    browser.get(page_file.as_uri())
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
    return browser


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < give_up, what
        time.sleep(0.05)
    return found


def downloaded(page: Any, downloads: Path, button: str, name: str) -> Path:
    click(page, button)
    path = downloads / name
    wait_until(lambda: path.exists() and path.stat().st_size, f"{name} is downloaded")
    return path


def level_db(page: Any) -> float | None:
    shown = page.execute_script("return document.getElementById('player').dataset.outputDbfs")
    return None if shown == "silent" else float(shown)


def hear_all(page: Any) -> int:
    buttons = page.find_elements("css selector", "[data-hear]")
    for button in buttons:
        button.click()
    return len(buttons)


def test_mushra_from_start_to_csv(page: Any, downloads: Path) -> None:
    page.find_element("id", "listener").send_keys("=J")
    click(page, "#start-mushra")
    # Reference, and hidden among three sounds and two anchors, all as loud: 0.95 at the peak.
    for button in page.find_elements("css selector", "[data-hear]"):
        button.click()
        wait_until(
            lambda: (db := level_db(page)) is not None and abs(db - 20 * np.log10(0.95 / 2**0.5)) < 0.1,
            f"{button.text} at the reference's level",
        )
    sliders = page.find_elements("css selector", ".rating")
    assert len(sliders) == 5
    click(page, "#next")
    assert "every slider" in page.find_element("id", "hint").text
    for index, slider in enumerate(sliders):
        page.execute_script(
            "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))", slider, 10 * index + 7
        )
    click(page, "#next")
    assert page.find_element("id", "results").is_displayed()
    answers = read_results([downloaded(page, downloads, "#download", "results.csv")])
    assert sorted(a.value for a in answers) == [7, 17, 27, 37, 47]
    assert [a.value for a in answers] == [10 * (int(a.position) - 1) + 7 for a in answers], "as they stood on the page"
    assert {a.condition: a.role for a in answers} == {
        "reference": "reference", "lstm": "condition", "odd, \"name\"": "condition",
        "anchor 3.5 kHz": "anchor", "anchor 7 kHz": "anchor",
    }  # fmt: skip
    assert {a.listener for a in answers} == {"'=J"}, "a spreadsheet must not take a name for a formula"
    table = [row.text for row in page.find_elements("css selector", "#table tbody tr")]
    assert [int(row.split()[-3]) if "to" in row else int(row.split()[-2]) for row in table] == [47, 37, 27, 17, 7]
    assert page.get_log("browser") == []


def test_nothing_can_be_rated_unheard(page: Any) -> None:
    click(page, "#start-mushra")
    click(page, "#next")
    assert "Listen to every sound" in page.find_element("id", "hint").text
    assert page.find_element("id", "test").is_displayed()


def test_orders_are_drawn_by_chance(page: Any, page_file: Path) -> None:
    orders = set()
    for _ in range(5):
        page.get(page_file.as_uri())
        click(page, "#start-mushra")
        hear_all(page)
        page.execute_script("for (const s of document.querySelectorAll('.rating')) s.dispatchEvent(new Event('input'))")
        click(page, "#next")
        page.execute_script("window.saved = []; URL.createObjectURL = (blob) => (window.saved.push(blob), 'blob:x')")
        click(page, "#download")
        text = page.execute_async_script("window.saved[0].text().then(arguments[0])")
        orders.add(tuple(line.split(",")[3] for line in text.splitlines()[1:]))
    # Of 120 orders the same one five times: once in 200 million.
    assert len(orders) >= 2


def test_statistics_are_those_of_python(page: Any, downloads: Path) -> None:
    for base in (20, 50, 80):
        if base > 20:
            click(page, "#again")
        click(page, "#start-mushra")
        hear_all(page)
        page.execute_script(
            "document.querySelectorAll('.rating').forEach((s, i) => {"
            "s.value = arguments[0] + i; s.dispatchEvent(new Event('input'))})",
            base,
        )
        click(page, "#next")
    answers = read_results([downloaded(page, downloads, "#download", "results.csv")])
    expected = {score.condition: score for score in mushra_scores(answers)}
    with downloaded(page, downloads, "#download-statistics", "statistics.csv").open(newline="") as file:
        found = {row["condition"]: row for row in csv.DictReader(file)}
    assert found.keys() == expected.keys()
    for condition, score in expected.items():
        values = [float(found[condition][key]) for key in ("answers", "mean", "low", "high", "median")]
        assert values == pytest.approx([3, score.mean, score.low, score.high, score.median], abs=0.02)


def test_abx_counts_right_answers(page: Any, downloads: Path) -> None:
    click(page, "#start-abx")
    for round_number in range(ABX_ROUNDS):
        assert hear_all(page) == 3
        if round_number == 0:
            click(page, "#next")
            assert "Choose A or B" in page.find_element("id", "hint").text
        click(page, "input[name=x][value=A]")
        click(page, "#next")
    answers = read_results([downloaded(page, downloads, "#download", "results.csv")])
    assert len(answers) == ABX_ROUNDS
    assert all(a.value == float(a.answer.startswith("X=A ")) for a in answers)
    assert {a.answer.split()[1] for a in answers} == {"answer=A"}
    (score,) = abx_scores(answers)
    shown = page.find_element("css selector", "#table tbody tr").text.split()
    assert shown[-3:] == [str(score.right), str(ABX_ROUNDS), f"{score.p_value:.3f}"]


@pytest.mark.parametrize("width", [1280, 375])
def test_nothing_hangs_over_the_edge(page: Any, width: int) -> None:
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    try:
        for start in (None, "#start-mushra"):
            if start:
                click(page, start)
            assert page.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
