"""Judging a take before hours go into a model of it: every finding says what was measured, why it matters, what to do.

A refusal that is a judgement can be overridden (`forceable`); one that is a fact (silence, different rates) cannot.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from triode.audio import Audio, Samples, resample
from triode.capture import faults
from triode.capture.align import Alignment, align, apply_alignment, correlation_lag
from triode.capture.manifest import Repeat, SignalManifest
from triode.errors import AudioFileError

Severity = Literal["info", "warning", "refuse"]

SHORTEST_SECONDS, SHORT_SECONDS = 1.0, 30.0
RELATED_CONFIDENCE = 0.35
LEAST_SNR_DB = 35.0
HIGHEST_SNR_DB = 144.0
LEAST_BOUND_DB = 20.0
MOST_HUM_DB = -55.0
MOST_REPLICATE_ESR = 0.01
MOST_CLIPPED_SAMPLES = 20
SILENT_DBFS, QUIET_DRY_DBFS, QUIET_WET_DBFS = -90.0, -18.0, -40.0
LEAST_LEVEL_SPREAD_DB = 12.0
SWAPPED_EVIDENCE = 2.0
LEAST_MISSING_SECONDS, LEAST_EXTRA_SECONDS = 0.1, 5.0
# So much of a take is tried at other speeds.
SPEED_SECONDS = 20.0
# No device's filters delay its loudest notes by more.
CORRELATION_REACH_SECONDS = 0.02
# Silence must last this long to measure noise, DC and hum in it.
LEAST_SILENCE_SECONDS = 0.2
COMMON_RATES_HZ = (22050, 24000, 44100, 48000, 88200, 96000, 176400, 192000)

# Why it matters, and what to do about it.
ADVICE: dict[str, tuple[str, str]] = {
    "rate": ("dry and wet must tell the same time", "record or export both at one sample rate"),
    "short": ("a model learns only what it hears", "record longer: three minutes of `triode signal` are good"),
    "silent": ("there is nothing to learn from silence", "check cables, levels and the file, and record again"),
    "unrelated": (
        "no lag was found at which wet follows dry, so they may not belong together",
        "check that these are the two files of one take; time effects and modulation cannot be captured",
    ),
    "speed": ("the wet file's sample rate label is wrong, so it plays at another speed", "export it again at its rate"),
    "swapped": ("wet looks like the cause and dry like the effect", "exchange the two files"),
    "polarity": ("the device turns the signal over; the model will too, as it is part of the sound", "nothing"),
    "early": ("wet begins before dry, as after trimming by hand", "nothing: the lag is taken out"),
    "drift": (
        "two clocks ran at different speeds; the drift is taken out by resampling",
        "next time play and record through one interface",
    ),
    "dropout": (
        "samples were lost or repeated while recording, and a model cannot learn a lag that changes",
        "raise the buffer size, close other programs, and record again",
    ),
    "gap": ("the recording has holes, which the model would try to learn", "raise the buffer size and record again"),
    "clipped": (
        "the recording itself is cut off, and the model will learn the converter's clipping with the device's",
        "turn the interface's input gain down and record again, unless the file is meant to be so",
    ),
    "dry_clipped": ("the dry signal is cut off, unlike a guitar's", "turn the input gain down, or lower its level"),
    "noise": (
        "a model cannot predict noise: it limits how small its error can get",
        "raise the send level, turn the interface's gain to the device's level, look for a ground loop",
    ),
    "hum": (
        "mains hum is not played by the guitar, and the model cannot learn it",
        "look for a ground loop; use a DI box",
    ),
    "dc": (
        "an offset wastes headroom and pulls the model's bias",
        "turn on the interface's high-pass or export without DC",
    ),
    "replicate": (
        "the device did not answer the same passage the same way; no model's ESR can mean anything below this",
        "let the device warm up, leave knobs and microphone alone, switch off time effects, lower the noise",
    ),
    "quiet_dry": (
        "the device was never played hard, so the model will not know how it sounds then",
        "record the DI hotter, or use `triode signal`, which reaches full level",
    ),
    "quiet_wet": ("a faint recording is a noisy one", "turn the interface's input gain up and record again"),
    "coverage": (
        "nearly all of the dry signal has one level, so the model will not know soft and loud playing apart",
        "play soft and loud, or use `triode signal`",
    ),
    "length": (
        "the part that has no partner cannot be used",
        "leave a second of tail when recording, and record again",
    ),
    "tail": ("wet goes on after dry has ended; the rest is not used", "nothing"),
}


@dataclass(frozen=True)
class Finding:
    """One thing found in a take. `severity` refuse stops the work, unless `forceable` and forced."""

    code: str
    severity: Severity
    measured: str
    why: str
    what_to_do: str
    forceable: bool = True

    def __str__(self) -> str:
        return f"{self.measured}: {self.why}; {self.what_to_do}"


@dataclass(frozen=True)
class CheckReport:
    """What was measured in a take; None where it could not be.

    `latency_samples` is the onset of the response, which is what is taken out; `peak_samples` where the response is
    largest; `correlation_samples` where plain cross-correlation is, the number that other tools know as the latency.
    `snr_db` is a lower bound (`snr_is_bound`) where the dry signal is never silent, None where that says nothing.
    `replicate_esr` is the floor below which an ESR means nothing.
    """

    latency_samples: float | None
    peak_samples: float | None
    correlation_samples: float | None
    polarity: int | None
    drift_ppm: float | None
    snr_db: float | None
    snr_is_bound: bool
    clipped: bool
    replicate_esr: float | None
    findings: tuple[Finding, ...]
    alignment: Alignment | None = None

    def to_json(self) -> dict[str, Any]:
        """The report as JSON-able values, without the alignment's tracks."""
        values = {key: value for key, value in vars(self).items() if key not in ("alignment", "findings")}
        rounded = {key: round(value, 6) if isinstance(value, float) else value for key, value in values.items()}
        return {**rounded, "findings": [asdict(finding) for finding in self.findings]}

    def refusals(self, *, force: bool = False) -> tuple[Finding, ...]:
        """The findings that stop the work; with `force` only those that are facts."""
        return tuple(f for f in self.findings if f.severity == "refuse" and not (force and f.forceable))

    def require_usable(self, *, force: bool = False) -> None:
        """Raise AudioFileError with the first refusal."""
        for finding in self.refusals(force=force):
            hint = " (--force overrides this)" if finding.forceable else ""
            raise AudioFileError(f"this take cannot be used: {finding}{hint}")


