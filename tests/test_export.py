"""Conversion between formats: the sound stays, the facts stay, and nothing existing is harmed.

With TRIODE_NAM_RENDER=/path/to/render in the environment (the `render` tool of NeuralAmpModelerCore), its player is
compared too; without it that test is skipped.
"""

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.signal

from models import (
    a1_architecture,
    a2_architecture,
    convnet_architecture,
    model_file,
    played,
    random_tensors,
    recurrent_architecture,
)
from triode.audio import read_audio, write_audio
from triode.engine import load, read
from triode.errors import ModelFileError, OptionError, OutputError
from triode.export import export, read_model
from triode.model_file import Alignment, Levels, ModelFile, SelfTest, loudness_db, self_test_signal, write_model

NAM_RENDER = os.environ.get("TRIODE_NAM_RENDER", "")
GATED = {"gating": ["gated"] * 10, "secondary_activations": [{"type": "Sigmoid"}] * 10}
ARCHITECTURES = {
    "a1": a1_architecture(16, 8),
    "a1-gated": {"name": "wavenet", "arrays": [array | GATED for array in a1_architecture(4, 4)["arrays"]]},
    "a2-full": a2_architecture(8),
    "a2-lite": a2_architecture(3),
    "lstm": recurrent_architecture("lstm", 16, 2, skip=False),
    "lstm-skip": recurrent_architecture("lstm", 24),
    "lstm-skip-3": recurrent_architecture("lstm", 8, 3),
    "linear": {"name": "linear", "taps": 300},
    "convnet": convnet_architecture(batchnorm=True),
}


def model_of(name: str) -> ModelFile:
    architecture = ARCHITECTURES[name]
    warm_up = {"warm_up_samples": 48_000} if architecture["name"] == "lstm" else {}
    return played(model_file(architecture, **warm_up))


def playing() -> np.ndarray:
    """Quiet, full and (a hot pick-up) beyond full scale, then silence."""
    noise = np.random.default_rng(0).uniform(-1, 1, 6_000)
    noise[3_000:] *= 4
    return np.concatenate([self_test_signal(48_000), noise, np.zeros(2_000)]).astype(np.float32)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_nam_sounds_the_same(tmp_path: Path, name: str) -> None:
    """Within rounding; the skip of an LSTM within 2e-5, although NAM's LSTM has none."""
    model, x = model_of(name), playing()
    export(model, tmp_path / "m.triode")
    export(model, tmp_path / "m.nam")
    expected, found = (load(tmp_path / file).render(x) for file in ("m.triode", "m.nam"))
    assert np.abs(expected).max() > 0.05
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 if "skip" in name else 1e-6)


@pytest.mark.skipif(not NAM_RENDER, reason="TRIODE_NAM_RENDER does not name NAM Core's render tool")
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_nam_core_plays_it_the_same(tmp_path: Path, name: str) -> None:
    model, x = model_of(name), playing()
    export(model, tmp_path / "m.triode")
    export(model, tmp_path / "m.nam")
    write_audio(tmp_path / "x.wav", x, 48_000)
    command = [NAM_RENDER, tmp_path / "m.nam", tmp_path / "x.wav", tmp_path / "y.wav"]
    subprocess.run(command, check=True, capture_output=True)
    expected = load(tmp_path / "m.triode").render(x)
    difference = read_audio(tmp_path / "y.wav").samples - expected
    assert np.abs(difference).max() < 2e-5 * max(1, np.abs(expected).max())


def test_the_skip_alone(tmp_path: Path) -> None:
    """With silent units only the embedded skip is heard: a straight wire, as straight as tanh is near zero.

    tanh(z) = z (1 - z^2 / 3 + ...), twice per layer, with z = x / 4096; the engine's own tanh adds 2e-6 at most.
    """
    layers = 2
    architecture = recurrent_architecture("lstm", 4, layers)
    tensors = random_tensors(architecture) | {"lin.weight": np.zeros((1, 4)), "lin.bias": np.zeros(1)}
    export(played(model_file(architecture, tensors=tensors)), tmp_path / "m.nam")
    x = np.linspace(-8, 8, 4_000, dtype=np.float32)
    bend = 2 * layers * (x / 4096) ** 2 / 3
    error = np.abs(load(tmp_path / "m.nam").render(x) - 0.5 * x)
    assert (error <= 0.5 * np.abs(x) * (bend + 2e-6)).all()


