"""The process that a plug-in runs in: reads a request from a folder, asks the plug-in, writes what it said.

    python -m triode.capture.plugins.worker FOLDER

FOLDER holds `request.json` ({action, format, plugin, rate_hz, controls}) and for `play` the samples, `input.npy`. The
answer is `reply.json` ({error} or what was asked for) and `output.npy`. A plug-in may print, crash or hang: the other
side (process.py) believes the files alone, and the exit status.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from triode.capture.plugins.lv2 import Lv2Plugin
from triode.capture.plugins.vst3 import Vst3Plugin
from triode.errors import OptionError, TriodeError

FORMATS: dict[str, type[Lv2Plugin] | type[Vst3Plugin]] = {"lv2": Lv2Plugin, "vst3": Vst3Plugin}


def answer(folder: Path) -> dict[str, Any]:
    """What the plug-in says to the request in `folder`; audio goes into a file there."""
    request = json.loads((folder / "request.json").read_text())
    plugin = FORMATS[request["format"]](request["plugin"])
    description = plugin.describe()
    if description.audio_inputs == 0 or description.audio_outputs == 0:
        raise OptionError(f"{description.name} has no audio input or no output; it cannot be recorded")
    if request["action"] == "describe":
        return asdict(description)
    played, latency = plugin.play(np.load(folder / "input.npy"), request["rate_hz"], request["controls"])
    np.save(folder / "output.npy", played)
    return {"latency_samples": latency}


def main(folder: Path) -> None:
    """Answer the request in `folder`; an error that is understood is an answer, too."""
    try:
        reply = answer(folder)
    except TriodeError as error:
        reply = {"error": str(error), "kind": type(error).__name__}
    (folder / "reply.json").write_text(json.dumps(reply))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
