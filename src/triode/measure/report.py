"""The report: one self-contained HTML file in which a musician can hear and see how good a model is."""

import math
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from triode.files import write_text
from triode.measure.metrics import GRADES, esr_grade, esr_verdict, format_percent
from triode.measure.page import audio_blocks, page
from triode.measure.report_analysis import Analysis, ReportData, analyse
from triode.measure.report_audio import ReportAudio, report_audio
from triode.measure.report_knobs import knobs_section, takes_section
from triode.measure.report_plots import minus
from triode.measure.report_sections import (
    advice_section,
    comparison_section,
    details_section,
    findings_section,
    glossary_section,
    section,
    sound_section,
)
from triode.measure.report_words import audio_seconds, duration

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
        advice_section(data, analysis),
        takes_section(data),
        comparison_section(data, analysis),
        sound_section(analysis),
        knobs_section(data),
        findings_section(data),
        details_section(data, analysis),
        glossary_section(),
    ]
    return page(
        f"{data.name}: Triode report",
        "\n".join(part for part in sections if part),
        scripts=("deck.js", "report.js"),
        data=_audio(audio),
    )


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
        db = minus(f"{10 * math.log10(analysis.esr):.1f} dB; ") if analysis.esr > 0 else ""
        yield _figure("Error (ESR)", format_percent(analysis.esr), f"{db}0 % is a perfect copy")
        yield _figure("Error by ear", format_percent(analysis.a_weighted_esr), "ESR after A-weighting")
    if data.replicate_esr is not None:
        yield _figure("Device against itself", format_percent(data.replicate_esr), "below this, ESR means nothing")
    if analysis.model_sound and math.isfinite(worst := analysis.model_sound.aliasing.worst_db):
        yield _figure("Aliasing", minus(f"{worst:.0f} dB"), "at worst; the lower the better")
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
    options = list(CHANNELS)
    if audio.boost_db >= 1:
        options.append(("boosted", f"Difference +{audio.boost_db:.0f} dB", "the same, made audible"))
    radios = "".join(
        f'<label class="{name}" title="{escape(what)}"><input type="radio" name="heard" value="{name}"'
        f"{' checked' if name == 'device' else ''}><kbd>{number}</kbd><span>{escape(words)}</span></label>"
        for number, (name, words, what) in enumerate(options, start=1)
    )
    which = "that the model never saw in training" if data.unseen else "of this recording"
    content = f"""<p>The loudest {audio.samples / audio.rate_hz:.3g} seconds {which}.
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
<p class="keys"><kbd>space</kbd> play, <kbd>X</kbd> device or model,
<kbd>1</kbd> to <kbd>{len(options)}</kbd> choose</p>
<noscript><p>The players need JavaScript; everything else on this page works without it.</p></noscript>
</div>"""
    return section("listen", "Listen", content)


def _audio(audio: ReportAudio) -> str:
    channels = {"dry": audio.dry, "device": audio.device, "model": audio.model}
    facts: dict[str, Any] = {
        "rate_hz": audio.rate_hz,
        "samples": audio.samples,
        "start_seconds": audio.start_seconds,
        "boost_db": audio.boost_db,
        "differences": {"difference": "model"},
        "boosted": {"boosted": "difference"},
        "differs": {},
        "colours": {name: name for name in (*channels, "difference")} | {"boosted": "difference"},
    }
    return audio_blocks(facts, channels)
