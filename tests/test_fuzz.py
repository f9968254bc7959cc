"""libFuzzer on the readers of model files, once per format: coverage leads it where chance alone does not come.

It starts from small whole files made here, and from public ones where they are at hand. `make test` gives it a few
seconds; `make fuzz` gives each format ten minutes. What it learns is kept in build/fuzz, what it finds there in found/.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nlohmann_json
import pytest

from engine_files import ARCHITECTURES, write_triode
from models import random_tensors
from test_forged_files import FIELD, nam_model, parametric_bytes

ROOT = Path(__file__).resolve().parents[1]
TOOLS = Path(sys.executable).parent
FOLDER = ROOT / "build" / "fuzz"
SECONDS = int(os.environ.get("TRIODE_FUZZ_SECONDS", "4"))
LARGEST_SEED_BYTES = 60_000
# A file of that size may keep the loader busy for so long, with sanitizers, and take so much memory, and no more.
BOUNDS = (f"-max_len={LARGEST_SEED_BYTES}", "-timeout=30", "-rss_limit_mb=2000", "-malloc_limit_mb=600")


def triode_seeds(folder: Path) -> None:
    for index, architecture in enumerate(ARCHITECTURES.values()):
        write_triode(folder / f"{index}.triode", architecture, random_tensors(architecture), warm_up_samples=20)
    (folder / "parametric.triode").write_bytes(parametric_bytes())


def nam_seeds(folder: Path) -> None:
    container = nam_model()
    for index, model in enumerate([container, *(part["model"] for part in container["config"]["submodels"])]):
        (folder / f"{index}.nam").write_text(json.dumps(model))


def field_seeds(*names: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        for name in names:
            (folder / name).write_text(json.dumps(FIELD[name]))

    return make


# How the seeds of a format are made, and which folder of the public models holds more.
FORMATS: dict[str, tuple[Callable[[Path], None], str]] = {
    "triode": (triode_seeds, ""),
    "nam": (nam_seeds, "nam"),
    "guitarml": (field_seeds("guitarml.json", "recnet.json"), "guitarml_rnn"),
    "keras": (field_seeds("keras.aidax"), "rtneural_keras"),
    "wavenet": (field_seeds("wavenet.json"), "wavenet_smartpedal"),
    "smartamppro": (field_seeds("smartamppro.json"), "smartamppro"),
}


def run(*command: str | Path) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def fuzzer() -> Path:
    if shutil.which("clang++-19") is None or not list(
        Path("/usr/lib/llvm-19").glob("lib/clang/*/lib/linux/*fuzzer-x*")
    ):
        pytest.skip("the fuzzer needs clang-19 and libclang-rt-19-dev")
    json_folder = Path(nlohmann_json.__file__).parent / "include"
    options = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={TOOLS / 'ninja'}", f"-DTRIODE_JSON_INCLUDE={json_folder}"]
    options += ["-DCMAKE_CXX_COMPILER=clang++-19", "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -gline-tables-only"]
    options += ["-DTRIODE_FUZZ=ON", "-DTRIODE_PRECOMPILE_JSON=ON", "-DTRIODE_WARNINGS_ARE_ERRORS=OFF"]
    run(TOOLS / "cmake", "-S", ROOT, "-B", FOLDER, *options)
    run(TOOLS / "cmake", "--build", FOLDER, "--target", "fuzz_model")
    return FOLDER / "engine" / "fuzz_model"


def write_dictionary(seeds: Path) -> Path:
    """The names and words in the seeds: what byte flips would take ages to spell."""
    words = {word for seed in seeds.iterdir() for word in re.findall(rb'"[A-Za-z0-9_.]{2,40}"', seed.read_bytes())}
    path = seeds.with_suffix(".dict")
    path.write_text("".join(f'"\\"{word[1:-1].decode()}\\""\n' for word in sorted(words)))
    return path


@pytest.mark.timeout(SECONDS + 300)
@pytest.mark.parametrize("kind", FORMATS)
def test_fuzz(fuzzer: Path, tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    make_seeds, more = FORMATS[kind]
    seeds, corpus, found = tmp_path / "seeds", FOLDER / f"corpus-{kind}", FOLDER / "found"
    for folder in (seeds, corpus, found):
        folder.mkdir(exist_ok=True)
    make_seeds(seeds)
    public = ROOT.parent / "shared" / "data" / "models" / more
    for path in public.glob("*.[nj][as][mo]*") if more and public.is_dir() else ():
        if path.stat().st_size < LARGEST_SEED_BYTES and path.suffix in (".nam", ".json"):
            shutil.copy(path, seeds)
    options = [*BOUNDS, f"-max_total_time={SECONDS}", f"-dict={write_dictionary(seeds)}"]
    command = [fuzzer, *options, f"-artifact_prefix={found}/{kind}-", corpus, seeds]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stderr[-6000:]
    runs = re.search(r"Done (\d+) runs", done.stderr)
    assert runs, done.stderr[-2000:]
    assert int(runs[1]) > len(list(seeds.iterdir())), "it got no further than the seeds"
