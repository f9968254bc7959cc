"""WaveNets that hear, beside the audio, traces of what came long before (docs/model-file.md)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reference
from engine_files import array, write_triode
from models import SEVEN_TRACES, model_file, played, random_tensors, traces
from triode.bake import bake
from triode.cli.playing import info
from triode.engine import load, read
from triode.errors import ModelFileError
from triode.export import read_model
from triode.knobs import Knob
from triode.model_file import write_model

KNOBS = (Knob("drive", "", 0.0, 10.0, 4.0), Knob("tone", "", 0.0, 1.0, 0.25))
PLAIN: dict[str, Any] = {"name": "wavenet", "arrays": [array(7, 3, input_size=8)], "traces": SEVEN_TRACES}
SIXTEEN = [*SEVEN_TRACES, *SEVEN_TRACES[::-1], *traces(("low_pass", 1 / 48_000), ("envelope", 1 / 48_000))]
WITH_KNOBS: dict[str, Any] = {
    "name": "wavenet",
    "arrays": [array(6, 2, input_size=19, condition_size=3)],
    "traces": SIXTEEN,
}


def playing(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.7, 0.7, count).astype(np.float32)


def test_knobs_come_after_the_traces(tmp_path: Path) -> None:
    tensors, audio = random_tensors(WITH_KNOBS), playing(3_000)
    knobs = [knob.in_model_file() for knob in KNOBS]
    model = load(write_triode(tmp_path / "m.triode", WITH_KNOBS, tensors, knobs=knobs))
    sounds = []
    for drive, tone in ((0.0, 0.0), (7.0, 0.9)):
        model.set("drive", drive)
        model.set("tone", tone)
        expected = reference.play(WITH_KNOBS, tensors, audio, 600, (drive / 10, tone))
        assert np.abs(model.render(audio) - expected).max() < 1e-5 * max(1.0, np.abs(expected).max())
        sounds.append(expected)
    assert np.std(sounds[0] - sounds[1]) > 1e-2, "the knobs do something"


def test_baked_knobs_leave_the_traces(tmp_path: Path) -> None:
    whole = played(model_file(WITH_KNOBS, knobs=KNOBS))
    write_model(tmp_path / "m.triode", whole)
    model = load(tmp_path / "m.triode")
    model.set("drive", 9.0)
    write_model(tmp_path / "baked.triode", bake(whole, {"drive": 9.0}))
    snapshot, audio = load(tmp_path / "baked.triode"), playing(5_000)
    assert snapshot.knobs == []
    assert snapshot.info["architecture"]["traces"] == WITH_KNOBS["traces"]
    assert np.abs(snapshot.render(audio) - model.render(audio)).max() < 1e-5


def test_a_file_keeps_them_to_the_bit(tmp_path: Path) -> None:
    odd = PLAIN | {
        "traces": [{**trace, "offset": 0.1 / (i + 1), "scale": 1 / 3} for i, trace in enumerate(SEVEN_TRACES)]
    }
    write_model(tmp_path / "m.triode", played(model_file(odd)))
    assert read(tmp_path / "m.triode").architecture["traces"] == odd["traces"]
    write_model(tmp_path / "again.triode", read_model(tmp_path / "m.triode"))
    assert read(tmp_path / "again.triode").architecture["traces"] == odd["traces"]
    assert load(tmp_path / "again.triode").self_test() == 0.0


def test_the_past_is_heard_for_as_long_as_the_slowest_lasts(tmp_path: Path) -> None:
    """The same note after a loud and after a quiet second, long after every convolution has forgotten them."""
    sag = PLAIN | {"arrays": [array(7, 3, input_size=2)], "traces": traces(("envelope", 0.5))}
    model = load(write_triode(tmp_path / "m.triode", sag, random_tensors(sag)))
    note, rest = playing(500, 1), np.zeros(model.receptive_field, np.float32)
    differences = []
    for seconds in (0.0, 1.0, 15.0):
        pause = np.zeros(int(48_000 * seconds), np.float32)
        after = [
            model.render(np.concatenate([level * playing(48_000), rest, pause, note]))[-500:] for level in (1.0, 0.05)
        ]
        differences.append(np.abs(after[0] - after[1]).max())
    # The square root of the envelope falls by a factor of e in two time constants.
    assert differences[0] > 0.05
    assert differences[1] == pytest.approx(differences[0] * np.exp(-1.0), rel=0.4)
    assert differences[2] < 1e-6


def test_minutes_are_followed_exactly(tmp_path: Path) -> None:
    """With a time constant of 200 s, a float's share of a quiet sample would be rounded away."""
    wire = {"name": "wavenet", "arrays": [array(1, 1, input_size=2, bottleneck=1, activations=[{"type": "Hardtanh"}])]}
    wire["arrays"][0] |= {"kernel_sizes": [1], "head": {"out_channels": 1}}
    wire["traces"] = [{"type": "low_pass", "time_constant_samples": 9.6e6, "offset": 0.0, "scale": 50.0}]
    tensors = {name: np.zeros_like(tensor) for name, tensor in random_tensors(wire).items()}
    tensors["arrays.0.rechannel.weight"][0, 1] = 1.0
    for name in ("arrays.0.layers.0.conv.weight", "arrays.0.head.weight", "head_scale"):
        tensors[name] += 1.0
    audio = np.full(480_000, 0.3, np.float32)
    found = load(write_triode(tmp_path / "m.triode", wire, tensors)).render(audio)
    expected = 50 * float(np.float32(0.3)) * -np.expm1(-np.arange(1, 480_001) / 9.6e6)
    np.testing.assert_allclose(found, expected, rtol=2e-6)


