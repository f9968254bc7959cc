"""The sections of a report below its players: advice, pictures, findings, tables."""

from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from typing import Any

import numpy as np

from triode.measure import report_plots as plots
from triode.measure.report_analysis import Analysis, ReportData, Sound, learning_curve
from triode.measure.report_words import (
    MODEL_LABELS,
    TRAINING_LABELS,
    advice,
    label,
    severity,
    sound_rows,
    value_words,
)


def advice_section(data: ReportData, analysis: Analysis) -> str:
    """What to do next, as a numbered list."""
    items = "".join(
        f"<li><strong>{escape(item.headline)}</strong> {escape(item.why)}"
        f"{f' <code>{escape(item.command)}</code>' if item.command else ''}</li>"
        for item in advice(data, analysis)
    )
    return section("next", "What to do next", f'<ol class="advice">{items}</ol>')


def section(name: str, title: str, content: str) -> str:
    """A section with its heading; `content` is HTML."""
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>{content}</section>'


def _plot(name: str, title: str, caption: str, draw: Callable[[], plots.Figure]) -> str:
    with plots.style():
        svg = plots.to_svg(draw(), name, title)
    words = f"<figcaption>{escape(caption)}</figcaption>"
    return f'<figure class="plot" id="plot-{name}"><h3>{escape(title)}</h3>{svg}{words}</figure>'


def _plots_section(name: str, title: str, drawn: list[str]) -> str:
    return section(name, title, f'<div class="plots">{"".join(drawn)}</div>') if drawn else ""


def comparison_section(data: ReportData, analysis: Analysis) -> str:
    """Pictures of device and model on the stretch."""
    drawn = []
    if np.isfinite(analysis.segment_esr).any():
        drawn.append(
            _plot(
                "waveforms",
                "Waveform",
                "Device and model on top of each other. Where you see one line, they agree.",
                lambda: plots.waveforms(data, analysis),
            )
        )
        drawn.append(
            _plot(
                "error",
                "Error over time",
                "Half a second per step, in percent of the device's energy. Pauses are left out.",
                lambda: plots.error_over_time(data, analysis),
            )
        )
    if (bands := analysis.spectrum) is not None:
        drawn.append(
            _plot(
                "spectrum",
                "Spectrum",
                "How much of each pitch range there is. The further the difference lies below, the better the match.",
                lambda: plots.spectrum(bands),
            )
        )
    if len(curve := learning_curve(data)) >= 2:
        drawn.append(
            _plot(
                "learning",
                "Learning curve",
                "Error on audio kept out of training, as it went on. The model of the best point was kept.",
                lambda: plots.learning(curve),
            )
        )
    return _plots_section("compare", "Device and model", drawn)


def sound_section(analysis: Analysis) -> str:
    """Pictures of what the model does to test tones; empty where there is no process to ask."""
    model, device = analysis.model_sound, analysis.device_sound
    if model is None:
        return ""
    levels = plots.minus(", ".join(f"{level:.0f}" for level in model.aliasing.levels_dbfs))
    panels: list[tuple[str, str, str, Callable[[Sound, Sound | None], plots.Figure]]] = [
        ("overtones", "Overtones", "What a steady 220 Hz tone turns into, from soft to hard playing.", plots.overtones),
        (
            "growth",
            "Harmonic fingerprint",
            "Each overtone against the level that goes in: how the sound breaks up as you dig in."
            + (" Lines are the model, dots the device." if device else ""),
            plots.harmonic_growth,
        ),
        (
            "transfer",
            "Transfer curve",
            "Output against input of a slow tone, soft and loud. A bend is distortion; an open loop is memory, "
            "such as that of tone controls.",
            plots.transfer,
        ),
        ("response", "Tone", "Frequency response for a signal too soft to distort.", plots.response),
        (
            "aliasing",
            "Aliasing",
            f"Tones off key that a digital model adds to high notes, at {levels} dBFS (the strongest line is the "
            "loudest). The lower, the better; −60 dB is a thousandth.",
            plots.aliasing,
        ),
    ]
    drawn = [_plot(name, title, caption, partial(draw, model, device)) for name, title, caption, draw in panels]
    return _plots_section("sound", "What the model does to sound", [*drawn, _sound_table(model, device)])


