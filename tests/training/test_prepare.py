"""What a take of our own signal is trained on and held out by, also where the recording lacks a part of it."""

import numpy as np
import pytest

from triode.audio import Audio, Samples
from triode.capture.signal import CaptureSignal, make_signal
from triode.training.dataset import Pair
from triode.training.prepare import SignalParts, prepare

RATE_HZ = 24000


@pytest.fixture(scope="module")
def signal() -> CaptureSignal:
    return make_signal(12.0, RATE_HZ, seed=3)


@pytest.fixture(scope="module")
def parts(signal: CaptureSignal) -> SignalParts:
    manifest = signal.manifest
    sweeps = tuple((s.start_seconds, s.end_seconds) for s in manifest.segments if s.kind == "sweep")
    return SignalParts(manifest.train_seconds, manifest.held_out_seconds, sweeps)


def prepared(signal: CaptureSignal, wet: Samples, parts: SignalParts) -> Pair:
    (pair,) = prepare([(Audio(signal.samples, RATE_HZ), Audio(wet, RATE_HZ))], signal=parts).pairs
    return pair


def seconds(stretch: tuple[int, int]) -> tuple[float, float]:
    return stretch[0] / RATE_HZ, stretch[1] / RATE_HZ


def test_a_whole_take_is_split_as_the_signal_says(signal: CaptureSignal, parts: SignalParts) -> None:
    pair = prepared(signal, signal.samples, parts)
    assert seconds(pair.train) == pytest.approx(parts.train_seconds, abs=0.01)
    assert seconds(pair.validate) == pytest.approx(parts.held_out_seconds, abs=0.01)
    assert len(pair.sweeps) == len(parts.sweeps_seconds)


def test_a_recording_started_late_keeps_its_stretches_in_step(signal: CaptureSignal, parts: SignalParts) -> None:
    """The passage that is held out is the same sound, and no sample of it is trained on."""
    late = round(0.7 * RATE_HZ)
    pair = prepared(signal, np.append(signal.samples[late:], np.zeros(late, np.float32)), parts)
    start, stop = pair.validate
    expected = signal.samples[round(parts.held_out_seconds[0] * RATE_HZ) : round(parts.held_out_seconds[1] * RATE_HZ)]
    np.testing.assert_allclose(pair.dry[start:stop], expected[: stop - start], atol=1e-6)
    assert pair.train[1] <= start
    assert seconds(pair.train) == pytest.approx([t - 0.7 for t in parts.train_seconds], abs=0.01)
    begins = [sweep[0] - 0.7 for sweep in parts.sweeps_seconds if sweep[0] - 0.7 >= pair.train[0] / RATE_HZ]
    assert [start / RATE_HZ for start, _ in pair.sweeps] == pytest.approx(begins, abs=0.01)


@pytest.mark.parametrize("missing", ["start", "end"])
def test_a_recording_without_what_it_holds_out_is_split_like_any_other(
    signal: CaptureSignal, parts: SignalParts, missing: str
) -> None:
    cut = round(2.5 * RATE_HZ)
    pair = prepared(signal, signal.samples[cut:] if missing == "start" else signal.samples[:-cut], parts)
    assert pair.train[0] == 0
    assert pair.train[1] == pair.validate[0]
    assert seconds(pair.validate)[1] == pytest.approx(9.5, abs=0.01)
