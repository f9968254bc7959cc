"""Write a model file by hand: a treble cut of 65 taps, from numpy, with the facts and the self-test that belong to it.

usage: python write_a_model.py [OUT.triode]
"""

import sys

import numpy as np

from triode.engine import load
from triode.model_file import Levels, ModelFile, SelfTest, loudness_db, self_test_signal, write_model

path = sys.argv[1] if len(sys.argv) > 1 else "treble-cut.triode"
rate_hz = 48_000

# A windowed sinc: flat below 3 kHz, silent above; the first tap belongs to the current sample.
cutoff_hz, count = 3_000, 65
taps = np.sinc(2 * cutoff_hz / rate_hz * (np.arange(count) - count // 2)) * np.hamming(count)
taps /= taps.sum()

# What a correct player makes of the test signal; whoever loads the file can check himself with it.
test_input = self_test_signal(rate_hz)
test_output = np.convolve(test_input, taps)[: len(test_input)]

write_model(
    path,
    ModelFile(
        name="treble cut",
        architecture={"name": "linear", "taps": count},
        tensors={"taps": taps, "bias": np.zeros(1)},
        sample_rate=rate_hz,
        warm_up_samples=count,
        self_test=SelfTest(test_input, test_output),
        levels=Levels(loudness_db=loudness_db(test_output)),
        metadata={"gear_type": "pedal", "licence": "CC0-1.0"},
    ),
)

error = load(path).self_test()
print(f"wrote {path}; the engine plays it with an error of {error:.1e} of full scale")
