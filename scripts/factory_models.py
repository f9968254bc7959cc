"""Make the models that come with the package: `make factory-models`, about a quarter of an hour on two cores.

Each is a recording of a built-in circuit by the command line, as a user would do it, and a training with the defaults.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "src" / "triode" / "factory_models"
# Of each model: what it is, the circuit, what to record of it, passes over the audio, and what it is called elsewhere.
MODELS: dict[str, tuple[str, str, str, int, str]] = {
    "overdrive": (
        "Overdrive pedal with its three knobs",
        "overdrive",
        "--takes 24 --seconds 15 --knob drive --knob tone --knob level=5%:100%",
        20,
        "--gear-type pedal --tone-type overdrive",
    ),
    "preamp": (
        "12AX7 preamp with gain and treble",
        "preamp",
        "--takes 16 --seconds 15 --knob gain=10%:100% --knob treble "
        "--knob bass=5 --knob middle=5 --knob master=6 --knob sag=0",
        16,
        "--gear-type preamp --tone-type crunch",
    ),
    "overdrive-mid": (
        "Overdrive pedal, drive at 5",
        "overdrive",
        "--seconds 120 --knob drive=5 --knob tone=5 --knob level=7",
        20,
        "--gear-type pedal --tone-type overdrive",
    ),
    "preamp-clean": (
        "12AX7 preamp, gain at 2.5: clean to the edge",
        "preamp",
        "--seconds 120 --knob gain=2.5 --knob master=7 --knob treble=6",
        20,
        "--gear-type preamp --tone-type clean",
    ),
    "preamp-lead": (
        "12AX7 preamp, gain at 8.5: singing",
        "preamp",
        "--seconds 120 --knob gain=8.5 --knob master=6 --knob middle=7",
        20,
        "--gear-type preamp --tone-type hi_gain",
    ),
}


def run(*words: object) -> dict[str, object]:
    """Run a command; what it prints with --json."""
    done = subprocess.run([sys.executable, "-m", "triode", *map(str, words)], stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout)) if "--json" in words else {}


def main() -> None:
    """Record, train and write those that are asked for by name, or all."""
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or MODELS:
        what, circuit, takes, epochs, about = MODELS[name]
        with tempfile.TemporaryDirectory() as folder:
            capture, made = Path(folder) / name, Path(folder) / "model.triode"
            described = (
                "--gear-make",
                "Triode",
                "--gear-model",
                f"{circuit} circuit",
                "--licence",
                "MIT",
                *about.split(),
            )
            run("capture", capture, "--circuit", circuit, "--name", what, *takes.split(), *described)
            found = run("train", capture, "-o", made, "--epochs", epochs, "--json")
            made.replace(FOLDER / f"{name}.triode")
        print(f"{name}: held-out ESR {found['esr']:.5f}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
