"""The built-in devices: circuits that the engine simulates from their schematics (docs/circuits.md).

They stand in for hardware wherever none is at hand: in the demo, in the tests, as reference with known knobs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from triode import _core
from triode.audio import Samples
from triode.errors import AudioFileError, OptionError
from triode.knobs import Knob, checked_settings

LOWEST_RATE_HZ = 22050
HIGHEST_RATE_HZ = 192000


@dataclass(frozen=True)
class CircuitInfo:
    """A built-in circuit: what it is, its knobs, and its parts' values by name (ohm, farad or volt).

    A sample of 1.0 stands for `input_full_scale_volt` at its input and `output_full_scale_volt` at its output.
    """

    name: str
    description: str
    knobs: tuple[Knob, ...]
    part_values: Mapping[str, float]
    input_full_scale_volt: float
    output_full_scale_volt: float


def circuits() -> dict[str, CircuitInfo]:
    """All built-in circuits by name."""
    return {name: _info(name) for name in _core.circuit_names()}


def run_circuit(name: str, samples: Samples, rate_hz: float, settings: Mapping[str, float]) -> Samples:
    """Send `samples` (n,) through the circuit `name`, knobs at `settings` (the others at their default).

    The circuit starts settled, as after long silence; the result (n,) is aligned with the input, without latency.
    NaN counts as silence. Raises OptionError for an unknown circuit or knob, a value out of the knob's range or a
    sample rate outside 22.05 to 192 kHz, AudioFileError for samples that are not mono.
    """
    known = circuits()
    if name not in known:
        raise OptionError(f"there is no circuit {name!r}; the built-in ones: {', '.join(known)}")
    checked = checked_settings(settings, known[name].knobs)
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        raise OptionError(
            f"the circuits run at {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz, found {rate_hz:g} Hz; resample first"
        )
    if np.ndim(samples) != 1:
        raise AudioFileError(f"the circuits are mono: expected samples of shape (n,), found {np.shape(samples)}")
    if len(samples) == 0:
        return np.zeros(0, np.float32)
    circuit = _core.Circuit(name)
    for knob, value in checked.items():
        circuit.set(knob, value)
    circuit.configure(float(rate_hz))
    late = circuit.latency_samples
    # Audio that breaks off in full swing goes on mirrored, so that the filters do not ring before the break.
    padded = np.pad(np.asarray(samples, np.float32), (0, late), mode="reflect", reflect_type="odd")
    return np.asarray(circuit.process(padded)[late:])


def _info(name: str) -> CircuitInfo:
    circuit = _core.Circuit(name)
    return CircuitInfo(
        name=name,
        description=circuit.description,
        knobs=tuple(Knob(knob, low=low, high=high, default=initial) for knob, low, high, initial in circuit.knobs),
        part_values=dict(circuit.part_values),
        input_full_scale_volt=circuit.input_full_scale_volt,
        output_full_scale_volt=circuit.output_full_scale_volt,
    )