def check_take(dry: Audio, wet: Audio, manifest: SignalManifest | None = None) -> CheckReport:
    """Check one take; `manifest` is that of the dry signal where it is one of ours. Never raises for a bad take."""
    findings = _facts(dry, wet)
    clipped = faults.clipped_samples(wet) >= MOST_CLIPPED_SAMPLES
    if any(finding.severity == "refuse" for finding in findings):
        return CheckReport(None, None, None, None, None, None, False, clipped, None, tuple(findings))
    findings += _level_findings(dry, wet)
    try:
        alignment = align(dry.samples, wet.samples, dry.rate_hz)
        aligned_dry, aligned_wet = apply_alignment(dry.samples, wet.samples, alignment, 0)
    except AudioFileError as error:
        findings.append(_finding("unrelated", "refuse", str(error)))
        return CheckReport(None, None, None, None, None, None, False, clipped, None, tuple(findings))
    if not (manifest and faults.repeats_hold(dry.samples, dry.rate_hz, manifest.repeats)):
        findings += _order_findings(dry, wet, aligned_dry, aligned_wet)
    if alignment.confidence < RELATED_CONFIDENCE:
        findings.append(_speed_or_unrelated(dry, wet, alignment))
        return CheckReport(None, None, None, None, None, None, False, clipped, None, tuple(findings), alignment)
    findings += _alignment_findings(dry, wet, alignment)
    findings += _interruptions(aligned_dry, aligned_wet, dry.rate_hz, alignment)
    snr_db, is_bound, noise_findings = _noise_findings(aligned_dry, aligned_wet, dry.rate_hz)
    replicate, replicate_findings = _replicate_findings(dry, aligned_dry, aligned_wet, alignment, manifest)
    return CheckReport(
        latency_samples=alignment.latency_samples,
        peak_samples=alignment.peak_samples,
        correlation_samples=_plain_lag(aligned_dry, aligned_wet, dry.rate_hz, alignment),
        polarity=alignment.polarity,
        drift_ppm=alignment.drift_ppm,
        snr_db=snr_db,
        snr_is_bound=is_bound,
        clipped=clipped,
        replicate_esr=replicate,
        findings=tuple(findings + noise_findings + replicate_findings),
        alignment=alignment,
    )


def _finding(code: str, severity: Severity, measured: str, *, forceable: bool = True) -> Finding:
    why, what_to_do = ADVICE[code]
    return Finding(code, severity, measured, why, what_to_do, forceable)


def _plain_lag(dry: Samples, wet: Samples, rate_hz: int, alignment: Alignment) -> float:
    reach_samples = round(CORRELATION_REACH_SECONDS * rate_hz)
    return alignment.removed_samples(0) + correlation_lag(dry, wet, reach_samples)


