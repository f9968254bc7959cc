"""Several models of one device side by side: how close each is, what it costs to play, what it took to train."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from triode.audio import Audio, Samples
from triode.engine import Model
from triode.measure.aliasing import aliasing_to_signal_ratio
from triode.measure.metrics import format_percent
from triode.render import render

__all__ = ["Comparison", "Contender", "csv_text", "frontier", "markdown_text", "measured"]

BENCH_SECONDS = 1.0


@dataclass(frozen=True)
class Contender:
    """One model in a comparison, or why there is none (`problem`; every number is None then).

    `esr` and `mrstft` on the stretch that is compared, `aliasing_db` the mean aliasing-to-signal ratio,
    `realtime_factor` the speed on one core in the engine. `seconds` of wall time went into the training, which heard
    `audio_seconds` of audio, passes counted; None for a model that came as a file.
    """

    name: str
    architecture: str
    model: str
    esr: float | None = None
    mrstft: float | None = None
    aliasing_db: float | None = None
    parameters: int | None = None
    realtime_factor: float | None = None
    seconds: float | None = None
    audio_seconds: float | None = None
    problem: str = ""

    @property
    def share_of_core(self) -> float | None:
        """The part of one core that playing takes, 0 to 1 and above."""
        return None if self.realtime_factor is None else 1 / self.realtime_factor


@dataclass(frozen=True)
class Comparison:
    """All contenders and the stretch they were compared on.

    `dry` and `device` (n,) are the stretch, which begins at `start_seconds` of the recording; `outputs` (n,) what each
    contender that has a model makes of it, by name. `facts` say how it came about, as a table.
    """

    name: str
    rate_hz: int
    dry: Samples
    device: Samples
    start_seconds: float
    contenders: Sequence[Contender]
    outputs: Mapping[str, Samples]
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> list[Contender]:
        """Those with a model, the closest first."""
        return sorted((c for c in self.contenders if c.esr is not None), key=lambda c: _number(c.esr))


def _family(architecture: Mapping[str, Any]) -> str:
    """Its name; a WaveNet that hears traces is one of our own, with and without knobs."""
    shape = architecture.get("network", architecture)
    return "triode" if shape.get("traces") else str(architecture["name"])


def measured(
    name: str,
    model: str,
    player: Model,
    esr: float,
    mrstft: float,
    settings: Mapping[str, float],
    training: Mapping[str, Any],
) -> Contender:
    """A contender as measured: `esr` and `mrstft` are known, aliasing and speed are found here.

    `settings` are the knobs' values for the test tones; `training` has `wall_seconds`, `epochs` and
    `seconds_of_audio` where it is known.
    """
    rate_hz = round(player.sample_rate)

    def process(samples: Samples) -> Samples:
        return render(player, Audio(samples, rate_hz), settings=settings).samples

    found = aliasing_to_signal_ratio(process, rate_hz)
    epochs, audio = training.get("epochs"), training.get("seconds_of_audio")
    return Contender(
        name=name,
        architecture=_family(player.info["architecture"]),
        model=model,
        esr=esr,
        mrstft=mrstft,
        aliasing_db=found.mean_db,
        parameters=int(player.info["parameters"]),
        realtime_factor=float(player.bench(seconds=BENCH_SECONDS)["realtime_factor"]),
        seconds=training.get("wall_seconds"),
        audio_seconds=epochs * audio if epochs is not None and audio is not None else None,
    )


def frontier(contenders: Sequence[Contender]) -> list[Contender]:
    """Those that no other beats in both error and cost, the cheapest first (the Pareto front)."""
    best: list[Contender] = []
    for contender in sorted(contenders, key=lambda c: (_number(c.share_of_core), _number(c.esr))):
        if not best or _number(contender.esr) < _number(best[-1].esr):
            best.append(contender)
    return best


def csv_text(contenders: Sequence[Contender]) -> str:
    """One row a contender, numbers in full."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [field.name for field in fields(Contender)], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in asdict(c).items()} for c in contenders)
    return out.getvalue()


def markdown_text(contenders: Sequence[Contender]) -> str:
    """The table as people read it."""
    head = ["model", *COLUMNS]
    rows = [[c.name, *cells(c).values()] if not c.problem else [c.name, c.problem] for c in contenders]
    rows = [row + [""] * (len(head) - len(row)) for row in rows]
    lines = [head, ["---", *["---:"] * len(COLUMNS)], *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


COLUMNS = ("ESR", "MRSTFT", "aliasing", "parameters", "× real time", "training", "audio heard")
"""The table's columns after the name."""


def cells(contender: Contender) -> dict[str, str]:
    """The values of COLUMNS, in words."""
    c = contender
    values = (
        _words(c.esr, format_percent),
        _words(c.mrstft, lambda value: f"{value:.2f}"),
        _words(c.aliasing_db, lambda value: f"{value:.0f} dB"),
        _words(c.parameters, lambda value: f"{value:,}"),
        _words(c.realtime_factor, lambda value: f"{value:.0f}"),
        _words(c.seconds, lambda value: f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"),
        _words(c.audio_seconds, lambda value: f"{value:,.0f} s"),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _words(value: Any, word: Any) -> str:
    if value is None:
        return ""
    return str(word(value)) if math.isfinite(value) else "not defined"


def _number(value: float | None) -> float:
    return math.inf if value is None or not math.isfinite(value) else value
