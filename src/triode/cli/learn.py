"""`triode train` and `triode evaluate`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from triode.cli.console import print_json, print_table, say, training_progress
from triode.cli.options import (
    DEFAULT_TIME,
    Channel,
    DryFile,
    Force,
    Json,
    KnobValues,
    Take,
    WetFile,
    budget_of,
    stretch_of,
)
from triode.cli.outcomes import (
    Played,
    measures,
    played_outcome,
    print_outcome,
    print_takes,
    setting_of,
    takes_json,
    trained_summary,
)
from triode.cli.takes import Source, checked, sources
from triode.errors import OptionError
from triode.files import check_writable, make_folder
from triode.knobs import parse_settings

if TYPE_CHECKING:
    from triode.training.job import Job, Outcome, Task

ARCH_HELP = "triode (the default), wavenet, lstm, gru, linear, hammerstein, wiener-hammerstein or grey-box."
SIZE_HELP = "small medium full; of a wavenet nano feather lite standard long a2-lite full, or a number."


def train(
    captures: Annotated[list[Path] | None, typer.Argument(metavar="[CAPTURE]...", help="Capture folders.")] = None,
    dry: DryFile = None,
    wet: WetFile = None,
    model: Annotated[
        Path, typer.Option("-o", "--model", help="The model file to write; a folder for several captures.")
    ] = Path("model.triode"),
    arch: Annotated[str, typer.Option(help=ARCH_HELP)] = "",
    size: Annotated[str | None, typer.Option(help=SIZE_HELP)] = None,
    conditioning: Annotated[
        str, typer.Option(help="How knobs act: film (they scale a WaveNet's weights; the default) or inputs.")
    ] = "",
    hold_out: Annotated[str | None, typer.Option(help="Takes to measure and not to learn from: NAME,NAME.")] = None,
    time: Annotated[str | None, typer.Option(help=f"Wall time to train, like 3m ({DEFAULT_TIME} by default).")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the audio, instead of a time.")] = None,
    train_range: Annotated[str | None, typer.Option("--train", help="Seconds to train on, FROM:TO.")] = None,
    validate_range: Annotated[str | None, typer.Option("--validate", help="Seconds to hold out, FROM:TO.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    start_from: Annotated[
        Path | None, typer.Option(help="Start from the weights of a model file or triode:NAME.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on where the same command was interrupted.")] = False,
    recipe: Annotated[str | None, typer.Option(help="Another way to train, like damskagg2019 or farina2000.")] = None,
    loss: Annotated[str | None, typer.Option(help="Weights like mse=1,mrstft=0.001 (also esr, dc, aliasing).")] = None,
    pre_emphasis: Annotated[float | None, typer.Option(help="Pre-emphasis of the error, for example 0.85.")] = None,
    a_weighting: Annotated[bool, typer.Option(help="A-weighted error.")] = False,
    optimiser: Annotated[str | None, typer.Option(help="soap or adam.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest learning rate.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Crops per update.")] = None,
    patience: Annotated[int | None, typer.Option(help="Stop after so many validations without progress.")] = None,
    rate: Annotated[int | None, typer.Option(help="Convert the audio to this sample rate first.")] = None,
    invert: Annotated[bool, typer.Option(help="Turn the polarity of the recording around.")] = False,
    channel: Channel = None,
    take: Take = None,
    name: Annotated[str | None, typer.Option(help="Name of the device, kept in the model file.")] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Learn a device from a capture, or from a dry and a wet file.

    Takes at several knob settings make one model with these knobs.
    """
    from triode.training.runtime import prepare_process

    found = sources(captures or [], dry, wet, channel, take, one_setting=False)
    held_out = [_held_out(source, hold_out) for source in found]
    targets = _targets(model, found)
    seconds, passes = budget_of(time, epochs)
    train_seconds, validate_seconds = stretch_of(train_range, "--train"), stretch_of(validate_range, "--validate")
    prepare_process()

    from triode.training.job import Job
    from triode.training.losses import parse_loss

    changes: dict[str, Any] = {
        "optimiser": optimiser,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "patience": patience,
        "loss_weights": parse_loss(loss) if loss else None,
        "pre_emphasis": pre_emphasis,
        "a_weighting": a_weighting or None,
    }
    job = Job(
        seconds=seconds,
        epochs=passes,
        arch=arch,
        size=size,
        conditioning=conditioning,
        seed=seed,
        device=device,
        start_from=start_from,
        rate_hz=rate,
        invert=invert,
        train_seconds=train_seconds,
        validate_seconds=validate_seconds,
        recipe=recipe,
        changes=changes,
    )
    works = [
        _Work(replace(source, name=name or source.name), target, apart, checked(source, force)[0].replicate_esr)
        for source, target, apart in zip(found, targets, held_out, strict=True)
    ]
    _train_all(job, _to_do(works, resume), as_json, several=len(works) > 1)