def test_what_is_no_signal_is_not_remembered(tmp_path: Path) -> None:
    """A broken sample, or one beyond all bounds, leaves a slow envelope nearly where it was."""
    model = load(write_triode(tmp_path / "m.triode", PLAIN, random_tensors(PLAIN)))
    clean, broken = playing(20_000), playing(20_000)
    clean[1_000:1_003] = 0.0
    broken[1_000:1_003] = (np.nan, np.inf, -np.inf)
    np.testing.assert_array_equal(model.render(broken), model.render(clean))
    broken[1_000:1_003] = np.finfo(np.float32).max
    sag = PLAIN | {"arrays": [array(7, 3, input_size=2)], "traces": traces(("envelope", 0.7))}
    model = load(write_triode(tmp_path / "m.triode", sag, random_tensors(sag)))
    found, expected = model.render(broken), model.render(clean)
    assert np.isfinite(found).all()
    assert np.abs(found - expected)[2_000:].max() < 0.1 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"traces": []}, "traces"),
        ({"traces": SIXTEEN + SEVEN_TRACES}, "traces"),
        ({"traces": [*SEVEN_TRACES[:6], {**SEVEN_TRACES[6], "type": "high_pass"}]}, "low_pass"),
        ({"traces": [*SEVEN_TRACES[:6], {**SEVEN_TRACES[6], "time_constant_samples": 0.5}]}, "from 1|equal to 1"),
        ({"traces": [*SEVEN_TRACES[:6], {**SEVEN_TRACES[6], "time_constant_samples": 1e8}]}, "1e7|10000000"),
        ({"traces": [*SEVEN_TRACES[:6], {**SEVEN_TRACES[6], "offset": -2e6}]}, "offset"),
        ({"traces": [*SEVEN_TRACES[:6], {**SEVEN_TRACES[6], "scale": "loud"}]}, "scale"),
        ({"traces": [*SEVEN_TRACES[:6], {**SEVEN_TRACES[6], "order": 2}]}, "order"),
        ({"traces": [*SEVEN_TRACES[:6], {"type": "envelope"}]}, "time_constant_samples"),
        ({"traces": SIXTEEN}, "for each"),
        ({"traces": SEVEN_TRACES[:6]}, "condition"),
        ({"condition_dsp": {"name": "wavenet", "arrays": [array(3, 2)]}}, "traces"),
    ],
)
def test_both_readers_refuse(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = write_triode(tmp_path / "m.triode", PLAIN | change, random_tensors(PLAIN))
    with pytest.raises(ModelFileError, match=message):
        load(path)
    with pytest.raises(ModelFileError, match=message):
        write_model(tmp_path / "w.triode", replace(model_file(PLAIN), architecture=PLAIN | change))


def test_cut_down_it_hears_the_same_traces(tmp_path: Path) -> None:
    wide = {"name": "wavenet", "arrays": [array(4, 2, input_size=8, allowed_channels=[2, 4])], "traces": SEVEN_TRACES}
    wide["arrays"][0]["activations"] = [{"type": "Tanh"}] * 2
    model = load(write_triode(tmp_path / "m.triode", wide, random_tensors(wide)), quality=0.0)
    assert model.info["architecture"]["arrays"][0]["channels"] == 2
    assert model.info["architecture"]["traces"] == SEVEN_TRACES


def test_info_tells_how_long_it_remembers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_triode(tmp_path / "m.triode", PLAIN, random_tensors(PLAIN))
    info(path)
    told = " ".join(capsys.readouterr().out.split())
    assert "7 traces (time constants to 2 s)" in told
