"""Every fault that is put in is found, healthy takes are left in peace, and each refusal says what to do."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from devices_like import delayed, guitar
from injected import DRIFT_PPM, FAULTS, RATE_HZ, SECONDS, Case, clean

from triode.audio import Audio, read_audio, resample
from triode.capture import faults
from triode.capture.checks import ADVICE, CheckReport, check_take
from triode.capture.coherence import STORIES
from triode.capture.devices import run_circuit
from triode.capture.manifest import Repeat
from triode.capture.signal import make_signal
from triode.errors import AudioFileError

SEEDS = (0, 1, 2, 3)


def check(case: Case) -> CheckReport:
    return check_take(*case.audio(), case.manifest)


def codes(report: CheckReport) -> set[str]:
    return {finding.code for finding in report.findings}


def alarms(report: CheckReport) -> set[str]:
    return {finding.code for finding in report.findings if finding.severity != "info"}


@cache
def healthy(seed: int) -> CheckReport:
    return check(clean(seed))


@pytest.mark.parametrize("seed", range(8))
def test_no_false_alarm(seed: int) -> None:
    report = healthy(seed)
    assert alarms(report) == set()
    assert report.polarity == (-1 if clean(seed).device == "fuzz" else 1)
    assert report.latency_samples == pytest.approx(clean(seed).delay, abs=3)
    assert report.drift_ppm == 0
    assert not report.clipped


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str, seed: int) -> None:
    make, expected = FAULTS[fault]
    case = make(clean(seed), np.random.default_rng(seed))
    report = check(case)
    if fault == "inverted":
        assert report.polarity == -healthy(seed).polarity
        assert ("polarity" in codes(report)) == (report.polarity == -1)
    else:
        assert expected <= codes(report)
    if fault == "shifted":
        moved = report.latency_samples - healthy(seed).latency_samples
        assert moved == pytest.approx(case.delay - clean(seed).delay, abs=0.05)
        assert alarms(report) == set()
    if fault == "drifting":
        assert report.drift_ppm == pytest.approx(DRIFT_PPM, abs=1)
    if fault == "clipped":
        assert report.clipped


def test_the_report_is_json_with_the_agreed_keys() -> None:
    document = json.loads(json.dumps(healthy(2).to_json(), allow_nan=False))
    assert {"latency_samples", "polarity", "drift_ppm", "snr_db", "clipped", "replicate_esr", "findings"} <= set(
        document
    )
    (finding, _) = sorted(document["findings"], key=lambda entry: entry["code"])
    assert set(finding) == {"code", "severity", "measured", "why", "what_to_do", "forceable"}
    assert (finding["code"], finding["severity"]) == ("polarity", "info")


def test_every_advice_is_one_line() -> None:
    for why, what_to_do in ADVICE.values():
        assert why
        assert what_to_do
        assert "\n" not in why + what_to_do


def test_the_guide_explains_every_finding() -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs" / "capture-guide.md").read_text()
    explained = {line.split("`")[1] for line in guide.splitlines() if line.startswith("| `")}
    assert explained == set(ADVICE) | set(STORIES) | {"missing"}


def tone(seconds: float, rate_hz: int = RATE_HZ) -> Audio:
    return Audio(guitar(seconds, rate_hz, 0).astype(np.float32), rate_hz)


@pytest.mark.parametrize(
    ("dry", "wet", "code"),
    [
        (tone(2), Audio(tone(2).samples, 44100), "rate"),
        (tone(0.9), tone(0.9), "short"),
        (tone(2), Audio(np.zeros(2 * RATE_HZ, np.float32), RATE_HZ), "silent"),
        (Audio(np.zeros(2 * RATE_HZ, np.float32), RATE_HZ), tone(2), "silent"),
    ],
)
def test_facts_cannot_be_forced(dry: Audio, wet: Audio, code: str) -> None:
    report = check_take(dry, wet)
    assert code in codes(report)
    assert report.latency_samples is None
    for force in (False, True):
        with pytest.raises(AudioFileError) as caught:
            report.require_usable(force=force)
        assert ADVICE[code][1] in str(caught.value)
        assert "--force" not in str(caught.value)


def test_a_judgement_can_be_forced() -> None:
    other = Audio(guitar(6, RATE_HZ, 5).astype(np.float32), RATE_HZ)
    report = check_take(tone(6), other)
    assert "unrelated" in codes(report)
    with pytest.raises(AudioFileError, match="--force"):
        report.require_usable()
    report.require_usable(force=True)


def test_a_wrong_rate_label_is_named() -> None:
    dry = tone(8, 48000)
    wet = Audio(resample(0.5 * dry.samples, 48000, 44100), 48000)
    (finding,) = [finding for finding in check_take(dry, wet).findings if finding.severity == "refuse"]
    assert finding.code == "speed"
    assert "fits as 44100 Hz" in finding.measured


def test_holes_are_gaps() -> None:
    case = clean(1)
    wet = case.wet.copy()
    for second in (4.0, 6.0, 8.0):
        start = int(second * RATE_HZ)
        wet[start : start + 200] = 0
    found = faults.gaps(case.dry.astype(np.float32), wet.astype(np.float32), RATE_HZ)
    played = [second for second in (4.0, 6.0, 8.0) if np.std(case.dry[int(second * RATE_HZ) :][:200]) > 0.05]
    assert played
    for second in played:
        assert any(abs(gap.seconds - second) < 1e-3 and abs(gap.length_seconds - 200 / RATE_HZ) < 1e-3 for gap in found)
    wet_audio = Audio(wet.astype(np.float32), RATE_HZ)
    assert "gap" in codes(check_take(case.audio()[0], wet_audio, case.manifest))


def test_what_a_device_clips_is_not_the_converters_fault() -> None:
    hot = np.tanh(30 * guitar(3, RATE_HZ, 0))
    soft = Audio((0.9 * hot / np.max(np.abs(hot))).astype(np.float32), RATE_HZ)
    assert faults.clipped_samples(soft) < 20
    sixteen_bit = Audio((np.round(32767 * guitar(3, RATE_HZ, 0)) / 32768).astype(np.float32), RATE_HZ)
    assert faults.clipped_samples(sixteen_bit) < 20
    # A slow full-scale sine rests on its top for several samples of a coarse file.
    slow = np.round(127 * np.sin(np.arange(3 * RATE_HZ) * 2 * np.pi * 30 / RATE_HZ)) / 128
    assert faults.clipped_samples(Audio(slow.astype(np.float32), RATE_HZ)) < 20
    cut = Audio(np.clip(30 * guitar(3, RATE_HZ, 0), -0.7, 0.7).astype(np.float32), RATE_HZ)
    assert faults.clipped_samples(cut) > 100


@pytest.mark.parametrize("snr_db", [20.0, 45.0, 70.0])
def test_noise_is_measured_in_silence(snr_db: float) -> None:
    case = clean(3)
    quiet = Case(case.dry, np.concatenate([case.dry, np.zeros(800)]) * 0.7, "clean", 0, case.manifest, 3)
    noise = np.std(quiet.wet) * 10 ** (-snr_db / 20) * np.random.default_rng(0).standard_normal(len(quiet.wet))
    report = check_take(quiet.audio()[0], Audio((quiet.wet + noise).astype(np.float32), RATE_HZ), quiet.manifest)
    assert not report.snr_is_bound
    assert report.snr_db == pytest.approx(snr_db, abs=1.5)
    # Noise comes twice into the difference of two passages.
    repeat = make_signal(SECONDS, RATE_HZ, 3).manifest.repeats[0]
    power = np.var(noise)
    passage = quiet.wet[int((repeat.second_seconds + 0.2) * RATE_HZ) : len(case.dry)]
    assert report.replicate_esr == pytest.approx(2 * power / (np.mean(passage**2) + power), rel=0.05)


def test_hum_is_told_from_noise_and_measured() -> None:
    rng = np.random.default_rng(0)
    noise = 1e-3 * rng.standard_normal(RATE_HZ // 2)
    time = np.arange(len(noise)) / RATE_HZ
    rumble = np.cumsum(noise) * 0.05
    assert faults.hum_rms((noise + rumble).astype(np.float32), RATE_HZ)[0] == 0
    for hz in (50, 60):
        hum = 0.01 * np.sin(2 * np.pi * hz * time) + 0.005 * np.sin(2 * np.pi * 3 * hz * time + 1)
        rms, found_hz = faults.hum_rms((noise + hum).astype(np.float32), RATE_HZ)
        assert found_hz == hz
        assert rms == pytest.approx(np.std(hum), rel=0.1)


def test_a_repeat_is_found_to_the_sample() -> None:
    riff = guitar(1.5, RATE_HZ, 1)
    loop = np.concatenate([guitar(2, RATE_HZ, 2), riff, guitar(1.234, RATE_HZ, 3), riff, guitar(1, RATE_HZ, 4)])
    (found,) = faults.find_repeats(loop.astype(np.float32), RATE_HZ)
    assert found.first_seconds * RATE_HZ == pytest.approx(2 * RATE_HZ, abs=2)
    lag = 1.5 * RATE_HZ + int(1.234 * RATE_HZ)
    assert (found.second_seconds - found.first_seconds) * RATE_HZ == pytest.approx(lag, abs=1e-6)
    assert found.seconds * RATE_HZ == pytest.approx(len(riff), abs=3)
    assert faults.find_repeats(guitar(6, RATE_HZ, 2).astype(np.float32), RATE_HZ) == []


def test_replicate_error_is_the_relative_energy_of_the_difference() -> None:
    wave = guitar(4, RATE_HZ, 0).astype(np.float32)
    wave[2 * RATE_HZ :] = 1.1 * wave[: 2 * RATE_HZ]
    assert faults.replicate_esr(wave, RATE_HZ, [Repeat(0, 2, 2)]) == pytest.approx(0.01, rel=1e-3)
    assert faults.replicate_esr(wave, RATE_HZ, [Repeat(0, 3, 2)]) is None


@pytest.mark.parametrize("lost", [10, 256, 5000])
def test_lost_samples_show_where_and_how_many(lost: int) -> None:
    dry = guitar(12, RATE_HZ, 0)
    at = int(5.2 * RATE_HZ)
    wet = np.concatenate([dry[:at], dry[at + lost :]])
    report = check_take(Audio(dry.astype(np.float32), RATE_HZ), Audio(wet.astype(np.float32), RATE_HZ))
    (finding,) = [finding for finding in report.findings if finding.code == "dropout"]
    number = float(finding.measured.split(" by ")[1].split(" samples")[0])
    assert number == pytest.approx(-lost, abs=3)
    assert float(finding.measured.split(" near ")[1].removesuffix(" s")) == pytest.approx(5.2, abs=0.8)


def test_quiet_takes_are_named() -> None:
    dry = tone(4)
    faint = Audio(0.01 * dry.samples, RATE_HZ)
    assert "quiet_wet" in codes(check_take(dry, faint))
    assert "quiet_dry" in codes(check_take(Audio(0.1 * dry.samples, RATE_HZ), dry))


def test_one_level_all_through_is_named() -> None:
    rng = np.random.default_rng(0)
    steady = Audio((0.1 * rng.standard_normal(31 * RATE_HZ)).astype(np.float32), RATE_HZ)
    assert "coverage" in codes(check_take(steady, steady))
    assert "coverage" not in codes(check_take(tone(31), tone(31)))


@pytest.mark.parametrize("circuit", ["overdrive", "preamp"])
def test_the_built_in_circuits_pass(circuit: str) -> None:
    signal = make_signal(12, 44100)
    wet = run_circuit(circuit, signal.samples, 44100, {})
    late = delayed(wet.astype(np.float64), 123.4).astype(np.float32)
    report = check_take(Audio(signal.samples, 44100), Audio(late, 44100), signal.manifest)
    assert alarms(report) == set()
    assert 122 < report.latency_samples < 130
    assert report.replicate_esr < 0.01


def test_a_device_that_expands_is_not_taken_for_exchanged_where_the_signal_is_ours() -> None:
    """Starved transistors let little through of what is quiet: what comes out is more dynamic than what went in."""
    signal = make_signal(12.0, 22050, seed=3)
    dry = Audio(signal.samples, signal.rate_hz)
    wet = Audio((signal.samples * np.abs(signal.samples)).astype(np.float32), signal.rate_hz)
    assert "swapped" in codes(check_take(dry, wet)), "what is heard alone speaks for it"
    assert "swapped" not in codes(check_take(dry, wet, signal.manifest))


REAL = {
    "hotrod_deluxe": (
        "hotrod_deluxe/input.flac",
        "hotrod_deluxe/out_drive12_master1.flac",
        {"polarity", "early", "short"},
    ),
    "ts9_real": ("ts9_real/input.flac", "ts9_real/output.flac", {"polarity"}),
    "diode_clipper": ("diode_clipper/input.flac", "diode_clipper/output.flac", {"short"}),
}


@pytest.mark.parametrize("name", REAL)
def test_real_takes_pass_and_are_refused_when_swapped(shared_data: Path, name: str) -> None:
    dry_name, wet_name, expected = REAL[name]
    dry, wet = (read_audio(shared_data / "captures" / file) for file in (dry_name, wet_name))
    assert codes(check_take(dry, wet)) == expected
    assert "swapped" in codes(check_take(wet, dry))


def test_the_filters_of_a_real_clipper_delay_the_correlation_beyond_the_onset(shared_data: Path) -> None:
    folder = shared_data / "captures" / "diode_clipper"
    report = check_take(read_audio(folder / "input.flac"), read_audio(folder / "output.flac"))
    assert report.correlation_samples == pytest.approx(3, abs=0.1)
    assert 0 < report.latency_samples < 1


def test_real_recordings_of_other_players_are_unrelated(shared_data: Path) -> None:
    names = ["fear-guitar", "tomb-guitar", "downtown-bass"]
    recordings = [read_audio(shared_data / "di" / f"{name}.flac") for name in names]
    recordings = [Audio(recording.samples[: 8 * recording.rate_hz], recording.rate_hz) for recording in recordings]
    for dry, wet in zip(recordings, recordings[1:] + recordings[:1], strict=True):
        assert "unrelated" in codes(check_take(dry, wet))
