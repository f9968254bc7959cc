"""The report's numbers, words and pictures, without a browser (tests/test_report_browser.py opens it in one)."""

import base64
import dataclasses
import html.parser
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from triode.errors import OptionError
from triode.measure import report_analysis, report_audio, report_plots, report_words
from triode.measure.report import ReportData, render_report, write_report

RATE_HZ = 48_000
HOSTILE = "<script>alert('\"&amp;</script><img src=https://example.org/x onerror=alert(1)>"


def noise(seconds: float, seed: int = 0, amplitude: float = 0.2) -> np.ndarray:
    samples = np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ))
    return (amplitude * samples).astype(np.float32)


def drive(x: np.ndarray, gain: float = 3.0) -> np.ndarray:
    return (0.5 * np.tanh(gain * x)).astype(np.float32)


def report_data(seconds: float = 4.0, **changes: object) -> ReportData:
    dry = noise(seconds)
    return ReportData(
        **{"name": "Fuzz", "rate_hz": RATE_HZ, "dry": dry, "device": drive(dry), "model": drive(dry, 2.5)} | changes
    )


def history(*values: float, seconds: float = 100.0) -> list[dict[str, float]]:
    times = np.linspace(seconds / len(values), seconds, len(values))
    return [
        {"seconds": time, "epoch": i, "loss": 0.1, "validation_esr": value}
        for i, (time, value) in enumerate(zip(times, values, strict=True))
    ]


def headlines(data: ReportData) -> list[str]:
    return [item.headline for item in report_words.advice(data, report_analysis.analyse(data))]


