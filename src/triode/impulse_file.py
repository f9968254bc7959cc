"""A linear model as an impulse response: a wav that every cabinet loader takes."""

import io

import numpy as np
import soundfile

from triode.architecture import Linear
from triode.errors import OptionError
from triode.model_file import ModelFile, checked_network

__all__ = ["impulse_bytes"]


def impulse_bytes(model: ModelFile) -> bytes:
    """The bytes of a mono float32 wav with the model's taps, at its sample rate; its bias is left out.

    Raises OptionError for a model that is not linear and for a rate that is no whole number of Hz.
    """
    architecture, tensors = checked_network(model)
    if not isinstance(architecture, Linear):
        raise OptionError(
            f"a .wav holds an impulse response, and this model is a {architecture.name}; train one with --arch linear"
        )
    if model.sample_rate != round(model.sample_rate):
        raise OptionError(f"a .wav cannot have a sample rate of {model.sample_rate} Hz; it must be a whole number")
    out = io.BytesIO()
    soundfile.write(out, np.asarray(tensors["taps"]), round(model.sample_rate), subtype="FLOAT", format="WAV")
    return out.getvalue()