@dataclass(frozen=True)
class _Work:
    """One model to make: of what, where to, which takes to keep apart, and the error of the device against itself.

    `resume` says that its interrupted training goes on.
    """

    source: Source
    target: Path
    held_out: list[int]
    floor: float | None
    resume: bool = False

    def task(self, job: "Job") -> "Task":
        """What the library is asked to do."""
        from triode.training.job import Task

        source = self.source
        return Task(
            replace(job, signal=source.signal),
            source.takes,
            self.target,
            name=source.name,
            knobs=source.knobs,
            settings=source.settings,
            held_out=self.held_out,
            levels=source.levels,
            metadata=source.metadata,
            training=source.learned(self.held_out) | ({} if self.floor is None else {"replicate_esr": self.floor}),
        )


def _to_do(works: list[_Work], resume: bool) -> list[_Work]:
    """What of `works` is left to do, interrupted ones to be resumed where that is wanted.

    Of several, those that are finished are left out; one alone is not looked at, training refuses it where there is
    nothing to resume. OptionError where none of several was ever begun.
    """
    from triode.training.job import unfinished

    if len(works) == 1 or not resume:
        return [replace(work, resume=resume) for work in works]
    if not any(path.exists() for work in works for path in (work.target, unfinished(work.target))):
        raise OptionError(f"--resume: there is no interrupted training in {works[0].target.parent}; start without it")
    left = []
    for work in works:
        interrupted = unfinished(work.target).exists()
        if work.target.exists() and not interrupted:
            say(f"{work.source.name}: {work.target} is there and no interrupted training of it; left as it is")
        else:
            left.append(replace(work, resume=interrupted))
    return left


def _train_all(job: "Job", works: list[_Work], as_json: bool, several: bool) -> None:
    """Train and tell; KeyboardInterrupt where that ends one training and others were still to come."""
    _tell_of_rates(job, works)
    summaries = [_told(work, outcome, quiet=as_json) for work, outcome in _all_trained(job, works)]
    if as_json:
        print_json({"models": summaries} if several else summaries[0])
    if left := works[len(summaries) :]:
        say(f"not begun: {', '.join(work.source.name for work in left)}; the same command with --resume goes on")
        raise KeyboardInterrupt


def _tell_of_rates(job: "Job", works: list[_Work]) -> None:
    """A remark where a model to start from is at another rate: its memory and its traces are counted in samples."""
    from triode.engine import read

    if job.start_from is None:
        return
    own = read(job.start_from).sample_rate
    for rate_hz in sorted({job.rate_hz or work.source.takes[0][0].rate_hz for work in works} - {own}):
        say(
            f"{job.start_from} is a model at {own:g} Hz, the audio is at {rate_hz} Hz: what it knows may help less, "
            f"and its memory will last {own / rate_hz:.2f} times as long; --rate {own:g} converts the audio"
        )


def _all_trained(job: "Job", works: list[_Work]) -> "Iterator[tuple[_Work, Outcome]]":
    """The trainings side by side where that is possible, else one after another until one is interrupted."""
    fresh = len(works) > 1 and not any(work.resume for work in works)
    if fresh and (together := _trained_together(job, works)) is not None:
        yield from zip(works, together, strict=True)
        return
    for work in works:
        outcome = _trained(job, work)
        yield work, outcome
        if outcome.result.interrupted:
            return


def _trained(job: "Job", work: _Work) -> "Outcome":
    """One training with its progress."""
    from triode.training.job import run_task

    with training_progress(f"training {work.target.name}") as observer:
        return run_task(work.task(job), observer, work.resume)


def _trained_together(job: "Job", works: list[_Work]) -> "list[Outcome] | None":
    """All trainings side by side with their common progress, or None where they have to take turns."""
    from triode.training.job import run_together

    with training_progress(f"training {len(works)} models") as observer:
        return run_together([work.task(job) for work in works], observer)


