"""What the plug-in costs a host: `python -m benchmarks.plugin [--jack]`, on one core in blocks of 64 samples at 48 kHz.

Plays the rigs behind the plug-in formats by benchmarks/plugin_speed.cpp, which `make plugin` knows how to build, and
counts their instructions with callgrind (AVX2 kernels: it has no AVX-512). `--jack` takes two minutes more: the
standalone under a JACK server without hardware, with a model and as a plain copy.
"""

import argparse
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine import noise, pin_to_one_core, usual_models
from benchmarks.page import table, write_section
from benchmarks.rig import response
from triode.audio import write_audio

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "build" / "plugin"
COMMAND = "python -m benchmarks.plugin"
RATE_HZ, BLOCK = 48_000, 64
BLOCK_SECONDS = BLOCK / RATE_HZ
BLOCKS, COUNTED_BLOCKS, SWITCHES = 20_000, 128, 100
INSTANCES = 8
ADDED = ("gate=1", "gate_threshold=-50", "bass=3", "middle=-2", "treble=3", "presence=1")
BARE = ("dc_blocker=0", "output_level=0")
JACK_SECONDS = 60
PROCESS = "triode::plugin::RigHost::process*"


def build() -> Path:
    """The program that measures."""
    subprocess.run(["sh", "scripts/plugin.sh", ".venv", "build/plugin"], cwd=ROOT, check=True)
    cmake = ROOT / ".venv" / "bin" / "cmake"
    subprocess.run([cmake, "--build", BUILT, "--target", "plugin_speed"], stdout=subprocess.DEVNULL, check=True)
    return BUILT / "bin" / "plugin_speed"


def block_seconds(*command: object) -> NDArray[np.float64]:
    """What each block took."""
    return np.frombuffer(subprocess.run([*map(str, command)], stdout=subprocess.PIPE, check=True).stdout)


def row(name: str, seconds: NDArray[np.float64]) -> tuple[str, ...]:
    """Median, 99th percentile, and what the median leaves of the time there is."""
    p50, p99 = np.percentile(seconds, [50, 99])
    return (name, f"{1e6 * p50:.2f} us", f"{1e6 * p99:.2f} us", f"{BLOCK_SECONDS / p50:.0f}")


def instructions(speed: Path, *arguments: object) -> float:
    """Of a block, on average."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--tool=callgrind", f"--toggle-collect={PROCESS}", "-q", f"--callgrind-out-file={folder}/out"]
        counts = []
        for blocks in (COUNTED_BLOCKS, 2 * COUNTED_BLOCKS):
            command = ["valgrind", *options, speed, 1, blocks, *arguments]
            subprocess.run([*map(str, command)], stdout=subprocess.DEVNULL, check=True)
            found = re.search(r"^(?:summary|totals): (\d+)", Path(folder, "out").read_text(), re.M)
            assert found, "callgrind has counted nothing"
            counts.append(int(found[1]))
    return (counts[1] - counts[0]) / COUNTED_BLOCKS


def speed_tables(speed: Path, model: Path, cabinet: Path) -> str:
    """Times of blocks, and instructions where valgrind is."""
    cases: Mapping[str, tuple[object, ...]] = {
        "nothing": ("noise", "", "", *BARE),
        "gate, tone stack, cabinet of 0.2 s": ("noise", "", cabinet, *BARE, *ADDED),
        "A1 standard": ("noise", model, "", *BARE),
        "A1 standard, gate, tone stack, cabinet of 0.2 s": ("noise", model, cabinet, *BARE, *ADDED),
        "the same in silence": ("silence", model, cabinet, *BARE, *ADDED),
    }
    rows, has_valgrind = [], shutil.which("valgrind") is not None
    for name, arguments in cases.items():
        counted = has_valgrind and model not in arguments  # the models' are in the section "Instructions"
        count = f"{instructions(speed, *arguments):.0f}" if counted else ""
        rows.append((*row(name, block_seconds(speed, 1, BLOCKS, *arguments)), count))
        print(*rows[-1], sep="  ", flush=True)
    rows.append((*row(f"{INSTANCES} of A1 standard", block_seconds(speed, INSTANCES, 4000, *cases["A1 standard"])), ""))
    print(*rows[-1], sep="  ", flush=True)
    return table(("what plays", "median block", "slowest 1 % from", "x real time", "instructions a block"), rows)


def switching(speed: Path, models: tuple[Path, Path]) -> str:
    """A sentence on changing the model while it plays."""
    seconds = block_seconds(speed, "switch", SWITCHES, *models)
    late = int(np.sum(seconds > BLOCK_SECONDS))
    return (
        f"{SWITCHES} changes of the model while it plays, at the pace of 48 kHz: {late} of {len(seconds)} blocks took "
        f"longer than they last, the slowest {1e6 * seconds.max():.0f} us of {1e6 * BLOCK_SECONDS:.0f}."
    )


@contextmanager
def running(*command: object, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A program that is ended with the block."""
    words = [*map(str, command)]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, env=os.environ | environment, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.terminate()


