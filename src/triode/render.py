"""Playing a model over recorded audio of any sample rate, and over whole files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from triode.audio import Audio, Samples, read_audio, write_audio
from triode.engine import Model, load
from triode.errors import OptionError
from triode.knobs import checked_settings
from triode.rig import Pairing, Rig, RigSettings

__all__ = ["SecondFiles", "render", "render_file"]

TURN_SAMPLES = 64


@dataclass(frozen=True)
class SecondFiles:
    """The second model of a rig, its second cabinet, or both, as files; `pairing` is as in `triode.rig.Rig`.

    `settings` are values of the second model's knobs, in their own units, the others are at their defaults.
    """

    model_path: str | Path | None = None
    pairing: Pairing = "series"
    settings: Mapping[str, float] | None = None
    ir_path: str | Path | None = None
    ir_channel: int | None = None

    def model(self, quality: float = 1.0, oversample: int = 1, fast: bool = False) -> Model | None:
        """The model, its knobs turned. Raises ModelFileError, and OptionError for unknown knobs."""
        if self.model_path is None:
            return None
        model = load(self.model_path, quality=quality, oversample=oversample, fast=fast)
        for name, value in checked_settings(self.settings or {}, model.knobs).items():
            model.set(name, value)
        return model

    def response(self) -> Audio | None:
        """The cabinet's impulse response. Raises AudioFileError."""
        if self.ir_path is None:
            return None
        return read_audio(self.ir_path, channel=self.ir_channel, option="--second-ir-channel")


def render(
    model: Model,
    audio: Audio,
    *,
    settings: Mapping[str, float] | None = None,
    turned_to: Mapping[str, float] | None = None,
    rig: RigSettings | None = None,
    response: Audio | None = None,
    second: Model | None = None,
    pairing: Pairing = "series",
    second_response: Audio | None = None,
    block: int = 64,
) -> Audio:
    """What the device makes of `audio`: as long, at the same rate, not delayed; float32, from the start state.

    The samples are those that a host at the audio's rate gets from the engine, moved by its latency. `settings` are
    values of the model's knobs, in their own units, the others are put to their defaults; without them all stay as they
    are. From there knobs in `turned_to` are turned evenly, over the whole length, to these values. `rig` sets what is
    around the model, and `response` is a cabinet's impulse response, of any rate; a `second` model, its `pairing` and a
    `second_response` are as in `triode.rig.Rig`. `block` is the number of samples handed over at once and does not
    change the result. Raises OptionError for unknown knobs, values out of range, a sample rate outside 8 to 768 kHz,
    and a block below 1. The models are left configured for the rates they had.
    """
    if settings is not None:
        for name, value in checked_settings(settings, model.knobs).items():
            model.set(name, value)
    rates = [(played, played.sample_rate) for played in (model, second) if played is not None]
    try:
        chain = Rig(
            model,
            rig,
            response=response,
            second=second,
            pairing=pairing,
            second_response=second_response,
            sample_rate=audio.rate_hz,
        )
        latency = chain.latency_samples
        late = np.concatenate([audio.samples, np.zeros(latency, dtype=np.float32)])
        if turned_to is None:
            return Audio(chain.render(late, block)[latency:], audio.rate_hz, np.inf)
        starts = checked_settings(settings or {}, model.knobs)
        return Audio(_turning(chain, model, late, block, starts, turned_to)[latency:], audio.rate_hz, np.inf)
    finally:
        for played, rate in rates:
            played.configure(rate)


def _turning(
    chain: Rig, model: Model, samples: Samples, block: int, starts: Mapping[str, float], ends: Mapping[str, float]
) -> Samples:
    """All of `samples`, the knobs on their way from `starts` to `ends`: set anew every TURN_SAMPLES."""
    ends = checked_settings(dict(starts) | dict(ends), model.knobs)
    moving = [knob for knob in model.knobs if starts[knob.name] != ends[knob.name]]
    out = np.empty_like(samples)
    for at in range(0, len(samples), TURN_SAMPLES):
        stop = min(at + TURN_SAMPLES, len(samples))
        for knob in moving:
            first, last = knob.travel(starts[knob.name]), knob.travel(ends[knob.name])
            value = knob.value(first + (last - first) * stop / len(samples))
            model.set(knob.name, min(max(value, knob.low), knob.high))
        for start in range(at, stop, block):
            out[start : min(start + block, stop)] = chain.process(samples[start : min(start + block, stop)])
    return out


def render_file(
    model_path: str | Path,
    in_path: str | Path,
    out_path: str | Path,
    *,
    channel: int | None = None,
    settings: Mapping[str, float] | None = None,
    turned_to: Mapping[str, float] | None = None,
    quality: float = 1.0,
    oversample: int = 1,
    fast: bool = False,
    block: int = 64,
    rig: RigSettings | None = None,
    ir_path: str | Path | None = None,
    ir_channel: int | None = None,
    second: SecondFiles | None = None,
) -> Audio:
    """Play `in_path` through a model file in a rig, with a cabinet's impulse response if given, into `out_path`.

    Returns what was written: float32 for wav and aiff, 24 bit for flac. `settings` and `turned_to` are those of
    `render`. `channel` chooses from an input of several channels, `ir_channel` from such a response, `quality` (0 to 1)
    from models of several sizes; `oversample` and `fast` as in `triode.load`. Raises AudioFileError,
    ModelFileError and OptionError for what cannot be read or asked for, also where the output would overwrite one of
    its inputs; OutputError where the disk is full.
    """
    second = second or SecondFiles()
    inputs = (
        ("the input", in_path),
        ("the model", model_path),
        ("the impulse response", ir_path),
        ("the second model", second.model_path),
        ("the second impulse response", second.ir_path),
    )
    for kind, path in inputs:
        if path is not None and Path(path).exists() and Path(out_path).exists() and Path(path).samefile(out_path):
            raise OptionError(f"{out_path} is {kind} itself; choose another name for the output")
    model = load(model_path, quality=quality, oversample=oversample, fast=fast)
    response = None if ir_path is None else read_audio(ir_path, channel=ir_channel, option="--ir-channel")
    dry = read_audio(in_path, channel=channel)
    wet = render(
        model,
        dry,
        settings=settings,
        turned_to=turned_to,
        rig=rig,
        response=response,
        second=second.model(quality, oversample, fast),
        pairing=second.pairing,
        second_response=second.response(),
        block=block,
    )
    write_audio(out_path, wet.samples, wet.rate_hz)
    return wet