def test_copying_a_triode_changes_nothing(tmp_path: Path) -> None:
    model = replace(model_of("lstm-skip"), levels=Levels(1.5, None, -20.0, 0.7), alignment=Alignment(81.5, -1))
    write_model(tmp_path / "a.triode", model)
    export(tmp_path / "a.triode", tmp_path / "b.TRIODE")
    first, second = read(tmp_path / "a.triode"), read(tmp_path / "b.TRIODE")
    assert first.metadata == second.metadata
    assert first.tensors.keys() == second.tensors.keys()
    for name, tensor in first.tensors.items():
        np.testing.assert_array_equal(second.tensors[name], tensor)


def test_nam_there_and_back_keeps_weights_and_facts(tmp_path: Path) -> None:
    model = replace(
        model_of("a2-lite"),
        metadata={"maker": "M", "gear_type": "pedal", "created": "2026-03-04T05:06:07"},
        training={"esr": 0.01},
    )
    export(model, tmp_path / "m.nam")
    export(tmp_path / "m.nam", tmp_path / "m.triode")
    back = read_model(tmp_path / "m.triode")
    for field in ("name", "sample_rate", "warm_up_samples", "metadata", "training", "knobs"):
        assert getattr(back, field) == getattr(model, field)
    for name, tensor in model.tensors.items():
        np.testing.assert_array_equal(back.tensors[name], tensor)
    assert back.levels.loudness_db == pytest.approx(loudness_db(back.self_test.output))
    assert load(tmp_path / "m.triode").self_test() == pytest.approx(0, abs=1e-6)


def test_a_file_that_would_play_differently_is_not_written(tmp_path: Path) -> None:
    """Every written file is played before it takes its place."""
    model, target = model_of("lstm-skip"), tmp_path / "m.nam"
    target.write_bytes(b"old")
    wrong = replace(model, self_test=SelfTest(model.self_test.input, 1.1 * model.self_test.output))
    with pytest.raises(OutputError, match="differs from the model's self-test"):
        export(wrong, target)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_one_size_of_several(tmp_path: Path) -> None:
    """A model that can be cut down, converted at its smallest: what is written is that size and nothing else."""
    architecture = a1_architecture(4, 2)
    architecture["arrays"] = architecture["arrays"][:1]
    architecture["arrays"][0] |= {"head": {"out_channels": 1, "kernel_size": 1, "bias": False}}
    architecture["arrays"][0] |= {"allowed_channels": [1, 2, 4]}
    write_model(tmp_path / "all.triode", played(model_file(architecture)))
    x = playing()
    for quality, channels in ((1.0, 4), (0.4, 2), (0.0, 1)):
        for ending in (".triode", ".nam"):
            export(tmp_path / "all.triode", tmp_path / f"one{ending}", quality=quality)
            expected = load(tmp_path / "all.triode", quality=quality).render(x)
            np.testing.assert_allclose(load(tmp_path / f"one{ending}").render(x), expected, atol=1e-6)
        written = read(tmp_path / "one.triode")
        assert written.architecture["arrays"][0]["channels"] == channels
        assert load(tmp_path / "one.triode").self_test() == pytest.approx(0, abs=1e-6)


def test_a_model_that_starts_from_zero_state_becomes_a_nam(tmp_path: Path) -> None:
    """Its first milliseconds differ, because `.nam` players start settled; after that it is the same."""
    model = played(model_file(recurrent_architecture("lstm"), warm_up_samples=0))
    export(model, tmp_path / "m.nam")
    difference = np.abs(load(tmp_path / "m.nam").render(model.self_test.input) - model.self_test.output)
    assert difference[:10].max() > 1e-3
    assert difference[4_800:].max() < 2e-5


