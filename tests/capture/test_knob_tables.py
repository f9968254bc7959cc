"""Switches, stepped knobs and couplings in capture.toml: short for people, complete for programs."""

import tomllib
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from triode.capture.couplings import Coupling
from triode.capture.folder import Capture, read_capture, write_capture
from triode.errors import CaptureError
from triode.knobs import Knob, switch

HEAD = {"name": "amp", "rate_hz": 48000}
DRIVE = Knob("drive", low=0, high=10, default=5)
MASTER = Knob("master", low=0, high=10, default=5)
DOWN = Coupling("master", "drive", ((2.0, 9.0), (10.0, 3.0)), spread=0.5)


def reading(folder: Path, **document: object) -> Capture:
    (folder / "capture.toml").write_text(tomli_w.dumps({**HEAD, **document}))
    return read_capture(folder)


def test_a_switch_is_declared_by_its_positions(tmp_path: Path) -> None:
    (mode,) = reading(tmp_path, knobs=[{"name": "mode", "positions": ["clean", "lead", "boost"]}]).knobs
    assert (mode.low, mode.high, mode.default, mode.steps) == (0, 2, 0, (0, 1, 2))
    assert [mode.travel(step) for step in mode.steps] == [0, 0.5, 1]
    (mode,) = reading(tmp_path, knobs=[{"name": "mode", "positions": ["off", "on"], "default": "on"}]).knobs
    assert mode.default == 1
    values = {"name": "cap", "positions": ["dark", "bright"], "steps": [22, 47], "low": 22, "high": 47}
    (cap,) = reading(tmp_path, knobs=[{**values, "default": "bright"}]).knobs
    assert (cap.default, cap.shown(22)) == (47, "dark")


def test_steps_are_a_list_or_a_number(tmp_path: Path) -> None:
    table = {"name": "mid", "low": 0, "high": 10, "default": 5}
    (mid,) = reading(tmp_path, knobs=[{**table, "steps": 5}]).knobs
    assert mid.steps == (0, 2.5, 5, 7.5, 10)
    (mid,) = reading(tmp_path, knobs=[{**table, "steps": [0, 5, 10]}]).knobs
    assert mid.steps == (0, 5, 10)
    (hz,) = reading(
        tmp_path, knobs=[{"name": "hz", "low": 100, "high": 10000, "default": 1000, "steps": 3, "taper": "log"}]
    ).knobs
    assert hz.steps == (100, 1000, 10000)


def test_written_and_read_again_short(tmp_path: Path) -> None:
    knobs = (DRIVE, MASTER, switch("mode", ["clean", "lead"], "lead"), Knob("mid", "", 0, 10, 5, steps=(0, 5, 10)))
    capture = Capture(tmp_path, "amp", 48000, knobs=knobs, couplings=(DOWN,))
    write_capture(capture)
    assert read_capture(tmp_path) == capture
    tables = tomllib.loads((tmp_path / "capture.toml").read_text())["knobs"]
    assert tables[2] == {"name": "mode", "positions": ["clean", "lead"], "default": "lead"}
    assert "steps" not in tables[0]


def test_a_take_names_the_position(tmp_path: Path) -> None:
    for name in ("d.wav", "w.wav"):
        (tmp_path / name).touch()
    document = {
        "knobs": [{"name": "mode", "positions": ["clean", "lead"]}],
        "takes": [{"name": "a", "dry": "d.wav", "wet": "w.wav", "settings": {"mode": "lead"}}],
    }
    capture = reading(tmp_path, **document)
    assert capture.takes[0].settings == {"mode": 1}
    write_capture(capture)
    assert tomllib.loads((tmp_path / "capture.toml").read_text())["takes"][0]["settings"] == {"mode": "lead"}
    document["takes"][0]["settings"] = {"mode": "loud"}
    with pytest.raises(CaptureError, match=r"take 'a'.*mode has no position 'loud'.*clean, lead"):
        reading(tmp_path, **document)


@pytest.mark.parametrize(
    ("knob", "words"),
    [
        ({"positions": ["one"]}, "two positions"),
        ({"positions": ["a", "a"]}, "different word"),
        ({"positions": ["a", "b"], "default": "c"}, "default 'c'"),
        ({"positions": ["a", "b"], "steps": [0, 0.5, 1]}, "2 positions for 3 steps"),
        ({"steps": [0, 1, 0.5]}, "must rise"),
        ({"steps": [0, 0.5]}, "low 0 to its high 1"),
        ({"steps": [0, 1]}, "default 0.5 is none of 0, 1"),
        ({"steps": 1}, "1 steps"),
        ({"steps": 10**9}, "1000000000 steps"),
        ({"steps": "many"}, "steps"),
    ],
)
def test_wrong_steps_are_named(tmp_path: Path, knob: dict[str, object], words: str) -> None:
    with pytest.raises(CaptureError, match=words) as caught:
        reading(tmp_path, knobs=[{"name": "mode", **knob}])
    assert str(tmp_path / "capture.toml") in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"knob": "volume"}, "no knob 'volume'"),
        ({"follows": "gain"}, "no knob 'gain'"),
        ({"follows": "master"}, "coupled itself"),
        ({"points": [[2, 9]]}, "two or more"),
        ({"points": [[2, 9], [2, 3]]}, "by rising drive"),
        ({"points": [[2, 9], [11, 3]]}, "drive = 11: outside"),
        ({"points": [[2, 90], [10, 3]]}, "master = 90: outside"),
        ({"spread": -1}, "spread"),
        ({"width": 3}, "width"),
    ],
)
def test_wrong_couplings_are_named(tmp_path: Path, change: dict[str, object], words: str) -> None:
    knobs = [{"name": name, "low": 0, "high": 10, "default": 5} for name in ("drive", "master")]
    coupling = {"knob": "master", "follows": "drive", "points": [[2, 9], [10, 3]], "spread": 0.5, **change}
    with pytest.raises(CaptureError, match=words):
        reading(tmp_path, knobs=knobs, couplings=[coupling])


def test_a_coupled_knob_goes_down_as_the_other_goes_up() -> None:
    assert DOWN.limits(6.0, MASTER) == (5.5, 6.5)
    assert DOWN.limits(0.0, MASTER) == (8.5, 9.5)
    assert DOWN.limits(10.0, MASTER) == (2.5, 3.5)
    assert Coupling("master", "drive", ((0.0, 10.0), (10.0, 0.0)), 2.0).limits(0.0, MASTER) == (8.0, 10.0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["a", "b", "", "mode"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "name", "mode"]), inner),
    max_leaves=5,
)
TABLE = st.dictionaries(st.sampled_from(["name", "positions", "steps", "default", "low", "high", "taper"]), JSON)


@given(st.lists(TABLE | JSON, max_size=3), st.lists(st.dictionaries(st.sampled_from(["name", "settings"]), JSON)))
@settings(max_examples=300, deadline=None)
def test_any_table_is_a_capture_or_a_refusal(tmp_path_factory, knobs: list, takes: list) -> None:
    from triode.capture.folder import _parse

    path = tmp_path_factory.getbasetemp() / "capture.toml"
    try:
        capture = _parse(path, {**HEAD, "knobs": knobs, "takes": takes})
    except CaptureError:
        return
    assert all(knob.low < knob.high for knob in capture.knobs)
