"""Model files are untrusted: whatever is in one, it plays or is refused in one line, and nothing else happens.

The engine's own tests forge files one field at a time (engine/tests/test_model_file.cpp, under AddressSanitizer);
here chance does it.
"""

import copy
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

import field_files as field
from engine_files import ARCHITECTURES, triode_object
from models import TANH, block_architecture, random_tensors, recurrent_architecture
from triode import engine
from triode.errors import ModelFileError

QUICK = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def triode_bytes(architecture: dict[str, Any]) -> bytes:
    tensors = random_tensors(architecture)
    return save(tensors, metadata={"triode": json.dumps(triode_object(architecture))})


def nam_model() -> dict[str, Any]:
    """A container of a WaveNet with a nested condition, and an LSTM."""
    head = {"out_channels": 1, "kernel_size": 2, "bias": True}
    film = {"active": True, "shift": True, "groups": 1}
    layers = {"input_size": 1, "condition_size": 1, "channels": 2, "kernel_sizes": [2, 3], "dilations": [1, 3]}
    layers |= {"activation": [TANH, "ReLU"], "gating_mode": ["gated", "none"], "head": head, "conv_pre_film": film}
    nested = {"input_size": 1, "condition_size": 1, "channels": 2, "kernel_size": 2, "dilations": [1]}
    nested |= {"activation": "Tanh", "gated": False, "head_size": 1, "head_bias": False}
    inner = {"version": "0.5.4", "architecture": "WaveNet", "weights": [0.1] * (2 + 8 + 2 + 2 + 4 + 2 + 2 + 1)}
    inner |= {"config": {"layers": [nested], "head": None, "head_scale": 0.1}}
    count = 2 + (16 + 4 + 4 + 4 + 2 + 8) + (12 + 2 + 2 + 4 + 2 + 8) + (4 + 1) + 1
    outer = {"version": "0.7.0", "architecture": "WaveNet", "weights": [0.1] * count}
    outer |= {"config": {"layers": [layers], "head": None, "head_scale": 0.1, "condition_dsp": inner}}
    lstm = {"version": "0.5.4", "architecture": "LSTM", "weights": [0.1] * (24 + 8 + 4 + 3)}
    lstm |= {"config": {"input_size": 1, "hidden_size": 2, "num_layers": 1}}
    submodels = [{"max_value": 0.5, "model": lstm}, {"max_value": 1, "model": outer}]
    model = {"version": "0.7.0", "architecture": "SlimmableContainer", "config": {"submodels": submodels}}
    return model | {"weights": [], "sample_rate": 48000, "metadata": {"name": "test device"}}


def check(path: Path, data: bytes) -> bool:
    """Whether `data` is a model; a refusal is a ModelFileError of one line that names the file."""
    path.write_bytes(data)
    try:
        engine.read(path, quality=None)
        models = [engine.load(path, quality=quality) for quality in (0.0, 1.0)]
        refusal = ""
    except ModelFileError as error:
        refusal = str(error)
    if refusal:
        assert refusal.startswith(f"{path}: ")
        assert len(refusal.splitlines()) == 1
        return False
    for model in models:
        for knob in model.knobs:
            model.set(knob.name, knob.high)
        assert np.isfinite(model.render(np.linspace(-1, 1, 100, dtype=np.float32))).all()
        assert model.sample_rate > 0
    return True


def knobs_bytes() -> bytes:
    """A GRU with a knob, as a .triode file."""
    architecture = recurrent_architecture("gru", 3) | {"input_size": 2}
    knobs = [{"name": "tone", "unit": "Hz", "low": 100.0, "high": 5000.0, "default": 440.0, "taper": "log"}]
    header = triode_object(architecture, knobs=knobs)
    return save(random_tensors(architecture), metadata={"triode": json.dumps(header)})


def parametric_bytes() -> bytes:
    """A WaveNet whose weights follow a knob, as a .triode file."""
    array = {"input_size": 1, "channels": 2, "kernel_sizes": [2, 3], "dilations": [1, 3], "activations": [TANH] * 2}
    array |= {"head": {"out_channels": 1, "kernel_size": 2, "bias": True}}
    network = {"name": "wavenet", "arrays": [array]}
    architecture = {"name": "parametric", "knobs": 1, "hidden_sizes": [3], "network": network}
    header = triode_object(architecture, knobs=[{"name": "drive"}])
    return save(random_tensors(architecture), metadata={"triode": json.dumps(header)})


def keras_stack() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    layers = [
        field.keras_conv(rng, 2, 4, 2, 3, groups=2),
        field.keras_normalisation(rng, 4, affine=True),
        field.keras_layer("prelu", 4, [[field.random_list(rng, 4)]]),
        field.keras_cell(rng, "gru", 4, 2),
        field.keras_dense(rng, 2, 1, "tanh"),
    ]
    return field.keras(layers, 2, in_skip=1, in_gain=3.0, metadata={"samplerate": "48000", "knobs": [{"name": "tone"}]})


