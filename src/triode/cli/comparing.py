"""`triode compare`: several architectures on one recording, in one table and one picture."""

import hashlib
import json
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from triode.audio import Samples, write_audio
from triode.cli.console import print_json, print_rows, say, training_progress
from triode.cli.options import Channel, DryFile, Force, Json, Take, WetFile, budget_of, stretch_of
from triode.cli.outcomes import setting_of
from triode.cli.takes import Source, checked, sources
from triode.errors import OptionError, TrainingError, TriodeError
from triode.files import check_writable, make_folder, write_text

if TYPE_CHECKING:
    from triode.engine import Model
    from triode.measure.comparison import Comparison, Contender
    from triode.training.job import Job
    from triode.training.prepare import Prepared

DEFAULT_ARCHITECTURES = "triode,wavenet,lstm,gru,linear"
PLAN, PAGE = "plan.json", "comparison.html"


@dataclass(frozen=True)
class _Entry:
    """One model to compare: to be trained where `job` says how, else a file that is there."""

    name: str
    path: Path
    job: "Job | None" = None


@dataclass
class _Stretch:
    """What is compared: every take's dry and wet and the stretch (samples) of it, and all outputs of the first."""

    prepared: "Prepared"
    bounds: Sequence[tuple[int, int]]
    outputs: dict[str, Samples]