class Page(html.parser.HTMLParser):
    """The elements of a page, its texts, and the balance of its tags."""

    VOID = frozenset({"meta", "link", "input", "br", "img", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.texts.append(data)

    def names(self) -> list[str]:
        return [tag for tag, _ in self.elements]


@pytest.fixture(scope="module")
def full_page() -> str:
    finding = {"code": "hum", "severity": "warning", "measured": "Hum at 50 Hz", "why": "W", "what_to_do": "Lift"}
    return render_report(
        report_data(
            replicate_esr=0.001,
            start_seconds=210.0,
            history=history(0.5, 0.2, 0.1, 0.05),
            findings=[finding],
            process=lambda x: drive(x, 2.5),
            device_process=drive,
            training={"seconds_of_audio": 180.0, "seconds": 200.0, "seed": 7, "gpu_brand": "none"},
            model_info={"architecture": "wavenet", "parameters": 12345, "realtime_factor": 99.5, "knobs": []},
        )
    )


def test_everything_given_is_on_the_page(full_page: str) -> None:
    page = Page(full_page)
    text = " ".join(page.texts)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    for words in ("Hum at 50 Hz", "Lift", "3 min 20 s", "wavenet", "12,345", "Gpu brand", "3:30 to 3:34"):
        assert words in text
    plots = {name.removeprefix("plot-") for name in ids if name and name.startswith("plot-")}
    assert plots == {"waveforms", "error", "spectrum", "learning"} | {
        "overtones",
        "growth",
        "transfer",
        "response",
        "aliasing",
        "numbers",
    }
    assert page.open == []
    assert len(ids) == len(set(ids)), "ids are unique"


def test_pages_ask_for_nothing_from_outside(full_page: str) -> None:
    page = Page(full_page)
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "action", "data"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), (tag, attributes)
    policy = next(attributes["content"] for _, attributes in page.elements if "http-equiv" in attributes)
    assert "default-src 'none'" in str(policy)
    assert "@import" not in full_page
    assert not re.search(r"url\((?!#)", full_page)


def test_only_a_stretch_that_is_known_to_be_new_is_called_unseen() -> None:
    """A model file that tells of its training does not say that this stretch was not in it."""
    trained = report_data(seconds=0.5, training={"seconds": 60.0}, history=history(0.4, 0.2))
    for unseen in (False, True):
        text = " ".join(Page(render_report(dataclasses.replace(trained, unseen=unseen))).texts)
        assert ("that the model never saw in training" in text) == unseen
        assert ("seconds of this recording" in text) != unseen
        assert ("Held-out stretch" in text) == unseen


def test_a_bare_comparison_is_a_report() -> None:
    page = Page(render_report(report_data(seconds=0.5)))
    ids = [attributes.get("id") for _, attributes in page.elements]
    assert "verdict" in ids
    assert "player" in ids
    assert "plot-waveforms" in ids
    assert not {"check", "plot-learning", "plot-transfer"} & set(ids)


@pytest.mark.parametrize("samples", [1, 7, 100, 1024])
def test_a_very_short_stretch_is_a_report(samples: int) -> None:
    data = report_data()
    short = dataclasses.replace(data, **{name: getattr(data, name)[:samples] for name in ("dry", "device", "model")})
    assert "not defined" in " ".join(Page(render_report(short)).texts), "no multi-resolution STFT of so few samples"


@pytest.mark.parametrize("silent", [("device",), ("model",), ("dry",), ("dry", "device", "model")])
def test_silence_is_a_report(silent: tuple[str, ...]) -> None:
    page = Page(render_report(report_data(seconds=1.0, **{name: np.zeros(RATE_HZ, np.float32) for name in silent})))
    assert "nan" not in " ".join(page.texts).lower().split()


def test_all_text_of_others_is_escaped() -> None:
    page = Page(
        render_report(
            report_data(
                seconds=0.2,
                name=HOSTILE,
                notes=HOSTILE,
                findings=[dict.fromkeys(("code", "severity", "measured", "why", "what_to_do"), HOSTILE)],
                training={HOSTILE: HOSTILE, "loss": HOSTILE},
                model_info={"metadata": {HOSTILE: HOSTILE}, "knobs": [HOSTILE], "architecture": HOSTILE},
            )
        )
    )
    assert "img" not in page.names()
    assert page.names().count("script") == 5, "facts, three signals, one program"
    assert "".join(page.texts).count(HOSTILE) >= 8
    assert not [tag for tag, attributes in page.elements for name in attributes if name.startswith("on")]


def test_the_audio_is_the_loudest_stretch_at_common_scale() -> None:
    quiet, loud = noise(8, amplitude=0.01), noise(12, seed=1, amplitude=0.05)
    device = np.concatenate([quiet, loud, quiet])
    data = report_data(dry=device, device=device, model=0.5 * device, start_seconds=100.0)
    audio = report_audio.report_audio(data)
    dry, heard, model = (
        np.frombuffer(base64.b64decode(channel.pcm), "<i2") for channel in (audio.dry, audio.device, audio.model)
    )
    assert audio.samples == len(heard) == len(model) == len(dry) == 12 * RATE_HZ
    assert audio.start_seconds == pytest.approx(108.0, abs=1e-3)
    scale = 0.95 * 32767 / np.max(np.abs(loud))
    assert np.max(np.abs(heard - loud * scale)) < 0.6
    assert np.max(np.abs(model - 0.5 * loud * scale)) < 0.6, "device and model keep their relation"
    assert audio.model.gain == 1.0
    assert audio.model.matched_gain == pytest.approx(2.0, rel=1e-6)
    assert audio.boost_db == pytest.approx(20 * np.log10(2), abs=0.01), "a loud difference is not raised into clipping"


def test_loudness_is_matched_by_ear_and_never_clips() -> None:
    time = np.arange(RATE_HZ) / RATE_HZ
    bass, mid = (np.sin(2 * np.pi * hz * time).astype(np.float32) for hz in (100, 1000))
    audio = report_audio.report_audio(report_data(dry=bass, device=0.5 * mid, model=0.5 * mid))
    # 100 Hz is 19.1 dB down in A-weighting: matched, it would clip; it stays at its peak.
    assert audio.dry.matched_gain == 1.0
    audio = report_audio.report_audio(report_data(dry=mid, device=0.05 * bass, model=0.05 * bass))
    assert 20 * np.log10(audio.dry.matched_gain) == pytest.approx(-19.1, abs=0.1)


def test_audio_above_48_khz_is_converted_for_the_page() -> None:
    audio = report_audio.report_audio(report_data(rate_hz=96_000))
    assert (audio.rate_hz, audio.samples) == (48_000, round(2.0 * 48_000))


@pytest.mark.parametrize("lag", [-30, 0, 7, 480])
@pytest.mark.parametrize("polarity", [1, -1])
def test_lag_polarity_and_gain_of_the_model_are_found(lag: int, polarity: int) -> None:
    source = noise(2.1)
    device = source[1000 : 1000 + RATE_HZ]
    model = polarity * 0.5 * source[1000 - lag : 1000 - lag + RATE_HZ]
    match = report_analysis.best_match(device, model, RATE_HZ)
    assert (match.lag_samples, match.polarity) == (lag, polarity)
    assert match.gain_db == pytest.approx(6.02, abs=0.15)
    assert match.esr < 0.02


def test_the_spectrum_tells_where_the_difference_lies() -> None:
    time = np.arange(2 * RATE_HZ) / RATE_HZ
    low, high = np.sin(2 * np.pi * 200 * time), 0.1 * np.sin(2 * np.pi * 4000 * time)
    bands = report_analysis.spectra((low + high).astype(np.float32), low.astype(np.float32), RATE_HZ)
    loudest = bands.frequencies_hz[np.argmax(bands.difference_db)]
    assert loudest == pytest.approx(4000, rel=0.07)
    assert np.max(bands.device_db) == pytest.approx(0.0)
    assert np.max(bands.difference_db) == pytest.approx(-20, abs=0.5)


def test_metrics_that_are_known_are_not_computed_again() -> None:
    analysis = report_analysis.analyse(report_data(metrics={"esr": 0.123}))
    assert analysis.esr == 0.123
    assert 0 < analysis.mae < 1


def test_signals_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    for changes in ({"dry": noise(1)}, {"model": noise(1)}, {"model": np.full(4 * RATE_HZ, np.nan, np.float32)}):
        with pytest.raises(OptionError):
            write_report(target, report_data(**changes))
    with pytest.raises(OptionError, match="does not exist"):
        write_report(tmp_path / "nowhere" / "report.html", report_data(seconds=0.2))
    assert list(tmp_path.iterdir()) == []


def test_advice_lines_up_a_late_model() -> None:
    dry = noise(2)
    late = report_data(dry=dry, device=drive(dry), model=np.roll(drive(dry), 5))
    item = report_words.advice(late, report_analysis.analyse(late))[0]
    assert item.headline == "Line the recording up"
    assert "5 samples too late" in item.why
    assert item.command == "triode check"


@pytest.mark.parametrize(
    ("gain", "expected"), [(-1.0, "Turn the polarity around"), (0.7, "Mind the level"), (1.0, "Play it")]
)
def test_advice_on_polarity_and_level(gain: float, expected: str) -> None:
    dry = noise(2)
    assert headlines(report_data(dry=dry, device=drive(dry), model=gain * drive(dry)))[0] == expected


def test_advice_doubts_a_model_of_something_else() -> None:
    assert headlines(report_data(model=noise(4.0, seed=5))) == ["Check that these belong together"]


def test_a_difference_that_is_loud_enough_is_not_offered_louder() -> None:
    data = report_data(seconds=0.5)
    assert 'value="boosted"' in render_report(data)
    assert 'value="boosted"' not in render_report(dataclasses.replace(data, model=-data.device))


def test_advice_reads_the_learning_curve() -> None:
    falling = report_data(history=history(0.4, 0.2, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03))
    flat = report_data(history=history(0.4, 0.03, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02))
    assert "Train longer" in headlines(falling)
    assert "Train longer" not in headlines(flat)
    unlike = dataclasses.replace(flat, metrics={"esr": 0.04})
    assert "Record more kinds of playing" in headlines(unlike)
    assert "Record more kinds of playing" not in headlines(dataclasses.replace(flat, metrics={"esr": 0.021}))


def test_advice_stops_at_the_replicate_floor() -> None:
    data = report_data(history=history(0.4, 0.2, 0.1, 0.05), metrics={"esr": 0.05}, replicate_esr=0.06)
    assert "Longer training will not help" in headlines(data)
    assert "Train longer" not in headlines(data)


def test_advice_points_at_the_moment_that_is_worst() -> None:
    data = report_data(seconds=10.0)
    model = data.device + noise(10.0, seed=9, amplitude=0.01)
    model[round(6.2 * RATE_HZ) : round(6.4 * RATE_HZ)] *= 0.2
    assert "Listen at 1:46" in headlines(dataclasses.replace(data, model=model, start_seconds=100.0))
    assert not any("Listen" in words for words in headlines(dataclasses.replace(data, model=0.9 * data.device)))


def test_advice_hears_whistle_and_hiss() -> None:
    hiss = noise(8.0, amplitude=3e-4)

    def harsh(x: np.ndarray) -> np.ndarray:
        return np.clip(50 * x, -1, 1) + hiss[: len(x)]

    words = headlines(report_data(process=harsh))
    assert "Listen to high notes" in words
    assert "Mind the hiss" in words
    assert not {"Listen to high notes", "Mind the hiss"} & set(headlines(report_data(process=lambda x: 2 * x)))


def test_serious_findings_come_first() -> None:
    serious = {"severity": "refuse", "measured": "m", "why": "w", "what_to_do": "Swap the two files."}
    data = report_data(findings=[serious], history=history(0.4, 0.2, 0.1, 0.05))
    first = report_words.advice(data, report_analysis.analyse(data))[0]
    assert first.headline == "Repair the recording first"
    assert "Swap the two files." in first.why


def test_incomplete_history_is_drawn_as_far_as_it_goes() -> None:
    rows = [*history(0.4, 0.2), {"seconds": 120.0, "epoch": 3}, {"seconds": 130.0, "validation_esr": None}]
    curve = report_analysis.learning_curve(report_data(history=[*rows, {"seconds": 140.0, "validation_esr": math.nan}]))
    assert curve == pytest.approx(np.array([[50.0, 0.4], [100.0, 0.2]]))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.25, "0.25 s"), (59.0, "59 s"), (180.0, "3 min"), (200.4, "3 min 20 s"), (3900, "1 h 5 min")],
)
def test_durations_read_naturally(seconds: float, words: str) -> None:
    assert report_words.duration(seconds) == words


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("knobs", [{"name": "drive", "low": 0, "high": 10}, {"name": "tone", "low": 0, "high": 1}],
         "drive 0 to 10, tone 0 to 1"),
        ("architecture", {"name": "lstm", "hidden_size": 40}, "lstm"),
        ("metadata", {"gear_make": "Fender", "year": None}, "Gear make: Fender"),
        ("esr", 0.0123, "1.2 %"),
        ("sample_rate", 44100, "44,100 Hz"),
        ("interrupted", True, "yes"),
        ("mrstft", math.inf, "not defined"),
        ("seconds", 90, "1 min 30 s"),
    ],
)  # fmt: skip
def test_table_values_read_naturally(key: str, value: object, words: str) -> None:
    assert report_words.value_words(key, value) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.0, "0:00"), (59.96, "1:00"), (210.0, "3:30"), (83.25, "1:23.2")])
