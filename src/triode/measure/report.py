"""The report: one self-contained HTML file in which a musician can hear and see how good a model is."""

import base64
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

import triode
from triode.files import write_text
from triode.measure import report_plots as plots
from triode.measure.metrics import GRADES, esr_grade, esr_verdict, format_percent
from triode.measure.report_analysis import Analysis, ReportData, Sound, analyse, learning_curve
from triode.measure.report_audio import ReportAudio, report_audio
from triode.measure.report_words import (
    MODEL_LABELS,
    TRAINING_LABELS,
    advice,
    audio_seconds,
    duration,
    label,
    severity,
    sound_rows,
    value_words,
)

__all__ = ["ReportData", "write_report"]

# The error scale runs from as wrong as silence down to what no ear could find.
SCALE_HIGHEST, SCALE_LOWEST = 1.0, 1e-4
# From here on the verdict is written in the colour of errors.
POOR_ESR = 0.1
CHANNELS = (
    ("dry", "Dry", "the guitar as it went in"),
    ("device", "Device", "the recording of the device"),
    ("model", "Model", "what the model makes of the same guitar"),
    ("difference", "Difference", "what is left when the model is subtracted from the device"),
)


def write_report(path: str | Path, data: ReportData) -> None:
    """Write the report to `path`, in one step. It may take some seconds: the model plays about 30 s of test tones.

    Raises OptionError for signals that do not fit together or a folder that cannot be written to, OutputError where
    the disk is full.
    """
    write_text(path, render_report(data))


def render_report(data: ReportData) -> str:
    """The report as HTML text."""
    analysis = analyse(data)
    audio = report_audio(data)
    sections = [
        _header(data, analysis),
        _player(data, audio),
        _advice(data, analysis),
        _comparison_plots(data, analysis),
        _sound_plots(analysis),
        _findings(data),
        _training(data, analysis),
        _glossary(),
    ]
    script = _asset("report.js")
    return Template(_asset("report.html")).substitute(
        title=escape(f"{data.name}: Triode report"),
        version=escape(triode.__version__),
        css=_asset("report.css"),
        script=script,
        script_hash=_source_hash(script),
        body="\n".join(section for section in sections if section),
        audio=_audio_blocks(audio),
    )


def _asset(name: str) -> str:
    return files("triode.measure").joinpath(name).read_text(encoding="utf-8")


def _source_hash(script: str) -> str:
    """What the page's content security policy knows its one script by; no other runs."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _header(data: ReportData, analysis: Analysis) -> str:
    verdict = esr_verdict(analysis.esr, data.replicate_esr)
    word, _, rest = verdict.partition(": ")
    mood = "verdict" if analysis.esr < POOR_ESR else "verdict poor"
    notes = f'<p class="notes">{escape(data.notes)}</p>' if data.notes else ""
    return f"""<header>
<p class="eyebrow">Triode report</p>
<h1>{escape(data.name)}</h1>
<p class="{mood}" id="verdict"><strong>{escape(word)}</strong>{": " if rest else ""}{escape(rest)}</p>
{_scale(analysis.esr, data.replicate_esr)}
<dl class="figures">{"".join(_figures(data, analysis))}</dl>
{notes}
</header>"""


def _place(esr: float) -> float:
    """Where an ESR lies on the error scale, 0 (as wrong as silence) to 100 per cent."""
    span = math.log(SCALE_HIGHEST / SCALE_LOWEST)
    return 100 * min(1.0, max(0.0, math.log(SCALE_HIGHEST / max(esr, SCALE_LOWEST)) / span))


def _scale(esr: float, replicate_esr: float | None) -> str:
    """The grades as a bar, with marks where the model and the device's own repeatability lie."""
    if not math.isfinite(esr):
        return ""
    reached = esr_grade(esr)
    edges = [SCALE_HIGHEST, *(grade.below for grade in reversed(GRADES[:-1])), SCALE_LOWEST]
    steps = []
    for grade, high, low in zip(reversed(GRADES), edges, edges[1:], strict=False):
        here = ' class="here"' if grade is reached else ""
        steps.append(f'<li{here} style="flex-grow:{_place(low) - _place(high):.2f}">{escape(grade.word)}</li>')
    marks = f'<span class="mark" style="left:{_place(esr):.2f}%"></span>'
    words = f"Error scale: {reached.word}, {format_percent(esr)}"
    if replicate_esr:
        marks += f'<span class="mark floor" style="left:{_place(replicate_esr):.2f}%"></span>'
        words += f"; the device differs from itself by {format_percent(replicate_esr)}"
    key = '<p class="key"><span class="mark"></span> this model'
    key += ' <span class="mark floor"></span> the device against itself</p>' if replicate_esr else "</p>"
    return (
        f'<div class="scale" role="img" aria-label="{escape(words)}"><ol>{"".join(steps)}</ol>{marks}</div>'
        f"{key if replicate_esr else ''}"
    )


def _figures(data: ReportData, analysis: Analysis) -> Iterable[str]:
    if math.isfinite(analysis.esr):
        db = plots.minus(f"{10 * math.log10(analysis.esr):.1f} dB; ") if analysis.esr > 0 else ""
        yield _figure("Error (ESR)", format_percent(analysis.esr), f"{db}0 % is a perfect copy")
        yield _figure("Error by ear", format_percent(analysis.a_weighted_esr), "ESR after A-weighting")
    if data.replicate_esr is not None:
        yield _figure("Device against itself", format_percent(data.replicate_esr), "below this, ESR means nothing")
    if analysis.model_sound and math.isfinite(worst := analysis.model_sound.aliasing.worst_db):
        yield _figure("Aliasing", plots.minus(f"{worst:.0f} dB"), "at worst; the lower the better")
    if isinstance(speed := data.model_info.get("realtime_factor"), int | float):
        yield _figure("Speed", f"{speed:.0f}×", "real time, on one processor core")
    if isinstance(count := data.model_info.get("parameters"), int | float):
        yield _figure("Size", f"{count:,.0f}", "parameters")
    seconds = data.training.get("seconds", data.training.get("wall_seconds"))
    if isinstance(seconds, int | float):
        learnt = audio_seconds(data)
        yield _figure("Training", duration(seconds), f"on {duration(learnt)} of audio" if learnt else "")


