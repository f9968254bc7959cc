"""Making takes: from two files, or by sending capture signals through a built-in circuit or a plug-in."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from triode.audio import Samples, read_pair
from triode.capture.devices import circuits, run_circuit
from triode.capture.fill import Device, Observer, asked_take, check_source, fill_plan, plan_device, play_take
from triode.capture.folder import Capture, add_take, is_capture, read_capture
from triode.capture.knob_ranges import guessed_knobs, parse_ranges
from triode.capture.manifest import find_manifest
from triode.capture.plan import PlannedTake, PlanSource, read_plan, tick_off
from triode.capture.plugins.device import OVERSAMPLE, PluginDevice, choose_knobs
from triode.capture.plugins.process import describe
from triode.errors import OptionError
from triode.knobs import Knob, parse_settings

MOST_OVERSAMPLE = 16


def circuit_take(
    folder: Path,
    circuit: str,
    knob_texts: Sequence[str],
    *,
    seconds: float = 180.0,
    rate_hz: int = 48000,
    seed: int = 0,
    take: str | None = None,
    name: str | None = None,
    notes: str = "",
) -> Capture:
    """Send the capture signal through a built-in circuit and add what comes out as a take; a retake replaces.

    Where `take` is planned, the plan says at which settings, but for `knob_texts`, and with which signal.
    """
    knobs = circuit_knobs(circuit)
    source = check_source(folder, PlanSource("circuit", circuit, {}))
    settings, signal = asked_take(folder, take, knob_texts, knobs, seconds=seconds, rate_hz=rate_hz, seed=seed)
    return play_take(folder, device_of(source), knobs, settings, signal, take=take, name=name or circuit, notes=notes)


class CircuitDevice:
    """A built-in circuit as a device that sets its own knobs."""

    def __init__(self, circuit: str) -> None:
        self._circuit = circuit

    def play(self, dry: Samples, rate_hz: int, settings: Mapping[str, float]) -> Samples:
        """What the circuit makes of `dry` (n,); (n,) without latency."""
        return run_circuit(self._circuit, dry, rate_hz, settings)


def device_of(source: PlanSource) -> Device:
    """The device that fills a plan made for `source`."""
    if source.kind == "plugin":
        return PluginDevice(source.name, source.fixed, source.oversample)
    return CircuitDevice(source.name)


def circuit_takes(
    folder: Path,
    circuit: str,
    takes: int,
    knob_texts: Sequence[str] = (),
    *,
    seed: int = 0,
    seconds: float = 60.0,
    rate_hz: int = 48000,
    name: str | None = None,
    observe: Observer = lambda take, number, count: None,
) -> Capture:
    """Plan and record takes of a built-in circuit, until the capture has `takes` of them."""
    source = PlanSource("circuit", circuit, {})
    knobs = circuit_knobs(circuit)
    plan = plan_device(
        folder, source, knobs, takes, tuple(knob_texts), seed=seed, seconds=seconds, rate_hz=rate_hz, name=name
    )
    return fill_plan(plan, device_of(source), observe)


def plugin_takes(
    folder: Path,
    plugin: str,
    takes: int,
    knob_texts: Sequence[str] = (),
    *,
    oversample: int = OVERSAMPLE,
    seed: int = 0,
    seconds: float = 60.0,
    rate_hz: int = 48000,
    name: str | None = None,
    observe: Observer = lambda take, number, count: None,
) -> Capture:
    """Plan and record takes of a plug-in (an LV2 URI or bundle, a .vst3), until the capture has `takes` of them.

    `knob_texts` choose its knobs: `drive` and `drive=0.1:0.9` to turn one, `tone=400` to hold it; without any, all are
    turned. The plug-in runs at `oversample` times `rate_hz`.
    """
    _check_oversample(oversample)
    description = describe(plugin)
    chosen = choose_knobs(description, knob_texts)
    source = PlanSource("plugin", plugin, dict(chosen.fixed), oversample)
    # The ranges are the declared ones by now; what was asked for says whether this is the same request again.
    turned = tuple(f"{knob.name}={knob.low!r}:{knob.high!r}" for knob in chosen.knobs)
    plan = plan_device(
        folder,
        source,
        chosen.knobs,
        takes,
        turned,
        seed=seed,
        seconds=seconds,
        rate_hz=rate_hz,
        name=name or description.name,
    )
    return fill_plan(plan, device_of(source), observe)


def plugin_take(
    folder: Path,
    plugin: str,
    knob_texts: Sequence[str] = (),
    *,
    oversample: int = OVERSAMPLE,
    seconds: float = 180.0,
    rate_hz: int = 48000,
    seed: int = 0,
    take: str | None = None,
    name: str | None = None,
    notes: str = "",
) -> Capture:
    """Send the capture signal through a plug-in and add what comes out as a take; a retake replaces.

    The knobs that `knob_texts` set are declared in a new capture; all others stay at the plug-in's defaults, or where
    the plan in `folder` holds them. Where `take` is planned, the plan says at which settings, but for `knob_texts`, and
    with which signal.
    """
    _check_oversample(oversample)
    description = describe(plugin)
    known = {knob.name: knob for knob, _ in description.knobs().values()}
    if is_capture(folder):
        knobs = read_capture(folder).knobs
    else:
        ranges = parse_ranges(knob_texts, list(known.values()))
        knobs = tuple(known[name] for name in (*ranges.held, *ranges.varied))
    source = check_source(folder, PlanSource("plugin", plugin, {}, oversample))
    settings, signal = asked_take(folder, take, knob_texts, knobs, seconds=seconds, rate_hz=rate_hz, seed=seed)
    return play_take(
        folder, device_of(source), knobs, settings, signal, take=take, name=name or description.name, notes=notes
    )


def _check_oversample(oversample: int) -> None:
    if not 1 <= oversample <= MOST_OVERSAMPLE:
        raise OptionError(f"--oversample {oversample}: expected 1 to {MOST_OVERSAMPLE}")


def circuit_knobs(circuit: str) -> tuple[Knob, ...]:
    """The knobs of a built-in circuit; OptionError for an unknown one."""
    known = circuits()
    if circuit not in known:
        raise OptionError(f"--circuit {circuit}: unknown; the built-in circuits are {', '.join(known)}")
    return known[circuit].knobs


def file_take(
    folder: Path,
    dry: Path,
    wet: Path,
    knob_texts: Sequence[str],
    *,
    channel: int | None = None,
    take: str | None = None,
    name: str | None = None,
    notes: str = "",
) -> Capture:
    """Add a recorded take; knobs that the capture does not know yet are declared 0 to 10 when it is new.

    Where the dry file is one of the plan's, or `take` the name of a planned take, only those knobs need be said that
    stood elsewhere. Raises OptionError where nothing says how the knobs stood.
    """
    knobs = read_capture(folder).knobs if is_capture(folder) else guessed_knobs(knob_texts)
    planned = _planned(folder, dry, take)
    if planned is None and knobs and not knob_texts:
        names = ", ".join(knob.name for knob in knobs)
        raise OptionError(
            f"{folder} has the knobs {names}: say how they stood, like --knob {knobs[0].name}={knobs[0].default:g}"
        )
    settings = parse_settings(knob_texts, knobs, at=planned.settings if planned else None)
    take = planned.name if planned else take
    capture = add_take(
        folder,
        *read_pair(dry, wet, channel=channel),
        settings,
        name=take,
        notes=notes,
        replace_existing=True,
        device=name,
        knobs=knobs,
        manifest=find_manifest(dry),
    )
    tick_off(capture)
    return capture


def _planned(folder: Path, dry: Path, take: str | None) -> PlannedTake | None:
    """The planned take that is meant by its name, or by the dry file that the plan gave out for it."""
    plan = read_plan(folder)
    if plan is None:
        return None
    if take is not None:
        return plan.take(take)
    return next((p for p in plan.takes if p.dry and (folder / p.dry).resolve() == dry.resolve()), None)
