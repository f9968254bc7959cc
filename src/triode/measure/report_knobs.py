"""The sections of a report that only models with knobs have: how close every take is, and what each knob does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

import numpy as np
from numpy.typing import NDArray

from triode.knobs import Knob
from triode.measure import report_plots as plots
from triode.measure.harmonics import FUNDAMENTAL_HZ, FrequencyResponse, frequency_response
from triode.measure.metrics import format_percent
from triode.measure.report_analysis import ReportData
from triode.measure.report_sections import section
from triode.measure.tones import Process, decibels, fitted_tone, steady_spectrum

Float64 = NDArray[np.float64]

# From one end of the travel to the other; the response is measured at the ends and in the middle.
POSITIONS = 9
TONE_DBFS = -18.0
HARMONICS = 5


@dataclass(frozen=True)
class KnobResponse:
    """What turning one knob does, the others at their defaults.

    `values` (positions,) in the knob's unit, evenly spaced along its travel; `harmonics_dbfs` (positions, harmonics)
    of a steady tone of 220 Hz at -18 dBFS; `responses` at the lower end, the middle and the upper end.
    """

    knob: Knob
    values: Float64
    harmonics_dbfs: Float64
    responses: tuple[FrequencyResponse, ...]


def knob_responses(
    process_at: Callable[[Mapping[str, float]], Process], knobs: Sequence[Knob], rate_hz: float
) -> list[KnobResponse]:
    """Turn each knob over its travel; `process_at` gives the model at the settings of all knobs."""
    defaults = {knob.name: knob.default for knob in knobs}
    tone, found = fitted_tone(FUNDAMENTAL_HZ, TONE_DBFS, rate_hz), []
    for knob in knobs:
        values = np.array([knob.value(travel) for travel in np.linspace(0, 1, POSITIONS)])
        values = np.clip(values, knob.low, knob.high)
        placed = [process_at(defaults | {knob.name: float(value)}) for value in values]
        levels = [decibels(steady_spectrum(process, tone)[tone.harmonic_bins[:HARMONICS]]) for process in placed]
        ends = (placed[0], placed[POSITIONS // 2], placed[-1])
        responses = tuple(frequency_response(process, rate_hz) for process in ends)
        found.append(KnobResponse(knob, values, np.array(levels), responses))
    return found


def takes_section(data: ReportData) -> str:
    """A table of all takes with their settings and ESR; empty for a model without knobs."""
    if not data.takes:
        return ""
    names = list(dict.fromkeys(name for take in data.takes for name in take.settings))
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in names)
    rows = "".join(
        f"<tr><th scope='row'>{escape(take.name)}{' (held out)' if take.held_out else ''}</th>"
        + "".join(f"<td>{take.settings[name]:.4g}</td>" if name in take.settings else "<td></td>" for name in names)
        + f"<td>{escape(format_percent(take.esr))}</td></tr>"
        for take in data.takes
    )
    words = "Takes that were held out taught the model nothing: they tell how it plays settings it does not know."
    if not any(take.held_out for take in data.takes):
        words = "The error on the part of each take that was kept out of training."
    table = (
        f"<table><thead><tr><th scope='col'>take</th>{head}<th scope='col'>ESR</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )
    return section("takes", "Every take", f"<p>{words}</p>{table}")


def knobs_section(data: ReportData) -> str:
    """Pictures of what each knob does; empty where there are none, or no model to ask."""
    if data.process_at is None or not data.knobs:
        return ""
    drawn = []
    for number, found in enumerate(knob_responses(data.process_at, data.knobs, data.rate_hz)):
        title = f"{found.knob.name}, {found.knob.low:g} to {found.knob.high:g} {found.knob.unit}".rstrip()
        with plots.style():
            for kind, words, draw in (
                ("level", f"Overtones of a note of {FUNDAMENTAL_HZ:.0f} Hz at {TONE_DBFS:.0f} dBFS.", harmonics_plot),
                ("tone", "Frequency response of soft signals, from the lower to the upper end.", response_plot),
            ):
                svg = plots.to_svg(partial(draw, found)(), f"knob{number}-{kind}", title)
                drawn.append(
                    f'<figure class="plot"><h3>{escape(title)}</h3>{svg}'
                    f"<figcaption>{escape(plots.minus(words))}</figcaption></figure>"
                )
    intro = "<p>Each knob over its travel, the others at their defaults.</p>"
    return section("knobs", "What the knobs do", f'{intro}<div class="plots">{"".join(drawn)}</div>')


def harmonics_plot(found: KnobResponse) -> plots.Figure:
    """Level of the note and of its overtones against the knob."""
    figure, ax = plots.new_figure()
    for column in range(found.harmonics_dbfs.shape[1]):
        number = column + 1
        colour = plots.INK if number == 1 else plots.EVEN if number % 2 == 0 else plots.ODD
        weight = 2.4 if number == 1 else max(0.7, 2.2 - 0.2 * number)
        ax.plot(found.values, found.harmonics_dbfs[:, column], color=colour, linewidth=weight)
    for colour, words in ((plots.INK, "the note"), (plots.EVEN, "even overtones"), (plots.ODD, "odd overtones")):
        ax.plot([], [], color=colour, label=words)
    if found.knob.taper == "log":
        ax.set_xscale("log")
    top = float(np.nanmax(found.harmonics_dbfs))
    ax.set_ylim(max(top - 100, float(np.nanmin(found.harmonics_dbfs)) - 4), top + 4)
    ax.set_xlabel(f"{found.knob.name} {found.knob.unit}".rstrip())
    ax.set_ylabel("level out, dBFS")
    plots.legend_above(ax)
    return figure


def response_plot(found: KnobResponse) -> plots.Figure:
    """Small-signal responses at three places of the travel."""
    figure, ax = plots.new_figure()
    places = (found.values[0], found.values[POSITIONS // 2], found.values[-1])
    for number, (response, value) in enumerate(zip(found.responses, places, strict=True)):
        ax.plot(
            response.frequencies_hz,
            response.gain_db,
            color=plots.MODEL,
            alpha=0.35 + 0.3 * number,
            label=f"{value:.3g} {found.knob.unit}".rstrip(),
        )
    shown = np.concatenate([response.gain_db for response in found.responses])
    ax.set_ylim(max(float(shown.min()), float(shown.max()) - 80) - 3, float(shown.max()) + 3)
    plots.frequency_axis(ax, found.responses[0].frequencies_hz)
    ax.set_ylabel("gain, dB")
    plots.legend_above(ax)
    return figure
