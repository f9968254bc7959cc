"""A comparison in numbers and as a page, without a training."""

import re
from typing import Any

import numpy as np
import pytest

from triode.measure.comparison import Comparison, Contender, csv_text, frontier, markdown_text
from triode.measure.comparison_page import render_comparison

RATE_HZ = 8_000
HOSTILE = '</script><img src=x onerror="alert(1)">|'


def contender(name: str, esr: float, realtime_factor: float, **more: Any) -> Contender:
    return Contender(name, "wavenet", f"{name}.triode", esr=esr, realtime_factor=realtime_factor, **more)


def comparison(*contenders: Contender, name: str = "Amp") -> Comparison:
    rng = np.random.default_rng(0)
    device = (0.2 * rng.standard_normal(RATE_HZ)).astype(np.float32)
    outputs = {c.name: device * np.float32(1 - min(c.esr, 1) ** 0.5) for c in contenders if c.esr is not None}
    return Comparison(name, RATE_HZ, device, device, 0.0, contenders, outputs, {"Command": name})


def test_the_frontier_is_what_nothing_beats_in_both() -> None:
    cheap, good, best = contender("cheap", 0.5, 400), contender("good", 0.1, 100), contender("best", 0.01, 20)
    slower, worse = contender("slower", 0.1, 90), contender("worse", 0.6, 300)
    assert frontier([best, worse, slower, cheap, good]) == [cheap, good, best]


def test_an_error_that_is_not_a_number_leads_nothing() -> None:
    broken, fine = contender("broken", float("inf"), 900), contender("fine", 0.1, 100)
    assert frontier([fine, broken])[-1] is fine
    assert comparison(broken, fine).finished[0] is fine
    assert "not defined" in markdown_text([broken])
    assert "fine</strong> is closest" in render_comparison(comparison(broken, fine))


def test_the_verdict_names_the_closest_and_the_next_cheaper_one() -> None:
    page = render_comparison(comparison(contender("small", 0.04, 300), contender("large", 0.01, 100)))
    verdict = re.sub("<[^>]*>", "", page.split('id="verdict">')[1].split("</p>")[0])
    assert verdict == (
        "large is closest, with an error of 1.0 % for 1.0 % of a processor core. "
        "small plays 3.0 times as fast, with 4.0 %."
    )


def test_only_the_best_of_a_column_is_marked() -> None:
    small = contender("small", 0.04, 300, mrstft=0.5, aliasing_db=-60.0, parameters=10)
    large = contender("large", 0.01, 100, mrstft=0.2, aliasing_db=-50.0, parameters=20)
    table = render_comparison(comparison(small, large)).split("<tbody>")[1].split("</tbody>")[0]
    best = re.findall(r'class="best">([^<]*)<', table)
    assert best == ["1.0 %", "0.20", "\N{MINUS SIGN}60 dB", "10", "300"]


def test_names_are_text_everywhere() -> None:
    failed = Contender(HOSTILE, "lstm", "x", problem=HOSTILE)
    data = comparison(contender("a" + HOSTILE, 0.1, 10), failed, name=HOSTILE)
    page = render_comparison(data)
    assert "<img" not in page
    assert page.count("</script>") == page.count("<script")
    assert all(line.count(" | ") == 7 for line in markdown_text(data.contenders).splitlines()[2:])
    assert csv_text(data.contenders).count('""alert(1)""') == 4


def test_a_page_without_any_model_says_why() -> None:
    page = render_comparison(comparison(Contender("lstm", "lstm", "x", problem="no disk")))
    assert "Nothing to compare" in page
    assert "no disk" in page
    assert "pcm-" not in page


@pytest.mark.parametrize("error", [0.0, 2.5])
def test_a_single_model_can_be_shown_whatever_its_error(error: float) -> None:
    assert "model-0" in render_comparison(comparison(contender("one", error, 10)))
