"""One training from takes to model file: align, split, train, write."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from triode.audio import Audio
from triode.engine import read
from triode.errors import OptionError
from triode.knobs import Knob
from triode.model_file import Alignment, Levels, ModelFile, write_model
from triode.training.config import Observer, TrainConfig
from triode.training.dataset import Dataset, make_dataset
from triode.training.gpu.arrays import runs_here
from triode.training.identify import identify
from triode.training.many import can_train_together, shared_batch_size, train_together
from triode.training.networks.block_oriented import BlockOriented
from triode.training.networks.parametric import Parametric
from triode.training.networks.sizes import (
    Network,
    arch_of,
    count_parameters,
    load_tensors,
    make_network,
    network_from_architecture,
)
from triode.training.networks.wavenet import WaveNet
from triode.training.prepare import Prepared, SignalParts, Stretch, prepare
from triode.training.recipes import DEFAULT_SIZES, default_arch, recipe
from triode.training.runtime import choose_device, settle_threads
from triode.training.save import to_model_file
from triode.training.train import TrainResult, train
from triode.training.updates import lead_samples


@dataclass(frozen=True)
class Job:
    """What to train and for how long; `changes` are fields of the recipe to replace (see `recipes.recipe`).

    Without `arch` it is `recipes.default_arch`.
    `conditioning` says how knobs act, where there are any (see `sizes.make_network`); "" is "film". `signal` says where
    our own signal has what, and decides without `train_seconds` and `validate_seconds`. `recipe` is one of
    `recipes.RECIPES`, else the architecture's first.
    """

    arch: str = ""
    size: str | None = None
    conditioning: str = ""
    seconds: float | None = None
    epochs: float | None = None
    seed: int = 0
    device: str = "auto"
    start_from: Path | None = None
    rate_hz: int | None = None
    invert: bool = False
    train_seconds: Stretch | None = None
    validate_seconds: Stretch | None = None
    signal: SignalParts | None = None
    recipe: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The result, the takes as pairs (also those that were held out), and the model file as written."""

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
    knobs: Sequence[Knob] = (),
    settings: Sequence[Mapping[str, float]] = (),
    held_out: Collection[int] = (),
    levels: Levels | None = None,
    metadata: Mapping[str, str] | None = None,
    training: Mapping[str, Any] | None = None,
    observer: Observer | None = None,
    resume: bool = False,
    prepared: Prepared | None = None,
) -> Outcome:
    """Train on `takes` and write `target`; `training` is kept in the file beside what is found here.

    `knobs` are those the model shall have, `settings` their values in each take; the takes numbered in `held_out` are
    aligned with the others, but not learned from.
    An interrupted training leaves its state in `target` + `.training`, from which `resume` goes on. `prepared` saves
    aligning the same takes again for a second job.
    """
    task = Task(job, takes, target, name, knobs, settings, held_out, levels, metadata, training)
    return run_task(task, observer, resume, prepared)


@dataclass(frozen=True)
class Task:
    """What `run_job` takes, of one of several jobs."""

    job: Job
    takes: Sequence[tuple[Audio, Audio]]
    target: Path
    name: str
    knobs: Sequence[Knob] = ()
    settings: Sequence[Mapping[str, float]] = ()
    held_out: Collection[int] = ()
    levels: Levels | None = None
    metadata: Mapping[str, str] | None = None
    training: Mapping[str, Any] | None = None


def run_task(
    task: Task, observer: Observer | None = None, resume: bool = False, prepared: Prepared | None = None
) -> Outcome:
    """`run_job`, its arguments in one piece."""
    begun = _begin(task, prepared, identified=not resume)
    state = unfinished(task.target)
    result = train(begun.network, begun.data, begun.config, observer, checkpoint=state, resume=resume)
    return _finish(task, begun, result)


def run_together(tasks: Sequence[Task], observer: Observer | None = None) -> list[Outcome] | None:
    """Do several jobs side by side on one GPU in the time of one, or return None where that cannot be.

    It takes a GPU with Triton, and WaveNets of one size without knobs; see `many.can_train_together`.
    """
    job = tasks[0].job
    arch = job.arch or default_arch(job.size)
    for_a_time = arch in ("triode", "wavenet") and job.seconds is not None
    snapshots_for_a_time = for_a_time and not any(task.knobs for task in tasks)
    if not snapshots_for_a_time or not runs_here(torch.device(choose_device(job.device))):
        return None  # before anything is aligned
    begun = [_begin(task, None, identified=False) for task in tasks]
    networks, data = [one.network for one in begun], [one.data for one in begun]
    config = begun[0].config
    if not can_train_together(networks, data, config):
        return None
    snapshots = [network for network in networks if isinstance(network, WaveNet)]
    free_bytes, _ = torch.cuda.mem_get_info()
    config = replace(config, batch_size=shared_batch_size(config, snapshots, free_bytes))
    results = train_together(snapshots, data, config, observer)
    shared = [replace(one, config=config) for one in begun]
    return [_finish(task, one, result) for task, one, result in zip(tasks, shared, results, strict=True)]


