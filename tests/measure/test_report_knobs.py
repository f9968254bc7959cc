"""What a report tells of knobs: their effect as it is known of a device made here, and every take by name."""

from collections.abc import Mapping

import numpy as np
import pytest
from test_report import HOSTILE, RATE_HZ, Page, drive, report_data

from triode.audio import Samples
from triode.knobs import Knob
from triode.measure.report import render_report
from triode.measure.report_analysis import TakeError
from triode.measure.report_knobs import knob_responses
from triode.measure.tones import Process

DRIVE, LEVEL = Knob("drive", "", 0.5, 50.0, 5.0, "log"), Knob("level", "dB", -20.0, 0.0, -10.0)


def device_at(settings: Mapping[str, float]) -> Process:
    """A soft clipper behind a gain, and a level in dB."""

    def process(samples: Samples) -> Samples:
        return (10 ** (settings["level"] / 20) * np.tanh(settings["drive"] * samples)).astype(np.float32)

    return process


def test_what_a_knob_does_is_measured_over_its_travel() -> None:
    drive_found, level_found = knob_responses(device_at, (DRIVE, LEVEL), RATE_HZ)
    assert level_found.values[[0, 4, -1]] == pytest.approx([-20, -10, 0])
    fundamental = level_found.harmonics_dbfs[:, 0]
    assert np.diff(fundamental) == pytest.approx(np.full(8, 2.5), abs=1e-3)
    gains = [response.gain_db[100] for response in level_found.responses]
    assert np.diff(gains) == pytest.approx([10, 10], abs=0.05)
    assert drive_found.values[[0, 4, -1]] == pytest.approx([0.5, 5, 50])
    third = drive_found.harmonics_dbfs[:, 2] - drive_found.harmonics_dbfs[:, 0]
    assert (np.diff(third) > 0).all(), "more drive, more overtones"
    assert third[-1] == pytest.approx(-9.6, abs=1.0), "a square wave in the end"
    assert (drive_found.harmonics_dbfs[:, 1] < -150).all(), "a symmetric device has no even overtones"


def test_the_page_shows_every_take_and_every_knob() -> None:
    takes = [
        TakeError("quiet", {"drive": 1.0, "level": -20.0}, 0.0123),
        TakeError(HOSTILE, {"drive": 9.0, "level": 0.0}, 0.25, held_out=True),
    ]
    page = Page(render_report(report_data(knobs=(DRIVE, LEVEL), process_at=device_at, takes=takes)))
    text = " ".join(page.texts)
    assert "quiet" in text
    assert "1.23 %" in text or "1.2 %" in text
    assert "held out" in text
    assert HOSTILE in text, "a name is text, whatever is in it"
    assert "What the knobs do" in text
    assert "drive, 0.5 to 50" in text
    assert "level, -20 to 0 dB" in text
    assert not page.open
    without = " ".join(Page(render_report(report_data(process=drive))).texts)
    assert "Every take" not in without
    assert "What the knobs do" not in without
