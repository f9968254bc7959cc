"""Conversion between model file formats: any file the engine reads, into any format there is a writer for."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from triode import engine
from triode.audio import Samples, read_audio
from triode.bake import bake
from triode.errors import ModelFileError, OptionError, OutputError
from triode.files import atomic_path
from triode.guitarml_file import guitarml_bytes
from triode.impulse_file import impulse_bytes
from triode.keras_file import keras_bytes, told_in_keras
from triode.model_file import Levels, ModelFile, SelfTest, loudness_db, model_bytes, model_from_header, self_test_signal
from triode.nam_file import nam_bytes, told_in_nam

__all__ = ["ENDINGS", "export", "read_model"]

ENDINGS: Mapping[str, Callable[[ModelFile], bytes]] = {
    ".triode": model_bytes,
    ".nam": nam_bytes,
    ".aidax": keras_bytes,
    ".json": guitarml_bytes,
    ".wav": impulse_bytes,
}
"""The file endings that can be written."""


def export(
    source: ModelFile | str | Path,
    target: str | Path,
    *,
    quality: float = 1.0,
    settings: Mapping[str, float] | None = None,
) -> None:
    """Write a model, or any model file the engine reads, in the format that the ending of `target` names.

    The written file is played and compared with the self-test before it takes its place. `quality`, 0 to 1, chooses
    from a file of several sizes. With `settings` the knobs are baked in: held at these values, in their own units, the
    others at their defaults. Raises OptionError for an unknown ending and for what the format cannot hold,
    ModelFileError for a source that cannot be read or contradicts itself; an existing file stays as it was.
    """
    target = Path(target)
    writer = ENDINGS.get(target.suffix.lower())
    if writer is None:
        raise OptionError(f"cannot write {target}: unknown ending {target.suffix!r}; use {', '.join(ENDINGS)}")
    model = source if isinstance(source, ModelFile) else read_model(source, quality=quality)
    try:
        if settings is not None:
            model = bake(model, settings)
        data = writer(model)
    except (ModelFileError, OptionError) as error:
        raise type(error)(f"cannot write {target}: {error}") from error
    with atomic_path(target) as temporary:
        temporary.write_bytes(data)
        _check_by_playing(temporary, model, target)


def read_model(path: str | Path, *, quality: float = 1.0) -> ModelFile:
    """All that a model file of any format holds, as a `.triode` file would hold it; raises ModelFileError.

    A file without a self-test gets one, played by the engine.
    """
    found = engine.read(path, quality=quality)
    tensors = dict(found.tensors)
    test = SelfTest(*(tensors.pop(name, np.zeros(0, np.float32)) for name in ("selftest.input", "selftest.output")))
    if len(test.input) == 0:
        signal = self_test_signal(found.sample_rate)
        test = SelfTest(signal, engine.load(path, quality=quality).render(signal))
    if found.format == "triode":
        return replace(model_from_header(found.metadata, tensors, test), architecture=found.architecture)
    text, levels, training = _told(found)
    return ModelFile(
        name=text.pop("name", "") or Path(path).stem,
        architecture=found.architecture,
        tensors=tensors,
        sample_rate=found.sample_rate,
        warm_up_samples=found.warm_up_samples,
        self_test=test,
        levels=replace(levels, loudness_db=loudness_db(test.output)),
        knobs=found.knobs,
        metadata=text,
        training=training,
    )


def _told(found: engine.Description) -> tuple[dict[str, str], Levels, dict[str, float]]:
    """Texts, levels and facts of training that a file of another program tells."""
    if found.format == "nam":
        return told_in_nam(found.metadata.get("metadata"))
    text, training = told_in_keras(found.metadata)
    return text, Levels(), training


def _check_by_playing(path: Path, model: ModelFile, target: Path) -> None:
    """Raises OutputError where the written file sounds different from the model's self-test.

    Only the second half is compared: a recurrent model that starts from another state than silence leaves behind
    cannot do so as `.nam`, whose players always wait for silence to settle.
    """
    half = len(model.self_test.input) // 2
    expected = model.self_test.output[half:].astype(np.float64)
    error = _played(path, model.self_test.input)[half:] - expected
    esr = float(np.sum(error**2)) / max(float(np.sum(expected**2)), 1e-9 * len(expected))
    if esr > 1e-3:
        raise OutputError(
            f"{target} was not written: played back, it differs from the model's self-test (ESR {esr:.1e}, expected "
            f"below 1e-3); check the source with `triode info`, and report this if it is sound"
        )


def _played(path: Path, samples: Samples) -> Samples:
    """What a written file makes of `samples`, in the engine or, being an impulse response, by convolution."""
    if path.suffix.lower() != ".wav":
        return engine.load(path).render(samples)
    return np.convolve(samples, read_audio(path).samples)[: len(samples)]
