"""Does `triode check` find what is wrong, and nothing else? `python -m benchmarks.checks [--seeds 20]`.

Twelve kinds of fault are put into healthy takes of four devices (tests/capture/injected.py), each with many seeds; the
tests do the same with few.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks.page import table, write_section
from triode.capture.checks import CheckReport, check_take

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "capture"))
from injected import DRIFT_PPM, FAULTS, Case, clean

LAG_SAMPLES, DRIFT_ERROR_PPM = 0.05, 1.0


def check(case: Case) -> CheckReport:
    """The report on one case."""
    return check_take(*case.audio(), case.manifest)


def is_found(fault: str, case: Case, before: Case, report: CheckReport, healthy: CheckReport) -> bool:
    """Whether the report says what was put in; lag and drift within their tolerances."""
    if fault == "shifted":
        moved = report.latency_samples - healthy.latency_samples
        return abs(moved - (case.delay - before.delay)) <= LAG_SAMPLES
    if fault == "inverted":
        return report.polarity == -healthy.polarity
    if fault == "drifting" and abs(report.drift_ppm - DRIFT_PPM) > DRIFT_ERROR_PPM:
        return False
    return FAULTS[fault][1] <= {finding.code for finding in report.findings}


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    found = dict.fromkeys(FAULTS, 0)
    false_alarms = 0
    for seed in range(seeds):
        before = clean(seed)
        healthy = check(before)
        false_alarms += any(finding.severity != "info" for finding in healthy.findings)
        for fault, (put_in, _) in FAULTS.items():
            case = put_in(before, np.random.default_rng(seed))
            found[fault] += is_found(fault, case, before, check(case), healthy)
        print(seed, found, false_alarms, flush=True)
    rows = [[fault, f"{count} of {seeds}"] for fault, count in found.items()]
    share = 100 * sum(found.values()) / (seeds * len(FAULTS))
    body = (
        f"Takes of 12 s (30 s for drift) at 22.05 kHz, {seeds} seeds. Found: {share:.1f} %. Healthy takes with a "
        f"warning or a refusal: {false_alarms} of {seeds}. A shift counts as found within {LAG_SAMPLES} samples, "
        f"drift within {DRIFT_ERROR_PPM:g} ppm.\n\n{table(['fault', 'found'], rows)}"
    )
    write_section("Faults that the checks find", "python -m benchmarks.checks", body)


if __name__ == "__main__":
    main()
