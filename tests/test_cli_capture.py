"""`plan`, `capture`, `check`, `pack` and `unpack` at the command line: JSON, exit statuses, one line for an error."""

import json
from pathlib import Path

import pytest

RATE = 22050


def refusal(result) -> str:
    lines = [line for line in result.err.splitlines() if line.startswith("triode: ")]
    assert len(lines) == 1, result.err
    assert result.status == 2
    return lines[0]


SHORT = ("--seconds", 5, "--rate", RATE)


def test_a_plan_as_json_and_as_a_table(triode, tmp_path: Path) -> None:
    folder = tmp_path / "amp"
    made = triode("plan", folder, "--takes", 3, "--knob", "gain=0:10", "--knob", "mode=clean,lead", *SHORT, "--json")
    assert made.status == 0, made.err
    told = json.loads(made.out)
    assert [take["name"] for take in told["takes"]] == ["take-01", "take-02", "take-03"]
    assert set(told["takes"][0]) == {"name", "settings", "dry", "done"}
    assert Path(told["table"]).read_text().startswith("# Plan: amp")
    wav = folder / told["takes"][0]["dry"]
    assert triode("capture", folder, "--files", wav, wav).status == 0
    again = triode("plan", folder, "--takes", 1, *SHORT)
    assert again.status == 0
    assert "take-02" in again.out
    assert "mode " in again.out
    assert "lead" in again.out or "clean" in again.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", "x", "--knob", "gain=0:10", "--takes", "0"], "--takes 0"),
        (["plan", "x", "--knob", "gain=0:10", "--takes", "5000"], "--takes 5000"),
        (["plan", "x"], "declares no knobs"),
        (["plan", "x", "--knob", "gain=0:10", "--seconds", "1"], "a signal of 1 s"),
        (["plan", "x", "--knob", "mode=a,b", "--takes", "3"], "only 2 settings"),
        (["capture", "x"], "--files DRY WET"),
        (["capture", "x", "--circuit", "overdrive", "--interface"], "one of"),
        (["capture", "x", "--circuit", "overdrive", "--takes", "3", "--take", "a"], "are for one take"),
        (["capture", "x", "--circuit", "overdrive", "--takes", "3", "--knob", "drive=3:12"], "range 0 to 10"),
        (["capture", "x", "--plugin", "gone.lv2", "--takes", "3"], "gone.lv2"),
        (["capture", "x", "--interface", "--midi-cc", "gain=300"], "--midi-cc gain=300"),
        (["pack", "x"], "no such folder"),
        (["unpack", "x.zip"], "no such file"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(triode, tmp_path, monkeypatch, arguments, words) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in refusal(triode(*arguments))
    assert list(tmp_path.iterdir()) == []


def test_a_circuit_from_plan_to_pack(triode, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = triode("capture", "pedal", "--circuit", "overdrive", "--takes", 2, "--knob", "level=7", *SHORT)
    assert made.status == 0, made.err
    assert "take 2 of 2: take-02" in made.err
    assert triode("capture", "pedal").status == 0, "nothing is left to do"
    assert triode("capture", "pedal", "--take", "take-02").status == 0
    assert "it is not planned" in refusal(triode("capture", "pedal", "--take", "take-09"))
    checked = json.loads(triode("check", "pedal", "--json").out)
    assert [take["take"] for take in checked["takes"]] == ["take-01", "take-02"]
    assert checked["findings"] == []
    assert "licence" in refusal(triode("pack", "pedal"))
    packed = triode("pack", "pedal", "--licence", "MIT", "--author", "Ada", "--json")
    assert json.loads(packed.out)["metadata"] == {"licence": "MIT", "author": "Ada"}
    opened = triode("unpack", "pedal.zip", "theirs", "--json")
    assert json.loads(opened.out)["takes"] == ["take-01", "take-02"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--circuit", "overdrive", "--repeat", 4], "--repeat has no effect with --circuit; it goes with --interface"),
        (["--circuit", "overdrive", "--oversample", 8], "it goes with --plugin"),
        (["--files", "a.wav", "b.wav", "--takes", 3], "--takes has no effect with --files"),
        (["--knob", "drive=3"], "--knob has no effect alone; it goes with --files or --circuit or --plugin"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(triode, tmp_path, monkeypatch, arguments, words) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in refusal(triode("capture", "pedal", *arguments))
    assert list(tmp_path.iterdir()) == []


def test_telling_more_of_a_device_records_nothing(triode, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for made in (
        triode("plan", "amp", "--takes", 2, "--knob", "gain=0:10", *SHORT),
        triode("capture", "pedal", "--circuit", "overdrive", "--takes", 2, *SHORT),
    ):
        assert made.status == 0, made.err
    plan = Path("pedal/capture.toml").read_text()
    Path("pedal/capture.toml").write_text(plan[: plan.rindex("[[takes]]")])
    for folder, takes in (("amp", 0), ("pedal", 1)):
        told = triode("capture", folder, "--maker", "Ada")
        assert told.status == 0, told.err
        text = Path(folder, "capture.toml").read_text()
        assert 'maker = "Ada"' in text
        assert text.count("[[takes]]") == takes


def test_check_names_takes_that_sound_the_same(triode, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert triode("capture", "pedal", "--circuit", "overdrive", "--takes", 3, "--knob", "level=7", *SHORT).status == 0
    toml = Path("pedal/capture.toml")
    toml.write_text(toml.read_text().replace('wet = "take-02', 'wet = "take-01').replace('dry = "dry-2', 'dry = "dry'))
    checked = triode("check", "pedal", "--json")
    assert checked.status == 0, "a warning is no failure"
    by_name = {
        take["take"]: [finding["code"] for finding in take["findings"]] for take in json.loads(checked.out)["takes"]
    }
    assert "unturned" in by_name["take-01"]
    assert "unturned" in by_name["take-02"]
    assert "unturned" not in by_name["take-03"]
    assert "take-01 and take-02 sound the same" in triode("check", "pedal").err


def test_what_is_told_of_a_device_reaches_the_nam_file(triode, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = ("--gear-make", "Triode", "--gear-model", "Overdrive", "--gear-type", "pedal", "--tone-type", "Hi Gain")
    made = triode("capture", "pedal", "--circuit", "overdrive", *SHORT, *told, "--author", "Ada")
    assert made.status == 0, made.err
    assert triode("capture", "pedal", "--licence", "CC0-1.0").status == 0, "no take is needed to tell more"
    assert "--tone-type loud: unknown" in refusal(triode("capture", "pedal", "--tone-type", "loud"))
    trained = triode("train", "pedal", "-o", "pedal.triode", "--size", "nano", "--epochs", "0.1")
    assert trained.status == 0, trained.err
    assert triode("convert", "pedal.triode", "pedal.nam", "--tone-type", "crunch").status == 0
    metadata = json.loads(Path("pedal.nam").read_text())["metadata"]
    expected = {"gear_make": "Triode", "gear_model": "Overdrive", "gear_type": "pedal", "tone_type": "crunch"}
    expected |= {"modeled_by": "Ada", "author": "Ada", "licence": "CC0-1.0"}
    assert {key: metadata[key] for key in expected} == expected


def test_what_is_told_stays_when_a_capture_fails(triode, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert triode("capture", "pedal", "--circuit", "overdrive", *SHORT).status == 0
    failed = triode("capture", "pedal", "--files", "gone.wav", "gone.wav", "--maker", "Ada")
    assert failed.status == 2
    assert 'maker = "Ada"' in Path("pedal/capture.toml").read_text()
