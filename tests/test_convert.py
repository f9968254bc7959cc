"""Conversion between the formats of the field: what a format can hold sounds the same, what it cannot is said.

Every comparison leaves out the start: files of other programs start from the zero state or after silence as theirs do.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import field_files as field
from engine_files import ARCHITECTURES, write_triode
from models import TANH, model_file, played, random_tensors, recurrent_architecture
from test_formats import CASES
from triode.bake import bake
from triode.engine import Description, load, read
from triode.errors import ModelFileError, OptionError
from triode.export import ENDINGS, export, read_model
from triode.knobs import Knob
from triode.model_file import ModelFile

SETTLED = 4_000
DRIVE, TONE = Knob("drive", "dB", -20.0, 20.0, 5.0), Knob("tone", "Hz", 100.0, 10_000.0, 500.0, "log")


def playing(count: int = 9_000) -> np.ndarray:
    """Quiet, full and (a hot pick-up) beyond full scale, then silence."""
    noise = np.random.default_rng(0).uniform(-1, 1, count) * np.repeat([0.1, 1.0, 3.0], -(-count // 3))[:count]
    return np.concatenate([noise, np.zeros(1_000)]).astype(np.float32)


def sound(path: Path, settings: Mapping[str, float] | None = None) -> np.ndarray:
    model = load(path)
    for name, value in (settings or {}).items():
        model.set(name, value)
    return model.render(playing())


def same_sound(first: Path, second: Path, tolerance: float, settings: Mapping[str, float] | None = None) -> None:
    """`second` sounds like `first`, its knobs at `settings`."""
    expected = sound(first, settings)[SETTLED:]
    found = sound(second, settings if load(second).knobs else None)[SETTLED:]
    assert np.std(expected) > 1e-3, "silence proves nothing"
    assert np.abs(found - expected).max() < tolerance * max(1.0, np.abs(expected).max())


@pytest.fixture(scope="module")
def descriptions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Description]:
    path = tmp_path_factory.mktemp("cases") / "m.json"
    found = {}
    for name, (contents, _, _) in CASES.items():
        path.write_text(json.dumps(contents))
        found[name] = read(path)
    return found


def holders(found: Description) -> set[str]:
    """The formats that can hold a network, the knobs apart."""
    formats = {
        "lstm": {".triode", ".nam", ".aidax", ".json"},
        "gru": {".triode", ".aidax", ".json"},
        "sequential": {".triode", ".aidax"},
        "wavenet": {".triode", ".nam"},
    }
    return formats[found.architecture["name"]]


@pytest.mark.parametrize("name", CASES)
def test_every_format_that_can_hold_a_model_does(
    tmp_path: Path, descriptions: dict[str, Description], name: str
) -> None:
    source, found = tmp_path / "source.json", descriptions[name]
    source.write_text(json.dumps(CASES[name][0]))
    settings = {knob.name: 0.3 for knob in found.knobs}
    for ending in ENDINGS:
        target = tmp_path / f"m{ending}"
        if ending in holders(found) and not (ending == ".nam" and found.knobs):
            export(source, target)
            same_sound(source, target, 2e-5, settings)
            assert read(target).knobs == found.knobs
            assert read(target).sample_rate == found.sample_rate
        else:
            with pytest.raises(OptionError, match=rf"cannot write .*m\{ending}: .*(write|keep|hold)"):
                export(source, target)
            assert not target.exists()


WITH_KNOBS = [name for name in CASES if "knob" in name or name in ("keras gains", "keras time-distributed")]


@pytest.mark.parametrize("name", WITH_KNOBS)
def test_baked_knobs(tmp_path: Path, descriptions: dict[str, Description], name: str) -> None:
    """Held at a setting, the snapshot sounds like the model at that setting, in every format for its network."""
    source, found = tmp_path / "source.json", descriptions[name]
    source.write_text(json.dumps(CASES[name][0]))
    chosen = {found.knobs[-1].name: 0.85}
    settings = {knob.name: knob.default for knob in found.knobs} | chosen
    assert np.abs(sound(source, settings) - sound(source))[SETTLED:].max() > 1e-3
    for ending in sorted(holders(found)):
        export(source, tmp_path / f"m{ending}", settings=chosen)
        assert load(tmp_path / f"m{ending}").knobs == []
        same_sound(source, tmp_path / f"m{ending}", 2e-5, settings)


PARAMETRIC: dict[str, dict[str, Any]] = {
    "lstm": recurrent_architecture("lstm", 6, 2) | {"input_size": 3},
    "gru": recurrent_architecture("gru", 6, 2) | {"input_size": 3},
    "conv in groups": {"name": "conv", "input_size": 3, "output_size": 3, "groups": 3, "kernel_size": 4, "dilation": 9},
    "wavenet": {
        "name": "wavenet",
        "arrays": [
            {
                "input_size": size,
                "condition_size": 3,
                "channels": 4,
                "kernel_sizes": [3, 2],
                "dilations": [1, 8],
                "activations": [TANH, {"type": "SiLU"}],
                "head": {"out_channels": 4 if size == 3 else 1, "kernel_size": 2, "bias": True},
            }
            for size in (3, 4)
        ],
    },
}
PARAMETRIC["conv in groups"] = {
    "name": "sequential",
    "layers": [PARAMETRIC["conv in groups"], {"name": "conv", "input_size": 3, "activation": TANH}],
}
PARAMETRIC["wavenet with a condition"] = {
    "name": "wavenet",
    "arrays": [{**PARAMETRIC["wavenet"]["arrays"][0], "head": {"out_channels": 1}, "condition_size": 1}],
    "condition_dsp": PARAMETRIC["wavenet"],
}


def parametric(name: str) -> ModelFile:
    architecture = PARAMETRIC[name]
    return played(model_file(architecture, knobs=(DRIVE, TONE), warm_up_samples=2_000))


@pytest.mark.parametrize("name", PARAMETRIC)
def test_baking_a_triode_file_is_exact_from_the_first_sample(tmp_path: Path, name: str) -> None:
    export(parametric(name), tmp_path / "source.triode")
    settings = {"drive": -12.5, "tone": 3_000.0}
    export(tmp_path / "source.triode", tmp_path / "baked.triode", settings=settings)
    expected = sound(tmp_path / "source.triode", settings)
    assert np.abs(expected - sound(tmp_path / "source.triode")).max() > 1e-3
    assert np.abs(sound(tmp_path / "baked.triode") - expected).max() < 1e-5 * max(1.0, np.abs(expected).max())
    assert load(tmp_path / "baked.triode").self_test() < 1e-5
    assert read_model(tmp_path / "baked.triode").metadata["knob_drive"] == "-12.5"


@pytest.mark.parametrize("name", ["wavenet", "wavenet with a condition", "lstm"])
def test_a_baked_model_becomes_a_nam(tmp_path: Path, name: str) -> None:
    export(parametric(name), tmp_path / "source.triode")
    with pytest.raises(OptionError, match="has no knobs, this model has drive, tone"):
        export(tmp_path / "source.triode", tmp_path / "m.nam")
    settings = {"drive": 18.0, "tone": 200.0}
    export(tmp_path / "source.triode", tmp_path / "m.nam", settings=settings)
    same_sound(tmp_path / "source.triode", tmp_path / "m.nam", 2e-5, settings)


def test_knobs_survive_other_formats_by_name_and_range(tmp_path: Path) -> None:
    export(parametric("gru"), tmp_path / "source.triode")
    settings = {"drive": 7.5, "tone": 3_000.0}
    for ending in (".aidax", ".json"):
        export(tmp_path / "source.triode", tmp_path / f"m{ending}")
        assert load(tmp_path / f"m{ending}").knobs == [DRIVE, TONE]
        same_sound(tmp_path / "source.triode", tmp_path / f"m{ending}", 2e-5, settings)


def test_baking_needs_knobs(tmp_path: Path) -> None:
    model = played(model_file(recurrent_architecture("lstm")))
    assert bake(model, {}) is model
    with pytest.raises(OptionError, match="there is no knob 'drive'; the knobs here: none"):
        bake(model, {"drive": 1.0})
    with pytest.raises(OptionError, match="outside its range"):
        bake(parametric("lstm"), {"drive": 21.0})


def test_a_film_of_the_knobs_cannot_be_baked() -> None:
    array = {**PARAMETRIC["wavenet"]["arrays"][0], "head": {"out_channels": 1}, "activation_pre_film": {"active": True}}
    with pytest.raises(OptionError, match="cannot be baked"):
        bake(played(model_file({"name": "wavenet", "arrays": [array]}, knobs=(DRIVE, TONE))), {"drive": 1.0})


@pytest.mark.parametrize("scale", [1.0, 0.6, 2.5, -0.5])
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize(("unit", "layers"), [("lstm", 1), ("lstm", 2), ("gru", 1), ("gru", 3)])
def test_skip_and_output_scale(tmp_path: Path, unit: str, layers: int, skip: bool, scale: float) -> None:
    """The formats know a skip without a scale (Proteus) or with a positive one (AIDA-X); the rest is a hidden unit."""
    architecture = recurrent_architecture(unit, 7, layers, skip)
    tensors = random_tensors(architecture) | {"output_scale": np.array([scale], np.float32)}
    source = write_triode(tmp_path / "m.triode", architecture, tensors, warm_up_samples=0)
    for ending in (".aidax", ".json"):
        export(source, tmp_path / f"m{ending}")
        same_sound(source, tmp_path / f"m{ending}", 2e-5)
    sizes = [read(tmp_path / f"m{e}").tensors for e in (".aidax", ".json")]
    if layers == 1:
        units = [tensors["lin.weight"].shape[1] for tensors in sizes]
        assert units == [7 + (skip and scale < 0), 7 + (skip and scale != 1)]


@pytest.mark.parametrize("name", ["linear", "convnet", "convnet with batchnorm", "conv", "sequential"])
def test_other_networks_as_keras(tmp_path: Path, name: str) -> None:
    architecture = json.loads(
        json.dumps(ARCHITECTURES[name]).replace("SiLU", "Sigmoid").replace('"skip": true', '"skip": false')
    )
    tensors = {name: 2 * tensor for name, tensor in random_tensors(architecture).items()}
    source = write_triode(tmp_path / "m.triode", architecture, tensors)
    export(source, tmp_path / "m.aidax")
    same_sound(source, tmp_path / "m.aidax", 2e-5)


@pytest.mark.parametrize(
    ("name", "ending", "reason"),
    [
        ("wavenet, gated", ".aidax", "a WaveNet connects them otherwise; write .nam or .triode"),
        ("wavenet, gated", ".json", "holds an LSTM or a GRU, this model is a wavenet"),
        ("linear", ".json", "this model is a linear"),
        ("conv", ".aidax", "RTNeural has no activation SiLU"),
        ("conv", ".nam", "has no conv networks"),
        ("sequential", ".aidax", "layer 3 adds its input to its output"),
        ("gru", ".nam", "has no GRU"),
        ("wavenet, traces", ".nam", "traces of what came long before; keep it as .triode, or add --distil"),
        ("wavenet, traces", ".aidax", "a WaveNet connects them otherwise"),
    ],
)
def test_why_not(tmp_path: Path, name: str, ending: str, reason: str) -> None:
    source = write_triode(tmp_path / "m.triode", ARCHITECTURES[name], random_tensors(ARCHITECTURES[name]))
    (tmp_path / f"old{ending}").write_bytes(b"old")
    with pytest.raises(OptionError, match=reason):
        export(source, tmp_path / f"old{ending}")
    assert (tmp_path / f"old{ending}").read_bytes() == b"old"


def test_facts_go_along_both_ways(tmp_path: Path) -> None:
    told = {"name": "Crunch", "author": "somebody", "license": "CC0", "samplerate": "44100", "esr": "0.5", "style": 3}
    source = tmp_path / "source.aidax"
    source.write_text(json.dumps({**CASES["keras lstm"][0], "metadata": told, "esr": 0.0125}))
    model = read_model(source)
    assert (model.name, model.sample_rate) == ("Crunch", 44_100)
    assert model.metadata == {"maker": "somebody", "licence": "CC0", "esr": "0.5"}
    export(source, tmp_path / "again.aidax")
    written = json.loads((tmp_path / "again.aidax").read_text())["metadata"]
    assert written == {
        "author": "somebody",
        "license": "CC0",
        "esr": "0.5",
        "name": "Crunch",
        "samplerate": "44100",
        "knobs": [],
    }


def test_the_layout_of_proteus(tmp_path: Path) -> None:
    """A file of the real layout is written as it was read, weight for weight."""
    contents = field.guitarml("LSTM", 2, 40)
    (tmp_path / "m.json").write_text(json.dumps(contents))
    export(tmp_path / "m.json", tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text())
    assert again["state_dict"].keys() == contents["state_dict"].keys()
    for name, values in contents["state_dict"].items():
        np.testing.assert_array_equal(np.float32(again["state_dict"][name]), np.float32(values))
    assert again["model_data"] == contents["model_data"] | {"sample_rate": 44_100}


def test_the_layout_of_aidax(tmp_path: Path) -> None:
    contents = CASES["keras gru, knobs"][0]
    (tmp_path / "m.json").write_text(json.dumps(contents))
    export(tmp_path / "m.json", tmp_path / "again.aidax")
    again = json.loads((tmp_path / "again.aidax").read_text())
    assert again["in_shape"] == contents["in_shape"]
    for found, layer in zip(again["layers"], contents["layers"], strict=True):
        assert found | {"weights": []} == layer | {"weights": []}
        for values, expected in zip(found["weights"], layer["weights"], strict=True):
            np.testing.assert_array_equal(np.float32(values), np.float32(expected))


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from triode.cli import main

    def triode(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["triode", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        return int(stop.value.code or 0), capsys.readouterr().err

    (tmp_path / "m.json").write_text(json.dumps(CASES["guitarml lstm, a knob"][0]))
    status, message = triode("convert", tmp_path / "m.json", tmp_path / "m.nam")
    assert status == 2
    assert "this model has gain; hold them at a setting with --knob NAME=VALUE" in message
    assert len(message.splitlines()) == 1
    assert triode("convert", tmp_path / "m.json", tmp_path / "m.nam", "--knob", "gain=75%") == (0, "")
    same_sound(tmp_path / "m.json", tmp_path / "m.nam", 2e-5, {"gain": 0.75})
    assert triode("convert", tmp_path / "m.nam", tmp_path / "again.nam", "--knob", "gain=1")[0] == 2


def test_a_network_and_knobs_that_contradict_each_other(tmp_path: Path) -> None:
    model = model_file(recurrent_architecture("gru") | {"input_size": 2})
    for ending in (".triode", ".aidax", ".json"):
        with pytest.raises(ModelFileError, match="2 inputs; expected 1"):
            export(model, tmp_path / f"m{ending}")


def test_real_files(shared_data: Path, tmp_path: Path) -> None:
    """Each into every format that can hold it, and once around: the golden output comes from the converted file."""
    models = shared_data / "models"
    count = 0
    for entry in json.loads((models / "index.json").read_text()):
        if entry["format"] == "nam":
            continue
        with np.load(models / f"{entry['file']}.golden.npz") as data:
            audio, expected, settings = data["x"], data["y"], data["knobs"]
        for ending in ENDINGS:
            target = tmp_path / f"m{ending}"
            try:
                export(models / entry["file"], target)
            except OptionError:
                continue
            model = load(target)
            for knob, value in zip(model.knobs, settings, strict=True):
                model.set(knob.name, float(value))
            error = np.abs(model.render(audio) - expected)[8_000:].max() / max(1.0, np.abs(expected).max())
            assert error < 1e-4, f"{entry['file']} as {ending}: {error:.1e}"
            count += 1
    assert count > 24 * 2
