"""One training from takes to model file: align, split, train, write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from triode.audio import Audio
from triode.engine import read
from triode.errors import OptionError
from triode.model_file import Levels, ModelFile, write_model
from triode.training.config import Observer
from triode.training.dataset import make_dataset
from triode.training.networks.sizes import (
    Network,
    count_parameters,
    load_tensors,
    make_network,
    network_from_architecture,
)
from triode.training.prepare import Prepared, Stretch, prepare
from triode.training.recipes import DEFAULT_SIZES, recipe
from triode.training.runtime import choose_device, settle_threads
from triode.training.save import to_model_file
from triode.training.train import TrainResult, train


@dataclass(frozen=True)
class Job:
    """What to train and for how long; `changes` are fields of the recipe to replace (see `recipes.recipe`)."""

    arch: str = "wavenet"
    size: str | None = None
    seconds: float | None = None
    epochs: float | None = None
    seed: int = 0
    device: str = "auto"
    start_from: Path | None = None
    rate_hz: int | None = None
    invert: bool = False
    train_seconds: Stretch | None = None
    validate_seconds: Stretch | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The result, the pairs it was trained on, and the model file as written."""

    result: TrainResult
    prepared: Prepared
    model_file: ModelFile
    parameters: int


def run_job(
    job: Job,
    takes: Sequence[tuple[Audio, Audio]],
    target: Path,
    *,
    name: str,
    levels: Levels | None = None,
    metadata: Mapping[str, str] | None = None,
    training: Mapping[str, Any] | None = None,
    observer: Observer | None = None,
    resume: bool = False,
) -> Outcome:
    """Train on `takes` of one setting and write `target`; `training` is kept in the file beside what is found here.

    An interrupted training leaves its state in `target` + `.training`, from which `resume` goes on.
    """
    device = choose_device(job.device)
    settle_threads()
    prepared = prepare(takes, job.train_seconds, job.validate_seconds, job.rate_hz, job.invert)
    data = make_dataset(list(prepared.pairs), prepared.rate_hz, device)
    network, arch = starting_network(job, data.target_gain)
    network.to(device)
    config = recipe(
        arch, seconds=job.seconds, epochs=job.epochs, rate_hz=prepared.rate_hz, seed=job.seed, **job.changes
    )
    state = target.with_name(target.name + ".training")
    result = train(network, data, config, observer, checkpoint=state, resume=resume)
    model_file = to_model_file(
        result,
        data,
        config,
        prepared.alignments[0],
        name=name,
        levels=levels,
        metadata=metadata,
        training=training,
    )
    write_model(target, model_file)
    return Outcome(result, prepared, model_file, count_parameters(network))


def starting_network(job: Job, target_gain: float) -> tuple[Network, str]:
    """A fresh network, or one with the weights of `start_from`, and the name of its architecture."""
    if job.start_from is None:
        return make_network(job.arch, job.size or DEFAULT_SIZES.get(job.arch, ""), job.seed), job.arch
    if job.size is not None:
        raise OptionError("--size and --start-from: the model to start from has its own size; leave --size out")
    description = read(job.start_from)
    network = network_from_architecture(description.architecture)
    tensors = {name: torch.from_numpy(np.array(tensor)) for name, tensor in description.tensors.items()}
    load_tensors(network, tensors, target_gain)
    return network, str(description.architecture["name"])