def _figure(name: str, value: str, remark: str) -> str:
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(remark)}</small></dd></div>"


def _player(data: ReportData, audio: ReportAudio) -> str:
    options = [*CHANNELS, ("boosted", f"Difference +{audio.boost_db:.0f} dB", "the same, made audible")]
    radios = "".join(
        f'<label class="{name}" title="{escape(what)}"><input type="radio" name="heard" value="{name}"'
        f"{' checked' if name == 'device' else ''}><kbd>{number}</kbd><span>{escape(words)}</span></label>"
        for number, (name, words, what) in enumerate(options, start=1)
    )
    unseen = " that the model never saw in training" if data.training or data.history else " of this recording"
    content = f"""<p>The loudest {audio.samples / audio.rate_hz:.3g} seconds{unseen}.
Everything plays in step: switch while it runs, as often as you like.</p>
<div id="player">
<div class="wave"><canvas aria-hidden="true"></canvas>
<input id="seek" type="range" min="0" max="1" step="0.01" value="0" aria-label="Position"></div>
<div class="transport">
<button id="play" type="button" aria-label="Play"></button>
<span id="clock">0:00.0</span>
<span id="meter" aria-hidden="true"></span>
<label class="check"><input type="checkbox" id="loop" checked> loop</label>
<label class="check"><input type="checkbox" id="match" checked> match loudness</label>
</div>
<fieldset class="switch"><legend>What you hear</legend>{radios}</fieldset>
<p class="keys"><kbd>space</kbd> play, <kbd>X</kbd> device or model, <kbd>1</kbd> to <kbd>5</kbd> choose</p>
<noscript><p>The players need JavaScript; everything else on this page works without it.</p></noscript>
</div>"""
    return _section("listen", "Listen", content)


def _audio_blocks(audio: ReportAudio) -> str:
    channels = {"dry": audio.dry, "device": audio.device, "model": audio.model}
    facts: dict[str, Any] = {
        "rate_hz": audio.rate_hz,
        "samples": audio.samples,
        "start_seconds": audio.start_seconds,
        "boost_db": audio.boost_db,
    }
    for name, channel in channels.items():
        facts[name] = {"gain": channel.gain, "matched_gain": channel.matched_gain}
    blocks = [f'<script type="application/json" id="audio-facts">{json.dumps(facts)}</script>']
    for name, channel in channels.items():
        blocks.append(f'<script type="text/plain" id="pcm-{name}">{channel.pcm}</script>')
    return "\n".join(blocks)


def _advice(data: ReportData, analysis: Analysis) -> str:
    items = "".join(
        f"<li><strong>{escape(item.headline)}</strong> {escape(item.why)}"
        f"{f' <code>{escape(item.command)}</code>' if item.command else ''}</li>"
        for item in advice(data, analysis)
    )
    return _section("next", "What to do next", f'<ol class="advice">{items}</ol>')


def _section(name: str, title: str, content: str) -> str:
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>{content}</section>'


def _plot(name: str, title: str, caption: str, draw: Callable[[], plots.Figure]) -> str:
    with plots.style():
        svg = plots.to_svg(draw(), name, title)
    words = f"<figcaption>{escape(caption)}</figcaption>"
    return f'<figure class="plot" id="plot-{name}"><h3>{escape(title)}</h3>{svg}{words}</figure>'


def _plots_section(name: str, title: str, drawn: list[str]) -> str:
    return _section(name, title, f'<div class="plots">{"".join(drawn)}</div>') if drawn else ""


def _comparison_plots(data: ReportData, analysis: Analysis) -> str:
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


def _sound_plots(analysis: Analysis) -> str:
    model, device = analysis.model_sound, analysis.device_sound
    if model is None:
        return ""
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
            "Tones off key that a digital model adds to high notes. The lower, the better; −60 dB is a thousandth.",
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


def _findings(data: ReportData) -> str:
    if not data.findings:
        return ""
    items = "".join(
        f'<li class="{severity(row)}"><p><b class="badge">{severity(row)}</b> {_text(row, "measured")}</p>'
        f"<p>{_text(row, 'why')}</p><p><em>{_text(row, 'what_to_do')}</em></p></li>"
        for row in data.findings
    )
    return _section("check", "Check of the recording", f'<ul class="findings">{items}</ul>')


def _text(row: Mapping[str, Any], key: str) -> str:
    return escape(str(row.get(key, "")))


def _training(data: ReportData, analysis: Analysis) -> str:
    held_out = (
        f"{plots.clock(data.start_seconds)} to {plots.clock(data.start_seconds + len(data.device) / data.rate_hz)}, "
        f"{len(data.device):,} samples at {data.rate_hz:,} Hz"
    )
    measured = {
        "Held-out stretch": held_out,
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
    return _section("details", "Details", f'<div class="tables">{columns}</div>')


def _ordered(table: Mapping[str, Any], labels: Mapping[str, str]) -> list[tuple[str, Any]]:
    """The rows with a label first, in the labels' order, then the others; empty values are left out."""
    rank = {key: place for place, key in enumerate(labels)}
    rows = [(key, value) for key, value in table.items() if value not in (None, "", [], {}, ())]
    return sorted(rows, key=lambda row: rank.get(row[0], len(rank)))


def _glossary() -> str:
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
