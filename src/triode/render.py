"""Playing a model over recorded audio of any sample rate, and over whole files."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from triode.audio import Audio, Samples, read_audio, resample, write_audio
from triode.engine import Model, load
from triode.errors import OptionError
from triode.knobs import checked_settings

__all__ = ["convolve", "render", "render_file"]


def render(model: Model, audio: Audio, *, settings: Mapping[str, float] | None = None, block: int = 64) -> Audio:
    """What the device makes of `audio`: as long, at the same rate, not delayed; float32, from the start state.

    The samples are those that a host at the audio's rate gets from the engine, moved by its latency. `settings` are
    values of the model's knobs, in their own units; the others stay at their defaults. `block` is the number of samples
    handed over at once and does not change the result. Raises OptionError for unknown knobs, values out of range, a
    sample rate outside 8 to 768 kHz, and a block below 1. The model is left configured for the rate it had.
    """
    checked_settings(settings or {}, model.knobs)
    rate = model.sample_rate
    model.configure(audio.rate_hz)
    try:
        latency = model.latency_samples
        late = np.concatenate([audio.samples, np.zeros(latency, dtype=np.float32)])
        return Audio(model.render(late, block)[latency:], audio.rate_hz, np.inf)
    finally:
        model.configure(rate)


def convolve(audio: Audio, impulse_response: Audio) -> Audio:
    """`audio` through a cabinet: convolved with an impulse response of any rate, as long as before.

    The response keeps its level: resampling to another rate would otherwise scale its gain by the ratio of the rates.
    """
    from scipy.signal import oaconvolve

    gain = np.float32(impulse_response.rate_hz / audio.rate_hz)
    response = gain * resample(impulse_response.samples, impulse_response.rate_hz, audio.rate_hz)
    wet: Samples = oaconvolve(audio.samples, response)[: len(audio.samples)].astype(np.float32)
    return Audio(wet, audio.rate_hz, np.inf)


def render_file(
    model_path: str | Path,
    in_path: str | Path,
    out_path: str | Path,
    *,
    channel: int | None = None,
    settings: Mapping[str, float] | None = None,
    quality: float = 1.0,
    oversample: int = 1,
    block: int = 64,
    ir_path: str | Path | None = None,
) -> Audio:
    """Play `in_path` through a model file, then through a cabinet's impulse response if given, into `out_path`.

    Returns what was written: float32 for wav and aiff, 24 bit for flac. `channel` chooses from an input of several
    channels, `quality` (0 to 1) from a model of several sizes; `oversample` as in `triode.load`. Raises
    AudioFileError, ModelFileError and OptionError for what cannot be read or asked for, also where the output would
    overwrite one of its inputs; OutputError where the disk is full.
    """
    for kind, path in (("the input", in_path), ("the model", model_path), ("the impulse response", ir_path)):
        if path is not None and Path(path).exists() and Path(out_path).exists() and Path(path).samefile(out_path):
            raise OptionError(f"{out_path} is {kind} itself; choose another name for the output")
    model = load(model_path, quality=quality, oversample=oversample)
    wet = render(model, read_audio(in_path, channel=channel), settings=settings, block=block)
    if ir_path is not None:
        wet = convolve(wet, read_audio(ir_path))
    write_audio(out_path, wet.samples, wet.rate_hz)
    return wet