def _told(work: _Work, outcome: "Outcome", quiet: bool) -> dict[str, Any]:
    """What a training reached, printed unless `quiet`."""
    from triode.engine import load

    played = played_outcome(load(work.target), work.source, outcome, work.held_out)
    summary = trained_summary(work.target, outcome, played)
    if not quiet:
        print_outcome(summary, outcome, played, work.floor)
    return summary


def _held_out(source: Source, names: str | None) -> list[int]:
    """Numbers of the takes called `names`; OptionError where there is no such take, or none would be left."""
    wanted = [name.strip() for name in names.split(",") if name.strip()] if names else []
    for name in wanted:
        if name not in source.take_names:
            raise OptionError(
                f"--hold-out {name}: {source.name} has no such take; it has {', '.join(source.take_names)}"
            )
    if len(set(wanted)) == len(source.take_names):
        raise OptionError(f"--hold-out {names}: these are all takes of {source.name}; leave some to learn from")
    return [index for index, name in enumerate(source.take_names) if name in wanted]


def _targets(model: Path, found: list[Source]) -> list[Path]:
    """One model file per source, refused at once where it could not be written after the work is done."""
    targets = [model]
    if len(found) > 1:
        if model.suffix and not model.is_dir():
            raise OptionError(f"-o {model}: with several captures this has to be a folder")
        make_folder(model)
        targets = [model / f"{source.slug}.triode" for source in found]
        if len(set(targets)) < len(targets):
            raise OptionError(
                f"two captures have the same name ({', '.join(s.name for s in found)}); rename one of them"
            )
    for target in targets:
        if target.suffix != ".triode":
            raise OptionError(f"-o {target}: a trained model is a .triode file; 'triode convert' writes other formats")
        check_writable(target)
    return targets


def evaluate(
    model: Annotated[Path, typer.Argument(help="Any model file.")],
    capture: Annotated[Path | None, typer.Argument(help="A capture folder.")] = None,
    dry: DryFile = None,
    wet: WetFile = None,
    from_seconds: Annotated[float, typer.Option("--from", help="Start of the stretch to compare, in seconds.")] = 0.0,
    to_seconds: Annotated[float | None, typer.Option("--to", help="End of the stretch, in seconds.")] = None,
    knob: KnobValues = [],  # noqa: B006
    report: Annotated[Path | None, typer.Option(help="Write an HTML report with audio to this file.")] = None,
    channel: Channel = None,
    take: Take = None,
    as_json: Json = False,
) -> None:
    """Measure how closely a model plays a recording, what it learned included unless --from and --to leave it out.

    A model with knobs is measured on every take, its knobs where the take says.
    """
    from triode.cli.reporting import model_report
    from triode.engine import load
    from triode.measure.evaluation import evaluate as measure
    from triode.measure.metrics import esr_verdict

    player = load(model)
    (source,) = sources([capture] if capture else [], dry, wet, channel, take, one_setting=not player.knobs)
    if capture is None and player.knobs:
        source = replace(source, settings=[parse_settings(knob, player.knobs)])
    elif knob:
        raise OptionError(
            "--knob: only with --input and --output and a model with knobs; a capture's takes have settings"
        )
    if report is not None:
        check_writable(report)
    played = []
    for index, (name, pair) in enumerate(
        zip(source.take_names, source.aligned(several=bool(player.knobs)), strict=True)
    ):
        settings = setting_of(player, source, index)
        played.append(Played(name, settings, measure(player, *pair, from_seconds, to_seconds, settings)))
    if report is not None:
        from triode.capture.checks import check_take

        # Of several takes the page plays the one with the median error.
        shown = sorted(range(len(played)), key=lambda i: played[i].found.esr)[len(played) // 2]
        checks = check_take(*source.takes[shown], source.manifests[shown])
        model_report(
            report,
            source.name,
            player,
            played[shown].found,
            start_seconds=from_seconds,
            findings=checks.to_json()["findings"],
            replicate_esr=checks.replicate_esr,
            takes=[take.error() for take in played if take.settings],
            settings=played[shown].settings,
        )
    summary = measures(played) | takes_json(played)
    if len(played) == 1:
        summary["lag_samples"] = played[0].found.lag_samples
    if as_json:
        print_json(summary)
        return
    if "takes" in summary:
        print_takes(played)
    numbers = {name: value for name, value in summary.items() if name != "takes"}
    print_table({**numbers, "verdict": esr_verdict(summary["esr"], None)})
