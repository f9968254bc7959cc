"""The report's pictures as inline SVG that takes its colours from the page, so that they suit light and dark.

matplotlib draws in placeholder colours; `to_svg` replaces them by the page's CSS variables. matplotlib is imported
inside functions only.
"""

import io
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from triode.measure.metrics import format_percent
from triode.measure.report_analysis import Analysis, ReportData, Sound, Spectrum

# Placeholder colour -> CSS variable of report.css.
COLOURS = {
    "#010101": "--ink",
    "#020202": "--muted",
    "#030303": "--grid",
    "#040404": "--device",
    "#050505": "--model",
    "#060606": "--difference",
    "#070707": "--odd",
    "#080808": "--even",
    "#090909": "--card",
}
INK, MUTED, GRID, DEVICE, MODEL, DIFFERENCE, ODD, EVEN, CARD = COLOURS

STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "triode",
    "font.size": 11.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titlesize": 11.5,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.grid.which": "major",
    "axes.axisbelow": True,
    "axes.linewidth": 0.8,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.labelcolor": "linecolor",
    "legend.handlelength": 1.4,
    "legend.borderpad": 0,
    "legend.columnspacing": 1.2,
    "legend.fontsize": 11.5,
}
WIDTH_INCHES, HEIGHT_INCHES = 5.7, 3.6
FREQUENCY_TICKS_HZ = {50: "50", 100: "100", 200: "200", 500: "500", 1000: "1k", 2000: "2k", 5000: "5k", 10_000: "10k"}
WAVEFORM_SECONDS = 0.02

Figure = Any
Axes = Any


def style() -> AbstractContextManager[None]:
    """matplotlib's settings for the report's pictures."""
    import matplotlib

    return matplotlib.rc_context(STYLE)


