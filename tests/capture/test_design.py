"""Settings to record: what a hand can set, corners and centre first, far apart in all knobs and in each."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import qmc

from triode.capture.couplings import Coupling
from triode.capture.design import Space, choose_settings, settable_values
from triode.errors import OptionError
from triode.knobs import Knob, switch

DRIVE, TONE, LEVEL = (Knob(name, low=0, high=10, default=5) for name in ("drive", "tone", "level"))
MODE = switch("mode", ["clean", "lead"])


def travels(knobs: list[Knob], chosen: list[dict[str, float]]) -> np.ndarray:
    return np.array([[knob.travel(values[knob.name]) for knob in knobs] for values in chosen])


@pytest.mark.parametrize(
    ("knob", "values"),
    [
        (DRIVE, [0.5 * step for step in range(21)]),
        (Knob("a"), [0.05 * step for step in range(21)]),
        (Knob("percent", low=0, high=100, default=50), [5.0 * step for step in range(21)]),
        (Knob("amp", low=1, high=12, default=5), [0.5 * step for step in range(2, 25)]),
        (MODE, [0, 1]),
        (Knob("mid", low=0, high=10, default=5, steps=(0, 5, 10)), [0, 5, 10]),
    ],
)
def test_a_hand_sets_half_marks_and_a_switch_its_positions(knob: Knob, values: list[float]) -> None:
    assert settable_values(knob, knob.low, knob.high, True) == pytest.approx(values)


def test_a_log_knob_is_set_at_even_distances_of_travel() -> None:
    hz = Knob("tone", "Hz", 100, 10_000, 1000, "log")
    values = settable_values(hz, 100, 10_000, True)
    assert (values[0], values[10], values[-1], len(values)) == (100, 1000, 10_000, 21)


def test_centre_and_all_corners_come_first_where_there_is_room() -> None:
    chosen = choose_settings(Space((DRIVE, TONE)), 12)
    assert chosen[0] == {"drive": 5, "tone": 5}
    corners = {(values["drive"], values["tone"]) for values in chosen[1:5]}
    assert corners == set(itertools.product((0, 10), repeat=2))


def test_few_corners_are_those_that_differ_most() -> None:
    """Four corners of a cube that pairwise differ in two knobs: the half fraction of a factorial design."""
    corners = travels([DRIVE, TONE, LEVEL], choose_settings(Space((DRIVE, TONE, LEVEL)), 12)[1:5])
    assert set(np.unique(corners)) == {0, 1}
    np.testing.assert_array_equal(pdist(corners, "cityblock"), 2)


@pytest.mark.parametrize(("knobs", "takes"), [(3, 24), (6, 40)])
def test_settings_lie_farther_apart_than_those_of_a_latin_hypercube(knobs: int, takes: int) -> None:
    """In all knobs together, and in every pair of them they leave no larger holes."""
    declared = [Knob(f"k{i}") for i in range(knobs)]
    ours = travels(declared, choose_settings(Space(tuple(declared)), takes))
    probes = qmc.Sobol(2, rng=0).random(1024)

    def largest_hole(points: np.ndarray) -> float:
        pairs = itertools.combinations(range(knobs), 2)
        return max(
            float(np.max(np.min(np.linalg.norm(probes[:, None] - points[None][:, :, [a, b]], axis=2), axis=1)))
            for a, b in pairs
        )

    others = [qmc.LatinHypercube(knobs, rng=seed).random(takes) for seed in range(20)]
    assert pdist(ours).min() > 1.5 * np.median([pdist(other).min() for other in others])
    assert largest_hole(ours) < np.median([largest_hole(other) for other in others])


def test_a_plan_goes_on_around_what_is_recorded() -> None:
    first = choose_settings(Space((DRIVE, TONE)), 8, seed=1)
    more = choose_settings(Space((DRIVE, TONE)), 8, captured=first, seed=2)
    together = travels([DRIVE, TONE], first + more)
    assert len(np.unique(together, axis=0)) == 16
    alone = travels([DRIVE, TONE], first + choose_settings(Space((DRIVE, TONE)), 8, seed=2))
    assert pdist(together).min() > 0.15 > pdist(alone).min()


def test_switches_are_shared_out_evenly() -> None:
    chosen = choose_settings(Space((DRIVE, MODE)), 12)
    assert sum(values["mode"] for values in chosen) == 6
    assert {values["mode"] for values in chosen} == {0, 1}


def test_limits_hold_and_narrow() -> None:
    space = Space((DRIVE, TONE, LEVEL), {"drive": (2, 8), "level": (3, 3)})
    chosen = choose_settings(space, 9)
    assert {values["level"] for values in chosen} == {3}
    assert (min(v["drive"] for v in chosen), max(v["drive"] for v in chosen)) == (2, 8)


def test_a_coupled_knob_follows() -> None:
    master = Knob("master", low=0, high=10, default=5)
    exact = Coupling("master", "drive", ((0, 9), (10, 3)))
    for values in choose_settings(Space((DRIVE, TONE, master), couplings=(exact,)), 12):
        assert abs(values["master"] - (9 - 0.6 * values["drive"])) <= 0.25
    loose = Coupling("master", "drive", ((0, 9), (10, 3)), spread=1)
    away = [v["master"] - (9 - 0.6 * v["drive"]) for v in choose_settings(Space((DRIVE, master), {}, (loose,)), 12)]
    assert max(np.abs(away)) <= 1.25
    assert max(away) - min(away) > 1.5


def test_the_order_keeps_turns_short() -> None:
    chosen = choose_settings(Space((DRIVE, TONE, MODE)), 24, seed=3)

    def turning(order: list[dict[str, float]]) -> float:
        points = travels([DRIVE, TONE, MODE], order)
        return float(np.sum(np.abs(np.diff(points, axis=0))) + np.sum(np.diff(points, axis=0) != 0))

    rng = np.random.default_rng(0)
    rest = chosen[9:]
    shuffled = [turning([rest[i] for i in rng.permutation(len(rest))]) for _ in range(50)]
    assert turning(rest) < min(shuffled)


def test_impossible_plans_are_refused() -> None:
    with pytest.raises(OptionError, match="only 2 settings"):
        choose_settings(Space((MODE,)), 3)
    with pytest.raises(OptionError, match="only 1 settings"):
        choose_settings(Space((MODE,)), 2, captured=[{"mode": 1}])
    with pytest.raises(OptionError, match="no knob moves"):
        choose_settings(Space((DRIVE,), {"drive": (3, 3)}), 2)
    with pytest.raises(OptionError, match=r"drive = 12: outside"):
        Space((DRIVE,), {"drive": (3, 12)})
    with pytest.raises(OptionError, match="expected 1 or more"):
        choose_settings(Space((DRIVE,)), 0)


@given(st.integers(1, 12), st.integers(0, 3), st.integers(1, 4), st.booleans())
@settings(max_examples=25, deadline=None)
def test_any_plan_has_distinct_settings_in_range(takes: int, seed: int, knobs: int, with_switch: bool) -> None:
    declared = [Knob(f"k{i}", low=-3, high=7, default=0) for i in range(knobs)] + [MODE] * with_switch
    chosen = choose_settings(Space(tuple(declared)), takes, seed=seed)
    assert chosen == choose_settings(Space(tuple(declared)), takes, seed=seed)
    assert len({tuple(values.items()) for values in chosen}) == takes
    for values in chosen:
        for knob in declared:
            assert knob.checked(values[knob.name]) == values[knob.name]
