"""Two models and two cabinets in one rig: in series, side by side, blended."""

from pathlib import Path

import numpy as np
import pytest

from engine_files import write_triode
from models import random_tensors, recurrent_architecture
from rig_signals import RATE, noise, response_of, sine
from triode.engine import Model, load
from triode.errors import OptionError
from triode.rig import Rig, RigSettings


def gain_of(folder: Path, gain: float, rate: int = RATE, **levels: float) -> Model:
    """A model that is a factor, at its own sample rate."""
    tensors = {"taps": np.full(1, gain, np.float32), "bias": np.zeros(1, np.float32)}
    path = folder / f"{gain}-{rate}.triode"
    return load(write_triode(path, {"name": "linear", "taps": 1}, tensors, sample_rate=rate, levels=levels))


def test_two_models_in_series(tmp_path: Path) -> None:
    architecture = recurrent_architecture("lstm", 8)
    path = write_triode(tmp_path / "m.triode", architecture, random_tensors(architecture))
    first, second, audio = gain_of(tmp_path, 0.5), load(path), noise(5000)
    rig = Rig(first, RigSettings(second_gain_db=-6.0), second=second)
    expected = load(path).render((0.5 * 10 ** (-6 / 20) * audio).astype(np.float32))
    np.testing.assert_allclose(rig.render(audio), expected, atol=1e-6)
    np.testing.assert_allclose(Rig(None, second=load(path)).render(audio), load(path).render(audio), atol=1e-6)


def test_two_models_side_by_side(tmp_path: Path) -> None:
    """Mixed by their shares, each brought to the same loudness, and without a comb where one is converted."""
    first, second = gain_of(tmp_path, 1.0, loudness_db=-18.0), gain_of(tmp_path, -0.5, loudness_db=-24.0)
    rig, audio = Rig(first, RigSettings(blend=0.25), second=second, pairing="parallel"), noise(3000)
    np.testing.assert_allclose(rig.render(audio), (0.75 - 0.25 * 0.5) * audio, atol=1e-6)
    rig.set(RigSettings(blend=0.25, output_level="normalized"))
    np.testing.assert_allclose(rig.render(audio), (0.75 - 0.25 * 0.5 * 10 ** (6 / 20)) * audio, atol=1e-6)
    slow, tone = gain_of(tmp_path, 1.0, rate=44_100), sine(5000.0, 0.2)
    for pair in ((gain_of(tmp_path, 1.0), slow), (slow, gain_of(tmp_path, 1.0))):
        mixed = Rig(pair[0], second=pair[1], pairing="parallel", sample_rate=RATE)
        late = mixed.latency_samples
        assert late == Rig(slow, sample_rate=RATE).latency_samples > 0
        mixed = Rig(pair[0], second=pair[1], pairing="parallel", sample_rate=RATE)
        np.testing.assert_allclose(mixed.render(tone)[1000 + late : 8000], tone[1000 : 8000 - late], atol=2e-4)


def test_a_blend_moves_without_a_step(tmp_path: Path) -> None:
    rig = Rig(gain_of(tmp_path, 1.0), RigSettings(blend=0.0), second=gain_of(tmp_path, -1.0), pairing="parallel")
    level = np.full(64, 0.5, np.float32)
    heard = [rig.process(level) for _ in range(4)]
    rig.set(RigSettings(blend=1.0))
    heard += [rig.process(level) for _ in range(30)]
    samples = np.concatenate(heard)
    assert samples[0] == 0.5
    assert samples[-1] == -0.5
    assert np.abs(np.diff(samples)).max() < 0.0011


def test_two_responses_are_mixed() -> None:
    first, second, audio = response_of(300, 1), response_of(2500, 2), noise(6000)
    mixed = Rig(settings=RigSettings(cabinet_blend=0.3), response=first, second_response=second).render(audio)
    expected = 0.7 * Rig(response=first).render(audio) + 0.3 * Rig(response=second).render(audio)
    np.testing.assert_allclose(mixed, expected, atol=1e-6)
    np.testing.assert_array_equal(Rig(second_response=second).render(audio), Rig(response=second).render(audio))


def test_a_pair_has_to_be_two(tmp_path: Path) -> None:
    model = gain_of(tmp_path, 1.0)
    with pytest.raises(OptionError, match="once more"):
        Rig(model, second=model)
    with pytest.raises(OptionError, match="series or parallel"):
        Rig(model, second=gain_of(tmp_path, 0.5), pairing="crossed")  # type: ignore[arg-type]
