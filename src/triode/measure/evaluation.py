"""How well a model plays a recording: rendered by the engine, lined up with the device, measured."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.signal import correlate

from triode.audio import Audio, Samples
from triode.engine import Model
from triode.errors import OptionError
from triode.measure.metrics import esr, mae, mrstft
from triode.render import render

__all__ = ["Evaluation", "evaluate"]

MOST_LAG_SAMPLES = 4096


@dataclass(frozen=True)
class Evaluation:
    """A stretch of dry signal, device and model, each (n,), and the distances between the last two.

    `lag_samples` is what the device still lay behind the model: files of other makers remove latency by other rules.
    """

    dry: Samples
    device: Samples
    model: Samples
    rate_hz: int
    lag_samples: int
    esr: float
    mae: float
    mrstft: float


def evaluate(
    model: Model,
    dry: Samples,
    wet: Samples,
    rate_hz: int,
    from_seconds: float = 0.0,
    to_seconds: float | None = None,
    settings: Mapping[str, float] | None = None,
) -> Evaluation:
    """Compare `model` with the device over a stretch of an aligned take, `dry` and `wet` (n,) at `rate_hz`.

    The model hears everything before the stretch, so that it has settled. What lag remains between model and device
    is found by correlation, in whole samples, and taken out. Raises OptionError for a stretch outside the take.
    """
    start = round(from_seconds * rate_hz)
    # A take may be a few samples shorter than its recording once its latency is removed.
    stop = len(dry) if to_seconds is None else round(to_seconds * rate_hz)
    stop = len(dry) if len(dry) < stop <= len(dry) + rate_hz else stop
    if not 0 <= start < stop <= len(dry):
        asked = f"{from_seconds:g} to {len(dry) / rate_hz if to_seconds is None else to_seconds:g} s"
        raise OptionError(f"--from, --to: {asked} is not within the take, which lasts {len(dry) / rate_hz:.2f} s")
    played = render(model, Audio(dry[:stop], rate_hz), settings=settings).samples
    lag = _lag(played[start:stop], wet[start:stop])
    first, last = max(start, start + lag, 0), min(stop, stop + lag, len(wet))
    device, estimate = wet[first:last], played[first - lag : last - lag]
    return Evaluation(
        dry=dry[first - lag : last - lag],
        device=device,
        model=estimate,
        rate_hz=rate_hz,
        lag_samples=lag,
        esr=esr(device, estimate),
        mae=mae(device, estimate),
        mrstft=mrstft(device, estimate),
    )


def _lag(model: Samples, device: Samples) -> int:
    """Samples by which `device` comes after `model`, from the highest point of their correlation.

    That is where the error is least: the square of a difference is two energies less twice their product. A trough as
    deep would raise it.
    """
    most = min(MOST_LAG_SAMPLES, len(model) // 4)
    correlation = correlate(device, model, mode="full", method="fft")
    zero = len(model) - 1
    return int(np.argmax(correlation[zero - most : zero + most + 1])) - most
