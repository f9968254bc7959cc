"""The recipe of each architecture: what `triode train` does when only the data are given.

WaveNets take many small steps: on the ts9 capture a batch of 4 crops was at ESR .025 after 0.8 passes over the audio,
where NAM's batch of 16 was at .050 after 2 (Adam, seed 0). SOAP makes each step worth several of Adam's
(docs/training.md). Recurrent networks follow Wright, Damskägg and Välimäki (DAFx 2019): half-second segments, 200
samples to settle, the state carried from update to update, 0.75 ESR with pre-emphasis + 0.25 DC; but by SOAP, and with
32 segments side by side and an update every 500 samples, not 50 and 1,000: thrice as many steps.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from triode.errors import OptionError
from triode.training.config import TrainConfig
from triode.training.losses import LossConfig
from triode.training.networks.sizes import CHAIN_ARCHITECTURES, size_names

DEFAULT_SIZES = {
    "triode": "medium",
    **dict.fromkeys(("wavenet", "lstm", "gru"), "feather"),
    "linear": "lite",
    **dict.fromkeys(CHAIN_ARCHITECTURES, "standard"),
}
LONG_MEMORY_SAMPLES = 16384
# Of each architecture, the default first.
RECIPES: Mapping[str, tuple[str, ...]] = {
    "triode": ("small-steps", "large-steps", "damskagg2019"),
    "wavenet": ("small-steps", "large-steps", "damskagg2019"),
    "parametric": ("small-steps", "large-steps", "damskagg2019"),  # a WaveNet whose weights follow knobs
    "lstm": ("small-batches", "wright2020"),
    "gru": ("small-batches", "wright2020"),
    "linear": ("least-squares", "farina2000"),
    **dict.fromkeys(CHAIN_ARCHITECTURES, ("identify-and-descend", "eichas2017")),
}
# On an H100 five times as much audio a second as in small batches, and after 10 s half the error (docs/training.md).
LARGE_BATCHES = {"batch_size": 16, "segment_samples": 16384}
# Of our own architecture: lower for hardly any error where a recording has been heard often (docs/training.md).
ALIASING = LossConfig(aliasing=0.005)


def default_arch(size: str | None, knobs: bool = False) -> str:
    """Our own, unless `size` is one of a plain WaveNet's.

    With `knobs` and no size it is a plain one: each setting of it can be baked into a `.nam` file.
    """
    own = size in size_names("triode") or (size is None and not knobs)
    return "triode" if own else "wavenet"


def recipe(
    arch: str,
    name: str | None = None,
    *,
    seconds: float | None = None,
    epochs: float | None = None,
    rate_hz: int = 48000,
    memory_samples: int = 0,
    loss_weights: Mapping[str, float] | None = None,
    pre_emphasis: float | None = None,
    a_weighting: bool | None = None,
    in_graphs: bool = False,
    **changes: Any,
) -> TrainConfig:
    """The TrainConfig for `arch` within a budget of wall time or epochs, by the recipe `name` or its first.

    `memory_samples` is the network's memory: before each crop it hears as much, so crops shall not be much shorter.
    `loss_weights`, `pre_emphasis`, `a_weighting` replace those of the recipe's loss (`LossConfig`), `changes` fields
    of the TrainConfig; None leaves them as they are. `in_graphs` is for a device that takes whole steps as graphs, on
    which large ones take hardly longer: large-steps is the default then, but with a budget in epochs, that is in steps,
    and no tones are heard, which graphs do not hold. Raises OptionError for a recipe that `arch` does not have.
    """
    if name is None and in_graphs and epochs is None and "large-steps" in RECIPES[arch]:
        name = "large-steps"
    name = checked_recipe(arch, name)
    fields = _recipe(name, rate_hz, memory_samples)
    if arch == "triode" and name != "damskagg2019" and not in_graphs:
        fields["loss"] = ALIASING
    config = TrainConfig(seconds=seconds, epochs=epochs, **fields)
    loss_changes = {**(loss_weights or {}), "pre_emphasis": pre_emphasis, "a_weighting": a_weighting}
    loss = dataclasses.replace(config.loss, **_given(loss_changes))
    return dataclasses.replace(config, loss=loss, **_given(changes))


def checked_recipe(arch: str, name: str | None) -> str:
    """The recipe's name, the first of the architecture where it has none; OptionError for one that it lacks."""
    known = RECIPES[arch]
    if name is not None and name not in known:
        raise OptionError(f"--recipe {name}: not one of {arch}'s; choose {' or '.join(known)}")
    return name or known[0]


def _recipe(name: str, rate_hz: int, memory_samples: int) -> dict[str, Any]:
    """Fields of a TrainConfig."""
    if name in ("small-batches", "wright2020"):
        wright = {
            "batch_size": 50,
            "segment_samples": rate_hz // 2 // 1000 * 1000,
            "learning_rate": 0.005,
            "loss": LossConfig(mse=0.0, esr=0.75, dc=0.25, pre_emphasis=0.85),
        }
        many_steps = {"batch_size": 32, "update_samples": 500, "learning_rate": 0.015, "optimiser": "soap"}
        return wright if name == "wright2020" else wright | many_steps
    if name in ("least-squares", "farina2000"):
        return {"method": "sweep" if name == "farina2000" else name}
    if name == "eichas2017":
        return {"method": "identify"}
    if name == "identify-and-descend":
        return {"batch_size": 4, "segment_samples": 8192, "learning_rate": 0.008}
    long = memory_samples > LONG_MEMORY_SAMPLES
    small_steps = {"batch_size": 2, "segment_samples": 16384} if long else {"batch_size": 4, "segment_samples": 8192}
    if name == "damskagg2019":
        return small_steps | {"learning_rate": 0.004, "loss": LossConfig(mse=0.0, esr=1.0, pre_emphasis=0.95)}
    # Fewer crops to a step, and shorter steps: with the preamp's knobs .0348 instead of .0387 after 6 passes.
    by_soap = {"learning_rate": 0.01 if long else 0.015, "optimiser": "soap"}
    return (LARGE_BATCHES if name == "large-steps" else small_steps) | by_soap


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
