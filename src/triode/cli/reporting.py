"""Reports as the commands write them: everything a model file and a recording know, put on one page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triode.audio import Audio

if TYPE_CHECKING:
    from triode.engine import Model
    from triode.measure.evaluation import Evaluation
    from triode.measure.report_analysis import TakeError
    from triode.measure.tones import Process


def model_report(
    target: Path,
    name: str,
    player: "Model",
    found: "Evaluation",
    *,
    start_seconds: float = 0.0,
    findings: Sequence[Mapping[str, Any]] = (),
    replicate_esr: float | None = None,
    device_process: "Process | None" = None,
    takes: Sequence["TakeError"] = (),
    settings: Mapping[str, float] | None = None,
    unseen: bool = False,
) -> None:
    """Write the report on `player` beside the stretch it was compared on, with its knobs at `settings`.

    `unseen` says that nothing of the stretch was trained on.
    """
    from triode.measure.report import ReportData, write_report
    from triode.render import render

    def process_at(values: Mapping[str, float]) -> "Process":
        return lambda samples: render(player, Audio(samples, found.rate_hz), settings=values).samples

    information = dict(player.info)
    metadata = information.pop("metadata", None) or {}
    information |= {"metadata": metadata["metadata"]} if metadata.get("metadata") else {}
    training = dict(metadata.get("training") or {})
    history = training.pop("learning_curve", ())
    data = ReportData(
        name=name,
        rate_hz=found.rate_hz,
        dry=found.dry,
        device=found.device,
        model=found.model,
        start_seconds=start_seconds,
        metrics={"esr": found.esr, "mae": found.mae, "mrstft": found.mrstft},
        replicate_esr=replicate_esr,
        history=history,
        findings=findings,
        process=process_at(settings or {}),
        device_process=device_process,
        training=training,
        model_info=information,
        knobs=player.knobs,
        process_at=process_at,
        takes=takes,
        unseen=unseen,
    )
    write_report(target, data)
