"""What a command works on: a capture folder, or a dry and a wet file, with everything known about them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from triode.audio import Audio, Samples, read_pair
from triode.cli.console import print_findings
from triode.errors import OptionError
from triode.knobs import Knob

if TYPE_CHECKING:
    from triode.capture.checks import CheckReport
    from triode.capture.manifest import SignalManifest
    from triode.model_file import Levels
    from triode.training.prepare import SignalParts


@dataclass(frozen=True)
class Source:
    """Takes of one device: pairs of dry and wet audio, and what their folder says of them.

    `knobs` are those that stand differently in some of the takes, `settings` all knobs' values in each take.
    """

    name: str
    take_names: Sequence[str]
    takes: Sequence[tuple[Audio, Audio]]
    manifests: Sequence["SignalManifest | None"]
    levels: "Levels | None" = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    knobs: Sequence[Knob] = ()
    settings: Sequence[Mapping[str, float]] = ()

    @property
    def slug(self) -> str:
        """The name as a file name."""
        return re.sub(r"[^\w.-]+", "-", self.name).strip("-") or "model"

    @property
    def signal(self) -> "SignalParts | None":
        """Where our own signal has what, in all takes; None where they had different signals, or anybody else's."""
        from triode.training.prepare import SignalParts

        def parts(manifest: "SignalManifest") -> SignalParts:
            sweeps = tuple((s.start_seconds, s.end_seconds) for s in manifest.segments if s.kind == "sweep")
            return SignalParts(manifest.train_seconds, manifest.held_out_seconds, sweeps)

        found = {parts(manifest) if manifest else None for manifest in self.manifests}
        return found.pop() if len(found) == 1 else None

    def learned(self, held_out: Sequence[int]) -> dict[str, list[str]]:
        """What a model with knobs keeps in its file: the names of the takes it learned, and of those it did not."""
        if not self.knobs:
            return {}
        apart = [self.take_names[index] for index in held_out]
        return {"takes": [name for name in self.take_names if name not in apart], "held_out": apart}

    def aligned(self, several: bool = False) -> list[tuple[Samples, Samples, int]]:
        """Each take's dry and wet with latency and drift removed, and its sample rate.

        Raises OptionError for more than one take, unless `several` are welcome.
        """
        from triode.capture.align import aligned

        if len(self.takes) > 1 and not several:
            raise OptionError(
                f"{self.name} has several takes ({', '.join(self.take_names)}); choose one with --take NAME"
            )
        return [aligned(*take)[:3] for take in self.takes]


def sources(
    captures: Sequence[Path],
    dry: Path | None,
    wet: Path | None,
    channel: int | None,
    take: str | None = None,
    one_setting: bool = True,
) -> list[Source]:
    """The sources a command line names; OptionError where it names none or too many.

    `one_setting` refuses a capture with takes at several knob settings, which no snapshot can learn at once.
    """
    if captures and (dry or wet):
        raise OptionError("give either capture folders or --input and --output, not both")
    if captures and channel is not None:
        raise OptionError("--channel is for --input and --output; a capture keeps one channel, chosen as it is added")
    if captures:
        return [_from_capture(folder, take, one_setting) for folder in captures]
    if dry is None or wet is None:
        raise OptionError("name a capture folder, or a recording with --input DRY and --output WET")
    from triode.capture.manifest import find_manifest

    audio = read_pair(dry, wet, channel=channel)
    return [Source(wet.stem, [wet.stem], [audio], [find_manifest(dry)])]


def _from_capture(folder: Path, take: str | None, one_setting: bool) -> Source:
    from triode.capture.folder import load_take, read_capture, take_manifest
    from triode.model_file import Levels

    capture = read_capture(folder)
    takes = [entry for entry in capture.takes if take is None or entry.name == take]
    if not takes:
        known = ", ".join(entry.name for entry in capture.takes) or "none"
        raise OptionError(f"{folder} has no take {take!r}; its takes: {known}")
    if one_setting and any(entry.settings != takes[0].settings for entry in takes):
        names = ", ".join(entry.name for entry in takes)
        raise OptionError(f"{folder} has takes at different knob settings ({names}); choose one with --take NAME")
    turned = [k for k in capture.knobs if len({entry.settings[k.name] for entry in takes}) > 1]
    return Source(
        name=capture.name,
        take_names=[entry.name for entry in takes],
        takes=[load_take(capture, entry) for entry in takes],
        manifests=[take_manifest(capture, entry) for entry in takes],
        levels=Levels(input_dbu=capture.levels.input_dbu, output_dbu=capture.levels.output_dbu),
        metadata=capture.metadata,
        knobs=turned,
        settings=[entry.settings for entry in takes],
    )


def checked(source: Source, force: bool) -> list["CheckReport"]:
    """Check every take and print what was found; AudioFileError where a take is unusable."""
    from triode.capture.checks import check_take

    reports = [check_take(*take, manifest) for take, manifest in zip(source.takes, source.manifests, strict=True)]
    for report in reports:
        report.require_usable(force=force)
        print_findings([asdict(finding) for finding in report.findings if finding.severity != "info"])
    return reports
