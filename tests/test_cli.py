"""The command line as people and scripts use it: the whole path, exit statuses, one-line errors, JSON."""

import json
import math
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from triode.audio import read_audio, write_audio
from triode.cli.console import print_json
from triode.cli.options import seconds_of, stretch_of
from triode.errors import OptionError

COMMANDS = {
    "demo",
    "signal",
    "plan",
    "capture",
    "check",
    "pack",
    "unpack",
    "train",
    "evaluate",
    "suggest",
    "compare",
    "listen",
    "abx",
    "render",
    "play",
    "info",
    "models",
    "convert",
    "bench",
}
RATE = 48000


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """A folder with a 12 s recording of a soft clipper, 37 samples late."""
    folder = tmp_path_factory.mktemp("recording")
    rng = np.random.default_rng(3)
    t = np.arange(12 * RATE) / RATE
    envelope = np.exp(-3 * (t % 0.75))
    dry = sum(np.sin(2 * np.pi * f * t * (1 + 0.2 * (t // 0.75 % 5))) / k for k, f in enumerate((110, 221, 332), 1))
    dry = (0.25 * envelope * dry + 0.01 * rng.normal(size=len(t))).astype(np.float32)
    wet = np.zeros_like(dry)
    wet[37:] = 0.5 * np.tanh(4 * dry[:-37])
    write_audio(folder / "dry.wav", dry, RATE)
    write_audio(folder / "wet.wav", wet, RATE)
    return folder


@pytest.fixture(scope="module")
def model(recording, tmp_path_factory) -> Path:
    """A model trained by the command line, once for all tests here."""
    target = tmp_path_factory.mktemp("model") / "amp.triode"
    arguments = ["train", "--input", recording / "dry.wav", "--output", recording / "wet.wav", "-o", target]
    sys.argv = ["triode", *map(str, arguments), "--size", "nano", "--epochs", "8", "--batch-size", "2"]
    from triode.cli import main

    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code in (0, None)
    return target


def one_line(result) -> str:
    """The error's line; fails where there is more than one, or a traceback."""
    lines = [line for line in result.err.splitlines() if line.startswith("triode: ")]
    assert len(lines) == 1, result.err
    assert "Traceback" not in result.err
    return lines[0]


def test_help_lists_the_commands_and_no_others(triode) -> None:
    result = triode("--help")
    listed = {line.split()[0] for line in result.out.split("Commands:")[1].splitlines() if line.strip()}
    assert listed == COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(triode, command: str) -> None:
    result = triode(command, "--help")
    assert result.status == 0
    assert "Usage: triode " + command in result.out


def test_a_capture_of_a_circuit_goes_all_the_way(triode, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert triode("capture", "pedal", "--circuit", "overdrive", "--knob", "drive=70%", "--seconds", 12).status == 0
    check = triode("check", "pedal", "--json")
    assert check.status == 0, check.err
    assert set(check.json) >= {
        "latency_samples",
        "polarity",
        "drift_ppm",
        "snr_db",
        "clipped",
        "replicate_esr",
        "findings",
    }
    trained = triode(
        "train", "pedal", "-o", "pedal.triode", "--size", "nano", "--epochs", 6, "--batch-size", 2, "--json"
    )
    assert trained.status == 0, trained.err
    assert set(trained.json) >= {
        "esr",
        "mae",
        "mrstft",
        "samples",
        "audio_seconds_per_second",
        "seconds",
        "parameters",
    }
    assert trained.json["esr"] < 0.5
    assert trained.json["parameters"] == 841
    evaluated = triode("evaluate", "pedal.triode", "pedal", "--from", 6, "--to", 10, "--json")
    assert evaluated.status == 0, evaluated.err
    assert evaluated.json["samples"] == 4 * RATE
    assert evaluated.json["lag_samples"] == 0
    assert evaluated.json["esr"] < 0.5
    assert not Path("pedal.triode.training").exists()


def test_train_learns_and_the_file_remembers(triode, model, recording) -> None:
    found = triode("evaluate", model, "--input", recording / "dry.wav", "--output", recording / "wet.wav", "--json")
    assert found.status == 0, found.err
    assert found.json["esr"] < 0.2
    info = triode("info", model, "--json").json
    assert set(info) == {
        "format",
        "architecture",
        "parameters",
        "sample_rate",
        "knobs",
        "generic_controls",
        "latency_samples",
        "metadata",
    }
    assert info["sample_rate"] == RATE
    alignment = info["metadata"]["alignment"]
    assert 37 - 4 <= alignment["latency_samples"] <= 37, "the latency must be removed, and never more than it"
    assert info["metadata"]["training"]["esr"] < 0.3


def test_render_keeps_length_and_rate(triode, model, tmp_path) -> None:
    rng = np.random.default_rng(0)
    write_audio(tmp_path / "riff.wav", (0.1 * rng.normal(size=44100)).astype(np.float32), 44100)
    assert triode("render", model, tmp_path / "riff.wav", tmp_path / "out.wav").status == 0
    out = read_audio(tmp_path / "out.wav")
    assert (len(out.samples), out.rate_hz) == (44100, 44100)
    assert np.std(out.samples) > 0.01


def test_convert_keeps_the_sound(triode, model, tmp_path) -> None:
    rng = np.random.default_rng(0)
    write_audio(tmp_path / "riff.wav", (0.1 * rng.normal(size=RATE)).astype(np.float32), RATE)
    assert triode("convert", model, tmp_path / "amp.nam").status == 0
    for name in ("amp.nam", model):
        assert (
            triode("render", tmp_path / name, tmp_path / "riff.wav", tmp_path / f"{Path(name).suffix}.wav").status == 0
        )
    first, second = (read_audio(tmp_path / name).samples for name in (".nam.wav", ".triode.wav"))
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_info_says_in_a_line_what_kind_of_network_it_is(triode, model) -> None:
    assert re.search(r"^architecture +wavenet, 20 layers of \d+ and \d+ channels", triode("info", model).out, re.M)


def test_bench_reports_what_the_contract_names(triode, model) -> None:
    found = triode("bench", model, "--seconds", 0.5, "--json").json
    assert set(found) >= {
        "realtime_factor",
        "fma_peak_fraction",
        "block",
        "p50_us",
        "p99_us",
        "max_us",
        "allocations",
        "memory_bytes",
        "isa",
    }
    assert found["realtime_factor"] > 1
    assert 0 < found["fma_peak_fraction"] < 1
    assert found["p50_us"] <= found["p99_us"] <= found["max_us"]
    assert found["allocations"] == 0


def test_start_from_goes_on_from_the_model(triode, model, recording, tmp_path) -> None:
    files = "--input", recording / "dry.wav", "--output", recording / "wet.wav"
    arguments = "train", *files, "-o", tmp_path / "more.triode", "--epochs", 0.1, "--learning-rate", 1e-5, "--json"
    more = triode(*arguments, "--start-from", model)
    assert more.status == 0, more.err
    before = triode("evaluate", model, *files, "--json").json["esr"]
    assert more.json["esr"] < 2 * before
    sized = triode(*arguments, "--start-from", model, "--size", "nano")
    assert sized.status == 2
    assert "--start-from" in one_line(sized)
    assert "--arch lstm" in one_line(triode(*arguments, "--start-from", model, "--arch", "lstm"))
    assert "48000 Hz" not in more.err
    slower = triode(*arguments, "--start-from", model, "--rate", 44100)
    assert slower.status == 0, slower.err
    assert f"{model} is a model at 48000 Hz, the audio is at 44100 Hz" in " ".join(slower.err.split())


def test_a_lstm_and_an_impulse_response_train_and_play(triode, recording, tmp_path) -> None:
    files = "--input", recording / "dry.wav", "--output", recording / "wet.wav"
    for arch, size in (("lstm", "8"), ("gru", "8"), ("linear", "256")):
        target = tmp_path / f"{arch}.triode"
        budget = ("--epochs", 0.3) if arch != "linear" else ()
        result = triode("train", *files, "-o", target, "--arch", arch, "--size", size, *budget, "--json")
        assert result.status == 0, result.err
        again = triode("evaluate", target, *files, "--from", 10, "--to", 12, "--json").json
        assert again["esr"] == pytest.approx(result.json["esr"], rel=0.02), "the file does not play what was trained"


def test_several_captures_train_into_a_folder(triode, recording, tmp_path) -> None:
    for name in ("one", "two"):
        made = triode(
            "capture", tmp_path / name, "--files", recording / "dry.wav", recording / "wet.wav", "--name", name
        )
        assert made.status == 0, made.err
    both = "train", tmp_path / "one", tmp_path / "two", "--size", "nano", "--epochs", 0.1, "--json"
    result = triode(*both, "-o", tmp_path / "models")
    assert result.status == 0, result.err
    assert [Path(entry["model"]).name for entry in result.json["models"]] == ["one.triode", "two.triode"]
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["one.triode", "two.triode"]
    twice = triode("train", tmp_path / "one", tmp_path / "one", "-o", tmp_path / "models")
    assert twice.status == 2
    assert "same name" in one_line(twice)


def test_a_capture_of_several_takes_needs_a_choice_to_be_evaluated(triode, model, recording, tmp_path) -> None:
    files = "--files", recording / "dry.wav", recording / "wet.wav"
    for name in ("first", "second"):
        assert triode("capture", tmp_path / "amp", *files, "--take", name).status == 0
    assert "--take" in one_line(triode("evaluate", model, tmp_path / "amp"))
    assert triode("evaluate", model, tmp_path / "amp", "--take", "second", "--json").json["esr"] < 0.2


def test_numbers_that_json_lacks_are_null(triode, model, recording, tmp_path) -> None:
    """The ESR against silence is infinite."""
    wet = read_audio(recording / "wet.wav").samples.copy()
    wet[10 * RATE :] = 0.0
    write_audio(tmp_path / "faded.wav", wet, RATE)
    files = "--input", recording / "dry.wav", "--output", tmp_path / "faded.wav"
    found = triode("evaluate", model, *files, "--from", 11, "--to", 12, "--json")
    assert found.status == 0, found.err
    assert found.json["esr"] is None


def test_numbers_that_json_lacks_are_null_however_deep(capsys) -> None:
    print_json({"models": [{"esr": math.inf, "name": "amp"}], "mae": math.nan})
    assert json.loads(capsys.readouterr().out) == {"models": [{"esr": None, "name": "amp"}], "mae": None}


BAD_TRAINING = {
    "missing": (["--input", "nowhere.wav", "--output", "wet.wav"], 2, "does not exist"),
    "one file": (["--input", "dry.wav"], 2, "--output"),
    "text named wav": (["--input", "text.wav", "--output", "wet.wav"], 2, "not a readable audio file"),
    "empty": (["--input", "empty.wav", "--output", "wet.wav"], 2, "empty"),
    "truncated": (["--input", "short.flac", "--output", "wet.wav"], 2, "short.flac"),
    "stereo": (["--input", "stereo.wav", "--output", "wet.wav"], 2, "--channel"),
    "nan": (["--input", "nan.wav", "--output", "wet.wav"], 2, "NaN"),
    "rates differ": (["--input", "dry.wav", "--output", "slow.wav"], 2, "Hz"),
    "silent": (["--input", "dry.wav", "--output", "silent.wav"], 2, "silent"),
    "too short": (["--input", "blip.wav", "--output", "blip.wav"], 2, "0.04 s"),
    "unknown arch": (["--input", "dry.wav", "--output", "wet.wav", "--arch", "magic"], 2, "--arch magic"),
    "unknown size": (["--input", "dry.wav", "--output", "wet.wav", "--size", "huge"], 2, "--size huge"),
    "unknown device": (["--input", "dry.wav", "--output", "wet.wav", "--device", "tpu"], 2, "--device tpu"),
    "bad time": (["--input", "dry.wav", "--output", "wet.wav", "--time", "soon"], 2, "--time soon"),
    "bad stretch": (["--input", "dry.wav", "--output", "wet.wav", "--train", "9:3"], 2, "--train 9:3"),
    "beyond the end": (["--input", "dry.wav", "--output", "wet.wav", "--train", "0:99"], 2, "--train"),
    "two budgets": (["--input", "dry.wav", "--output", "wet.wav", "--time", "1s", "--epochs", "1"], 2, "--epochs"),
    "bad loss": (["--input", "dry.wav", "--output", "wet.wav", "--loss", "magic=1"], 2, "--loss"),
    "no folder": (["--input", "dry.wav", "--output", "wet.wav", "-o", "nowhere/x.triode"], 2, "nowhere"),
    "wrong ending": (["--input", "dry.wav", "--output", "wet.wav", "-o", "x.nam"], 2, ".triode"),
    "no capture": (["nowhere"], 2, "nowhere"),
    "nothing to resume": (["--input", "dry.wav", "--output", "wet.wav", "--resume"], 2, "--resume"),
    "start from text": (["--input", "dry.wav", "--output", "wet.wav", "--start-from", "text.wav"], 2, "text.wav"),
}


@pytest.fixture(scope="module")
def bad_files(recording, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    dry = read_audio(recording / "dry.wav").samples
    for name in ("dry.wav", "wet.wav"):
        shutil.copy(recording / name, folder)
    (folder / "text.wav").write_text("this is no audio file, but a shopping list\n")
    (folder / "empty.wav").touch()
    write_audio(folder / "whole.flac", dry, RATE)
    (folder / "short.flac").write_bytes((folder / "whole.flac").read_bytes()[:20_000])
    import soundfile

    soundfile.write(folder / "stereo.wav", np.stack([dry, dry], 1), RATE)
    write_audio(folder / "nan.wav", np.where(np.arange(len(dry)) == 99, np.float32(np.nan), dry), RATE)
    write_audio(folder / "slow.wav", dry, 44100)
    write_audio(folder / "silent.wav", np.zeros_like(dry), RATE)
    write_audio(folder / "blip.wav", dry[:2000], RATE)
    return folder


@pytest.mark.parametrize("case", BAD_TRAINING)
def test_bad_input_to_train_is_one_helpful_line(triode, bad_files, monkeypatch, case: str) -> None:
    monkeypatch.chdir(bad_files)
    precious = b"a model that took hours"
    Path("model.triode").write_bytes(precious)
    arguments, status, message = BAD_TRAINING[case]
    result = triode("train", *arguments)
    assert result.status == status, result.err
    assert message in one_line(result)
    assert Path("model.triode").read_bytes() == precious, "an existing file was touched"
    assert not list(Path().glob(".model*")), "a temporary file was left"


def test_a_demo_in_the_place_of_a_file_is_one_line(triode, tmp_path) -> None:
    (tmp_path / "file").touch()
    assert "is a file, or lies in one" in one_line(triode("demo", "--out", tmp_path / "file"))


BAD_MODELS = {
    "missing": "nowhere.nam",
    "text": "text.wav",
    "empty": "empty.wav",
    "truncated": "cut.triode",
    "forged": "forged.triode",
    "folder": ".",
}


@pytest.mark.parametrize("case", BAD_MODELS)
@pytest.mark.parametrize("command", ["info", "render", "convert", "bench", "evaluate"])
def test_bad_model_files_are_one_helpful_line(triode, bad_files, model, monkeypatch, command: str, case: str) -> None:
    monkeypatch.chdir(bad_files)
    data = model.read_bytes()
    Path("cut.triode").write_bytes(data[: len(data) // 2])
    Path("forged.triode").write_bytes(b"\xff\xff\xff\xff\xff\xff\xff\x7f" + data[8:])
    more = {
        "render": ["dry.wav", "out.wav"],
        "convert": ["out.nam"],
        "evaluate": ["--input", "dry.wav", "--output", "wet.wav"],
    }
    result = triode(command, BAD_MODELS[case], *more.get(command, []))
    assert result.status == 2, result.err
    assert "truncated" in one_line(result) or case != "truncated"
    assert not Path("out.wav").exists()
    assert not Path("out.nam").exists()


def test_rendering_refuses_unknown_knobs_and_its_own_input(triode, model, bad_files, monkeypatch) -> None:
    monkeypatch.chdir(bad_files)
    assert "drive" in one_line(triode("render", model, "dry.wav", "out.wav", "--knob", "drive=7"))
    before = Path("dry.wav").read_bytes()
    result = triode("render", model, "dry.wav", "dry.wav")
    assert result.status == 2
    assert Path("dry.wav").read_bytes() == before


def test_a_full_disk_is_exit_status_1_and_leaves_the_old_file(triode, model, bad_files, monkeypatch) -> None:
    monkeypatch.chdir(bad_files)
    Path("old.nam").write_bytes(b"old")

    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    result = triode("convert", model, "old.nam")
    assert result.status == 1
    assert "No space left" in one_line(result)
    assert Path("old.nam").read_bytes() == b"old"


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("3m", 180), ("1.5h", 5400), (".5m", 30)])
def test_times(text: str, seconds: float) -> None:
    assert seconds_of(text, "--time") == seconds


@pytest.mark.parametrize("text", ["", "0", "-3s", "3 weeks", "m", "1e9999", "nan"])
def test_times_refuse(text: str) -> None:
    with pytest.raises(OptionError, match="--time"):
        seconds_of(text, "--time")


def test_stretches() -> None:
    assert stretch_of(None, "--train") is None
    assert stretch_of("0:180", "--train") == (0.0, 180.0)
    for text in ("180", "5:5", "a:b", "3:1", "-1:4"):
        with pytest.raises(OptionError, match="--train"):
            stretch_of(text, "--train")
