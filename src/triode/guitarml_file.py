"""The `.json` of GuitarML's Proteus, NeuralPi and Chameleon, written: the layout of Automated-GuitarAmpModelling."""

import json
from typing import Any

import numpy as np

from triode.architecture import Recurrent
from triode.errors import OptionError
from triode.model_file import ModelFile, checked_network, knobs_json
from triode.recurrent_tensors import Tensors, with_wire

__all__ = ["guitarml_bytes"]


def guitarml_bytes(model: ModelFile) -> bytes:
    """The bytes of a Proteus `.json`; raises OptionError where the format cannot hold the model, and says why.

    The format has no output scale. Where the input is added to the output, what is missing of it comes from one more
    hidden unit. Players start from the zero state, and GuitarML's plug-ins take certain sizes only (Proteus: one layer
    of 40 units).
    """
    net, found = checked_network(model)
    if not isinstance(net, Recurrent):
        raise OptionError(
            f"the Proteus format holds an LSTM or a GRU, this model is a {net.name}; write .nam or .triode instead"
        )
    tensors: Tensors = found
    scale = float(tensors["output_scale"][0])
    if net.skip and scale not in (0.0, 1.0):
        net, tensors = with_wire(net, tensors, (scale - 1.0) / scale)
    state: dict[str, Any] = {name: _lists(tensors[name]) for name in net.tensor_shapes() if name.startswith("rec.")}
    state["lin.weight"] = _lists((tensors["lin.weight"] * np.float64(scale)).astype(np.float32))
    state["lin.bias"] = _lists((tensors["lin.bias"] * np.float64(scale)).astype(np.float32))
    data = {
        "model": "SimpleRNN",
        "input_size": net.input_size,
        "skip": int(net.skip and scale != 0.0),
        "output_size": 1,
        "unit_type": net.name.upper(),
        "num_layers": net.num_layers,
        "hidden_size": net.hidden_size,
        "bias_fl": True,
        "sample_rate": model.sample_rate,
    }
    metadata = {**model.metadata, "name": model.name, "knobs": knobs_json(model.knobs)}
    return json.dumps({"model_data": data, "state_dict": state, "metadata": metadata}, allow_nan=False).encode()


def _lists(values: Any) -> Any:
    """Nested lists, each number with no more digits than float32 needs."""
    return float(str(values)) if np.ndim(values) == 0 else [_lists(entry) for entry in values]
