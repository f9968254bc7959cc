"""A listening test as one self-contained HTML file: MUSHRA with hidden reference and anchors, and ABX."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triode.audio import resample
from triode.files import write_text
from triode.measure import report_plots as plots
from triode.measure.listening import Trial
from triode.measure.page import json_block, page, pcm_block
from triode.measure.report_audio import HIGHEST_RATE_HZ, PEAK, loudness, pcm, peak

__all__ = ["matched", "render_listening", "write_listening"]

ABX_ROUNDS = 12
Float64 = NDArray[np.float64]


def write_listening(path: str | Path, title: str, trials: Sequence[Trial], seconds: float = 8.0) -> None:
    """Write the page to `path`, in one step; raises OptionError or OutputError where it cannot be written."""
    write_text(path, render_listening(title, trials, seconds))


def render_listening(title: str, trials: Sequence[Trial], seconds: float = 8.0) -> str:
    """The page as HTML text, with the loudest `seconds` of every trial."""
    facts: list[dict[str, Any]] = []
    blocks = []
    for number, trial in enumerate(trials):
        rate_hz, signals = matched(trial, seconds)
        conditions = []
        for index, (condition, signal) in enumerate(zip(trial.conditions, signals, strict=True)):
            name = f"{number}-{index}"
            blocks.append(pcm_block(name, pcm(signal)))
            conditions.append({"id": name, "name": condition.name, "role": condition.role})
        facts.append({"name": trial.name, "rate_hz": rate_hz, "conditions": conditions})
    data = {"title": title, "abx_rounds": ABX_ROUNDS, "trials": facts}
    return page(
        f"{title}: Triode listening test",
        _body(title, len(trials)),
        scripts=("deck.js", "listening.js"),
        styles=("listening.css",),
        data="\n".join([json_block("listening-facts", data), *blocks]),
    )


def matched(trial: Trial, seconds: float) -> tuple[int, list[Float64]]:
    """All signals of a trial over its loudest stretch, as loud as the reference (A-weighted), as loud as none clips."""
    rate_hz = min(trial.rate_hz, HIGHEST_RATE_HZ)
    length = round(seconds * trial.rate_hz)
    start = plots.loudest(np.asarray(trial.conditions[0].samples, np.float64) ** 2, length)
    signals = [
        np.asarray(resample(c.samples[start : start + length], trial.rate_hz, rate_hz), np.float64)
        for c in trial.conditions
    ]
    wanted = loudness(signals[0], rate_hz)
    matched = [signal * (wanted / loudness(signal, rate_hz)) for signal in signals]
    scale = PEAK / max(peak(signal) for signal in matched)
    return rate_hz, [scale * signal for signal in matched]


def _body(title: str, trials: int) -> str:
    many = f"{trials} pieces" if trials > 1 else "one piece"
    return f"""<header>
<p class="eyebrow">Triode listening test</p>
<h1>{escape(title)}</h1>
</header>
<noscript><p>This test needs JavaScript.</p></noscript>
<section id="intro"><p>With headphones, in a quiet room, at a level you keep. All sounds of a piece are equally loud,
play in step and in an order that chance has drawn.</p>
<p><label>Your name or initials <input id="listener" type="text" maxlength="40" autocomplete="off"></label></p>
<div class="choices">
<div class="plot"><h3>Rate</h3><p>How close does each sound come to the reference? {many.capitalize()}; among the sounds
are the reference itself and two that are made worse on purpose (MUSHRA, ITU-R BS.1534).</p>
<button id="start-mushra" class="go" type="button">Rate</button></div>
<div class="plot"><h3>Tell apart</h3><p>Can you tell a sound from the reference at all? {ABX_ROUNDS} rounds: is X the
reference (A) or the other (B)?</p>
<p><label>Sound <select id="abx-choice"></select></label></p>
<button id="start-abx" class="go" type="button">Tell apart</button></div>
</div></section>
<section id="test" hidden><h2 id="test-title"></h2><p id="question"></p>
<div id="player">
<div class="wave"><canvas aria-hidden="true"></canvas></div>
<div class="transport"><button id="play" type="button" aria-label="Play"></button><span id="clock">0:00.0</span>
<span id="meter" aria-hidden="true"></span></div>
<div class="stretch"><label>from <input id="loop-from" type="range" min="0" max="1" step="0.01" value="0"></label>
<label>to <input id="loop-to" type="range" min="0" max="1" step="0.01" value="1"></label></div>
</div>
<div id="board"></div>
<p id="hint"></p><button id="next" class="go" type="button">Next</button></section>
<section id="results" hidden><h2>Results</h2><div class="plot wide"><table id="table"></table></div>
<p class="choices"><button id="download" class="go" type="button">Results as CSV</button>
<button id="download-statistics" class="go" type="button">Statistics as CSV</button>
<button id="again" class="go" type="button">Another test</button></p></section>"""
