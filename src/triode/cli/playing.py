"""`triode render`, `info`, `convert` and `bench`: everything right of the model file."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from triode.cli.console import print_json, print_rows, print_table, say
from triode.cli.distilling import Distillation, distilled
from triode.cli.options import (
    DEFAULT_TIME,
    Channel,
    GearMake,
    GearModel,
    GearType,
    Json,
    KnobValues,
    Licence,
    Maker,
    SweptKnobs,
    ToneType,
    grid_of,
    swept,
    told,
)
from triode.cli.rig_options import Fast, Oversample, Quality, RigOptions, with_rig_options
from triode.errors import OptionError
from triode.files import check_writable, make_folder

AnyModel = Annotated[Path, typer.Argument(help="Any model file, or one of 'triode models'.")]


@with_rig_options
def render(
    model: AnyModel,
    dry: Annotated[Path, typer.Argument(metavar="IN.wav", help="The audio to play through the model.")],
    wet: Annotated[Path, typer.Argument(metavar="OUT.wav", help="Where to write the result, float32.")],
    knob: SweptKnobs = [],  # noqa: B006
    *,
    rig: RigOptions,
    block: Annotated[int, typer.Option(min=1, max=65536, help="Samples handed to the engine at once.")] = 64,
    quality: Quality = 1.0,
    oversample: Oversample = 1,
    fast: Fast = False,
    channel: Channel = None,
) -> None:
    """Play a file through a model: as long as the input, at the input's rate."""
    from triode.engine import load
    from triode.knobs import parse_settings
    from triode.render import render_file

    starts, ends = swept(knob)
    knobs = load(model, quality=quality).knobs
    settings, turned_to = parse_settings(starts, knobs), parse_settings(ends, knobs)
    render_file(
        model,
        dry,
        wet,
        channel=channel,
        settings=settings,
        turned_to=None if turned_to == settings else turned_to,
        quality=quality,
        oversample=oversample,
        fast=fast,
        block=block,
        rig=rig.settings(),
        ir_path=rig.ir,
        ir_channel=rig.ir_channel,
        second=rig.second_files(quality),
    )


def models(as_json: Json = False) -> None:
    """The models that come with Triode, to play at once."""
    from triode.engine import load
    from triode.factory import factory_models

    found = {name: load(path) for name, path in factory_models().items()}
    told = {name: model.info["metadata"] for name, model in found.items()}
    if as_json:
        listed = [{**t["metadata"], "name": name, "description": t["name"]} for name, t in told.items()]
        print_json({"models": listed})
        return
    knobs = {name: ", ".join(knob.name for knob in model.knobs) for name, model in found.items()}
    rows = [(name, knobs[name] or "none", str(told[name]["name"])) for name in found]
    print_rows(("model", "knobs", "what it is"), rows)


def info(model: AnyModel, quality: Quality = 1.0, as_json: Json = False) -> None:
    """What a model file holds."""
    from triode.engine import load
    from triode.rig import generic_controls

    player = load(model, quality=quality)
    found = dict(player.info) | {"generic_controls": generic_controls()}
    if as_json:
        print_json(found)
        return
    metadata = found.pop("metadata", {})
    knobs = found.pop("knobs", [])
    rows = {key.replace("_", " "): value for key, value in found.items()}
    rows["architecture"] = _in_words(found["architecture"], found["sample_rate"])
    generic = ", ".join(control["name"] for control in found["generic_controls"])
    rows["generic controls"] = f"{generic} (the rig's, not captured: options of render)"
    rows |= {f"knob {knob['name']}": f"{knob['low']:g} to {knob['high']:g} {knob['unit']}".rstrip() for knob in knobs}
    told = {str(key): value for key, value in metadata.items() if isinstance(value, str | int | float)}
    rows |= {key: value for key, value in told.items() if key.replace("_", " ") not in rows}
    print_table(rows)
    error = player.self_test()
    if error is not None:
        say(f"self-test: largest error {error:.1e} of full scale")


def _in_words(architecture: dict[str, Any], rate_hz: float) -> str:
    """What kind of network it is and how large, on one line; `--json` has the whole of it."""
    if architecture["name"] == "parametric":
        return f"{_in_words(architecture['network'], rate_hz)}, with knobs"
    if arrays := architecture.get("arrays"):
        layers = sum(len(array["dilations"]) for array in arrays)
        words = f"wavenet, {layers} layers of {' and '.join(str(array['channels']) for array in arrays)} channels"
        traces = [trace["time_constant_samples"] / rate_hz for trace in architecture.get("traces", [])]
        return f"{words}, {len(traces)} traces (time constants to {max(traces):.2g} s)" if traces else words
    if "hidden_size" in architecture:
        return f"{architecture['name']}, {architecture['hidden_size']} units"
    return str(architecture["name"])