def _sound_table(model: Sound, device: Sound | None) -> str:
    head = "<th scope='col'>model</th>" + ("<th scope='col'>device</th>" if device else "")
    sounds = [model, device] if device else [model]
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th>{''.join(f'<td>{escape(value)}</td>' for value in values)}</tr>"
        for name, values in zip(
            sound_rows(model), zip(*(sound_rows(sound).values() for sound in sounds), strict=True), strict=True
        )
    )
    return (
        '<figure class="plot" id="plot-numbers"><h3>In numbers</h3>'
        f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></figure>"
    )


def findings_section(data: ReportData) -> str:
    """What the check of the recording found."""
    if not data.findings:
        return ""
    items = "".join(
        f'<li class="{severity(row)}"><p><b class="badge">{severity(row)}</b> {_text(row, "measured")}</p>'
        f"<p>{_text(row, 'why')}</p><p><em>{_text(row, 'what_to_do')}</em></p></li>"
        for row in data.findings
    )
    return section("check", "Check of the recording", f'<ul class="findings">{items}</ul>')


def _text(row: Mapping[str, Any], key: str) -> str:
    return escape(str(row.get(key, "")))


def details_section(data: ReportData, analysis: Analysis) -> str:
    """Measured values, training and model as tables."""
    stretch = (
        f"{plots.clock(data.start_seconds)} to {plots.clock(data.start_seconds + len(data.device) / data.rate_hz)}, "
        f"{len(data.device):,} samples at {data.rate_hz:,} Hz"
    )
    measured = {
        "Held-out stretch" if data.unseen else "Stretch": stretch,
        "ESR": value_words("", analysis.esr),
        "ESR, A-weighted": value_words("", analysis.a_weighted_esr),
        "Mean absolute error": f"{value_words('', analysis.mae)} of full scale",
        "Multi-resolution STFT": value_words("", analysis.mrstft),
    }
    tables = [("Measured", measured)]
    for title, table, labels in (
        ("Training", data.training, TRAINING_LABELS),
        ("Model", data.model_info, MODEL_LABELS),
    ):
        rows = {labels.get(key, label(key)): value_words(key, value) for key, value in _ordered(table, labels)}
        if rows:
            tables.append((title, rows))
    columns = "".join(
        f"<div><h3>{title}</h3><dl>"
        + "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in rows.items())
        + "</dl></div>"
        for title, rows in tables
    )
    return section("details", "Details", f'<div class="tables">{columns}</div>')


def _ordered(table: Mapping[str, Any], labels: Mapping[str, str]) -> list[tuple[str, Any]]:
    """The rows with a label first, in the labels' order, then the others; empty values are left out."""
    rank = {key: place for place, key in enumerate(labels)}
    rows = [(key, value) for key, value in table.items() if value not in (None, "", [], {}, ())]
    return sorted(rows, key=lambda row: rank.get(row[0], len(rank)))


def glossary_section() -> str:
    """What the numbers mean, folded."""
    terms = {
        "ESR": "Error-to-signal ratio: the energy of the difference between device and model, as a share of the "
        "device's energy. 100 % is as wrong as silence. It counts phase, which ears mostly ignore, so trust your ears "
        "where the two disagree.",
        "Device against itself": "The ESR between two passes of the same playing through the device. Noise and drift "
        "make it larger than zero; no model can be told from the device below it.",
        "Multi-resolution STFT": "The distance between the spectrograms, at three resolutions; ignores phase.",
        "Aliasing": "The energy between the harmonics of a steady tone against that of the harmonics, mean over tones "
        "of 331 to 4001 Hz at three levels.",
    }
    rows = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in terms.items())
    return f'<details><summary>What the numbers mean</summary><dl class="glossary">{rows}</dl></details>'