@dataclass(frozen=True)
class _Begun:
    """What a training starts from."""

    prepared: Prepared
    data: Dataset
    network: Network
    config: TrainConfig


def _begin(task: Task, prepared: Prepared | None, identified: bool) -> _Begun:
    job = task.job
    device = choose_device(job.device)
    settle_threads()
    prepared = prepared or prepare_takes(job, task.takes, task.knobs, task.settings)
    learned = [pair for index, pair in enumerate(prepared.pairs) if index not in task.held_out]
    data = make_dataset(learned, prepared.rate_hz, device)
    network, arch = starting_network(job, data, task.knobs)
    if isinstance(network, BlockOriented) and job.start_from is None and identified:
        identify(network, data)
    network.to(device)
    config = recipe(
        arch,
        job.recipe,
        seconds=job.seconds,
        epochs=job.epochs,
        rate_hz=prepared.rate_hz,
        memory_samples=lead_samples(network),
        seed=job.seed,
        in_graphs=runs_here(torch.device(device)),
        **job.changes,
    )
    return _Begun(prepared, data, network, config)


def _finish(task: Task, begun: _Begun, result: TrainResult) -> Outcome:
    found = begun.prepared.alignments[0]
    model_file = to_model_file(
        result,
        begun.data,
        begun.config,
        Alignment(float(found.removed_samples()), 1 if found.polarity > 0 else -1),
        name=task.name,
        knobs=task.knobs,
        levels=task.levels,
        metadata=task.metadata,
        training=task.training,
    )
    write_model(task.target, model_file)
    return Outcome(result, begun.prepared, model_file, count_parameters(begun.network))


def prepare_takes(
    job: Job,
    takes: Sequence[tuple[Audio, Audio]],
    knobs: Sequence[Knob] = (),
    settings: Sequence[Mapping[str, float]] = (),
) -> Prepared:
    """The takes aligned and split as `job` asks."""
    travels = [tuple(knob.travel(values[knob.name]) for knob in knobs) for values in settings] if knobs else None
    return prepare(takes, job.train_seconds, job.validate_seconds, job.rate_hz, job.invert, travels, job.signal)


def unfinished(target: Path) -> Path:
    """Where a training that writes `target` keeps its state until it is finished."""
    return target.with_name(target.name + ".training")


def starting_network(job: Job, data: Dataset, knobs: Sequence[Knob] = ()) -> tuple[Network, str]:
    """A network for `knobs`, fresh or with the weights of `start_from`, and the architecture whose recipe suits it."""
    if job.start_from is None:
        arch = job.arch or default_arch(job.size, bool(knobs))
        size = job.size or DEFAULT_SIZES.get(arch, "")
        network = make_network(arch, size, job.seed, len(knobs), job.conditioning or "film", data.rate_hz)
        if isinstance(network, Parametric):
            network.set_levels(data.travels, data.powers)
        return network, arch
    if job.size is not None:
        raise OptionError("--size and --start-from: the model to start from has its own size; leave --size out")
    description = read(job.start_from)
    theirs, ours = ([k.name for k in some] for some in (description.knobs, knobs))
    if theirs != ours:
        raise OptionError(
            f"--start-from {job.start_from}: that model has the knobs {', '.join(theirs) or 'none'}, these takes turn "
            f"{', '.join(ours) or 'none'}; start from a model with the same knobs, or from none"
        )
    network = network_from_architecture(description.architecture)
    _check_kind(job, network, bool(knobs))
    tensors = {name: torch.from_numpy(np.array(tensor)) for name, tensor in description.tensors.items()}
    load_tensors(network, tensors, data.target_gain)
    return network, arch_of(network)


def _check_kind(job: Job, network: Network, turned: bool) -> None:
    """OptionError where `job` asks for another kind of network than the one to start from."""
    arch, conditioning = arch_of(network), "film" if isinstance(network, Parametric) else "inputs"
    if job.arch not in ("", arch):
        raise OptionError(
            f"--arch {job.arch}: {job.start_from} is of the architecture {arch}, and stays so; leave it out"
        )
    if turned and job.conditioning not in ("", conditioning):
        raise OptionError(
            f"--conditioning {job.conditioning}: the knobs of {job.start_from} act by {conditioning}, and stay so; "
            "leave it out"
        )
