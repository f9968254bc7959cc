"""The README's and the guides' commands and the examples are run, so that what people copy works.

In README.md and docs/*.md, of each block marked ```sh the lines that begin with `triode ` are run, in order and in one
temporary folder per page; other lines (`make`) are only checked for targets that exist. The folder holds tiny
inputs under the names that the pages use:

    dry.wav wet.wav   8 s into and out of a soft clipper         riff.wav   2 s of playing
    cabinet.wav       an impulse response                        amp.nam    a small model

Blocks marked ```python are run in the same folder. An HTML comment in the line before a block changes that:

    <!-- run with: triode train --epochs 1 -->   these words are added to each `triode train` command of the block
    <!-- not run: needs a sound card -->         the block is skipped, by that name

examples/*.py are run without arguments in an empty folder.
"""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from models import model_file, played, recurrent_architecture
from triode.audio import write_audio
from triode.export import export
from triode.model_file import self_test_signal

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
BLOCK = re.compile(r"(?:^<!-- (?P<comment>.*?) -->\n+)?^```(?P<kind>sh|python)\n(?P<body>.*?)^```", re.M | re.S)
# No thread pools: the machine may be busy, and the inputs are tiny.
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Block:
    """A block of code of a page: `steps` are argument lists to run, `skip` says why it is not run."""

    steps: tuple[tuple[str, ...], ...]
    make_targets: tuple[str, ...] = ()
    skip: str = ""


def blocks_of(page: str) -> list[Block]:
    found = []
    for match in BLOCK.finditer(page):
        comment, body = match["comment"] or "", match["body"]
        skip = comment.removeprefix("not run: ") if comment.startswith("not run: ") else ""
        lines = [line.strip() for line in body.replace("\\\n", " ").splitlines()]
        words = [word for line in lines if line.startswith("make ") for word in shlex.split(line, comments=True)[1:]]
        targets = tuple(word for word in words if "=" not in word)
        if match["kind"] == "python":
            steps: tuple[tuple[str, ...], ...] = ((sys.executable, "-c", body),)
        else:
            extra = shlex.split(comment.removeprefix("run with: ")) if comment.startswith("run with: ") else []
            commands = [shlex.split(line, comments=True) for line in lines if line.startswith("triode ")]
            longer = [words + extra[2:] if extra[:2] == words[:2] else words for words in commands]
            steps = tuple((sys.executable, "-m", *words) for words in longer)
        if steps or targets:
            found.append(Block(steps, targets, skip))
    return found


def run(step: tuple[str, ...], folder: Path) -> None:
    done = subprocess.run(step, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{shlex.join(step)}\n{done.stdout}\n{done.stderr}"


@pytest.fixture
def folder_of_inputs(tmp_path: Path) -> Path:
    rate_hz = 48_000
    phrase = self_test_signal(rate_hz)
    dry = np.concatenate([phrase * gain for gain in np.linspace(0.2, 1.2, 20)]).astype(np.float32)
    write_audio(tmp_path / "dry.wav", dry, rate_hz)
    write_audio(tmp_path / "wet.wav", 0.5 * np.tanh(3 * dry), rate_hz)
    write_audio(tmp_path / "riff.wav", dry[-2 * rate_hz :], rate_hz)
    decay = np.exp(-np.arange(2_000) / 300)
    write_audio(
        tmp_path / "cabinet.wav",
        (decay * np.random.default_rng(0).standard_normal(2_000) * 0.1).astype(np.float32),
        rate_hz,
    )
    export(played(model_file(recurrent_architecture("lstm", 4))), tmp_path / "amp.nam")
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page: Path, folder_of_inputs: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    for block in blocks_of(page.read_text()):
        for target in block.make_targets:
            assert target in targets, f"{page.name} says `make {target}`, which the Makefile does not have"
        if not block.skip:
            for step in block.steps:
                run(step, folder_of_inputs)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example(example: Path, tmp_path: Path) -> None:
    run((sys.executable, str(example)), tmp_path)


PAGE = """
<!-- run with: triode train --epochs 1 -->

```sh
make demo            # sets everything up
triode train --input dry.wav --output wet.wav \\
             -o amp.triode   # a comment
triode info amp.triode
```

<!-- not run: needs a sound card -->
```sh
triode play amp.triode
```

```python
print(1)
```

```
triode is not run here
```
"""


def test_blocks_are_found() -> None:
    """The mechanism itself, on a page of its own."""
    python = (sys.executable, "-m", "triode")
    assert blocks_of(PAGE) == [
        Block(
            (
                (*python, "train", "--input", "dry.wav", "--output", "wet.wav", "-o", "amp.triode", "--epochs", "1"),
                (*python, "info", "amp.triode"),
            ),
            ("demo",),
        ),
        Block(((*python, "play", "amp.triode"),), (), "needs a sound card"),
        Block(((sys.executable, "-c", "print(1)\n"),)),
    ]


def test_a_failing_command_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="oh no"):
        run((sys.executable, "-c", "raise SystemExit('oh no')"), tmp_path)