FIELD = {
    "guitarml.json": field.guitarml("LSTM", 2, 2),
    "recnet.json": field.recnet(field.guitarml("GRU", 2, 2), newer=True),
    "keras.aidax": keras_stack(),
    "wavenet.json": field.wavenet_va(inputs=2, level_adjust=0.5),
    "smartamppro.json": field.smart_amp_pro(12, (4, 4), taps=4),
}
WHOLE = {
    "lstm.triode": triode_bytes(recurrent_architecture("lstm", 3)),
    "wavenet.triode": triode_bytes(ARCHITECTURES["wavenet, eight films, blended"]),
    "container.nam": json.dumps(nam_model()).encode(),
    "traces.triode": triode_bytes(ARCHITECTURES["wavenet, one trace"]),
    "knobs.triode": knobs_bytes(),
    "parametric.triode": parametric_bytes(),
    "blocks.triode": triode_bytes(block_architecture(3)),
    **{name: json.dumps(model).encode() for name, model in FIELD.items()},
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_files_play(tmp_path: Path, name: str) -> None:
    assert check(tmp_path / name, WHOLE[name])


@pytest.mark.parametrize("name", WHOLE)
@QUICK
@given(data=st.data())
def test_flipped_bytes(tmp_path: Path, name: str, data: st.DataObject) -> None:
    forged = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 4))):
        forged[data.draw(st.integers(0, len(forged) - 1))] = data.draw(st.integers(0, 255))
    check(tmp_path / name, bytes(forged))


@pytest.mark.parametrize("name", WHOLE)
@QUICK
@given(data=st.data())
def test_truncated_and_spliced_files(tmp_path: Path, name: str, data: st.DataObject) -> None:
    whole = WHOLE[name]
    start, stop = sorted((data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, len(whole)))))
    middle = data.draw(st.binary(max_size=20))
    is_model = check(tmp_path / name, whole[:start] + middle + whole[stop:])
    assert not (is_model and stop - start > 200 + len(middle) and name.endswith("triode"))
    assert not check(tmp_path / name, whole[:start]) or start == len(whole)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 70),
    st.sampled_from([2**31, 2**53, 2**63, -(2**31), 1024, 65536, 1e-30, 0.5, -1.5, 1e39, 1e308]),
    st.text(max_size=5),
    st.sampled_from(
        ["Tanh", "PReLU", "gated", "none", "wavenet", "lstm", "F32", "F16", "LSTM", "GRU", "RNN", "0.5.0", "dense"]
    ),
    st.just([]),
    st.just({}),
    st.lists(st.integers(0, 5), max_size=4),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to everything inside a JSON value, the weights apart."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += [(*path, key)] if key == "weights" else places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += places(inner, (*path, index))
    return found


def edited(data: st.DataObject, whole: dict[str, Any]) -> dict[str, Any]:
    """`whole` with one to three of its values replaced, removed or doubled."""
    model = copy.deepcopy(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(model) or [("version",)]))
        parent = model
        for step in path[:-1]:
            parent = parent[step]
        action = data.draw(st.sampled_from(["replace", "replace", "remove", "double"]))
        if action == "remove":
            del parent[path[-1]]
        elif action == "double" and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[path[-1]]))
        else:
            parent[path[-1]] = data.draw(VALUES)
    return model


@QUICK
@given(data=st.data())
def test_edited_nam(tmp_path: Path, data: st.DataObject) -> None:
    check(tmp_path / "edited.nam", json.dumps(edited(data, nam_model())).encode())


@pytest.mark.parametrize("name", FIELD)
@QUICK
@given(data=st.data())
def test_edited_files_of_other_programs(tmp_path: Path, name: str, data: st.DataObject) -> None:
    check(tmp_path / name, json.dumps(edited(data, FIELD[name])).encode())


@pytest.mark.parametrize("name", ["lstm.triode", "wavenet.triode", "knobs.triode"])
@QUICK
@given(data=st.data())
def test_edited_triode(tmp_path: Path, name: str, data: st.DataObject) -> None:
    whole = WHOLE[name]
    (length,) = struct.unpack("<Q", whole[:8])
    header = json.loads(whole[8 : 8 + length])
    if data.draw(st.booleans()):
        header = edited(data, header)
    else:
        header["__metadata__"]["triode"] = json.dumps(edited(data, json.loads(header["__metadata__"]["triode"])))
    text = json.dumps(header).encode()
    check(tmp_path / name, struct.pack("<Q", len(text)) + text + whole[8 + length :])