def _dbfs(value: float) -> float:
    return 20 * math.log10(max(abs(value), 1e-12))


def _peak_dbfs(samples: Samples) -> float:
    return _dbfs(float(np.max(np.abs(samples), initial=0.0)))


def _facts(dry: Audio, wet: Audio) -> list[Finding]:
    """What rules a take out without any doubt, and its length."""
    found = []
    if dry.rate_hz != wet.rate_hz:
        text = f"dry runs at {dry.rate_hz} Hz, wet at {wet.rate_hz} Hz"
        found.append(_finding("rate", "refuse", text, forceable=False))
    for name, audio in (("dry", dry), ("wet", wet)):
        if audio.seconds < SHORTEST_SECONDS:
            text = f"{name} is {audio.seconds:.2f} s long, at least {SHORTEST_SECONDS:g} s are needed"
            found.append(_finding("short", "refuse", text, forceable=False))
        elif _peak_dbfs(audio.samples) < SILENT_DBFS:
            found.append(_finding("silent", "refuse", f"{name} is silent", forceable=False))
    if not found and min(dry.seconds, wet.seconds) < SHORT_SECONDS:
        found.append(_finding("short", "info", f"the take is {min(dry.seconds, wet.seconds):.1f} s long"))
    return found


def _level_findings(dry: Audio, wet: Audio) -> list[Finding]:
    found = []
    for name, code, audio in (("wet", "clipped", wet), ("dry", "dry_clipped", dry)):
        count = faults.clipped_samples(audio)
        if count >= MOST_CLIPPED_SAMPLES:
            top = _peak_dbfs(audio.samples)
            found.append(_finding(code, "warning", f"{count} samples of {name} stick at {top:.1f} dBFS"))
    peak = _peak_dbfs(dry.samples)
    if peak < QUIET_DRY_DBFS:
        found.append(_finding("quiet_dry", "warning", f"dry peaks at {peak:.0f} dBFS"))
    if _peak_dbfs(wet.samples) < QUIET_WET_DBFS:
        found.append(_finding("quiet_wet", "warning", f"wet peaks at {_peak_dbfs(wet.samples):.0f} dBFS"))
    levels = faults.frame_levels_db(dry.samples, dry.rate_hz)
    levels = levels[levels > levels.max() - 60]
    spread = float(np.quantile(levels, 0.95) - np.quantile(levels, 0.1))
    if spread < LEAST_LEVEL_SPREAD_DB and dry.seconds >= SHORT_SECONDS:
        found.append(_finding("coverage", "info", f"dry's level varies by {spread:.0f} dB"))
    return found


def _order_findings(dry: Audio, wet: Audio, aligned_dry: Samples, aligned_wet: Samples) -> list[Finding]:
    evidence = faults.swap_evidence(aligned_dry, aligned_wet, dry.rate_hz)
    # A signal that repeats to the last bit was played from a file; no device does that.
    if evidence > -SWAPPED_EVIDENCE and faults.find_repeats(wet.samples, wet.rate_hz):
        evidence += 0.0 if faults.find_repeats(dry.samples, dry.rate_hz) else 2 * SWAPPED_EVIDENCE
    if evidence < SWAPPED_EVIDENCE:
        return []
    return [_finding("swapped", "refuse", "wet is cleaner and more dynamic than dry")]


def _speed_or_unrelated(dry: Audio, wet: Audio, alignment: Alignment) -> Finding:
    dry_start, wet_start = (audio.samples[: int(SPEED_SECONDS * audio.rate_hz)] for audio in (dry, wet))
    for rate_hz in COMMON_RATES_HZ:
        if rate_hz != wet.rate_hz and 0.45 < rate_hz / wet.rate_hz < 2.2:
            turned = resample(wet_start, rate_hz, wet.rate_hz)
            try:
                found = align(dry_start, turned, dry.rate_hz)
            except AudioFileError:
                continue
            if found.confidence > max(RELATED_CONFIDENCE, alignment.confidence):
                return _finding("speed", "refuse", f"wet says {wet.rate_hz} Hz but fits as {rate_hz} Hz")
    return _finding("unrelated", "refuse", "wet does not follow dry at any lag within 20 s")


