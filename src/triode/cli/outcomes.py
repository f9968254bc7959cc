"""How well a model plays the takes of a capture, as the commands measure and tell it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from triode.cli.console import print_table, say
from triode.cli.takes import Source
from triode.errors import OptionError

if TYPE_CHECKING:
    from triode.engine import Model
    from triode.measure.evaluation import Evaluation
    from triode.measure.report_analysis import TakeError
    from triode.training.job import Outcome


@dataclass(frozen=True)
class Played:
    """A take as a model plays it; `held_out` ones were not learned from at all."""

    name: str
    settings: Mapping[str, float]
    found: "Evaluation"
    held_out: bool = False

    def error(self) -> "TakeError":
        """The same for a report."""
        from triode.measure.report_analysis import TakeError

        return TakeError(self.name, self.settings, self.found.esr, self.held_out)

    def to_json(self) -> dict[str, Any]:
        """The entry under `takes`."""
        return {"take": self.name, "settings": dict(self.settings), "esr": self.found.esr, "held_out": self.held_out}


def played_outcome(player: "Model", source: Source, outcome: "Outcome", held_out: Sequence[int]) -> list[Played]:
    """Every take's held-out stretch, or all of a take that was held out whole."""
    from triode.measure.evaluation import evaluate

    rate_hz, played = outcome.prepared.rate_hz, []
    for index, (pair, name) in enumerate(zip(outcome.prepared.pairs, source.take_names, strict=True)):
        start, stop = (0, len(pair.dry)) if index in held_out else pair.validate
        settings = setting_of(player, source, index)
        found = evaluate(player, pair.dry, pair.wet, rate_hz, start / rate_hz, stop / rate_hz, settings)
        played.append(Played(name, settings, found, index in held_out))
    return played


def setting_of(player: "Model", source: Source, take: int) -> dict[str, float]:
    """Values of the model's knobs in a take; OptionError where the capture does not have them."""
    if not player.knobs:
        return {}
    values = source.settings[take] if source.settings else {}
    missing = [knob.name for knob in player.knobs if knob.name not in values]
    if missing:
        raise OptionError(
            f"{source.name} does not say where {', '.join(missing)} stood, which the model has; "
            "evaluate on a capture with these knobs, or bake them in with 'triode convert --knob'"
        )
    return {knob.name: values[knob.name] for knob in player.knobs}


def mean(values: Iterable[float]) -> float | None:
    """The mean, None of nothing."""
    known = list(values)
    return float(np.mean(known)) if known else None


def measures(played: Sequence[Played]) -> dict[str, Any]:
    """ESR, MAE and MRSTFT: means over the takes, without those held out if there are others; and all samples."""
    chosen = [p.found for p in played if not p.held_out] or [p.found for p in played]
    return {
        "esr": mean(found.esr for found in chosen),
        "mae": mean(found.mae for found in chosen),
        "mrstft": mean(found.mrstft for found in chosen),
        "samples": sum(len(found.device) for found in chosen),
    }


def takes_json(played: Sequence[Played]) -> dict[str, Any]:
    """What several takes, or one held out whole, add to a summary."""
    if len(played) == 1 and not played[0].settings:
        return {}
    held_out = [p.found.esr for p in played if p.held_out]
    entries: dict[str, Any] = {"takes": [p.to_json() for p in played]}
    return entries | ({"held_out_esr": mean(held_out)} if held_out else {})


def print_takes(played: Sequence[Played]) -> None:
    """One line for each take: its settings and its ESR."""
    rows = {}
    for take in played:
        settings = "  ".join(f"{name} {value:g}" for name, value in take.settings.items())
        rows[take.name] = f"{take.found.esr:.5f}   {settings}{'   held out' if take.held_out else ''}"
    print_table(rows)


def trained_summary(target: Path, outcome: "Outcome", played: Sequence[Played]) -> dict[str, Any]:
    """What `triode train --json` prints of a model."""
    result = outcome.result
    return {
        **measures(played),
        **takes_json(played),
        "audio_seconds_per_second": result.audio_seconds_per_second,
        "seconds": result.seconds,
        "epochs": result.epochs,
        "parameters": outcome.parameters,
        "interrupted": result.interrupted,
        "model": str(target),
    }


def print_outcome(
    summary: Mapping[str, Any], outcome: "Outcome", played: Sequence[Played], replicate_esr: float | None
) -> None:
    """The summary as tables."""
    from triode.measure.metrics import esr_verdict
    from triode.training.job import unfinished

    result, rate_hz = outcome.result, outcome.prepared.rate_hz
    if result.interrupted:
        # Of trainings side by side on a GPU no state is kept.
        hint = "; --resume goes on from here" if unfinished(Path(summary["model"])).exists() else ""
        say(f"interrupted: the best model so far was written{hint}")
    if "takes" in summary:
        print_takes(played)
        stretch = f"mean of {sum(not p.held_out for p in played)} takes"
    else:
        start, stop = (edge / rate_hz for edge in outcome.prepared.pairs[0].validate)
        stretch = f"{start:.0f} to {stop:.0f} s"
    rows: dict[str, object] = {
        "model": summary["model"],
        "held-out ESR": f"{summary['esr']:.5f} ({stretch})",
        "verdict": esr_verdict(summary["esr"], replicate_esr),
    }
    if "held_out_esr" in summary:
        rows["ESR of takes held out"] = f"{summary['held_out_esr']:.5f}"
    rows |= {
        "MAE": f"{summary['mae']:.5f}",
        "multi-resolution STFT": f"{summary['mrstft']:.3f}",
        "parameters": outcome.parameters,
        "trained": f"{result.epochs:.1f} epochs in {result.seconds:.0f} s",
        "speed": f"{result.audio_seconds_per_second:.1f} seconds of audio per second",
    }
    print_table(rows)