def test_clock_times_read_naturally(seconds: float, words: str) -> None:
    assert report_plots.clock(seconds) == words


def test_pictures_take_every_colour_from_the_page(full_page: str) -> None:
    svgs = re.findall(r"<svg.*?</svg>", full_page, re.DOTALL)
    assert len(svgs) == 9
    style = full_page.split("<style>")[1].split("</style>")[0]
    for svg in svgs:
        assert "#0" not in re.sub(r'"#[^"]+"|url\(#[^)]+\)', "", svg), "a placeholder colour is left"
        used = set(re.findall(r"var\((--\w+)\)", svg))
        assert used >= {"--muted", "--grid"}
        assert all(f"{name}:" in style for name in used)
        references = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
        assert references <= set(re.findall(r' id="([^"]+)"', svg))


def test_facts_for_the_player_are_json(full_page: str) -> None:
    facts = json.loads(full_page.split('id="audio-facts">')[1].split("</script>")[0])
    assert facts["rate_hz"] == RATE_HZ
    assert facts["samples"] == 4 * RATE_HZ
    assert facts["start_seconds"] == 210.0
    assert 0 < facts["model"]["matched_gain"] < 2


def test_twelve_seconds_stay_under_eight_megabytes(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", report_data(seconds=13.0))
    assert 4e6 < (tmp_path / "report.html").stat().st_size < 8e6


def test_importing_the_report_loads_no_matplotlib() -> None:
    code = "import sys, triode.measure.report; print({'matplotlib', 'torch', 'scipy.signal'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