def jack_row(name: str, model: str, server: str, display: str) -> tuple[str, ...]:
    """Xruns of the server in a minute, and the round trip from sample to sample."""
    environment = {"JACK_DEFAULT_SERVER": server, "JACK_NO_START_SERVER": "1", "DISPLAY": display}
    dry = noise(JACK_SECONDS)
    with running(BUILT / "bin" / "Triode", TRIODE_MODEL=model, **environment):
        loop = [BUILT / "bin" / "jack_loop", "Triode:audio_in_1", "Triode:audio_out_1", str(RATE_HZ)]
        done = subprocess.run(
            [*map(str, loop)], env=os.environ | environment, input=dry.tobytes(), capture_output=True, check=True
        )
    xruns = re.search(rb"xruns (\d+)", done.stderr)
    assert xruns, done.stderr
    back = np.frombuffer(done.stdout, np.float32)
    first = int(np.argmax(np.abs(back) > 1e-3))
    return (name, xruns[1].decode(), f"{first} samples, {1e3 * first / RATE_HZ:.1f} ms")


def jack(model: Path) -> str:
    """The standalone under a JACK server without hardware."""
    server = f"triode-benchmark-{os.getpid()}"
    allowed = subprocess.run(["chrt", "-f", "10", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    priority = ("-R", "-P", 10) if allowed else ("-r",)
    command = ("jackd", "-n", server, *priority, "-d", "dummy", "-r", RATE_HZ, "-p", BLOCK)
    with running("Xvfb", "-displayfd", "1", "-screen", "0", "800x600x24") as screen, running(*command):
        assert screen.stdout is not None
        display = f":{screen.stdout.readline().strip()}"
        time.sleep(2.0)
        rows = [jack_row(name, path, server, display) for name, path in (("a copy", ""), ("A1 standard", str(model)))]
    for line in rows:
        print(*line, sep="  ", flush=True)
    text = (
        f"The standalone under a JACK server without hardware, {BLOCK} frames, {JACK_SECONDS} s each, with its window "
        f"drawn in software on the same two cores, {'with' if allowed else 'without'} the rights of real-time threads:"
    )
    return f"{text}\n\n{table(('what plays', 'xruns', 'from input to output'), rows)}"


def main() -> None:
    """Measure and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jack", action="store_true")
    options = parser.parse_args()
    speed = build()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = {}
        for kind, path in usual_models(folder):
            if kind in ("wavenet feather", "wavenet standard"):
                models[kind] = path.rename(folder / f"{kind}.triode")
            if len(models) == 2:
                break
        standard = models["wavenet standard"]
        impulse = response(0.2)
        assert impulse is not None
        write_audio(folder / "cabinet.wav", impulse.samples, RATE_HZ, subtype="FLOAT")
        live = jack(standard) if options.jack else ""
        pin_to_one_core()
        body = speed_tables(speed, standard, folder / "cabinet.wav")
        changes = switching(speed, (standard, models["wavenet feather"]))
        print(changes)
    text = f"Blocks of {BLOCK} samples at 48 kHz through all of the plug-in but its format, on one core."
    write_section("The plug-in", COMMAND, "\n\n".join(part for part in (text, body, changes, live) if part))


if __name__ == "__main__":
    main()
