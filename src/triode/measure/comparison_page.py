"""A comparison as one self-contained HTML file: error against cost in one picture, a table, and all models to hear."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triode.audio import Samples, resample
from triode.files import write_text
from triode.measure import report_plots as plots
from triode.measure.comparison import COLUMNS, Comparison, Contender, cells, frontier
from triode.measure.metrics import GRADES, format_percent
from triode.measure.page import audio_blocks, page
from triode.measure.report_audio import HIGHEST_RATE_HZ, PEAK, Channel, loudness, pcm, peak
from triode.measure.report_sections import section

__all__ = ["render_comparison", "write_comparison"]

# One signal of 8 s at 48 kHz makes 1 MB of base64.
LONGEST_SECONDS = 8.0
# A family of architectures keeps its colour on every page.
FAMILIES = {
    "triode": "--model",
    "wavenet": "--ink",
    "parametric": "--ink",
    "lstm": "--odd",
    "gru": "--even",
    "block-oriented": "--difference",
    "linear": "--muted",
}
OTHER = "--ink"
# What is better in a column: a field of Contender, 1 where less is, -1 where more is.
BETTER = {
    "ESR": ("esr", 1),
    "MRSTFT": ("mrstft", 1),
    "aliasing": ("aliasing_db", 1),
    "parameters": ("parameters", 1),
    "× real time": ("realtime_factor", -1),
}
# A perfect copy has no place on a logarithmic axis: it is drawn here.
LEAST_ESR = 1e-7
BEST_CLASS = ' class="best"'
Float64 = NDArray[np.float64]


def write_comparison(path: str | Path, data: Comparison) -> None:
    """Write the page to `path`, in one step; raises OptionError or OutputError where it cannot be written."""
    write_text(path, render_comparison(data))


def render_comparison(data: Comparison) -> str:
    """The page as HTML text."""
    sections = [_header(data)]
    data_blocks = ""
    if data.finished:
        sections += [_picture(data), _player(data)]
        data_blocks = _audio(data)
    sections += [_table(data), _facts(data)]
    return page(
        f"{data.name}: Triode comparison",
        "\n".join(sections),
        scripts=("deck.js", "report.js") if data.finished else (),
        styles=("comparison.css",),
        data=data_blocks,
    )


def _header(data: Comparison) -> str:
    return f"""<header>
