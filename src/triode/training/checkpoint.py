"""The state of an unfinished training as one safetensors file (never pickle), rewritten in one step."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from triode.errors import OptionError
from triode.files import atomic_path


@dataclass(frozen=True)
class Checkpoint:
    """Weights now and at their best, Adam's state by parameter number, the random generator, and plain numbers."""

    network: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    optimiser: Mapping[int, Mapping[str, Tensor]]
    generator: Tensor
    numbers: Mapping[str, Any]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` to `path`; an older one stays whole until the new one is."""
    tensors = {"generator": checkpoint.generator}
    tensors |= {f"network/{name}": tensor for name, tensor in checkpoint.network.items()}
    tensors |= {f"best/{name}": tensor for name, tensor in checkpoint.best.items()}
    for index, state in checkpoint.optimiser.items():
        tensors |= {f"optimiser/{index}/{name}": tensor for name, tensor in state.items()}
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"numbers": json.dumps(checkpoint.numbers)})


def read_checkpoint(path: Path) -> Checkpoint:
    """Read what `write_checkpoint` wrote; raises OptionError for anything else."""
    try:
        with safe_open(path, framework="pt") as file:
            numbers = json.loads(file.metadata()["numbers"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        optimiser: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimiser/"):
                _, index, key = name.split("/")
                optimiser.setdefault(int(index), {})[key] = tensor
        return Checkpoint(
            network={n.removeprefix("network/"): t for n, t in tensors.items() if n.startswith("network/")},
            best={n.removeprefix("best/"): t for n, t in tensors.items() if n.startswith("best/")},
            optimiser=optimiser,
            generator=tensors["generator"],
            numbers=numbers,
        )
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise OptionError(f"--resume: {path} is not a training state ({error}); delete it and start again") from error