def _alignment_findings(dry: Audio, wet: Audio, alignment: Alignment) -> list[Finding]:
    found = []
    latency, rate_hz = alignment.latency_samples, dry.rate_hz
    if alignment.polarity < 0:
        found.append(_finding("polarity", "info", "wet is inverted"))
    if latency < -1e-3 * rate_hz:
        found.append(_finding("early", "info", f"wet comes {-latency:.0f} samples before dry"))
    if alignment.drift_ppm != 0:
        shift = alignment.drift_ppm * 1e-6 * len(dry.samples)
        text = f"wet drifts by {alignment.drift_ppm:.1f} ppm, {shift:.1f} samples over the take"
        found.append(_finding("drift", "warning", text))
    missing_at_end = (len(dry.samples) + latency - len(wet.samples)) / rate_hz
    for where, missing in (("first", -latency / rate_hz), ("last", missing_at_end)):
        if missing > LEAST_MISSING_SECONDS:
            found.append(_finding("length", "warning", f"the {where} {missing:.2f} s of dry have no wet"))
    if -missing_at_end > LEAST_EXTRA_SECONDS:
        found.append(_finding("tail", "info", f"wet goes on for {-missing_at_end:.1f} s after dry"))
    return found


def _interruptions(dry: Samples, wet: Samples, rate_hz: int, alignment: Alignment) -> list[Finding]:
    found = []
    jump = faults.lag_jump(dry, wet, rate_hz, alignment)
    if jump:
        text = f"the lag changes by {jump[1]:+.0f} samples near {jump[0]:.1f} s"
        found.append(_finding("dropout", "refuse", text))
    holes = faults.gaps(dry, wet, rate_hz)
    if holes:
        total_ms = 1e3 * sum(hole.length_seconds for hole in holes)
        text = f"wet stands still {len(holes)} times, {total_ms:.1f} ms in all, first at {holes[0].seconds:.2f} s"
        found.append(_finding("gap", "warning", text))
    return found


def _noise_findings(dry: Samples, wet: Samples, rate_hz: int) -> tuple[float | None, bool, list[Finding]]:
    """Signal-to-noise ratio in dB, whether it is only a lower bound, and what was found in the silence."""
    found = []
    rms = float(np.std(wet.astype(np.float64)))
    quiet = wet[faults.longest_stretch(faults.silent(dry, rate_hz))]
    is_bound = len(quiet) < LEAST_SILENCE_SECONDS * rate_hz
    if is_bound:
        noise = faults.quietest_rms(wet, rate_hz)
        offset, most_offset = float(np.mean(wet)), max(0.01, 0.15 * rms)
    else:
        noise = float(np.std(quiet.astype(np.float64)))
        offset, most_offset = float(np.mean(quiet)), 0.003
        hum, hz = faults.hum_rms(quiet, rate_hz)
        noise = math.sqrt(max(noise**2 - hum**2, 1e-12 * noise**2))
        if hum > 0 and _dbfs(hum / rms) > MOST_HUM_DB:
            text = f"hum of {hz:.0f} Hz at {_dbfs(hum):.0f} dBFS, {-_dbfs(hum / rms):.0f} dB below the signal"
            found.append(_finding("hum", "warning", text))
    snr_db = min(HIGHEST_SNR_DB, _dbfs(rms) - _dbfs(noise))
    if not is_bound and snr_db < LEAST_SNR_DB:
        found.append(
            _finding("noise", "warning", f"noise at {_dbfs(noise):.0f} dBFS, {snr_db:.0f} dB below the signal")
        )
    if abs(offset) > most_offset:
        found.append(_finding("dc", "warning", f"wet has an offset of {100 * offset:+.1f} % of full scale"))
    # A take that never comes to rest says nothing about noise.
    return (None if is_bound and snr_db < LEAST_BOUND_DB else snr_db), is_bound, found


def _replicate_findings(
    dry: Audio, aligned_dry: Samples, aligned_wet: Samples, alignment: Alignment, manifest: SignalManifest | None
) -> tuple[float | None, list[Finding]]:
    repeats = faults.find_repeats(aligned_dry, dry.rate_hz)
    if manifest is not None and abs(manifest.seconds - dry.seconds) < 0.01:
        # Where wet began early, the front of dry was cut off to align them.
        cut = max(0, -alignment.removed_samples(0)) / dry.rate_hz
        repeats = [
            Repeat(repeat.first_seconds - cut, repeat.second_seconds - cut, repeat.seconds)
            for repeat in manifest.repeats
            if repeat.first_seconds >= cut
        ]
    esr = faults.replicate_esr(aligned_wet, dry.rate_hz, repeats)
    if esr is None or esr <= MOST_REPLICATE_ESR:
        return esr, []
    text = f"a repeated passage comes back with an ESR of {esr:.3f}"
    return esr, [_finding("replicate", "warning", text)]