def test_a_linear_model_is_an_impulse_response(tmp_path: Path) -> None:
    """The wav, convolved by scipy, sounds as the model does in the engine."""
    architecture = ARCHITECTURES["linear"]
    model = played(model_file(architecture, tensors=random_tensors(architecture) | {"bias": np.zeros(1)}))
    export(model, tmp_path / "m.triode")
    export(tmp_path / "m.triode", tmp_path / "ir.wav")
    response = read_audio(tmp_path / "ir.wav")
    assert response.rate_hz == 48_000
    np.testing.assert_array_equal(response.samples, model.tensors["taps"])
    x = playing()
    expected = scipy.signal.fftconvolve(x.astype(np.float64), response.samples)[: len(x)]
    error = load(tmp_path / "m.triode").render(x) - expected
    assert np.max(np.abs(error)) < 3e-6 * np.max(np.abs(expected))


def test_what_is_no_impulse_response_is_not_written_as_one(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"cannot write .*m\.wav: a \.wav holds an impulse response.* is a lstm"):
        export(model_of("lstm"), tmp_path / "m.wav")
    # A bias that can be heard would be lost.
    loud = played(model_file(ARCHITECTURES["linear"], tensors=random_tensors(ARCHITECTURES["linear"])))
    with pytest.raises(OutputError, match="differs from the model's self-test"):
        export(loud, tmp_path / "m.wav")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["m.mp3", "m", "m.nam.bak"])
def test_unknown_endings(tmp_path: Path, target: str) -> None:
    with pytest.raises(OptionError, match=r"unknown ending .*; use \.triode, \.nam, \.aidax, \.json, \.wav"):
        export(model_of("linear"), tmp_path / target)
    assert list(tmp_path.iterdir()) == []


def test_what_the_format_cannot_hold_names_the_file(tmp_path: Path) -> None:
    model = played(model_file(recurrent_architecture("gru")))
    export(model, tmp_path / "m.triode")
    with pytest.raises(OptionError, match=r"cannot write .*m\.nam: the \.nam format has no GRU"):
        export(tmp_path / "m.triode", tmp_path / "m.nam")


@pytest.mark.parametrize("contents", [None, b"", b"{}", b"\x00" * 100, b'{"version": "0.5.4"}'])
def test_sources_that_are_no_model(tmp_path: Path, contents: bytes | None) -> None:
    source = tmp_path / "m.nam"
    if contents is not None:
        source.write_bytes(contents)
    with pytest.raises(ModelFileError) as caught:
        export(source, tmp_path / "out.triode")
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.triode").exists()


def golden_cases(folder: Path) -> list[tuple[Path, Path, float]]:
    cases = []
    for golden in sorted((folder / "models" / "nam").glob("*.golden.npz")):
        name, _, slim = golden.name.removesuffix(".golden.npz").partition(".nam")
        cases.append((golden.parent / f"{name}.nam", golden, 0.0 if slim == ".slim0" else 1.0))
    return cases


@pytest.mark.parametrize("ending", [".triode", ".nam"])
def test_real_nam_files_keep_their_sound(shared_data: Path, tmp_path: Path, ending: str) -> None:
    """Every real file, each size of a container: what NAM Core made of the original, from the converted file."""
    cases = golden_cases(shared_data)
    assert len(cases) > 8
    for source, golden, quality in cases:
        converted = tmp_path / f"m{ending}"
        export(source, converted, quality=quality)
        data: Any = np.load(golden)
        y = load(converted).render(data["x"].astype(np.float32))
        scale = max(1.0, float(np.abs(data["y"]).max()))
        assert np.abs(y - data["y"]).max() < 2e-5 * scale, f"{source.name} at quality {quality}"
        assert read(converted).sample_rate == read(source).sample_rate
