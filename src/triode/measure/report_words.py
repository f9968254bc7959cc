"""What a report says in words: what to do next, derived from the numbers, and the names of its table rows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from triode.measure.metrics import format_percent
from triode.measure.report_analysis import Analysis, Match, ReportData, Sound, learning_curve
from triode.measure.report_plots import clock, minus, worst_segment

# Below these a remark would be noise.
LEVEL_OFF_DB = 0.3
SPIKE = 6.0
UNRELATED = 0.7
STILL_FALLING = 0.05
AUDIBLE_ALIASING_DB = -40.0
NOISY_DBFS = -80.0
SHORT_SECONDS = 60.0
OVERFIT = 1.5

TRAINING_LABELS = {
    "seconds_of_audio": "Audio learnt from",
    "audio_seconds": "Audio learnt from",
    "seconds": "Time taken",
    "wall_seconds": "Time taken",
    "epochs": "Passes over the audio",
    "audio_seconds_per_second": "Training speed, × real time",
    "esr": "ESR on held-out audio",
    "validation_esr": "Best validation ESR",
    "replicate_esr": "Device against itself (ESR)",
    "device": "Computed on",
    "seed": "Seed",
    "loss": "Loss",
    "batch_size": "Batch size",
    "learning_rate": "Learning rate",
    "interrupted": "Interrupted",
    "triode_version": "Triode version",
}
MODEL_LABELS = {
    "name": "Name",
    "format": "Format",
    "architecture": "Architecture",
    "size": "Size",
    "parameters": "Parameters",
    "receptive_field_samples": "Memory, samples",
    "sample_rate": "Sample rate",
    "latency_samples": "Latency, samples",
    "polarity": "Polarity",
    "realtime_factor": "Speed on one core, × real time",
    "knobs": "Knobs",
    "file": "File",
    "metadata": "Notes in the file",
}
RATIOS = {"esr", "validation_esr", "replicate_esr"}
DURATIONS = {"seconds", "wall_seconds", "seconds_of_audio", "audio_seconds"}


@dataclass(frozen=True)
class Advice:
    """One thing to do next: a headline, why, and a command where there is one."""

    headline: str
    why: str
    command: str = ""


def advice(data: ReportData, analysis: Analysis) -> list[Advice]:
    """What to do next, the most useful first; at most four things."""
    found = [
        *_about_findings(data),
        *_about_match(analysis.esr, analysis.match),
        *_about_learning(data, analysis),
        *_about_moments(data, analysis),
        *_about_sound(analysis),
    ]
    return found[:4] or [_finished(data, analysis)]


def _about_findings(data: ReportData) -> list[Advice]:
    serious = [row for row in data.findings if severity(row) == "error"]
    if not serious:
        return []
    first = str(serious[0].get("what_to_do", "")) or "The findings are listed below."
    return [Advice("Repair the recording first", f"The check found something that training cannot undo. {first}")]


def _about_match(esr: float, match: Match | None) -> list[Advice]:
    if match is None or esr < 0.002:
        return []
    if match.lag_samples and match.esr < 0.5 * min(esr, match.esr_in_place):
        where = "late" if match.lag_samples > 0 else "early"
        count = f"{abs(match.lag_samples)} sample{'' if abs(match.lag_samples) == 1 else 's'}"
        return [
            Advice(
                "Line the recording up",
                f"The model plays {count} too {where}; without that the error would be {format_percent(match.esr)}.",
                "triode check",
            )
        ]
    if match.esr > UNRELATED:
        return [
            Advice(
                "Check that these belong together",
                f"Even at the best level, delay and polarity the error would be {format_percent(match.esr)}. Is the "
                "model one of this device, at these settings, and the recording that of this guitar track?",
            )
        ]
    if match.polarity < 0 and match.esr < 0.5 * esr:
        return [
            Advice(
                "Turn the polarity around",
                f"The model is upside down against this recording; otherwise the error is {format_percent(match.esr)}.",
            )
        ]
    if abs(match.gain_db) > LEVEL_OFF_DB and match.esr_in_place < 0.5 * esr:
        where = "quieter" if match.gain_db > 0 else "louder"
        return [
            Advice(
                "Mind the level",
                f"The model is {abs(match.gain_db):.1f} dB {where} than the device, which is most of the error: at the "
                f"same level it would be {format_percent(match.esr_in_place)}.",
            )
        ]
    return []


def _about_learning(data: ReportData, analysis: Analysis) -> list[Advice]:
    if data.replicate_esr is not None and analysis.esr <= data.replicate_esr:
        return [
            Advice(
                "Longer training will not help",
                "The model is as close to the device as the device is to itself in this recording. For less error, "
                "record again with less noise, after the amp has warmed up.",
            )
        ]
    found = []
    seconds = audio_seconds(data)
    curve = learning_curve(data)
    if len(curve) >= 4:
        values = np.minimum.accumulate(curve[:, 1])
        wall_seconds = float(curve[-1, 0])
        earlier = int(np.searchsorted(curve[:, 0], 0.75 * wall_seconds))
        gain = 1 - values[-1] / values[min(earlier, len(curve) - 2)]
        if gain > STILL_FALLING:
            found.append(
                Advice(
                    "Train longer",
                    f"The error still fell by {100 * gain:.0f} % over the last quarter of the training.",
                    f"triode train … --time {_budget(2 * wall_seconds)}",
                )
            )
        if analysis.esr > OVERFIT * values[-1] and analysis.esr > 0.002:
            found.append(
                Advice(
                    "Record more kinds of playing",
                    f"On this stretch the error is {analysis.esr / values[-1]:.1f} times that of the validation audio: "
                    "it holds playing that the training audio lacks or that is harder to learn.",
                )
            )
    if seconds is not None and seconds < SHORT_SECONDS and analysis.esr > 0.01:
        found.append(
            Advice(
                "Record more",
                f"The model learnt from {seconds:.0f} s of audio; three minutes with soft and hard playing over the "
                "whole neck make a safer model.",
                "triode signal capture.wav --seconds 180",
            )
        )
    return found


def _about_moments(data: ReportData, analysis: Analysis) -> list[Advice]:
    values = analysis.segment_esr
    if np.count_nonzero(np.isfinite(values)) < 4 or analysis.esr < 0.002:
        return []
    worst = worst_segment(analysis)
    ratio = float(values[worst] / np.nanmedian(values))
    if ratio < SPIKE or values[worst] < 0.02:
        return []
    at = clock(data.start_seconds + analysis.segment_edges[worst] / data.rate_hz)
    return [
        Advice(
            f"Listen at {at}",
            f"The error there is {ratio:.0f} times that of a typical moment. If something in the recording explains it "
            "(a click, a pick noise, a switch), all is well; if not, record more of such playing.",
        )
    ]


def _about_sound(analysis: Analysis) -> list[Advice]:
    sound = analysis.model_sound
    if sound is None:
        return []
    found = []
    own = analysis.device_sound.aliasing.worst_db if analysis.device_sound else -math.inf
    if sound.aliasing.worst_db > max(AUDIBLE_ALIASING_DB, own + 6):
        found.append(
            Advice(
                "Listen to high notes",
                f"Aliasing comes within {-sound.aliasing.worst_db:.0f} dB of the harmonics: high notes can whistle. A "
                "longer training usually lowers it.",
            )
        )
    if sound.noise.a_weighted_dbfs > NOISY_DBFS:
        found.append(
            Advice(
                "Mind the hiss",
                f"The model makes {sound.noise.a_weighted_dbfs:.0f} dBFS of noise by itself; it learnt it from the "
                "recording. Use a gate, or record again with less noise.",
            )
        )
    return found


def _finished(data: ReportData, analysis: Analysis) -> Advice:
    if analysis.esr < 0.035:
        why = "Nothing in the numbers asks for more work."
    else:
        why = (
            "The numbers do not say what is wrong: look at the recording check, then try a larger model or more audio."
        )
    return Advice("Play it" if analysis.esr < 0.035 else "Look closer", why, "triode render MODEL riff.wav out.wav")


def sound_rows(sound: Sound) -> dict[str, str]:
    """What a process does to sound as a table of names and values."""
    levels_in, levels_out = sound.fingerprint.input_levels_dbfs, sound.fingerprint.harmonic_levels_dbfs
    gain_db = levels_out[:, 0] - levels_in
    medium = int(np.argmin(np.abs(levels_in + 20)))
    second, third = levels_out[medium, 1:3] - levels_out[medium, 0]
    rows = {
        "Gain for soft playing": f"{gain_db[0]:+.1f} dB",
        "Gain at full level": f"{gain_db[-1]:+.1f} dB",
        "2nd harmonic, medium level": _below(second, -120),
        "3rd harmonic, medium level": _below(third, -120),
        "Loop of the transfer curve": f"{100 * sound.transfer[-1].hysteresis:.0f} %",
        "Aliasing, worst tone": _below(sound.aliasing.worst_db, -120),
        "Noise with nothing played": _below(sound.noise.a_weighted_dbfs, -140, "dBFS (A)"),
    }
    return {name: minus(value) for name, value in rows.items()}


def _below(level_db: float, floor_db: float, unit: str = "dB") -> str:
    if math.isnan(level_db):
        return "no sound"
    return f"under {floor_db} {unit}" if level_db < floor_db else f"{level_db:.0f} {unit}"


def severity(finding: Mapping[str, Any]) -> str:
    """How the page shows the severity of a finding (refuse, warning or info): as error, warning or note."""
    return {"refuse": "error", "warning": "warning"}.get(str(finding.get("severity")), "note")


def audio_seconds(data: ReportData) -> float | None:
    """Seconds of audio the model learnt from, where the training summary says so."""
    for key in ("seconds_of_audio", "audio_seconds"):
        if isinstance(data.training.get(key), int | float):
            return float(data.training[key])
    return None


def value_words(key: str, value: Any) -> str:
    """A value of the training or model table, as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and not math.isfinite(value):
        return "not defined"
    if key in RATIOS and isinstance(value, int | float):
        return format_percent(float(value))
    if key in DURATIONS and isinstance(value, int | float):
        return duration(float(value))
    if key == "sample_rate" and isinstance(value, int | float):
        return f"{value:,.6g} Hz"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if key == "knobs" and all(isinstance(knob, dict) for knob in value):
        return ", ".join(f"{knob.get('name')} {knob.get('low')} to {knob.get('high')}" for knob in value)
    if key == "architecture" and isinstance(value, dict):
        return str(value.get("name"))
    if isinstance(value, dict):
        known = {inner: item for inner, item in value.items() if item is not None}
        return ", ".join(f"{label(inner)}: {value_words(inner, item)}" for inner, item in known.items())
    if isinstance(value, list | tuple):
        return "; ".join(value_words("", item) for item in value)
    return str(value)


def label(key: str) -> str:
    """The words for a key that has no label of its own: `gear_make` -> 'Gear make'."""
    words = str(key).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def duration(seconds: float) -> str:
    """Seconds as people say them: 12.5 s, 3 min 20 s, 1 h 5 min."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def _budget(seconds: float) -> str:
    return f"{math.ceil(seconds / 60)}m" if seconds > 90 else f"{math.ceil(seconds)}s"