<p class="eyebrow">Triode comparison</p>
<h1>{escape(data.name)}</h1>
<p class="verdict" id="verdict">{_verdict(data.finished)}</p>
</header>"""


def _verdict(finished: Sequence[Contender]) -> str:
    """What to take away, in one or two sentences."""
    if not finished:
        return "<strong>Nothing to compare:</strong> no model was made; the table says why."
    best = finished[0]
    words = f"<strong>{escape(best.name)}</strong> is closest, with an error of {_percent(best)}"
    if best.share_of_core:
        words += f" for {format_percent(best.share_of_core)} of a processor core"
    cheaper = [c for c in frontier(finished) if c is not best]
    if cheaper and best.realtime_factor:
        rival = cheaper[-1]
        speed = (rival.realtime_factor or 0.0) / best.realtime_factor
        words += f". <strong>{escape(rival.name)}</strong> plays {speed:.1f} times as fast, with {_percent(rival)}"
    return f"{words}."


def _percent(contender: Contender) -> str:
    return format_percent(contender.esr if contender.esr is not None else math.nan)


def _picture(data: Comparison) -> str:
    title = "Error against cost"
    with plots.style():
        svg = plots.to_svg(_scatter(data.finished), "cost", title)
    caption = (
        "Each point is a model: the further down, the closer to the device; the further left, the less it asks of the "
        "computer. Nothing compared here beats the models on the line in both."
    )
    return section(
        "cost", title, f'<figure class="plot" id="plot-cost">{svg}<figcaption>{caption}</figcaption></figure>'
    )


def _scatter(finished: Sequence[Contender]) -> plots.Figure:
    """ESR against the share of one core, both logarithmic, with the grades of the verdict as lines."""
    figure, ax = plots.new_figure(scale=1.5, flat=0.82)
    shown = [c for c in finished if c.esr is not None and c.share_of_core and math.isfinite(c.esr)]
    costs = np.array([c.share_of_core for c in shown], dtype=np.float64)
    errors = np.maximum(np.array([c.esr for c in shown], dtype=np.float64), LEAST_ESR)
    ax.set_xscale("log")
    if shown:
        plots.percent_axis(ax, list(errors))
        ax.set_xlim(costs.min() / 1.6, costs.max() * 2.6)
        best = frontier(shown)
        line = [c.share_of_core for c in best], [max(c.esr or 0.0, LEAST_ESR) for c in best]
        ax.plot(*line, color=plots.MUTED, linewidth=1.2, zorder=1)
    low, high = ax.get_ylim()
    for grade in GRADES[:-1]:
        if low < grade.below < high:
            ax.axhline(grade.below, color=plots.MUTED, linewidth=0.8, linestyle=(0, (2, 3)), zorder=0)
            ax.annotate(
                grade.word, (1, grade.below), (-3, -3), xycoords=("axes fraction", "data"), ha="right", va="top",
                textcoords="offset points", color=plots.MUTED, fontsize=10,
            )  # fmt: skip
    colours = {variable: placeholder for placeholder, variable in plots.COLOURS.items()}
    for contender, error, lift in zip(shown, errors, _lifts(costs, errors, ax), strict=True):
        colour = colours[FAMILIES.get(contender.architecture, OTHER)]
        place = (contender.share_of_core, error)
        ax.plot(*place, marker="o", markersize=10, color=colour, markeredgecolor=plots.CARD, markeredgewidth=1.5)
        ax.annotate(
            contender.name, place, (10, lift), textcoords="offset points", color=colour, va="center", fontsize=12,
            bbox={"facecolor": plots.CARD, "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )  # fmt: skip
    _cost_axis(ax)
    ax.set_ylabel("error on audio kept out of training (ESR)")
    return figure


def _cost_axis(ax: plots.Axes) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    low, high = ax.get_xlim()
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(lambda value, _: format_percent(value))
    ax.set_xlabel("cost: share of one processor core")


def _lifts(costs: Float64, errors: Float64, ax: plots.Axes) -> list[float]:
    """Points by which each name is moved up or down, so that neighbours' names do not cover each other."""
    if not len(costs):
        return []
    height, width = 340.0, 480.0
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    x = width * np.log(costs / left) / np.log(right / left)
    y = height * np.log(errors / low) / np.log(high / low)
    lifts: list[float] = []
    taken: list[tuple[float, float]] = []
    for place in range(len(costs)):
        options = sorted(np.arange(-60.0, 61.0, 15.0), key=abs)
        free = [
            lift
            for lift in options
            if all(abs(x[place] - tx) > 120 or abs(y[place] + lift - ty) >= 14 for tx, ty in taken)
        ]
        lift = float(free[0]) if free else 0.0
        lifts.append(lift)
        taken.append((x[place], y[place] + lift))
    return lifts


def _player(data: Comparison) -> str:
    names = [("dry", "Dry", "dry"), ("device", "Device", "device")]
    names += [(f"model-{index}", c.name, _family_class(c)) for index, c in enumerate(data.finished)]
    radios = "".join(
        f'<label class="{kind}"><input type="radio" name="heard" value="{name}"'
        f"{' checked' if name == 'device' else ''}>"
        f"{f'<kbd>{number}</kbd>' if number <= 9 else ''}<span>{escape(words)}</span></label>"
        for number, (name, words, kind) in enumerate(names, start=1)
    )
    content = f"""<p>The loudest {min(LONGEST_SECONDS, len(data.device) / data.rate_hz):.3g} seconds of the audio that
was compared. Everything plays in step: switch while it runs, as often as you like.</p>
<div id="player">
<div class="wave"><canvas aria-hidden="true"></canvas>
<input id="seek" type="range" min="0" max="1" step="0.01" value="0" aria-label="Position"></div>
<div class="transport">
<button id="play" type="button" aria-label="Play"></button>
<span id="clock">0:00.0</span>
<span id="meter" aria-hidden="true"></span>
<label class="check"><input type="checkbox" id="loop" checked> loop</label>
<label class="check"><input type="checkbox" id="match" checked> match loudness</label>
<label class="check"><input type="checkbox" id="difference"> only what a model gets wrong</label>
</div>
<fieldset class="switch many"><legend>What you hear</legend>{radios}</fieldset>
<p class="keys"><kbd>space</kbd> play, <kbd>X</kbd> device or the last model, <kbd>1</kbd> to <kbd>9</kbd> choose</p>
<noscript><p>The players need JavaScript; everything else on this page works without it.</p></noscript>
</div>"""
    return section("listen", "Listen", content)


