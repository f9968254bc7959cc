"""The playing chain: every part against a plain computation of what it should do, and its behaviour in time."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import freqz, oaconvolve, sosfilt

from engine_files import write_nam, write_triode
from models import random_tensors, recurrent_architecture
from rig_signals import RATE, noise, response_of, sine
from triode.audio import Audio, read_audio
from triode.engine import Model, load
from triode.errors import OptionError
from triode.rig import Rig, RigSettings


def model(folder: Path, bias: float = 0.0, **levels: float) -> Model:
    """A model that plays what it hears."""
    tensors = {"taps": np.ones(1, np.float32), "bias": np.full(1, bias, np.float32)}
    return load(write_triode(folder / "wire.triode", {"name": "linear", "taps": 1}, tensors, levels=levels))


def decibels(amplitude: float) -> float:
    return float(20 * np.log10(amplitude))


def test_as_it_is_by_default_nothing_is_added(tmp_path: Path) -> None:
    architecture = recurrent_architecture("lstm", 8)
    player = load(write_triode(tmp_path / "m.triode", architecture, random_tensors(architecture)))
    expected = player.render(noise(3000))
    np.testing.assert_array_equal(Rig(player).render(noise(3000)), expected)
    np.testing.assert_array_equal(Rig().render(noise(3000)), noise(3000))


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 127, 128, 129, 500, 2047, 2048, 2049, 3072, 3073, 20_000])
def test_cabinet_is_a_convolution(count: int) -> None:
    """Of every length round the ends of its partitions."""
    audio, response = noise(30_000), response_of(count)
    out = Rig(response=response).render(audio, 100)
    expected = oaconvolve(audio.astype(float), response.samples.astype(float))[: len(audio)]
    assert np.abs(out - expected).max() < 1e-6
    assert np.abs(expected).max() > 0.1


def test_two_seconds_of_cabinet() -> None:
    audio, response = noise(200_000), response_of(2 * RATE)
    expected = oaconvolve(audio.astype(float), response.samples.astype(float))[: len(audio)]
    assert np.abs(Rig(response=response).render(audio, 64) - expected).max() < 1e-6


def test_cabinet_adds_no_delay() -> None:
    impulse = np.zeros(100, np.float32)
    impulse[0] = 1.0
    response = response_of(5000)
    out = Rig(response=response).render(impulse, 1)
    np.testing.assert_allclose(out, response.samples[:100], atol=1e-7)


@pytest.mark.parametrize("rate", [22_050, 44_100, 96_000, 192_000])
def test_cabinet_of_another_rate_keeps_its_sound(rate: int) -> None:
    """The same physical response, sampled at another rate, has the same gain at every frequency."""

    def sampled(at_hz: int) -> Audio:
        time = np.arange(int(0.02 * at_hz)) / at_hz
        decay = np.exp(-600 * time) * np.sin(2 * np.pi * 2000 * time) ** 2 * (1 - np.exp(-3000 * time))
        return Audio((2000 * decay / at_hz).astype(np.float32), at_hz)

    audio = noise(20_000)
    expected = Rig(response=sampled(RATE)).render(audio)
    found = Rig(response=sampled(rate)).render(audio)
    assert np.abs(expected).max() > 0.05
    assert np.abs(found - expected).max() < 0.01 * np.abs(expected).max()


def cookbook(kind: str, hz: float, q: float, gain_db: float, rate: float) -> list[float]:
    """The section as the W3C note on the EQ cookbook writes it."""
    a, w = 10 ** (gain_db / 40), 2 * np.pi * hz / rate
    cos, alpha = np.cos(w), np.sin(w) / (2 * q)
    root = 2 * np.sqrt(a) * alpha
    if kind == "peak":
        b = [1 + alpha * a, -2 * cos, 1 - alpha * a]
        c = [1 + alpha / a, -2 * cos, 1 - alpha / a]
    elif kind == "low":
        b = [a * (a + 1 - (a - 1) * cos + root), 2 * a * (a - 1 - (a + 1) * cos), a * (a + 1 - (a - 1) * cos - root)]
        c = [a + 1 + (a - 1) * cos + root, -2 * (a - 1 + (a + 1) * cos), a + 1 + (a - 1) * cos - root]
    else:
        b = [a * (a + 1 + (a - 1) * cos + root), -2 * a * (a - 1 + (a + 1) * cos), a * (a + 1 + (a - 1) * cos - root)]
        c = [a + 1 - (a - 1) * cos + root, 2 * (a - 1 - (a + 1) * cos), a + 1 - (a - 1) * cos - root]
    return [value / c[0] for value in (*b, *c)]


def tone_sections(bass: float, middle: float, treble: float, presence: float, rate: float) -> np.ndarray:
    bands = [("low", 120, 0.707, bass), ("peak", 500, 0.7, middle), ("high", 2000, 0.707, treble)]
    return np.array([cookbook(*band, rate) for band in [*bands, ("peak", 4500, 0.9, presence)]])


@pytest.mark.parametrize("rate", [44_100, 48_000, 192_000])
@pytest.mark.parametrize("gains", [(6, 0, 0, 0), (0, -12, 0, 0), (0, 0, 20, 0), (0, 0, 0, -7), (-20, 5, -3, 9)])
def test_tone_stack_is_its_sections(rate: int, gains: tuple[float, ...]) -> None:
    settings = RigSettings(bass_db=gains[0], middle_db=gains[1], treble_db=gains[2], presence_db=gains[3])
    audio = noise(5000)
    expected = sosfilt(tone_sections(*gains, rate), audio.astype(float))
    assert np.abs(Rig(settings=settings, sample_rate=rate).render(audio) - expected).max() < 2e-6
    assert np.abs(expected - audio).max() > 0.03


@pytest.mark.parametrize(("name", "hz"), [("bass_db", 20), ("middle_db", 500), ("treble_db", 15_000)])
def test_tone_controls_do_what_they_say(name: str, hz: float) -> None:
    """10 dB up is 10 dB more of its own frequencies."""
    impulse = np.zeros(1 << 15, np.float32)
    impulse[0] = 1.0
    _, gain = freqz(Rig(settings=RigSettings(**{name: 10.0})).render(impulse), worN=[hz], fs=RATE)
    assert abs(decibels(abs(gain[0])) - 10) < 0.3


def test_gate_silences_noise_and_lets_playing_through() -> None:
    """Hiss at -70 dBFS, then a note of -20 dBFS, then hiss; the threshold is at -50."""
    hiss = noise(RATE, 10 ** (-70 / 20))
    audio = np.concatenate([hiss, sine(110, 1.0, 0.1) + hiss, hiss])
    rig = Rig(settings=RigSettings(gate_threshold_db=-50, gate_hold_seconds=0.05, gate_release_seconds=0.1))
    out = rig.render(audio)
    assert not out[:RATE].any()
    onset = out[RATE + int(0.005 * RATE) : 2 * RATE]
    np.testing.assert_allclose(onset, audio[RATE + int(0.005 * RATE) : 2 * RATE], atol=0.01 * 0.1)
    # The level takes 20 ms ln(10^(36/20)) = 83 ms to sink from -20 to -56 dBFS; then hold, then 80 dB of release.
    closed = 2 * RATE + int((0.083 + 0.05 + 0.1 * 80 / 60 + 0.005) * RATE)
    assert not out[closed:].any()
    still_open = slice(2 * RATE, 2 * RATE + int((0.083 + 0.05 - 0.005) * RATE))
    np.testing.assert_allclose(out[still_open], audio[still_open], rtol=1e-3)


def test_gate_releases_at_its_rate() -> None:
    """In release the gain falls 60 dB in the time set."""
    quiet = np.full(2 * RATE, 1e-4, np.float32)
    audio = np.concatenate([np.full(100, 0.1, np.float32), quiet])
    rig = Rig(settings=RigSettings(gate_threshold_db=-40, gate_hold_seconds=0, gate_release_seconds=0.5))
    gain = rig.render(audio)[100:] / quiet
    falling = np.flatnonzero((gain < 0.5) & (gain > 1e-3))
    slope_db = decibels(gain[falling[-1]] / gain[falling[0]]) / ((falling[-1] - falling[0]) / RATE)
    assert abs(slope_db - -60 / 0.5) < 1


def test_gate_does_not_flutter_within_its_hysteresis() -> None:
    """A low string that swells between threshold and threshold - 5 dB keeps the gate open."""
    swell = np.repeat([1.0, 10 ** (-5 / 20)], RATE // 4)
    audio = np.tile(swell, 3).astype(np.float32) * sine(41, 1.5, 10 ** (-39.5 / 20))
    rig = Rig(settings=RigSettings(gate_threshold_db=-40, gate_hysteresis_db=12, gate_hold_seconds=0))
    settled = slice(RATE // 10, None)
    np.testing.assert_allclose(rig.render(audio)[settled], audio[settled], atol=1e-6)


def test_gate_listens_before_the_gain_and_acts_after_the_model(tmp_path: Path) -> None:
    """Turning up the input does not open it, and what the model makes of silence is silenced too."""
    settings = RigSettings(input_gain_db=40, gate_threshold_db=-50)
    assert not Rig(model(tmp_path, bias=0.2), settings).render(noise(5000, 1e-3)).any()


def test_dc_blocker_takes_offset_and_leaves_bass(tmp_path: Path) -> None:
    out = Rig(model(tmp_path, bias=0.3), RigSettings(dc_blocker=True)).render(sine(41, 2.0))[RATE:]
    assert abs(out[: RATE // 41 * 41].mean()) < 1e-3
    assert abs(decibels(np.sqrt(2) * np.std(out) / 0.5)) < 0.1
    assert Rig(model(tmp_path, bias=0.3)).render(sine(41, 0.1)).mean() > 0.25


def test_gains_are_decibels() -> None:
    audio = noise(1000)
    out = Rig(settings=RigSettings(input_gain_db=6, output_gain_db=-20)).render(audio)
    np.testing.assert_allclose(out, audio * 10 ** (-14 / 20), rtol=1e-6)


def test_calibration(tmp_path: Path) -> None:
    """A guitar of 0 dBu into an interface of 12 dBu is -12 dBFS; the model was captured where full scale was 18 dBu."""
    player = model(tmp_path, input_dbu=18.0, output_dbu=15.0)
    audio = noise(1000)
    out = Rig(player, RigSettings(interface_dbu=12)).render(audio)
    np.testing.assert_allclose(out, audio * 10 ** ((12 - 18) / 20), rtol=1e-6)
    # What the model puts out at -6 dBFS is 9 dBu, and so at the interface's output -3 dBFS.
    out = Rig(player, RigSettings(interface_dbu=12, output_level="calibrated")).render(audio)
    np.testing.assert_allclose(out, audio * 10 ** ((12 - 18 + 15 - 12) / 20), rtol=1e-6)


def test_normalisation(tmp_path: Path) -> None:
    player = model(tmp_path, loudness_db=-10.0)
    out = Rig(player, RigSettings(output_level="normalized")).render(noise(1000))
    np.testing.assert_allclose(out, noise(1000) * 10 ** (-8 / 20), rtol=1e-6)


def nam(folder: Path, metadata: Any) -> Model:
    """The same wire as a .nam file."""
    path = write_nam(folder / "wire.nam", "Linear", {"receptive_field": 1, "bias": False}, [np.ones(1)])
    path.write_text(json.dumps(json.loads(path.read_text()) | {"metadata": metadata, "sample_rate": RATE}))
    return load(path)


def test_levels_of_a_nam_file(tmp_path: Path) -> None:
    player = nam(tmp_path, {"loudness": -20.0, "input_level_dbu": 10.0, "output_level_dbu": 3.0})
    out = Rig(player, RigSettings(interface_dbu=12, output_level="normalized")).render(noise(1000))
    np.testing.assert_allclose(out, noise(1000) * 10 ** ((2 + 2) / 20), rtol=1e-6)
    out = Rig(player, RigSettings(interface_dbu=12, output_level="calibrated")).render(noise(1000))
    np.testing.assert_allclose(out, noise(1000) * 10 ** ((2 - 9) / 20), rtol=1e-6)


@pytest.mark.parametrize("metadata", [{}, {"loudness": "loud"}, {"loudness": None}, {"loudness": 1e300}])
def test_nonsense_about_levels_counts_as_none(tmp_path: Path, metadata: Any) -> None:
    with pytest.raises(OptionError, match="loudness"):
        Rig(nam(tmp_path, metadata), RigSettings(output_level="normalized"))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (RigSettings(output_level="normalized"), "loudness"),
        (RigSettings(interface_dbu=10), "input's dBu"),
        (RigSettings(output_level="calibrated"), "interface_dbu"),
    ],
)
def test_levels_that_the_file_does_not_tell(tmp_path: Path, settings: RigSettings, told: str) -> None:
    with pytest.raises(OptionError, match=told):
        Rig(model(tmp_path), settings)


EVERYTHING = RigSettings(
    input_gain_db=3,
    output_gain_db=-6,
    gate_threshold_db=-30,
    gate_hold_seconds=0.005,
    gate_release_seconds=0.01,
    bass_db=5,
    middle_db=-4,
    treble_db=3,
    presence_db=2,
    dc_blocker=True,
)


def moved(rig: Rig, audio: np.ndarray, blocks: Any) -> np.ndarray:
    """Plays with the settings changed at two places, in blocks between them of the sizes given."""
    stages = [EVERYTHING, RigSettings(output_gain_db=-6, cabinet=False), EVERYTHING]
    out = []
    for settings, piece in zip(stages, np.split(audio, [5_000, 9_001]), strict=True):
        rig.set(settings)
        edges = np.arange(blocks, len(piece), blocks) if isinstance(blocks, int) else np.cumsum(blocks)
        out += [rig.process(part) for part in np.split(piece, edges[edges < len(piece)])]
    return np.concatenate(out)


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_blocks_do_not_change_the_sound(tmp_path: Path, rate: int) -> None:
    """Nor do settings on the move: the same samples, whatever the host hands over."""
    envelope = 0.5 + 0.5 * np.sign(np.sin(np.arange(14_000) / 700))
    audio = (noise(14_000) * (envelope + 0.001)).astype(np.float32)

    def played(blocks: Any) -> np.ndarray:
        return moved(
            Rig(model(tmp_path, bias=0.1), EVERYTHING, response=response_of(3000), sample_rate=rate), audio, blocks
        )

    whole = played(14_000)
    for block in (1, 2, 7, 16, 63, 64, 65, 128, 1000, 4096):
        np.testing.assert_array_equal(played(block), whole)
    np.testing.assert_array_equal(played(np.random.default_rng(0).integers(1, 300, 200)), whole)


@pytest.mark.parametrize(
    "settings",
    [
        RigSettings(output_gain_db=-20),
        RigSettings(input_gain_db=12),
        RigSettings(bass_db=15, middle_db=-15, treble_db=10),
        RigSettings(cabinet=False),
        RigSettings(dc_blocker=True),
        RigSettings(gate_threshold_db=-60),
    ],
)
def test_settings_move_without_clicks(settings: RigSettings) -> None:
    """On a tone of 100 Hz no sample steps away from its neighbours: a click would show in the third difference."""
    audio, plain = sine(100, 1.0), RigSettings()
    rig = Rig(settings=plain, response=Audio(np.array([0.5], np.float32), RATE))
    rig.process(audio[: RATE // 3])
    steady = np.abs(np.diff(rig.process(audio[RATE // 3 : RATE // 2]), 3)).max()
    rig.set(settings)
    there = rig.process(audio[RATE // 2 : 3 * RATE // 4])
    rig.set(plain)
    back = rig.process(audio[3 * RATE // 4 :])
    assert np.abs(np.diff(there[4000:], 3)).max() < 20 * steady  # settled: the tone alone, at most 24 dB louder
    for piece in (there, back):
        assert np.abs(np.diff(piece, 3)).max() < 4e-3  # a step of 0.01 would make 3e-2


def test_nothing_allocates(tmp_path: Path) -> None:
    rig = Rig(model(tmp_path), EVERYTHING, response=response_of(5000))
    assert rig.bench(64, 0.2)["allocations"] == 0
    assert rig.bench(1000, 0.2)["allocations"] == 0


def test_bad_samples_leave_no_trace(tmp_path: Path) -> None:
    bad = noise(20_000)
    bad[[5, 700]] = np.nan, np.inf
    bad[1000:1100] = np.finfo(np.float32).max
    rig = Rig(model(tmp_path), EVERYTHING, response=response_of(3000))
    out = rig.render(bad)
    assert np.isfinite(out).all()
    clean = rig.render(np.where(np.abs(bad) < 1, bad, 0).astype(np.float32))
    np.testing.assert_allclose(out[-5000:], clean[-5000:], atol=1e-4)


def test_reset_starts_anew(tmp_path: Path) -> None:
    rig = Rig(model(tmp_path, bias=0.1), EVERYTHING, response=response_of(3000))
    first = rig.render(noise(4000))
    rig.process(noise(777, seed=5))
    rig.reset()
    np.testing.assert_array_equal(rig.process(noise(4000)), first)


@pytest.mark.parametrize("settings", [{"bass_db": 21}, {"input_gain_db": float("nan")}, {"gate_threshold_db": 1}])
def test_impossible_settings(settings: dict[str, float]) -> None:
    with pytest.raises(OptionError, match="expected a number from"):
        RigSettings(**settings)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="raw, normalized or calibrated"):
        RigSettings(output_level="loud")  # type: ignore[arg-type]


def test_impossible_responses() -> None:
    for samples, rate in ((np.ones(480_001), RATE), (np.full(3, np.nan), RATE), (np.ones(3), 10)):
        with pytest.raises(OptionError, match="impulse response"):
            Rig(response=Audio(samples.astype(np.float32), rate))


def test_real_cabinets(shared_data: Path) -> None:
    audio = noise(20_000)
    for path in sorted((shared_data / "ir").glob("*.wav")):
        response = read_audio(path)
        out = Rig(response=response, sample_rate=response.rate_hz).render(audio)
        expected = oaconvolve(audio.astype(float), response.samples.astype(float))[: len(audio)]
        assert np.abs(out - expected).max() < 1e-6 * max(1.0, np.abs(expected).max()), path
