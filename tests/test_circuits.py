"""The built-in circuits, heard from outside: levels, knobs, aliasing, sag, and what they do with nonsense."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.circuit_measures import burst_response
from benchmarks.schematics import DRAWINGS
from numpy.typing import NDArray
from scipy.signal import firwin, oaconvolve

from triode import _core
from triode.audio import Samples, resample
from triode.capture.devices import circuits, run_circuit
from triode.errors import AudioFileError, OptionError
from triode.measure.aliasing import aliasing_to_signal_ratio

RATE_HZ = 48000
NAMES = ["overdrive", "preamp"]
FULL = {"overdrive": {"drive": 10.0}, "preamp": {"gain": 10.0}}


def tone(hz: float, dbfs: float, seconds: float = 1.0, rate_hz: int = RATE_HZ) -> Samples:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return (10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def plucked(rate_hz: int, dbfs: float = -12.0) -> Samples:
    """Half a second of a chord that decays, its peak at `dbfs`; nothing above 4 kHz."""
    t = np.arange(round(0.5 * rate_hz)) / rate_hz
    chord = [
        np.sin(2 * np.pi * hz * k * t) * np.exp(-(4 + k) * t) / k**1.5
        for hz in (110.0, 164.8, 277.2)
        for k in range(1, 13)
    ]
    x = np.sum(chord, axis=0) * np.minimum(1, t / 0.005)
    return (10 ** (dbfs / 20) * x / np.max(np.abs(x))).astype(np.float32)


def harmonics_db(name: str, settings: dict[str, float], dbfs: float = -12.0, hz: int = 220) -> float:
    """All harmonics together against the fundamental, after half a second of settling."""
    wet = run_circuit(name, tone(hz, dbfs, 1.6), RATE_HZ, settings)[RATE_HZ // 2 : 3 * RATE_HZ // 2]
    lines = np.abs(np.fft.rfft(wet.astype(np.float64)))[hz::hz]
    return float(20 * np.log10(np.sqrt(np.sum(lines[1:] ** 2)) / lines[0]))


def response_db(name: str, settings: dict[str, float], hz: list[int]) -> NDArray[np.float64]:
    """Gain of the circuit to signals too small to bend."""
    click = np.zeros(RATE_HZ, np.float32)
    click[1000] = 1e-3
    wet = run_circuit(name, click, RATE_HZ, settings).astype(np.float64)
    return np.asarray(20 * np.log10(np.abs(np.fft.rfft(wet))[hz] / 1e-3))


def esr(got: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    return float(np.sum((got.astype(np.float64) - wanted) ** 2) / np.sum(wanted.astype(np.float64) ** 2))


# What stands in the documentation and in front of users.


def test_knobs() -> None:
    known = circuits()
    assert [knob.name for knob in known["overdrive"].knobs] == ["drive", "tone", "level"]
    assert [knob.name for knob in known["preamp"].knobs] == ["gain", "bass", "middle", "treble", "master", "sag"]
    assert all(knob.low == 0 and knob.high == (1 if knob.name == "sag" else 10) for knob in known["preamp"].knobs)


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.name)
def test_drawings_show_the_values_of_the_engine(path: Path) -> None:
    assert path.read_text() == DRAWINGS[path](), "draw them again: python -m benchmarks.schematics"


def test_errors_say_what_is_possible() -> None:
    quiet = np.zeros(8, np.float32)
    with pytest.raises(OptionError, match="'fuzz'; the built-in ones: overdrive, preamp"):
        run_circuit("fuzz", quiet, RATE_HZ, {})
    with pytest.raises(OptionError, match="no knob 'gain'; the knobs here: drive, tone, level"):
        run_circuit("overdrive", quiet, RATE_HZ, {"gain": 1.0})
    with pytest.raises(OptionError, match="knob drive = 11: outside its range 0 to 10"):
        run_circuit("overdrive", quiet, RATE_HZ, {"drive": 11.0})
    with pytest.raises(OptionError, match="22050 to 192000 Hz, found 8000 Hz"):
        run_circuit("overdrive", quiet, 8000, {})
    with pytest.raises(AudioFileError, match=r"shape \(n,\), found \(8, 2\)"):
        run_circuit("overdrive", np.zeros((8, 2), np.float32), RATE_HZ, {})


@pytest.mark.parametrize("length", [0, 1, 2, 63, 64, 65, 4097])
def test_as_long_as_the_input(length: int) -> None:
    assert run_circuit("overdrive", np.full(length, 0.1, np.float32), RATE_HZ, {}).shape == (length,)


# Rest, DC, nonsense.


@pytest.mark.parametrize("sag", [0.0, 1.0])
@pytest.mark.parametrize("name", NAMES)
def test_silence_in_gives_silence_out(name: str, sag: float) -> None:
    settings = {"sag": sag} if name == "preamp" else {}
    assert np.abs(run_circuit(name, np.zeros(RATE_HZ, np.float32), RATE_HZ, settings)).max() < 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_no_dc_from_a_lopsided_tone(name: str) -> None:
    dry = np.abs(tone(200, -6, 2.0)) - 0.1
    wet = run_circuit(name, dry.astype(np.float32), RATE_HZ, FULL[name])[RATE_HZ : RATE_HZ + 24000].astype(np.float64)
    assert abs(wet.mean()) < 2e-3 * wet.std()


@pytest.mark.parametrize("name", NAMES)
def test_nonsense_stays_finite(name: str) -> None:
    dry = (100 * np.random.default_rng(1).uniform(-1, 1, 20000)).astype(np.float32)
    dry[::50], dry[7::50], dry[9::50] = np.nan, np.inf, -3e38
    assert np.isfinite(run_circuit(name, dry, RATE_HZ, FULL[name])).all()


def test_recovers_from_nonsense() -> None:
    """After an absurd stretch the circuit comes back to what it does with music."""
    dry = np.concatenate([np.zeros(RATE_HZ, np.float32), plucked(RATE_HZ)])
    absurd = dry.copy()
    absurd[:1000] = 100.0
    for name in NAMES:
        after = slice(RATE_HZ, None)
        assert esr(run_circuit(name, absurd, RATE_HZ, {})[after], run_circuit(name, dry, RATE_HZ, {})[after]) < 1e-3


def test_instances_do_not_know_each_other() -> None:
    dry = plucked(RATE_HZ)
    alone = run_circuit("preamp", dry, RATE_HZ, {})
    first, second = _core.Circuit("preamp"), _core.Circuit("preamp")
    second.set("gain", 10.0)
    for circuit in (first, second):
        circuit.configure(RATE_HZ)
    pieces = []
    for start in range(0, len(dry), 1000):
        pieces.append(first.process(dry[start : start + 1000]))
        second.process(dry[start : start + 1000])
    late = first.latency_samples
    together = np.concatenate(pieces)[late:]
    assert np.array_equal(together, alone[: len(together)])


# Time and sample rate.


@pytest.mark.parametrize("name", NAMES)
def test_latency_is_compensated(name: str) -> None:
    click = np.zeros(2000, np.float32)
    click[1000] = 1e-3
    wet = np.abs(run_circuit(name, click, RATE_HZ, {}))
    assert 1000 <= np.argmax(wet) <= 1004
    assert wet[:960].max() < 1e-3 * wet.max()


def test_audio_that_breaks_off_does_not_ring_before_its_end() -> None:
    whole = run_circuit("preamp", tone(441, -12), RATE_HZ, {})
    broken_off = run_circuit("preamp", tone(441, -12)[:9000], RATE_HZ, {})
    assert np.abs(broken_off - whole[:9000]).max() < 1e-3 * np.abs(whole).max()


@pytest.mark.parametrize("settings", [{}, {"drive": 10.0, "gain": 10.0, "sag": 1.0}], ids=["default", "hot"])
@pytest.mark.parametrize("name", NAMES)
def test_sample_rates_agree(name: str, settings: dict[str, float]) -> None:
    known = {knob.name for knob in circuits()[name].knobs}
    settings = {knob: value for knob, value in settings.items() if knob in known}
    outputs = []
    for rate_hz in (22050, 44100, 96000):
        wet = resample(run_circuit(name, plucked(rate_hz), rate_hz, settings), rate_hz, 96000)
        below_hz = 0.34 * min(rate_hz, 44100)  # 15 kHz, or what 22.05 kHz has room for
        outputs.append((below_hz, wet))
    for below_hz, wet in outputs[:2]:
        low_pass = firwin(401, below_hz, fs=96000)
        ours, reference = (oaconvolve(signal, low_pass, mode="same")[1000:40000] for signal in (wet, outputs[2][1]))
        assert esr(ours, reference) < 1e-4


@pytest.mark.parametrize("rate_hz", [44100, 48000, 96000])
@pytest.mark.parametrize("name", NAMES)
def test_aliasing_is_below_60_db(name: str, rate_hz: int) -> None:
    def process(dry: Samples) -> Samples:
        return run_circuit(name, dry, rate_hz, FULL[name])

    assert aliasing_to_signal_ratio(process, rate_hz, (1249.0, 4001.0), (-6.0,)).worst_db < -60


# Sound.


def test_default_settings_sound_like_what_they_are() -> None:
    assert -20 < harmonics_db("overdrive", {}, -12) < -10  # overdriven, not fuzz
    assert harmonics_db("preamp", {}, -24) < -25  # clean when played softly,
    assert -16 < harmonics_db("preamp", {}, -12) < -8  # breaking up when played hard
    for name in NAMES:
        for dbfs in (-12.0, -3.0):
            peak_db = 20 * np.log10(np.abs(run_circuit(name, plucked(RATE_HZ, dbfs), RATE_HZ, {})).max())
            assert -20 < peak_db < 0


@pytest.mark.parametrize(("name", "knob"), [("overdrive", "drive"), ("preamp", "gain")])
def test_drive_adds_harmonics(name: str, knob: str) -> None:
    amounts = [harmonics_db(name, {knob: value}, -24) for value in (0.5, 2.5, 5.0, 7.5, 10.0)]
    assert np.all(np.diff(amounts) > 1)


def test_diodes_clip_symmetrically_and_tubes_do_not() -> None:
    even = {}
    for name in NAMES:
        wet = run_circuit(name, tone(220, -18, 1.6), RATE_HZ, {})[RATE_HZ // 2 : 3 * RATE_HZ // 2]
        lines = np.abs(np.fft.rfft(wet.astype(np.float64)))
        even[name] = 20 * np.log10(lines[440] / lines[220])
    assert even["overdrive"] < -100
    assert even["preamp"] > -30


def test_tone_brightens() -> None:
    treble_db = np.array([response_db("overdrive", {"tone": value}, [3000])[0] for value in (0, 2.5, 5, 7.5, 10)])
    assert np.all(np.diff(treble_db) > 0.5)
    assert treble_db[-1] - treble_db[0] > 12


@pytest.mark.parametrize(
    ("knob", "hz", "elsewhere_hz"), [("bass", 60, 4000), ("middle", 450, 60), ("treble", 6000, 60)]
)
def test_tone_stack(knob: str, hz: int, elsewhere_hz: int) -> None:
    there, elsewhere = np.transpose([response_db("preamp", {knob: value}, [hz, elsewhere_hz]) for value in (0, 5, 10)])
    assert np.all(np.diff(there) > 1.5)
    assert there[2] - there[0] > 6
    assert np.ptp(elsewhere) < 0.4 * np.ptp(there)


@pytest.mark.parametrize(("name", "knob"), [("overdrive", "level"), ("preamp", "master")])
def test_level_is_monotonic(name: str, knob: str) -> None:
    wets = [run_circuit(name, plucked(RATE_HZ), RATE_HZ, {knob: value}) for value in range(11)]
    level_db = [10 * np.log10(np.mean(wet.astype(np.float64) ** 2)) for wet in wets]
    assert level_db[0] < -60
    assert np.all(np.diff(level_db) > 0.1)


def test_full_sag_pulls_the_gain_down_and_recovers() -> None:
    sag = burst_response("preamp", {"sag": 1.0})
    assert sag.within_db > 3
    assert sag.gain_db[2] < -3  # 0.1 s after the burst
    assert np.all(np.diff(sag.gain_db[2:]) > 0)
    assert -3 < np.interp(0.5, sag.seconds, sag.gain_db) < -1
    assert np.interp(1.5, sag.seconds, sag.gain_db) > -0.5


def test_without_sag_the_gain_stays() -> None:
    stiff = burst_response("preamp", {"sag": 0.0})
    assert stiff.within_db < 1
    assert np.abs(stiff.gain_db[1:]).max() < 0.2
