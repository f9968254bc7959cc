"""Suggested settings: far from what is recorded, near to where the error is, and never where nothing can be set."""

from itertools import pairwise

import numpy as np
import pytest

from triode.capture.acquisition import suggest_settings
from triode.capture.couplings import Coupling
from triode.capture.design import Space, candidate_settings, choose_settings, design_places
from triode.errors import OptionError
from triode.knobs import Knob, switch

GAIN, TONE = Knob("gain", low=0.0, high=10.0, default=5.0), Knob("tone", low=0.0, high=10.0, default=5.0)
SPACE = Space((GAIN, TONE), by_hand=False)
CORNERS = [{"gain": g, "tone": t} for g in (0.0, 10.0) for t in (0.0, 10.0)]


def test_candidates_are_settings_that_can_be_set_and_are_not_recorded() -> None:
    knobs = (GAIN, switch("mode", ["clean", "lead", "fuzz"]), Knob("master", low=0.0, high=10.0, default=5.0), TONE)
    follows = Coupling("master", "gain", ((0.0, 9.0), (10.0, 3.0)), spread=1.0)
    space = Space(knobs, {"gain": (2.0, 8.0), "tone": (4.0, 4.0)}, (follows,), by_hand=True)
    found = candidate_settings(space, 64, seed=3)
    assert len({tuple(values.values()) for values in found}) == len(found)
    assert {values["mode"] for values in found} == {0.0, 1.0, 2.0}
    assert {values["tone"] for values in found} == {4.0}
    assert {values["gain"] % 0.5 for values in found} == {0.0}
    assert (min(v["gain"] for v in found), max(v["gain"] for v in found)) == (2.0, 8.0), "the faces are there"
    for values in found:
        assert abs(values["master"] - (9.0 - 0.6 * values["gain"])) <= 1.0 + 0.25
    fewer = candidate_settings(space, 64, found[:10], seed=3)
    assert all(values not in found[:10] for values in fewer)
    assert found == candidate_settings(space, 64, seed=3)
    with pytest.raises(OptionError, match="no knob moves"):
        candidate_settings(Space((GAIN,), {"gain": (3.0, 3.0)}), 8)


def test_the_same_error_everywhere_fills_the_space() -> None:
    candidates = candidate_settings(SPACE, 128, CORNERS)
    first, *_ = suggest_settings(SPACE, candidates, np.full(len(candidates), 0.1), 0.01, CORNERS, 1)
    np.testing.assert_allclose(design_places(SPACE, [first.settings])[0], [0.5, 0.5], atol=0.15)
    plan = choose_settings(SPACE, 8, CORNERS)
    found = suggest_settings(SPACE, candidates, np.full(len(candidates), 0.1), 0.01, CORNERS, 8)
    chosen, planned = (design_places(SPACE, settings) for settings in ([one.settings for one in found], plan))

    def least_gap(points: np.ndarray) -> float:
        points = np.concatenate([points, design_places(SPACE, CORNERS)])
        gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
        return float(np.min(gaps[gaps > 0]))

    assert least_gap(chosen) > 0.6 * least_gap(planned)


def test_takes_crowd_where_the_error_is() -> None:
    captured = [*CORNERS, {"gain": 5.0, "tone": 5.0}]
    candidates = candidate_settings(SPACE, 128, captured)
    gain = np.array([values["gain"] for values in candidates])
    found = suggest_settings(SPACE, candidates, np.where(gain > 7.0, 0.9, 0.01), 0.005, captured, 4)
    assert sum(one.settings["gain"] > 7.0 for one in found) >= 3
    even = suggest_settings(SPACE, candidates, np.full(len(candidates), 0.1), 0.005, captured, 4)
    assert sum(one.settings["gain"] > 7.0 for one in even) <= 2


def test_what_is_promised_gets_less_with_each_take_and_never_below_what_is_learned() -> None:
    candidates = candidate_settings(SPACE, 64, CORNERS)
    errors = np.random.default_rng(0).uniform(0.01, 0.5, len(candidates))
    found = suggest_settings(SPACE, candidates, errors, 0.05, CORNERS, 64)
    assert found[0].mean_before == pytest.approx(np.mean(np.maximum(errors, 0.05)))
    assert found[0].expected_esr == max(errors[candidates.index(found[0].settings)], 0.05)
    for one, following in pairwise(found):
        assert one.mean_after == following.mean_before <= one.mean_before
    assert found[7].mean_after < 0.7 * found[0].mean_before
    assert len({tuple(one.settings.values()) for one in found}) == len(candidates)
    assert found[-1].mean_after == pytest.approx(0.05), "every setting is learned"
