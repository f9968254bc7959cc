"""`triode demo`: the whole path on built-in material."""

import time
from pathlib import Path
from typing import Annotated

import typer

from triode.audio import Audio, Samples, write_audio
from triode.cli.console import say, training_progress
from triode.cli.options import seconds_of
from triode.files import make_folder

CIRCUIT = "overdrive"
UNSEEN_SECONDS = 12.0  # of playing, from a signal of another seed
UNSEEN_SEED = 2026


def demo(
    out: Annotated[Path, typer.Option(help="The folder for everything the demo makes.")] = Path("demo"),
    train_time: Annotated[str, typer.Option("--time", help="Wall time to train.")] = "75s",
    seconds: Annotated[float, typer.Option(help="Length of the capture signal.")] = 60.0,
) -> None:
    """The whole path: signal, device, check, training, rendering, and a report to look at and listen to."""
    from triode.training.runtime import prepare_process

    budget_seconds = seconds_of(train_time, "--time")
    prepare_process()
    began = time.monotonic()
    make_folder(out)

    from triode.capture.devices import run_circuit
    from triode.capture.record import circuit_take
    from triode.capture.signal import playing
    from triode.cli.reporting import model_report
    from triode.cli.takes import checked, sources
    from triode.engine import load
    from triode.measure.evaluation import evaluate
    from triode.render import render
    from triode.training.job import Job, run_job

    say(f"1/5  sending {seconds:.0f} s of capture signal through the built-in {CIRCUIT} circuit")
    capture = circuit_take(out / "capture", CIRCUIT, [], seconds=seconds)
    take = capture.takes[-1]
    rate_hz = capture.rate_hz

    say("2/5  checking the recording")
    (source,) = sources([out / "capture"], None, None, None, take.name)
    (report,) = checked(source, force=False)

    say(f"3/5  training a small model for {budget_seconds:.0f} s")
    model_path = out / f"{CIRCUIT}.triode"
    job = Job(seconds=budget_seconds, signal=source.signal)
    with training_progress("     training") as observer:
        run_job(job, source.takes, model_path, name=f"Triode {CIRCUIT} circuit", observer=observer)

    say(f"4/5  playing {UNSEEN_SECONDS:.0f} s that the model never saw")
    riff = playing(UNSEEN_SECONDS, rate_hz, seed=UNSEEN_SEED)

    def device(samples: Samples) -> Samples:
        return run_circuit(CIRCUIT, samples, rate_hz, take.settings)

    player = load(model_path)
    dry_audio, wet = Audio(riff, rate_hz), device(riff)
    write_audio(out / "riff-dry.wav", riff, rate_hz)
    write_audio(out / "riff-device.wav", wet, rate_hz)
    write_audio(out / "riff-model.wav", render(player, dry_audio).samples, rate_hz)

    say("5/5  measuring and writing the report")
    found = evaluate(player, riff, wet, rate_hz)
    model_report(
        out / "report.html",
        f"Triode {CIRCUIT} circuit",
        player,
        found,
        findings=report.to_json()["findings"],
        replicate_esr=report.replicate_esr,
        device_process=device,
        unseen=True,
    )
    say(f"done in {time.monotonic() - began:.0f} s: ESR {found.esr:.5f} on audio the model never saw")
    say(f"open {out / 'report.html'} in a browser")
