"""Counts the instructions that playing takes: on a 64-bit ARM core, and of the dearest block on this one.

`python -m benchmarks.instructions` builds the engine for aarch64 with Clang, counts under QEMU, and writes
docs/benchmarks.md. Counts repeat to the instruction, whatever else the machine does; the figures for a Raspberry Pi
follow from them by the clock and an assumed number of instructions per cycle. The dearest block is counted by
callgrind, which has no AVX-512: with the AVX2 kernels. Needs clang-19, lld-19, libstdc++-12-dev-arm64-cross, qemu-user
and valgrind.
"""

import re
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import nlohmann_json
import numpy as np

from benchmarks.engine import usual_models
from benchmarks.page import table, write_section
from triode.engine import Model

ROOT = Path(__file__).resolve().parents[1]
TOOLS = Path(sys.executable).parent
COMMAND = "python -m benchmarks.instructions"
RATE_HZ = 48_000
BLOCK = 64
COUNTED = {f"wavenet {size}" for size in ("standard", "feather", "nano", "a2-full", "a2-lite")} | {"lstm 16", "lstm 40"}
# Clock in Hz, and instructions per cycle: a guess between what such loops reach on the core and what it could issue.
CORES = {
    "Raspberry Pi 4 (Cortex-A72, 1.5 GHz, 1.2 a cycle)": 1.5e9 * 1.2,
    "Raspberry Pi 5 (Cortex-A76, 2.4 GHz, 2 a cycle)": 2.4e9 * 2,
}
PROCESS = "triode::Engine::process(float const*, float*, long)"


def run(*command: str | Path, data: bytes = b"") -> None:
    subprocess.run([*map(str, command)], input=data, stdout=subprocess.DEVNULL, check=True)


def build_arm_player() -> Path:
    """A host that plays from standard input, optimised, for aarch64; kept in build/ for the next time."""
    folder = ROOT / "build" / "instructions-aarch64"
    toolchain = ROOT / "engine" / "cmake" / "aarch64.cmake"
    json_folder = Path(nlohmann_json.__file__).parent / "include"
    options = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={TOOLS / 'ninja'}", f"-DTRIODE_JSON_INCLUDE={json_folder}"]
    options += ["-DTRIODE_TESTS=ON", "-DTRIODE_PRECOMPILE_JSON=ON", "-DTRIODE_WARNINGS_ARE_ERRORS=OFF"]
    run(TOOLS / "cmake", "-S", ROOT, "-B", folder, "--toolchain", toolchain, *options)
    run(TOOLS / "cmake", "--build", folder, "--target", "play_stdin")
    return folder / "engine" / "play_stdin"


def build_native_player() -> Path:
    """The same for this machine, with the library that `make build` left."""
    built = sorted((ROOT / "build").glob("cp*-*-*/engine/libtriode.a"), key=lambda path: path.stat().st_mtime)
    player = ROOT / "build" / "instructions-native"
    source = ROOT / "engine" / "tests" / "play_stdin.c"
    run("cc", "-O2", f"-I{ROOT / 'engine'}", source, built[-1], "-lstdc++", "-lm", "-o", player)
    return player


def build_counter() -> Path:
    """The QEMU plugin that counts."""
    plugin = ROOT / "build" / "count_instructions.so"
    source = ROOT / "benchmarks" / "count_instructions.c"
    run("cc", "-shared", "-fPIC", "-O2", source, "-o", plugin)
    return plugin


def session(model: bytes, samples: int) -> bytes:
    """What the player reads: the model, and noise at guitar level."""
    noise = 0.1 * np.random.default_rng(1).standard_normal(samples).astype(np.float32)
    return struct.pack("<Q", len(model)) + model + noise.astype(np.float32).tobytes()


def arm_instructions_per_sample(player: Path, plugin: Path, model: bytes) -> float:
    """What one sample more costs: loading and warming up are in both counts, and cancel."""
    counts = []
    for samples in (40 * BLOCK, 80 * BLOCK):
        with tempfile.NamedTemporaryFile("r") as out:
            counting = ["-cpu", "cortex-a72", "-plugin", f"{plugin},out={out.name}"]
            run("qemu-aarch64", *counting, player, data=session(model, samples))
            counts.append(int(out.read()))
    return (counts[1] - counts[0]) / (40 * BLOCK)


def block_instructions(player: Path, model: bytes, blocks: int = 200, turning: bool = False) -> list[int]:
    """Instructions of each block, by callgrind: one dump before every call of process. `turning` moves a knob."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--tool=callgrind", f"--toggle-collect={PROCESS}", f"--dump-before={PROCESS}", "-q"]
        out = f"--callgrind-out-file={folder}/out"
        run("valgrind", *options, out, player, *(["turning"] if turning else []), data=session(model, blocks * BLOCK))
        found = [re.search(r"^(?:summary|totals): (\d+)", path.read_text(), re.M) for path in Path(folder).iterdir()]
    return [int(match[1]) for match in found if match and int(match[1])]


def tail_cost(model: Model) -> float:
    """Time to play a tail that decays far below the smallest normal float, over that of noise; 1 is ideal."""
    time_samples = np.arange(RATE_HZ)
    tail = (np.exp(-0.004 * time_samples) * np.sin(0.1 * time_samples)).astype(np.float32)
    noise = 0.1 * np.random.default_rng(1).standard_normal(RATE_HZ).astype(np.float32)
    best = []
    for audio in (tail, noise):
        taken = []
        for _ in range(9):
            start = time.process_time()
            model.render(audio, BLOCK)
            taken.append(time.process_time() - start)
        best.append(min(taken))
    return best[0] / best[1]


def main() -> None:
    """Count, and write the section."""
    arm, native, plugin = build_arm_player(), build_native_player(), build_counter()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, engine in usual_models(Path(folder)):
            if name not in COUNTED:
                continue
            model = (Path(folder) / "model.triode").read_bytes()
            count = arm_instructions_per_sample(arm, plugin, model)
            blocks = block_instructions(native, model)
            estimates = [f"{speed / (count * RATE_HZ):.1f}" for speed in CORES.values()]
            rows.append(
                (name, f"{count:.0f}", *estimates, f"{max(blocks) / np.median(blocks):.2f}", f"{tail_cost(engine):.2f}")
            )
            print(*rows[-1], sep="  ", flush=True)
    head = (
        "model",
        "instructions a sample, NEON",
        *(f"x real time, {core}" for core in CORES),
        "dearest / median block",
    )
    text = (
        f"Blocks of {BLOCK} samples at {RATE_HZ // 1000} kHz. Instructions on aarch64 (Clang 19, -O3), counted under "
        f"QEMU; x real time is an estimate from them by clock and instructions a cycle, not a measurement. The "
        f"dearest block is in instructions on {sysconfig.get_platform()} with AVX2 kernels; the last column is the "
        f"time that a tail decaying into denormal numbers takes here, over that of noise."
    )
    write_section("Instructions", COMMAND, f"{text}\n\n{table(head, rows)}")


if __name__ == "__main__":
    main()
