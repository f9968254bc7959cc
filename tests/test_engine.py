"""The engine from Python: golden outputs of real model files, streaming, arguments."""

import json
from pathlib import Path

import numpy as np
import pytest

from triode import engine
from triode.errors import ModelFileError, OptionError

GOLDEN_TOLERANCE = 2e-5  # of full scale: of the loudest output where that is beyond 1.0


def golden_cases(shared_data: Path) -> list[tuple[Path, Path, float]]:
    models = shared_data / "models"
    return [
        (models / entry["file"], models / entry["golden"], 1.0 if entry["quality"] is None else entry["quality"])
        for entry in json.loads((models / "index.json").read_text())
        if entry["format"] == "nam"
    ]


def test_golden_outputs(shared_data: Path) -> None:
    """Every .nam file sounds as in NAM Core, at each of its sizes."""
    cases = golden_cases(shared_data)
    assert len(cases) >= 11
    for file, golden, quality in cases:
        with np.load(golden) as data:
            output = engine.load(file, quality=quality).render(data["x"], 64)
            full_scale = max(1.0, float(np.abs(data["y"]).max()))
            error = float(np.abs(output - data["y"]).max()) / full_scale
        assert error < GOLDEN_TOLERANCE, f"{file.name} at quality {quality}: off by {error:.1e} of full scale"


def test_golden_outputs_do_not_depend_on_the_block(shared_data: Path) -> None:
    for file, golden, quality in golden_cases(shared_data):
        with np.load(golden) as data:
            audio = data["x"][:8192]
        model = engine.load(file, quality=quality)
        whole = model.render(audio, len(audio))
        for block in (1, 63, 64, 65, 1000, 4096):
            np.testing.assert_array_equal(model.render(audio, block), whole, err_msg=f"{file.name}, block {block}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"nothing\.nam: the file does not exist"):
        engine.load(tmp_path / "nothing.nam")


@pytest.mark.parametrize("quality", [-0.1, 1.5, float("nan")])
def test_quality_outside_its_range(tmp_path: Path, quality: float) -> None:
    with pytest.raises(OptionError, match="expected a number from 0"):
        engine.load(tmp_path / "model.nam", quality=quality)
