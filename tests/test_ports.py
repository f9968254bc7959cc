"""The engine on other processors: built for 64-bit ARM and for WebAssembly, run under QEMU and Node.

What they play is compared with this machine's engine, and with a public model's golden output where that is at hand.
"""

import re
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nlohmann_json
import numpy as np
import pytest

from engine_files import WAVENETS, write_triode
from models import random_tensors, recurrent_architecture
from triode import engine
from triode.audio import Samples

ROOT = Path(__file__).resolve().parents[1]
TOOLS = Path(sys.executable).parent


@dataclass(frozen=True)
class Port:
    """A processor: how it is built for, what runs its programs, what a vector multiply-add is called there."""

    name: str
    target: str
    runner: tuple[str, ...]
    library: str  # a file of the C++ library for it
    flags: tuple[str, ...] = ()
    vector_operations: tuple[str, ...] = ()

    def missing(self) -> str:
        absent = [tool for tool in ("clang++-19", "ld.lld-19", self.runner[0]) if shutil.which(tool) is None]
        return ", ".join(absent + ([] if Path(self.library).exists() else [self.library]))

    def build(self, *programs: str) -> Path:
        """The folder with the programs; kept, so that only what changed is built again."""
        folder = ROOT / "build" / f"port-{self.name}"
        json_folder = Path(nlohmann_json.__file__).parent / "include"
        options = ["-DTRIODE_TESTS=ON", "-DTRIODE_WARNINGS_ARE_ERRORS=OFF", "-DTRIODE_PRECOMPILE_JSON=ON"]
        options += [f"-DTRIODE_JSON_INCLUDE={json_folder}"]
        options += ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={TOOLS / 'ninja'}", "-DCMAKE_CXX_FLAGS_RELEASE=-O1"]
        toolchain = ROOT / "engine" / "cmake" / f"{self.name}.cmake"
        run([TOOLS / "cmake", "-S", ROOT, "-B", folder, "--toolchain", toolchain, *options])
        run([TOOLS / "cmake", "--build", folder, "--target", *programs])
        return folder / "engine"


PORTS = (
    Port(
        "aarch64",
        "aarch64-linux-gnu",
        ("qemu-aarch64", "-cpu", "cortex-a72"),
        "/usr/aarch64-linux-gnu/include/c++",
        vector_operations=(r"fmla\s+v\d+\.4s", r"fdiv\s+v\d+\.4s"),
    ),
    Port(
        "wasm32",
        "wasm32-wasi",
        ("node", "--no-warnings", str(ROOT / "scripts" / "wasi.mjs")),
        "/usr/lib/llvm-19/include/wasm32-wasi/c++",
        ("-msimd128",),
        (r"f32x4\.mul", r"f32x4\.add", r"f32x4\.div"),
    ),
)


def run(command: list[str | Path], data: bytes = b"") -> bytes:
    done = subprocess.run([*map(str, command)], input=data, capture_output=True, timeout=250)
    assert done.returncode == 0, f"{command}\n{done.stdout.decode()}\n{done.stderr.decode()}"
    return done.stdout


@pytest.fixture(scope="module", params=PORTS, ids=lambda port: port.name)
def port(request: pytest.FixtureRequest) -> Port:
    chosen: Port = request.param
    if chosen.missing():
        pytest.skip(f"{chosen.name} cannot be built for or run here, for lack of {chosen.missing()}")
    return chosen


@pytest.fixture(scope="module")
def programs(port: Port) -> Path:
    return port.build("test_kernels", "play_stdin")


def played(port: Port, programs: Path, model: bytes, dry: Samples) -> Samples:
    data = struct.pack("<Q", len(model)) + model + dry.tobytes()
    return np.frombuffer(run([*port.runner, programs / "play_stdin"], data), np.float32)


def test_the_kernels_are_vector_code(port: Port, tmp_path: Path) -> None:
    out = tmp_path / "kernels.s"
    options = [f"--target={port.target}", *port.flags, "-std=c++20", "-O2", "-ffp-contract=fast", "-DISA_NS=baseline"]
    run(["clang++-19", *options, "-S", ROOT / "engine" / "kernels.cpp", "-o", out])
    for operation in port.vector_operations:
        assert len(re.findall(operation, out.read_text())) >= 10, operation


def test_every_kernel_computes_what_it_should(port: Port, programs: Path) -> None:
    assert run([*port.runner, programs / "test_kernels"]).decode().split() == ["baseline"]


@pytest.mark.parametrize("name", ["lstm", "wavenet"])
def test_it_plays_what_this_machine_plays(port: Port, programs: Path, tmp_path: Path, name: str) -> None:
    wavenet = {"name": "wavenet", **WAVENETS["eight films, blended"]}
    architecture = recurrent_architecture("lstm", 9) if name == "lstm" else wavenet
    path = write_triode(tmp_path / "model.triode", architecture, random_tensors(architecture))
    dry = (0.3 * np.sin(0.05 * np.arange(1000))).astype(np.float32)
    wet = played(port, programs, path.read_bytes(), dry)
    assert np.abs(wet).max() > 0.01
    np.testing.assert_allclose(wet, engine.load(path).render(dry), atol=1e-5)


def test_it_plays_a_public_model(port: Port, programs: Path, shared_data: Path) -> None:
    path = shared_data / "models" / "nam" / "b029b7_wavenet_a1_standard.nam"
    golden = np.load(f"{path}.golden.npz")
    dry = golden["x"].astype(np.float32).ravel()[:6000]
    np.testing.assert_allclose(played(port, programs, path.read_bytes(), dry), golden["y"].ravel()[:6000], atol=2e-5)


def test_denormals_count_as_zero(port: Port, programs: Path, tmp_path: Path) -> None:
    """WebAssembly has no mode for that: there, they stay what they are."""
    architecture = {"name": "linear", "taps": 1}
    tensors = {"taps": np.array([1e-20], np.float32), "bias": np.zeros(1, np.float32)}
    path = write_triode(tmp_path / "tiny.triode", architecture, tensors)
    wet = played(port, programs, path.read_bytes(), np.full(100, 1e-20, np.float32))
    expected = np.float32(1e-20) * np.float32(1e-20) if port.name == "wasm32" else np.float32(0)
    np.testing.assert_array_equal(wet, np.full(100, expected, np.float32))
