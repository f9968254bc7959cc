"""Recipes: what is the default where, and what a budget or a device changes."""

import pytest

from triode.errors import OptionError
from triode.training.recipes import recipe


def test_large_steps_are_chosen_by_name_or_in_graphs_for_a_time() -> None:
    small = recipe("triode", epochs=1).batch_size
    large = recipe("wavenet", "large-steps", epochs=1)
    assert large.batch_size > small
    assert large.optimiser == "soap"
    assert recipe("triode", seconds=1, in_graphs=True).batch_size == large.batch_size
    assert recipe("triode", seconds=1).batch_size == recipe("triode", epochs=1, in_graphs=True).batch_size == small
    with pytest.raises(OptionError, match="not one of lstm's"):
        recipe("lstm", "large-steps", epochs=1)


def test_our_own_architecture_hears_tones_but_in_graphs_and_where_the_loss_is_chosen() -> None:
    assert recipe("triode", epochs=1).loss.aliasing > 0
    assert recipe("triode", "large-steps", epochs=1).loss.aliasing > 0
    assert recipe("triode", epochs=1, in_graphs=True).loss.aliasing == 0
    assert recipe("triode", epochs=1, loss_weights={"mse": 1.0, "aliasing": 0.0}).loss.aliasing == 0
    for arch in ("wavenet", "lstm", "linear"):
        assert recipe(arch, epochs=1).loss.aliasing == 0
    assert recipe("triode", "damskagg2019", epochs=1).loss.aliasing == 0
