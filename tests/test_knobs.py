"""One declaration of a knob: ranges, tapers, and what people type."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triode.errors import OptionError
from triode.knobs import Knob, checked_settings, parse_settings, switch

DRIVE = Knob("drive", "%", 0, 10, 5)
TONE = Knob("tone", "Hz", 100, 10_000, 1_000, "log")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "use a word"),
        ({"name": "two words"}, "use a word"),
        ({"name": "a=b"}, "use a word"),
        ({"name": "a", "low": 1.0, "high": 1.0, "default": 1.0}, "is empty"),
        ({"name": "a", "low": 2.0, "high": 1.0}, "is empty"),
        ({"name": "a", "high": math.inf}, "is empty"),
        ({"name": "a", "low": math.nan}, "is empty"),
        ({"name": "a", "default": 1.5}, "outside"),
        ({"name": "a", "default": math.nan}, "outside"),
        ({"name": "a", "taper": "audio"}, "use linear or log"),
        ({"name": "a", "low": 0.0, "taper": "log"}, "above 0"),
    ],
)
def test_impossible_knobs(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Knob(**fields)


def test_travel() -> None:
    """The middle of the travel is the arithmetic mean of a linear range, the geometric mean of a logarithmic one."""
    assert DRIVE.value(0.5) == pytest.approx(5)
    assert TONE.value(0.5) == pytest.approx(1_000)
    for knob in (DRIVE, TONE):
        assert knob.value(0) == pytest.approx(knob.low)
        assert knob.value(1) == pytest.approx(knob.high)


@given(travel=st.floats(0, 1), low=st.floats(0.001, 100), span=st.floats(1.01, 1000))
def test_value_and_travel_are_inverse(travel: float, low: float, span: float) -> None:
    for taper in ("linear", "log"):
        knob = Knob("k", "", low, low * span, low, taper)
        assert knob.travel(knob.value(travel)) == pytest.approx(travel, abs=1e-9)


def test_settings_in_units_and_in_per_cent() -> None:
    assert parse_settings([], [DRIVE, TONE]) == {"drive": 5, "tone": 1_000}
    assert parse_settings(["drive=7"], [DRIVE, TONE]) == {"drive": 7, "tone": 1_000}
    assert parse_settings(["tone=50%", "drive=10%"], [DRIVE, TONE]) == {
        "drive": pytest.approx(1),
        "tone": pytest.approx(1_000),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gain=3", "there is no knob 'gain'; the knobs here: drive, tone"),
        ("drive", "expected a number after '=', like drive=0.7 or drive=70%"),
        ("drive=", "expected a number"),
        ("drive=loud", "expected a number"),
        ("drive=11", r"drive = 11: outside its range 0 to 10 %"),
        ("drive=-1", "outside"),
        ("drive=nan", "outside"),
        ("tone=inf", "outside"),
        ("drive=101%", "per cent of travel run from 0 to 100"),
        ("drive=nan%", "per cent"),
        ("=3", "there is no knob ''"),
    ],
)
def test_wrong_settings(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        parse_settings([text], [DRIVE, TONE])
    assert caught.value.exit_status == 2


def test_a_model_without_knobs() -> None:
    with pytest.raises(OptionError, match="the knobs here: none"):
        parse_settings(["drive=3"], [])


@given(name=st.sampled_from(["drive", "tone", "x", ""]), number=st.text(max_size=12))
def test_any_text_is_a_setting_or_a_refusal(name: str, number: str) -> None:
    try:
        settings = parse_settings([f"{name}={number}"], [DRIVE, TONE])
    except OptionError:
        return
    assert DRIVE.low <= settings["drive"] <= DRIVE.high
    assert TONE.low <= settings["tone"] <= TONE.high


def test_checked_settings() -> None:
    assert checked_settings({"drive": 0.1 + 0.2}, [DRIVE, TONE]) == {"drive": 0.1 + 0.2, "tone": 1_000}
    with pytest.raises(OptionError, match="outside"):
        checked_settings({"tone": 99.9}, [DRIVE, TONE])


MODE = switch("mode", ["clean", "lead", "boost"])
MID = Knob("mid", "dB", -6, 6, 0, steps=(-6, 0, 6))


@pytest.mark.parametrize(
    ("text", "value"), [("mode=lead", 1), ("mode=2", 2), ("mode=60%", 1), ("mid=6", 6), ("mid=90%", 6), ("mid=60%", 0)]
)
def test_steps_and_positions_are_set_by_name_number_or_travel(text: str, value: float) -> None:
    assert parse_settings([text], [MODE, MID])[text.partition("=")[0]] == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mode=loud", "mode has no position 'loud'; it has clean, lead, boost"),
        ("mode=0.5", "it has the positions clean, lead, boost only"),
        ("mode=3", "outside its range 0 to 2"),
        ("mid=1", "mid = 1: it has the positions -6, 0, 6 only"),
    ],
)
def test_values_between_steps_are_refused(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_settings([text], [MODE, MID])


def test_a_model_file_keeps_range_and_travel_of_any_kind() -> None:
    assert MID.in_model_file() == {
        "name": "mid",
        "unit": "dB",
        "low": -6,
        "high": 6,
        "default": 0,
        "taper": "linear",
    }
    assert [MODE.travel(step) for step in MODE.steps] == [0, 0.5, 1]