def convert(
    model: AnyModel,
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="The file to write; its ending says the format. A folder of --grid's.")
    ],
    knob: KnobValues = [],  # noqa: B006
    grid: Annotated[
        list[str], typer.Option(help="name=VALUE,VALUE,...: bake each value into a file of its own, named by it.")
    ] = [],  # noqa: B006
    name: Annotated[str | None, typer.Option(help="Name of the device.")] = None,
    maker: Maker = None,
    gear_make: GearMake = None,
    gear_model: GearModel = None,
    gear_type: GearType = None,
    tone_type: ToneType = None,
    licence: Licence = None,
    distil: Annotated[bool, typer.Option("--distil", help="Let the model teach a WaveNet that .nam can hold.")] = False,
    dry: Annotated[Path | None, typer.Option("--with", help="What it plays to teach, if not our own signal.")] = None,
    time: Annotated[str | None, typer.Option(help=f"How long to teach, like 3m ({DEFAULT_TIME} by default).")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over what is taught, instead of a time.")] = None,
    size: Annotated[str | None, typer.Option(help="Of the WaveNet that learns; a2-full by default.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the teaching.")] = 0,
    quality: Quality = 1.0,
) -> None:
    """Write a model in another format: .triode, .nam, .aidax, .json (of Proteus), or .wav (an impulse response).

    Knobs given are baked in. What a .nam file cannot hold is distilled into a WaveNet, if that is asked for.
    """
    from triode.engine import load
    from triode.export import export, read_model
    from triode.knobs import parse_settings

    text = told(maker=maker, gear_make=gear_make, gear_model=gear_model, gear_type=gear_type) | told(
        tone_type=tone_type, licence=licence
    )
    into_folder = bool(grid) and (not target.suffix or target.is_dir())
    if into_folder:
        target /= f"{_file_word(Path(model).stem)}.nam"
    asked = Distillation(distil, dry, time, epochs, size, seed)
    asked.check(target)
    source = read_model(model, quality=quality)
    source = replace(source, name=name or source.name, metadata={**source.metadata, **text})
    knobs = load(model, quality=quality).knobs

    def write(path: Path, device: str, settings: dict[str, float] | None) -> None:
        named = replace(source, name=device)
        if distil:
            check_writable(path)
            named, settings = distilled(asked, model, named, quality, settings), None
        export(named, path, settings=settings)

    if not grid:
        write(target, source.name, parse_settings(knob, knobs) if knob else None)
        return
    held = {text.partition("=")[0] for text in knob}
    cells = []
    for chosen in grid_of(grid):
        names = [text.partition("=")[0] for text in chosen]
        if held.intersection(names):
            raise OptionError("--knob and --grid name the same knob; hold it or spread it")
        settings = parse_settings([*knob, *chosen], knobs)
        cells.append((" ".join(f"{name} {settings[name]:g}" for name in names), settings))
    if into_folder:
        make_folder(target.parent)
    for place, settings in cells:
        path = target.with_name(f"{target.stem}-{_file_word(place)}{target.suffix}")
        write(path, f"{source.name} {place}", settings)
        say(str(path))


def _file_word(text: str) -> str:
    """What may stand in a file's name everywhere: a knob may be called gain/hi, a model triode:preamp."""
    return re.sub(r"[^\w.+-]+", "-", text)


def bench(
    model: AnyModel,
    block: Annotated[int, typer.Option(min=1, max=65536, help="Samples per block.")] = 64,
    seconds: Annotated[float, typer.Option(min=0.1, max=600.0, help="Seconds of audio to play.")] = 10.0,
    quality: Quality = 1.0,
    oversample: Oversample = 1,
    fast: Fast = False,
    isa: Annotated[str | None, typer.Option(help="avx512, avx2 or baseline: play with no better one.")] = None,
    rate: Annotated[float | None, typer.Option(help="The host's sample rate in Hz, if not the model's own.")] = None,
    as_json: Json = False,
) -> None:
    """Measure how fast a model plays on one core, and how evenly."""
    from triode.engine import load

    player = load(model, quality=quality, oversample=oversample, fast=fast, isa=isa, sample_rate=rate)
    found = player.bench(block=block, seconds=seconds)
    if as_json:
        print_json(found)
        return
    rows = {
        "x real time": f"{found['realtime_factor']:.1f}",
        "share of the core's FMA peak": f"{found['fma_peak_fraction']:.1%}",
        "block": f"{found['block']} samples",
        "median, p99, max per block": " / ".join(f"{found[key]:.1f} us" for key in ("p50_us", "p99_us", "max_us")),
        "allocations while playing": found["allocations"],
        "memory": f"{found['memory_bytes'] / 1024:.0f} KiB",
        "instruction set": found["isa"],
    }
    print_table(rows)
