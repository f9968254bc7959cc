"""The engine as a library of somebody else's C or C++ program: installed or as a subfolder, static or shared.

The installed one is that of the build folder the Python module came from, so that nothing is compiled twice; the shared
one is compiled here, unoptimised, which also shows that neither Python nor an installation is needed.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import nlohmann_json
import numpy as np
import pytest

from engine_files import write_triode
from models import random_tensors, recurrent_architecture
from triode import _core, engine
from triode.audio import Samples

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "embed"
TOOLS = Path(sys.executable).parent
HOST = """cmake_minimum_required(VERSION 3.25)
project(host LANGUAGES C CXX)
set(BUILD_SHARED_LIBS ON)
add_subdirectory({root} triode)
foreach(language c cpp)
  add_executable(play_${{language}} {example}/play.${{language}})
  target_link_libraries(play_${{language}} PRIVATE triode::triode)
endforeach()
"""


def run(*command: str | Path) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def cmake_build(source: Path, build: Path, *options: str) -> Path:
    """The folder in which play_c and play_cpp have been built."""
    generator = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={TOOLS / 'ninja'}"]
    run(TOOLS / "cmake", "-S", source, "-B", build, *generator, *options)
    run(TOOLS / "cmake", "--build", build, "--target", "play_c", "play_cpp")
    return build


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = sorted((ROOT / "build").glob("cp*-*-*/engine/libtriode.a"), key=lambda path: path.stat().st_mtime)
    if not built:
        pytest.skip("this checkout has no build of the engine to install from (make setup)")
    prefix = tmp_path_factory.mktemp("prefix")
    run(TOOLS / "cmake", "--install", built[-1].parents[1], "--component", "triode", "--prefix", prefix)
    return prefix


@pytest.fixture(scope="module")
def hosts(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cmake_build(EXAMPLE, tmp_path_factory.mktemp("embed"), f"-DCMAKE_PREFIX_PATH={installed}")


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    architecture = recurrent_architecture("lstm", 5)
    return write_triode(tmp_path / "small.triode", architecture, random_tensors(architecture))


def signal(length: int) -> Samples:
    return (0.5 * np.sin(0.05 * np.arange(length))).astype(np.float32)


def played(program: Path, model: Path, dry: Samples) -> Samples:
    done = subprocess.run([program, model], input=dry.tobytes(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert b"triode at 48000 Hz" in done.stderr
    return np.frombuffer(done.stdout, np.float32)


@pytest.mark.parametrize("program", ["play_c", "play_cpp"])
def test_an_installed_library_plays_as_python_does(hosts: Path, model_path: Path, program: str) -> None:
    dry = signal(1000)  # no multiple of the block
    wet = played(hosts / program, model_path, dry)
    assert np.abs(wet).max() > 0.01
    np.testing.assert_array_equal(wet, engine.load(model_path).render(dry, 64))


@pytest.mark.parametrize("program", ["play_c", "play_cpp"])
def test_a_bad_file_is_one_line_to_the_host(hosts: Path, tmp_path: Path, program: str) -> None:
    path = tmp_path / "cut.triode"
    path.write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    done = subprocess.run([hosts / program, path], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"{path}: ")


def test_headers_stand_alone(installed: Path, tmp_path: Path) -> None:
    include = installed / "include"
    headers = sorted((include / "triode").glob("*.h"))
    assert {"engine.h", "triode.h"} <= {header.name for header in headers}
    each = "".join(f"#include <triode/{header.name}>\n" for header in headers)
    for name, text, options in [
        ("all.cpp", each + "int main() {}\n", ["c++", "-std=c++20"]),
        ("face.c", "#include <triode/triode.h>\nint main(void) { return 0; }\n", ["cc", "-std=c99", "-pedantic"]),
    ]:
        source = tmp_path / name
        source.write_text(text)
        run(*options, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{include}", source)


def test_a_shared_library_in_a_subfolder(tmp_path: Path, model_path: Path) -> None:
    """Built by another compiler where there is one; it must play the same, and show its face only."""
    (tmp_path / "CMakeLists.txt").write_text(HOST.format(root=ROOT, example=EXAMPLE))
    json_folder = Path(nlohmann_json.__file__).parent / "include"
    options = [f"-DTRIODE_JSON_INCLUDE={json_folder}", "-DCMAKE_DISABLE_FIND_PACKAGE_Python=ON"]
    options += ["-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O0", "-DTRIODE_PRECOMPILE_JSON=ON"]
    if shutil.which("clang++-19"):
        options += ["-DCMAKE_C_COMPILER=clang-19", "-DCMAKE_CXX_COMPILER=clang++-19"]
    build = cmake_build(tmp_path, tmp_path / "build", *options)
    dry = signal(1000)
    expected = engine.load(model_path).render(dry, 64)
    for program in ("play_c", "play_cpp"):
        np.testing.assert_allclose(played(build / program, model_path, dry), expected, atol=1e-5)
    library = next((build / "triode" / "engine").glob("libtriode.so"))
    # T: code of its own, in distinction to what every program instantiates from the standard library.
    symbols = [line.split(maxsplit=2)[1:] for line in run("nm", "-DC", "--defined-only", library).splitlines()]
    own = [name for kind, name in symbols if kind == "T"]
    assert "triode_process" in own
    faces = ("triode_", "triode::Engine::", "triode::Rig::", "triode::version()", "triode::best_isa()")
    assert [name for name in own if not name.startswith(faces)] == []
    assert library.resolve().name == f"libtriode.so.{_core.__version__}"
