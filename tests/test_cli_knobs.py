"""A device with a knob, from its takes to a model that turns, on the command line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triode.audio import Audio, read_audio, write_audio
from triode.capture.devices import circuits, run_circuit
from triode.capture.folder import add_take
from triode.engine import load

RATE = 48_000
DRIVES = {"low": 0.1, "half": 0.4, "high": 0.7, "full": 1.0}
Command = Callable[..., Any]


@pytest.fixture
def triode(triode: Command) -> Command:
    """What a command line printed, read as JSON if it was asked for; or its error line."""

    def run(*arguments: object) -> Any:
        done = triode(*arguments)
        if done.status:
            (line,) = [line for line in done.err.splitlines() if line.startswith("triode: ")]
            return line
        return done.json if "--json" in arguments else done.out

    return run


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in overdrive at four places of its drive; its other knobs were never touched."""
    folder = tmp_path_factory.mktemp("capture") / "pedal"
    knobs = circuits()["overdrive"].knobs
    assert knobs[0].name == "drive"
    rng, t = np.random.default_rng(1), np.arange(6 * RATE) / RATE
    dry = 0.2 * np.sin(2 * np.pi * 130 * t * (1 + t // 0.5 % 6)) * np.exp(-4 * (t % 0.5)) + 0.01 * rng.normal(
        size=len(t)
    )
    for name, drive in DRIVES.items():
        settings = {"drive": knobs[0].value(drive)}
        wet = run_circuit("overdrive", dry.astype(np.float32), RATE, settings)
        add_take(folder, Audio(dry.astype(np.float32), RATE), Audio(wet, RATE), settings, name=name, knobs=knobs)
    return folder


@pytest.fixture(scope="module")
def trained(capture: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of it, once for all tests here, without the take at half."""
    from triode.cli import main

    target = tmp_path_factory.mktemp("model") / "pedal.triode"
    with pytest.MonkeyPatch.context() as patch:
        options = ["--size", "nano", "--epochs", "6", "--batch-size", "2", "--hold-out", "half"]
        patch.setattr(sys, "argv", ["triode", "train", str(capture), "-o", str(target), *options])
        with pytest.raises(SystemExit) as stop:
            main()
    assert stop.value.code in (0, None)
    return target


def riff(folder: Path) -> Path:
    t = np.arange(RATE) / RATE
    write_audio(folder / "riff.wav", (0.2 * np.sin(2 * np.pi * 220 * t)).astype(np.float32), RATE)
    return folder / "riff.wav"


def test_the_model_has_the_knob_that_was_turned_and_no_other(triode: Command, trained: Path) -> None:
    info = triode("info", trained, "--json")
    assert [knob["name"] for knob in info["knobs"]] == ["drive"]
    assert info["architecture"]["name"] == "parametric"
    assert info["metadata"]["training"]["settings"] == 3
    assert triode("bench", trained, "--seconds", 0.2, "--json")["allocations"] == 0


def test_training_tells_every_take(triode: Command, capture: Path, tmp_path: Path) -> None:
    options = ("--size", "nano", "--epochs", 0.5, "--batch-size", 2, "--hold-out", "half,full")
    found = triode("train", capture, "-o", tmp_path / "m.triode", *options, "--json")
    takes = {take["take"]: take for take in found["takes"]}
    assert list(takes) == list(DRIVES)
    assert [name for name, take in takes.items() if take["held_out"]] == ["half", "full"]
    assert found["esr"] == pytest.approx((takes["low"]["esr"] + takes["high"]["esr"]) / 2)
    assert found["held_out_esr"] == pytest.approx((takes["half"]["esr"] + takes["full"]["esr"]) / 2)
    assert takes["low"]["settings"]["drive"] < takes["high"]["settings"]["drive"]


def test_a_take_that_was_held_out_is_measured_at_its_own_setting(triode: Command, trained: Path, capture: Path) -> None:
    found = triode("evaluate", trained, capture, "--from", 1, "--json")
    takes = {take["take"]: take["esr"] for take in found["takes"]}
    assert list(takes) == list(DRIVES)
    assert max(takes.values()) < 0.3
    assert takes["half"] < 0.3
    one = triode("evaluate", trained, capture, "--take", "half", "--from", 1, "--json")
    assert one["esr"] == pytest.approx(takes["half"])
    files = ("--input", capture / "dry.wav", "--output", capture / "half.wav", "--from", 1)
    knob = circuits()["overdrive"].knobs[0]
    right = triode("evaluate", trained, *files, "--knob", f"drive={knob.value(0.4)}", "--json")
    wrong = triode("evaluate", trained, *files, "--knob", "drive=100%", "--json")
    assert right["esr"] == pytest.approx(takes["half"], rel=1e-3)
    assert wrong["esr"] > 1.5 * right["esr"]


def test_the_report_shows_the_takes_and_the_knob(triode: Command, trained: Path, capture: Path, tmp_path: Path) -> None:
    triode("evaluate", trained, capture, "--from", 3, "--report", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Every take" in page
    assert all(f">{name}</th>" in page for name in DRIVES)
    assert "What the knobs do" in page
    assert "never saw" not in page, "what was trained on is part of it"


def test_baked_on_the_command_line_it_plays_everywhere(triode: Command, trained: Path, tmp_path: Path) -> None:
    dry, sounds = riff(tmp_path), {}
    triode("convert", trained, tmp_path / "drive7.nam", "--knob", "drive=70%")
    for name, model, options in (
        ("nam", tmp_path / "drive7.nam", ()),
        ("knob", trained, ("--knob", "drive=70%")),
        ("low", trained, ("--knob", "drive=0%")),
    ):
        triode("render", model, dry, tmp_path / f"{name}.wav", *options)
        sounds[name] = read_audio(tmp_path / f"{name}.wav").samples
    np.testing.assert_allclose(sounds["nam"], sounds["knob"], atol=1e-5)
    assert np.abs(sounds["low"] - sounds["knob"]).max() > 1e-3
    assert load(tmp_path / "drive7.nam").knobs == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--hold-out", "loud"), "has no such take; it has low, half, high, full"),
        (("--hold-out", "low,half,high,full"), "leave some to learn from"),
        (("--arch", "linear"), "it follows no knobs"),
        (("--optimiser", "sgd"), "choose adam or soap"),
        (("--conditioning", "magic"), "choose one of film, inputs"),
    ],
)
def test_impossible_trainings_are_one_line(
    triode: Command, capture: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    assert message in triode("train", capture, "-o", tmp_path / "m.triode", *options)
    assert not (tmp_path / "m.triode").exists()


def test_a_capture_without_the_models_knobs_cannot_measure_it(triode: Command, trained: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    dry = Audio((0.1 * rng.normal(size=2 * RATE)).astype(np.float32), RATE)
    add_take(tmp_path / "other", dry, Audio(0.5 * dry.samples, RATE))
    assert "does not say where drive stood" in triode("evaluate", trained, tmp_path / "other")


def test_a_sweep_goes_from_one_sound_to_the_other(triode: Command, trained: Path, tmp_path: Path) -> None:
    """Its beginning is that of a knob at rest below, its end that of one above; and the block makes no difference."""
    dry, sounds = riff(tmp_path), {}
    for name, options in (
        ("low", ("--knob", "drive=0%")),
        ("high", ("--knob", "drive=100%")),
        ("swept", ("--knob", "drive=0%:100%")),
        ("blocks", ("--knob", "drive=0%:100%", "--block", 1000)),
    ):
        triode("render", trained, dry, tmp_path / f"{name}.wav", *options)
        sounds[name] = read_audio(tmp_path / f"{name}.wav").samples
    np.testing.assert_array_equal(sounds["swept"], sounds["blocks"])
    whole = np.abs(sounds["low"] - sounds["high"])
    for part, name in ((slice(0, 600), "low"), (slice(-2_000, None), "high")):
        assert np.abs(sounds["swept"] - sounds[name])[part].max() < 0.15 * whole[part].max()
    assert "outside its range" in triode("render", trained, dry, tmp_path / "x.wav", "--knob", "drive=0%:11")


def test_a_grid_is_a_pack_of_snapshots(triode: Command, trained: Path, tmp_path: Path) -> None:
    options = ("--gear-make", "Triode", "--tone-type", "overdrive", "--licence", "CC0-1.0", "--name", "Pedal")
    triode("convert", trained, tmp_path / "pedal.nam", "--grid", "drive=0%,50%,100%", *options)
    knob = load(trained).knobs[0]
    values = [knob.value(travel) for travel in (0, 0.5, 1)]
    names = {f"pedal-drive-{value:g}.nam" for value in values}
    assert {path.name for path in tmp_path.iterdir()} == names
    for value in values:
        contents = json.loads((tmp_path / f"pedal-drive-{value:g}.nam").read_text())["metadata"]
        assert contents["name"] == f"Pedal drive {value:g}"
        assert (contents["gear_make"], contents["tone_type"], contents["licence"]) == ("Triode", "overdrive", "CC0-1.0")
    sounds = [load(tmp_path / name).render(np.linspace(-0.5, 0.5, 3_000, dtype=np.float32)) for name in sorted(names)]
    assert np.abs(sounds[0] - sounds[1]).max() > 1e-3
    for grid, message in (
        (("--grid", "drive=3,12"), "outside its range"),
        (("--grid", "tone=1"), "there is no knob 'tone'"),
        (("--grid", "drive=1", "--grid", "drive=2"), "twice"),
        (("--grid", "drive=1,2", "--knob", "drive=3"), "the same knob"),
        (("--grid", "drive=" + ",".join(["1"] * 1001)), "at most 1000"),
    ):
        assert message in triode("convert", trained, tmp_path / "pedal.nam", *grid)
    assert {path.name for path in tmp_path.iterdir()} == names


def test_a_grid_goes_into_a_folder(triode: Command, trained: Path, tmp_path: Path) -> None:
    """An output without an ending is one: .nam files, named after the model."""
    pack, knob = tmp_path / "my packs" / "pedal", load(trained).knobs[0]
    triode("convert", trained, pack, "--grid", "drive=0%,100%")
    assert {path.name for path in pack.iterdir()} == {
        f"{trained.stem}-drive-{value:g}.nam" for value in (knob.low, knob.high)
    }
    there = tmp_path / "packs.v2"
    there.mkdir()
    packaged = load("triode:overdrive").knobs[0]
    triode("convert", "triode:overdrive", there, "--grid", f"{packaged.name}=50%")
    assert {path.name for path in there.iterdir()} == {f"triode-overdrive-{packaged.name}-{packaged.value(0.5):g}.nam"}
    (tmp_path / "taken").write_text("a file")
    assert "taken" in triode("convert", trained, tmp_path / "taken", "--grid", "drive=0%")
    assert (tmp_path / "taken").read_text() == "a file"


def test_a_grid_of_a_knob_that_is_no_file_name(triode: Command, trained: Path, tmp_path: Path) -> None:
    slashed = tmp_path / "slashed.triode"
    slashed.write_bytes(trained.read_bytes().replace(b"drive", b"dr/ve"))
    triode("convert", slashed, tmp_path / "pedal.nam", "--grid", "dr/ve=0%")
    low = load(slashed).knobs[0].low
    assert (tmp_path / f"pedal-dr-ve-{low:g}.nam").is_file()
