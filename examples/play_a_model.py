"""Play a model over audio, whole and in blocks, as a plug-in would.

usage: python play_a_model.py [MODEL [IN.wav OUT.wav]]        without arguments it makes what it needs
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

from triode.audio import Audio, read_audio, write_audio
from triode.engine import load
from triode.render import render

if len(sys.argv) > 1:
    model_path = Path(sys.argv[1])
else:
    model_path = Path("treble-cut.triode")
    subprocess.run([sys.executable, Path(__file__).with_name("write_a_model.py"), model_path], check=True)

if len(sys.argv) > 3:
    dry = read_audio(sys.argv[2])
else:
    # A sweep from 20 Hz to 20 kHz in two seconds, at another rate than the model's.
    seconds = np.arange(2 * 44_100) / 44_100
    phase = 2 * np.pi * 20 * 2 / np.log(1_000) * (np.exp(seconds / 2 * np.log(1_000)) - 1)
    dry = Audio((0.25 * np.sin(phase)).astype(np.float32), 44_100)
out_path = sys.argv[3] if len(sys.argv) > 3 else "out.wav"

model = load(model_path)
print(f"{model_path}: {model.info['architecture']['name']}, {model.info['parameters']} parameters")

# Whole: any rate in, the same rate and length out, in time.
wet = render(model, dry)
write_audio(out_path, wet.samples, wet.rate_hz)
print(f"wrote {out_path}: {wet.seconds:.2f} s at {wet.rate_hz} Hz")

# In blocks, at the model's own rate: the state goes on from block to block.
model.reset()
blocks = [model.process(block) for block in np.array_split(dry.samples[:4_800], 75)]
print(f"{len(blocks)} blocks of {len(blocks[0])} samples, latency {model.latency_samples} samples")