def _family_class(contender: Contender) -> str:
    return f"family-{FAMILIES.get(contender.architecture, OTHER).removeprefix('--')}"


def _audio(data: Comparison) -> str:
    """Dry, device and all models on one scale, and how far all differences can be raised alike without clipping."""
    models = {f"model-{index}": contender for index, contender in enumerate(data.finished)}
    rate_hz = min(data.rate_hz, HIGHEST_RATE_HZ)
    length = round(LONGEST_SECONDS * data.rate_hz)
    start = plots.loudest(np.asarray(data.device, np.float64) ** 2, length)

    def cut(signal: Samples) -> Float64:
        return np.asarray(resample(signal[start : start + length], data.rate_hz, rate_hz), np.float64)

    dry, device = cut(data.dry), cut(data.device)
    played = {name: cut(data.outputs[contender.name]) for name, contender in models.items()}
    scale = PEAK / max(peak(signal) for signal in (device, *played.values()))
    wanted = loudness(device, rate_hz)
    boost = min(PEAK / peak(scale * (device - signal)) for signal in played.values())
    own = PEAK / peak(dry)
    channels = {
        "dry": Channel(pcm(dry * own), min(1.0, scale / own), min(1.0, scale / own * wanted / loudness(dry, rate_hz))),
        "device": Channel(pcm(device * scale), 1.0, 1.0),
    }
    for name, signal in played.items():
        matched = min(PEAK / peak(scale * signal), wanted / loudness(signal, rate_hz))
        channels[name] = Channel(pcm(signal * scale), 1.0, matched)
    differences = {f"difference-{name}": name for name in played}
    colours = {name: FAMILIES.get(models[name].architecture, OTHER).removeprefix("--") for name in played}
    facts: dict[str, Any] = {
        "rate_hz": rate_hz,
        "samples": len(device),
        "start_seconds": data.start_seconds + start / data.rate_hz,
        "boost_db": float(np.clip(20 * np.log10(boost), 0.0, 20.0)),
        "differences": differences,
        "boosted": {f"boosted-{name}": difference for difference, name in differences.items()},
        "differs": {name: f"boosted-{name}" for name in played},
        "colours": {"dry": "dry", "device": "device"} | colours | {f"boosted-{name}": "difference" for name in played},
    }
    return audio_blocks(facts, channels)


def _table(data: Comparison) -> str:
    finished = data.finished
    best = {column: _best(finished, attribute, sign) for column, (attribute, sign) in BETTER.items()}
    body = "".join(_row(contender, best) for contender in finished)
    body += "".join(
        f'<tr class="failed"><th scope="row">{escape(c.name)}</th><td colspan="{len(COLUMNS)}">{escape(c.problem)}</td>'
        "</tr>"
        for c in data.contenders
        if c.problem
    )
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in COLUMNS)
    meaning = (
        "<p>ESR: the energy of what a model gets wrong, as a share of the device's. MRSTFT: the distance between the "
        "spectrograms, which ignores phase. Aliasing: energy of tones off key against that of the harmonics, the lower "
        "the better. Speed is that of the engine on one core of the computer that made this page; audio heard counts "
        "every pass.</p>"
    )
    table = f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>"
    return section("numbers", "In numbers", f'<div class="plot wide">{table}</div>{meaning}')


def _best(finished: Sequence[Contender], attribute: str, sign: int) -> float | None:
    values = [getattr(c, attribute) for c in finished if getattr(c, attribute) is not None]
    return min(values, key=lambda value: sign * value) if len(values) > 1 else None


def _row(contender: Contender, best: Mapping[str, float | None]) -> str:
    row = f'<tr><th scope="row" class="{_family_class(contender)}">{escape(contender.name)}</th>'
    for column, words in cells(contender).items():
        attribute = BETTER[column][0] if column in BETTER else ""
        leads = attribute and best[column] is not None and getattr(contender, attribute) == best[column]
        row += f"<td{BEST_CLASS if leads else ''}>{escape(plots.minus(words))}</td>"
    return f"{row}</tr>"


def _facts(data: Comparison) -> str:
    rows = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in data.facts.items())
    return section("facts", "How this was made", f'<div class="tables"><dl>{rows}</dl></div>') if rows else ""