def new_figure(
    rows: int = 1, columns: int = 1, scale: float = 1.0, flat: float = 1.0, **sharing: Any
) -> tuple[Figure, Any]:
    """A figure of the report's one size (`scale` times as large, `flat` times as high), and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(scale * WIDTH_INCHES, scale * flat * HEIGHT_INCHES), layout="constrained")
    return figure, figure.subplots(rows, columns, **sharing)


def to_svg(figure: Figure, name: str, title: str) -> str:
    """The figure as an `<svg>` element with ids of its own, coloured by CSS variables, scaled by its place."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = "{http://www.w3.org/2000/svg}"
    ElementTree.register_namespace("", svg[1:-1])
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    root = ElementTree.fromstring(buffer.getvalue())
    for metadata in root.findall(f"{svg}metadata"):
        root.remove(metadata)
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.set("role", "img")
    root.set("aria-label", title)
    text = ElementTree.tostring(root, encoding="unicode")
    text = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    return re.sub("|".join(COLOURS), lambda match: f"var({COLOURS[match[0]]})", text)


def waveforms(data: ReportData, analysis: Analysis) -> Figure:
    """20 ms of device and model on top of each other: at a typical moment, and at the worst."""
    figure, axes = new_figure(2)
    moments = ("Typical moment", typical_segment(analysis)), ("Worst moment", worst_segment(analysis))
    for ax, (words, segment) in zip(axes, moments, strict=True):
        first, last = analysis.segment_edges[segment : segment + 2]
        energy = (np.asarray(data.device[first:last], np.float64) - data.model[first:last]) ** 2
        if segment == moments[0][1]:
            energy = np.asarray(data.device[first:last], np.float64) ** 2
        start = first + loudest(energy, round(WAVEFORM_SECONDS * data.rate_hz))
        part = slice(start, start + round(WAVEFORM_SECONDS * data.rate_hz))
        time_ms = np.arange(len(data.device[part])) / data.rate_hz * 1000
        ax.axhline(0, color=MUTED, linewidth=0.6)
        difference = np.asarray(data.device[part], np.float64) - data.model[part]
        ax.fill_between(time_ms, difference, color=DIFFERENCE, alpha=0.35, linewidth=0)
        ax.plot(time_ms, data.device[part], color=DEVICE, linewidth=3, alpha=0.75, label="device")
        ax.plot(time_ms, data.model[part], color=MODEL, linewidth=1.3, label="model")
        ax.plot([], [], color=DIFFERENCE, label="difference")
        ax.set_title(f"{words}, at {clock(data.start_seconds + start / data.rate_hz)}")
        ax.margins(x=0)
        ax.tick_params(labelbottom=ax is axes[-1])
        ax.locator_params(axis="y", nbins=4)
    axes[-1].set_xlabel("milliseconds")
    figure.legend(*axes[0].get_legend_handles_labels(), ncols=3, loc="outside upper left")
    return figure


def error_over_time(data: ReportData, analysis: Analysis) -> Figure:
    """ESR of each half second, with the whole and the device's own repeatability as lines."""
    figure, ax = new_figure()
    seconds = data.start_seconds + analysis.segment_edges / data.rate_hz
    values = np.maximum(analysis.segment_esr, 1e-7)
    ax.stairs(values, seconds, color=DIFFERENCE, baseline=None, linewidth=1.8)
    lines = [(analysis.esr, INK, "whole stretch")]
    if data.replicate_esr:
        lines.append((data.replicate_esr, DEVICE, "device against itself"))
    for value, colour, words in lines:
        if np.isfinite(value) and value > 0:
            ax.axhline(value, color=colour, linewidth=1.2, linestyle=(0, (4, 3)))
            note(ax, f"{words}: {format_percent(value)}", (1, value), colour, xycoords=("axes fraction", "data"))
    percent_axis(ax, [*values, *(value for value, _, _ in lines)])
    ax.set_xlim(seconds[0], seconds[-1])
    ax.xaxis.set_major_formatter(lambda value, _: clock(value))
    ax.set_ylabel("error, share of the device's energy")
    return figure


def spectrum(bands: Spectrum) -> Figure:
    """Mean spectrum of device, model and their difference."""
    figure, ax = new_figure()
    ax.plot(bands.frequencies_hz, bands.device_db, color=DEVICE, linewidth=4, alpha=0.6, label="device")
    ax.plot(bands.frequencies_hz, bands.model_db, color=MODEL, label="model")
    ax.fill_between(bands.frequencies_hz, bands.difference_db, -120, color=DIFFERENCE, alpha=0.15, linewidth=0)
    ax.plot(bands.frequencies_hz, bands.difference_db, color=DIFFERENCE, label="difference")
    frequency_axis(ax, bands.frequencies_hz)
    ax.set_ylim(max(-110, np.floor(np.min(bands.difference_db) / 10) * 10), 5)
    ax.set_ylabel("dB below the loudest band")
    legend_above(ax)
    return figure


def overtones(model: Sound, device: Sound | None) -> Figure:
    """Overtones relative to the fundamental at soft, medium and hard playing, device beside model."""
    levels = model.fingerprint.input_levels_dbfs
    chosen = [int(np.argmin(np.abs(levels - level))) for level in (-40, -20, -5)]
    figure, axes = new_figure(1, 3, sharey=True)
    for ax, row, words in zip(axes, chosen, ("soft", "medium", "hard"), strict=True):
        for sound, colour, shift, label in ((device, DEVICE, -0.18, "device"), (model, MODEL, 0.18, "model")):
            if sound is None:
                continue
            harmonics = sound.fingerprint.harmonic_levels_dbfs[row]
            order = np.arange(2, len(harmonics) + 1) + (shift if device else 0)
            relative = np.maximum(harmonics[1:] - harmonics[0], -90)
            ax.vlines(order, -90, relative, color=colour, linewidth=4 if device is None else 3, label=label)
        ax.set_title(minus(f"{words}, {levels[row]:.0f} dBFS"), loc="center", color=MUTED)
        ax.set_xticks([2, 4, 6, 8, 10])
        ax.grid(visible=False, axis="x")
        ax.set_ylim(-90, max(5.0, ax.get_ylim()[1]))
    axes[0].set_ylabel("dB against the note itself")
    axes[1].set_xlabel("number of the harmonic")
    if device:
        axes[2].legend(loc="upper right", handlelength=0.8)
    return figure


def harmonic_growth(model: Sound, device: Sound | None) -> Figure:
    """Levels of the harmonics against the level that goes in."""
    figure, ax = new_figure()
    levels = model.fingerprint.input_levels_dbfs
    harmonics = model.fingerprint.harmonic_levels_dbfs
    for column in range(harmonics.shape[1]):
        number = column + 1
        colour = INK if number == 1 else (ODD if number % 2 else EVEN)
        weight = 2.4 if number == 1 else max(0.7, 2.2 - 0.2 * number)
        ax.plot(levels, harmonics[:, column], color=colour, linewidth=weight, alpha=1 if number < 4 else 0.65)
        if device:
            measured = device.fingerprint.harmonic_levels_dbfs[:, column]
            ax.plot(levels, measured, linestyle="none", marker="o", markersize=3, color=colour, alpha=0.65)
    for colour, words in ((INK, "the note"), (EVEN, "even overtones"), (ODD, "odd overtones")):
        ax.plot([], [], color=colour, label=words)
    ax.set_ylim(-100, max(5.0, float(np.nanmax(harmonics)) + 4))
    ax.set_xlim(levels[0], levels[-1])
    ax.set_xlabel("level in, dBFS")
    ax.set_ylabel("level out, dBFS")
    legend_above(ax)
    return figure


def transfer(model: Sound, device: Sound | None) -> Figure:
    """Output against input of a slow sine: bent by distortion, opened into a loop by memory."""
    figure, ax = new_figure()
    for sound, colour, width, label in ((device, DEVICE, 4, "device"), (model, MODEL, 1.8, "model")):
        if sound is None:
            continue
        for curve in sound.transfer:
            closed = [np.append(values, values[0]) for values in (curve.input, curve.output)]
            words = label if curve is sound.transfer[-1] else None
            ax.plot(*closed, color=colour, linewidth=width, alpha=0.6 if width == 4 else 1, label=words)
    ax.axhline(0, color=MUTED, linewidth=0.6)
    ax.axvline(0, color=MUTED, linewidth=0.6)
    ax.set_xlabel("in, of full scale")
    ax.set_ylabel("out, of full scale")
    legend_above(ax)
    return figure


def response(model: Sound, device: Sound | None) -> Figure:
    """Frequency response at a level too low for distortion."""
    figure, ax = new_figure()
    for sound, colour, width, label in ((device, DEVICE, 4, "device"), (model, MODEL, 1.8, "model")):
        if sound:
            measured = sound.response
            ax.plot(measured.frequencies_hz, measured.gain_db, color=colour, linewidth=width, label=label)
    shown = np.concatenate([sound.response.gain_db for sound in (device, model) if sound])
    ax.set_ylim(max(float(np.min(shown)), float(np.max(shown)) - 60) - 3, float(np.max(shown)) + 3)
    frequency_axis(ax, model.response.frequencies_hz)
    ax.set_ylabel("gain, dB")
    legend_above(ax)
    return figure


def aliasing(model: Sound, device: Sound | None) -> Figure:
    """Aliasing-to-signal ratio of each tone, one line per level."""
    figure, ax = new_figure()
    for sound, colour, name in ((device, DEVICE, "device"), (model, MODEL, "model")):
        if sound is None:
            continue
        ratios, levels = sound.aliasing.ratio_db, sound.aliasing.levels_dbfs
        for column in range(len(levels)):
            strength = 0.35 + 0.65 * (column + 1) / len(levels)
            values = np.maximum(ratios[:, column], -120)
            words = name if column == len(levels) - 1 else None
            ax.plot(values, color=colour, alpha=strength, marker="o", markersize=5, label=words)
    ax.set_xticks(range(len(model.aliasing.frequencies_hz)), [f"{hz:.0f}" for hz in model.aliasing.frequencies_hz])
    ax.set_ylim(-123, 0)
    ax.set_xlabel("tone, Hz")
    ax.set_ylabel("aliasing, dB against the harmonics")
    legend_above(ax)
    return figure


def learning(curve: NDArray[np.float64]) -> Figure:
    """Validation ESR against training time."""
    figure, ax = new_figure()
    seconds, values = curve.T
    in_minutes = seconds[-1] >= 180
    time = seconds / 60 if in_minutes else seconds
    best = int(np.argmin(values))
    ax.plot(time, values, color=MODEL, marker="o" if len(curve) < 30 else None, markersize=3)
    ax.plot(time[best], values[best], color=MODEL, marker="o", markersize=7)
    note(ax, f"best: {format_percent(values[best])}", (time[best], values[best]), MODEL, left=best < len(curve) / 2)
    percent_axis(ax, values)
    ax.set_xlabel("minutes" if in_minutes else "seconds")
    ax.set_ylabel("error on held-out audio")
    return figure


def typical_segment(analysis: Analysis) -> int:
    """The segment whose ESR is the median of those that sound."""
    order = np.argsort(analysis.segment_esr)
    return int(order[np.count_nonzero(np.isfinite(analysis.segment_esr)) // 2])


def worst_segment(analysis: Analysis) -> int:
    """The segment with the largest ESR."""
    return int(np.nanargmax(analysis.segment_esr))


def loudest(energy: NDArray[np.float64], length: int) -> int:
    """Where the `length` samples with the most energy begin."""
    if len(energy) <= length:
        return 0
    running = np.concatenate([[0.0], np.cumsum(energy)])
    return int(np.argmax(running[length:] - running[:-length]))


def clock(seconds: float) -> str:
    """Seconds as m:ss.s, or m:ss where they are whole."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    return f"{minutes}:{rest // 10:02d}" + (f".{rest % 10}" if rest % 10 else "")


def minus(words: str) -> str:
    """The words with a minus sign instead of each hyphen, as the axes have it."""
    return words.replace("-", "\N{MINUS SIGN}")


def frequency_axis(ax: Axes, frequencies_hz: NDArray[np.float64]) -> None:
    """A logarithmic frequency axis with the ticks of a mixing desk."""
    ax.set_xscale("log")
    ticks = {hz: word for hz, word in FREQUENCY_TICKS_HZ.items() if frequencies_hz[0] <= hz <= frequencies_hz[-1]}
    ax.set_xticks(list(ticks), list(ticks.values()))
    ax.set_xlim(frequencies_hz[0], frequencies_hz[-1])
    ax.set_xlabel("Hz")


def percent_axis(ax: Axes, values: Sequence[float] | NDArray[np.float64]) -> None:
    """A logarithmic axis of percentages that holds `values`, with ticks at 1, 2, 5 where few decades show."""
    from matplotlib.ticker import LogLocator, NullLocator

    shown = np.clip([value for value in values if np.isfinite(value)], 1e-7, 1e3)
    low, high = float(np.min(shown)) / 1.4, float(np.max(shown)) * 1.6
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 50 * low else (1,)))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(lambda value, _: format_percent(value))
    ax.set_ylim(low, high)


def note(ax: Axes, words: str, place: tuple[float, float], colour: str, left: bool = False, **options: Any) -> None:
    """Words just above a place, readable on top of lines."""
    box = {"facecolor": CARD, "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
    side = "left" if left else "right"
    ax.annotate(words, place, (0, 7), textcoords="offset points", color=colour, ha=side, bbox=box, **options)


def legend_above(ax: Axes) -> None:
    """The legend above the plot, at the left, in as few rows as fit."""
    handles: Sequence[Any] = ax.get_legend_handles_labels()[0]
    if handles:
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.3)