def compare(
    capture: Annotated[Path | None, typer.Argument(help="A capture folder.")] = None,
    dry: DryFile = None,
    wet: WetFile = None,
    arch: Annotated[
        str,
        typer.Option(
            help="Architectures, with size and recipe if you like: wavenet:feather,lstm:40,linear@farina2000."
        ),
    ] = DEFAULT_ARCHITECTURES,
    model: Annotated[list[Path], typer.Option(help="A model file of any format to compare with, too.")] = [],  # noqa: B006
    time: Annotated[str | None, typer.Option(help="Wall time to train each of them, like 2m.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the audio for each, instead of a time.")] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for models, sound, table and page.")] = Path(
        "comparison"
    ),
    train_range: Annotated[str | None, typer.Option("--train", help="Seconds to train on, FROM:TO.")] = None,
    validate_range: Annotated[str | None, typer.Option("--validate", help="Seconds to hold out, FROM:TO.")] = None,
    test_range: Annotated[
        str | None, typer.Option("--test", help="Seconds to compare on, FROM:TO; else what is held out.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    channel: Channel = None,
    take: Take = None,
    name: Annotated[str | None, typer.Option(help="Name of the device.")] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Train several architectures alike and show what each buys: error against cost, with sound.

    Models that are finished in the folder are used as they are, so that an interrupted comparison goes on, and more
    architectures can join later.
    """
    from triode.training.runtime import prepare_process

    (source,) = sources([capture] if capture else [], dry, wet, channel, take)
    checked(source, force)
    source = replace(source, name=name or source.name)
    budget = budget_of(time, epochs)
    stretches = stretch_of(train_range, "--train"), stretch_of(validate_range, "--validate")
    prepare_process()

    from triode.training.job import Job, prepare_takes

    job = Job(
        seconds=budget[0],
        epochs=budget[1],
        seed=seed,
        device=device,
        train_seconds=stretches[0],
        validate_seconds=stretches[1],
        signal=source.signal,
    )
    entries = _entries(arch, model, job, out)
    _make_folders(out)
    prepared = prepare_takes(job, source.takes)
    test = stretch_of(test_range, "--test")
    _agree_on_plan(out / PLAN, _plan(prepared, job, test))
    stretch = _Stretch(prepared, [_bounds(pair, prepared.rate_hz, test) for pair in prepared.pairs], {})
    contenders = [_contender(entry, source, stretch) for entry in entries]
    comparison = _written(out, source, stretch, contenders, job)
    if as_json:
        print_json({"contenders": [asdict(c) for c in contenders], "page": str(out / PAGE)})
    else:
        _print(comparison, out)
    if any(c.problem for c in contenders):
        raise typer.Exit(1)


def _entries(arch: str, models: Sequence[Path], job: "Job", out: Path) -> list[_Entry]:
    """What `--arch` and `--model` name; OptionError for names that are unknown or come twice."""
    from triode.engine import load
    from triode.training.networks.sizes import make_network
    from triode.training.recipes import DEFAULT_SIZES, checked_recipe

    entries = []
    for word in filter(None, (part.strip() for part in arch.split(","))):
        shape, _, recipe = word.partition("@")
        name, _, size = shape.partition(":")
        make_network(name, size or DEFAULT_SIZES.get(name, ""), seed=0)
        checked_recipe(name, recipe or None)
        path = out / "models" / f"{_file_name(word)}.triode"
        entries.append(_Entry(word, path, replace(job, arch=name, size=size or None, recipe=recipe or None)))
    for model in models:
        load(model)
        entries.append(_Entry(model.name, model))
    names = [entry.name for entry in entries]
    if not entries or len(set(names)) < len(names):
        raise OptionError(f"--arch {arch}: expected different names like wavenet:feather,lstm,linear")
    return entries


def _file_name(name: str) -> str:
    return name.replace(":", "-").replace("@", "-")


def _make_folders(out: Path) -> None:
    for folder in (out, out / "models", out / "audio"):
        make_folder(folder)
    check_writable(out / PAGE)


def _plan(prepared: "Prepared", job: "Job", test: tuple[float, float] | None) -> dict[str, Any]:
    """All that makes numbers comparable, as plain JSON."""
    sound = hashlib.sha256()
    for pair in prepared.pairs:
        sound.update(pair.dry.tobytes() + pair.wet.tobytes())
    stretches = [[list(pair.train), list(pair.validate)] for pair in prepared.pairs]
    plan = {"seconds": job.seconds, "epochs": job.epochs, "seed": job.seed, "stretches": stretches, "test": test}
    return dict(json.loads(json.dumps({"recording": sound.hexdigest(), **plan})))


def _agree_on_plan(path: Path, plan: Mapping[str, Any]) -> None:
    """Keep the plan in the folder; OptionError where the models in it were made to another."""
    if path.exists():
        try:
            found = json.loads(path.read_text())
        except ValueError:
            found = None
        if found != plan:
            differs = [key for key in plan if not isinstance(found, dict) or found.get(key) != plan[key]]
            raise OptionError(
                f"{path.parent} holds a comparison with another {', '.join(differs)}; choose another folder with -o, "
                "or remove it"
            )
        return
    write_text(path, json.dumps(plan, indent=1) + "\n")


def _bounds(pair: Any, rate_hz: int, test: tuple[float, float] | None) -> tuple[int, int]:
    if test is None:
        return pair.validate[0], pair.validate[1]
    start, stop = (round(edge * rate_hz) for edge in test)
    # A take may be a few samples shorter than its recording once its latency is removed.
    stop = len(pair.dry) if len(pair.dry) < stop <= len(pair.dry) + rate_hz else stop
    if not 0 <= start < stop <= len(pair.dry):
        raise OptionError(f"--test {test[0]:g}:{test[1]:g}: the take lasts {len(pair.dry) / rate_hz:.2f} s")
    return start, stop


def _contender(entry: _Entry, source: Source, stretch: _Stretch) -> "Contender":
    """Train where that is to be done, and measure; what fails is told, and the others go on."""
    from triode.engine import load, read
    from triode.measure.comparison import Contender

    try:
        if entry.job is not None:
            _train(entry, entry.job, source, stretch.prepared)
        player = load(entry.path)
        header = read(entry.path).metadata
        training = header.get("training") or {} if isinstance(header, dict) else {}
        return _measured(entry, player, source, stretch, training if isinstance(training, dict) else {})
    except (TriodeError, RuntimeError, MemoryError) as error:
        problem = " ".join(str(error).split()) or type(error).__name__
        say(f"{entry.name}: {problem}")
        return Contender(entry.name, entry.job.arch if entry.job else "", str(entry.path), problem=problem)


def _train(entry: _Entry, job: "Job", source: Source, prepared: "Prepared") -> None:
    """Make the model file, unless an earlier run has finished it; KeyboardInterrupt where the user stops it."""
    from triode.training.job import run_job, unfinished

    left = unfinished(entry.path).exists()
    if entry.path.exists() and not left:
        say(f"{entry.name}: using {entry.path}")
        return
    with training_progress(f"training {entry.name}") as observer:
        try:
            outcome = run_job(
                job,
                source.takes,
                entry.path,
                name=f"{source.name} {entry.name}",
                levels=source.levels,
                metadata=source.metadata,
                observer=observer,
                resume=left,
                prepared=prepared,
            )
        except TrainingError as error:
            if isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from None
            raise
    if outcome.result.interrupted:
        raise KeyboardInterrupt


def _measured(
    entry: _Entry, player: "Model", source: Source, stretch: _Stretch, training: Mapping[str, Any]
) -> "Contender":
    """Errors on the stretch of every take, the mean of them, and what the first take sounds like."""
    from triode.measure.comparison import measured
    from triode.measure.evaluation import evaluate

    rate_hz = stretch.prepared.rate_hz
    found = []
    for index, (pair, (start, stop)) in enumerate(zip(stretch.prepared.pairs, stretch.bounds, strict=True)):
        settings = setting_of(player, source, index)
        found.append(evaluate(player, pair.dry, pair.wet, rate_hz, start / rate_hz, stop / rate_hz, settings))
    output = np.zeros(stretch.bounds[0][1] - stretch.bounds[0][0], dtype=np.float32)
    late = max(found[0].lag_samples, 0)
    output[late : late + len(found[0].model)] = found[0].model
    stretch.outputs[entry.name] = output
    esr, mrstft = (float(np.mean([getattr(one, name) for one in found])) for name in ("esr", "mrstft"))
    return measured(entry.name, str(entry.path), player, esr, mrstft, setting_of(player, source, 0), training)


def _written(
    out: Path, source: Source, stretch: _Stretch, contenders: Sequence["Contender"], job: "Job"
) -> "Comparison":
    """The comparison as page, tables and sound files in `out`."""
    from triode.measure.comparison import Comparison, csv_text, markdown_text
    from triode.measure.comparison_page import write_comparison

    rate_hz = stretch.prepared.rate_hz
    pair, (start, stop) = stretch.prepared.pairs[0], stretch.bounds[0]
    trained = sum(p.train[1] - p.train[0] for p in stretch.prepared.pairs) / rate_hz
    budget = f"{job.epochs:g} epochs each" if job.epochs is not None else f"{job.seconds:g} s of wall time each"
    facts = {
        "Trained on": f"{trained:.1f} s of audio at {rate_hz:,} Hz, {budget}, seed {job.seed}",
        "Compared on": f"{start / rate_hz:.2f} to {stop / rate_hz:.2f} s of the recording, {_learned_words(stretch)}",
        "Machine": f"{platform.system()}, {platform.machine()}",
        "Command": shlex.join(["triode", *sys.argv[1:]]),
    }
    comparison = Comparison(
        name=source.name,
        rate_hz=rate_hz,
        dry=pair.dry[start:stop],
        device=pair.wet[start:stop],
        start_seconds=start / rate_hz,
        contenders=contenders,
        outputs=stretch.outputs,
        facts=facts,
    )
    write_audio(out / "audio" / "reference.wav", comparison.device, rate_hz)
    for name, samples in stretch.outputs.items():
        write_audio(out / "audio" / f"{_file_name(name)}.wav", samples, rate_hz)
    write_text(out / "comparison.csv", csv_text(contenders))
    write_text(out / "comparison.md", markdown_text([*comparison.finished, *(c for c in contenders if c.problem)]))
    write_text(out / "comparison.json", json.dumps([asdict(c) for c in contenders], indent=1) + "\n")
    write_comparison(out / PAGE, comparison)
    return comparison


def _learned_words(stretch: _Stretch) -> str:
    """Whether what is compared was trained on; of models that were there before, nobody knows."""
    stretches = zip(stretch.prepared.pairs, stretch.bounds, strict=True)
    learned = any(start < pair.train[1] and pair.train[0] < stop for pair, (start, stop) in stretches)
    return "part of which was trained on here" if learned else "which was not trained on here"


def _print(comparison: "Comparison", out: Path) -> None:
    from triode.measure.comparison import COLUMNS, cells

    rows = [[c.name, *cells(c).values()] for c in comparison.finished]
    print_rows(["", *COLUMNS], rows)
    say(f"open {out / PAGE} in a browser")
