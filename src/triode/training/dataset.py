"""From aligned takes to batches: what is trained on, what is held out, and no loss on unsettled samples."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from triode.audio import Samples
from triode.errors import OptionError, RecordingError

TARGET_RMS_DBFS = -18.0
# Power of a muted setting, over that of the loudest: errors at one do not count as much as at a quiet one.
MUTED = 1e-8


@dataclass(frozen=True)
class Pair:
    """An aligned take: `dry` and `wet` of equal length, and the stretches (in samples) for training and held out.

    `travels` are the positions of the device's knobs along their travel, 0 to 1. `sweeps` are the stretches of our own
    signal's exponential sweeps that may be trained on.
    """

    dry: Samples
    wet: Samples
    train: tuple[int, int]
    validate: tuple[int, int]
    travels: tuple[float, ...] = ()
    sweeps: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Dataset:
    """Pairs on one device; `wet` is divided by `target_gain`, so that its training part has an RMS of -18 dBFS.

    Per take: `travels` (takes, knobs); `settings`, the same number for takes at the same knob positions; `powers`, the
    mean square of the normalised target in the training parts of all takes at that setting; `sweeps`, if there are any.
    `dry` are (T,), or (rows, T) for a network that hears more than the audio.
    """

    dry: tuple[Tensor, ...]
    wet: tuple[Tensor, ...]
    train: tuple[tuple[int, int], ...]
    validate: tuple[tuple[int, int], ...]
    rate_hz: int
    target_gain: float
    travels: Tensor
    settings: tuple[int, ...]
    powers: Tensor
    sweeps: tuple[tuple[tuple[int, int], ...], ...] = ()

    @property
    def train_samples(self) -> int:
        """Target samples in all training stretches."""
        return sum(end - start for start, end in self.train)

    def draws(
        self, size: int, length: int, lead: int, generator: torch.Generator
    ) -> Iterator[tuple[list[int], list[int]]]:
        """Endless random crops: for `size` of them the take and the first dry sample of lead + length.

        `lead` samples of real dry audio come before every target sample, so a network with that much memory has
        settled; the first `lead` samples of a stretch are therefore never a target. A take is drawn in proportion to
        its length.
        """
        room = torch.tensor([end - start - lead - length + 1 for start, end in self.train]).clamp_min(0)
        if int(room.sum()) == 0:
            raise RecordingError(
                f"the longest training stretch has {max(end - start for start, end in self.train)} samples, but one "
                f"crop needs {lead + length}; record more, or choose a smaller model"
            )
        edges = room.cumsum(0)
        while True:
            draws = torch.randint(int(edges[-1]), (size,), generator=generator)
            takes = torch.searchsorted(edges, draws, right=True).tolist()
            before = [int(edges[take - 1]) if take else 0 for take in takes]
            places = zip(takes, draws.tolist(), before, strict=True)
            yield takes, [self.train[take][0] + draw - skipped for take, draw, skipped in places]

    def batches(self, size: int, length: int, lead: int, generator: torch.Generator) -> Iterator["Batch"]:
        """Endless random crops: dry (size, lead + length) and wet (size, length), the wet of the last `length` samples.

        See `draws`.
        """
        enough = lead + length
        dry = [s.unfold(-1, enough, 1).movedim(-2, 0) if s.shape[-1] >= enough else None for s in self.dry]
        wet = [signal.unfold(0, length, 1) if len(signal) >= length else None for signal in self.wet]
        for takes, starts in self.draws(size, length, lead, generator):
            rows = []
            for take, start in zip(takes, starts, strict=True):
                x, y = dry[take], wet[take]
                assert x is not None, "a take shorter than a crop was drawn"
                assert y is not None, "a take shorter than a crop was drawn"
                rows.append((x[start], y[start + lead]))
            dry_rows, wet_rows = zip(*rows, strict=True)
            at = torch.tensor(takes, device=self.powers.device)
            yield Batch(torch.stack(dry_rows), torch.stack(wet_rows), self.travels[at], self.powers[at])

    def held_out(self, length: int, lead: int) -> Iterator[tuple[int, "Batch"]]:
        """The validation stretches in order, as take and batches of one: dry (1, lead + n), wet (1, n), n <= length."""
        for take, (dry, wet, (start, end)) in enumerate(zip(self.dry, self.wet, self.validate, strict=True)):
            for at in range(max(start, lead), end, length):
                stop = min(at + length, end)
                x, y = dry[..., at - lead : stop].unsqueeze(0), wet[at:stop].unsqueeze(0)
                yield take, Batch(x, y, self.travels[take : take + 1], self.powers[take : take + 1])


@dataclass(frozen=True)
class Batch:
    """Crops `dry` (B, lead + T) and `wet` (B, T), with the takes' `travels` (B, knobs) and `powers` (B,).

    `dry` is (B, rows, lead + T) for a network that hears more than the audio.
    """

    dry: Tensor
    wet: Tensor
    travels: Tensor
    powers: Tensor


def make_dataset(pairs: list[Pair], rate_hz: int, device: str | torch.device = "cpu") -> Dataset:
    """Put aligned pairs on `device` with the target normalised. Raises RecordingError for a silent target."""
    energy = sum(float(np.square(p.wet[slice(*p.train)], dtype=np.float64).sum()) for p in pairs)
    samples = sum(p.train[1] - p.train[0] for p in pairs)
    rms = (energy / max(samples, 1)) ** 0.5
    if rms < 1e-7:
        raise RecordingError("the training part of the wet recording is silent; check the cable and the level")
    target_gain = rms / 10 ** (TARGET_RMS_DBFS / 20)
    known = list(dict.fromkeys(p.travels for p in pairs))
    settings = tuple(known.index(p.travels) for p in pairs)
    return Dataset(
        dry=tuple(torch.from_numpy(np.ascontiguousarray(p.dry)).to(device) for p in pairs),
        wet=tuple(torch.from_numpy(np.ascontiguousarray(p.wet) / np.float32(target_gain)).to(device) for p in pairs),
        train=tuple(p.train for p in pairs),
        validate=tuple(p.validate for p in pairs),
        rate_hz=rate_hz,
        target_gain=target_gain,
        travels=torch.tensor([p.travels for p in pairs], dtype=torch.float32, device=device),
        settings=settings,
        powers=_powers(pairs, settings, target_gain).to(device),
        sweeps=tuple(p.sweeps for p in pairs),
    )


def _powers(pairs: list[Pair], settings: tuple[int, ...], target_gain: float) -> Tensor:
    """Per take the mean square of the normalised target in the training parts at its setting; never quite 0."""
    energies, samples = np.zeros(len(pairs)), np.zeros(len(pairs))
    for pair, setting in zip(pairs, settings, strict=True):
        start, end = pair.train
        energies[setting] += float(np.square(pair.wet[start:end], dtype=np.float64).sum()) / target_gain**2
        samples[setting] += end - start
    powers = energies / np.maximum(samples, 1)
    return torch.tensor(np.maximum(powers, MUTED * powers.max())[list(settings)], dtype=torch.float32)


def split(
    samples: int,
    rate_hz: int,
    train_seconds: tuple[float, float] | None,
    validate_seconds: tuple[float, float] | None,
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Training and validation stretches in samples; without a choice the last tenth (2 to 30 s) is held out,
    or what follows a chosen training stretch.

    Raises OptionError where a stretch is outside the take or the two overlap.
    """
    train = (0, samples) if train_seconds is None else _stretch(train_seconds, samples, rate_hz, "--train")
    if validate_seconds is not None:
        validate = _stretch(validate_seconds, samples, rate_hz, "--validate")
        if train_seconds is None:
            train = (0, validate[0]) if validate[0] >= samples - validate[1] else (validate[1], samples)
    elif samples - train[1] >= 2 * rate_hz:
        validate = (train[1], min(train[1] + 30 * rate_hz, samples))
    else:
        tenth = round(min(30.0 * rate_hz, max(2.0 * rate_hz, 0.1 * (train[1] - train[0]))))
        validate = (max(train[1] - tenth, (train[0] + train[1]) // 2), train[1])
        train = (train[0], validate[0])
    if train[0] < validate[1] and validate[0] < train[1]:
        raise OptionError(
            f"--train {train[0] / rate_hz:g}:{train[1] / rate_hz:g} and --validate "
            f"{validate[0] / rate_hz:g}:{validate[1] / rate_hz:g} overlap; held-out audio must not be trained on"
        )
    if train[1] - train[0] < rate_hz // 2 or validate[1] - validate[0] < rate_hz // 10:
        raise RecordingError(
            f"{samples / rate_hz:.2f} s of audio is too short to train on and hold out; record 10 s or more"
        )
    return train, validate


def _stretch(seconds: tuple[float, float], samples: int, rate_hz: int, option: str) -> tuple[int, int]:
    if not fits(seconds, samples, rate_hz):
        raise OptionError(
            f"{option} {seconds[0]:g}:{seconds[1]:g}: expected a stretch within 0:{samples / rate_hz:g} seconds"
        )
    return round(seconds[0] * rate_hz), min(round(seconds[1] * rate_hz), samples)


def fits(seconds: tuple[float, float], samples: int, rate_hz: int) -> bool:
    """Whether a stretch lies in a take of so many samples; its end may lie up to a second behind the take's.

    A take may be a few samples shorter than asked for once its latency is removed.
    """
    start, end = (round(value * rate_hz) for value in seconds)
    return 0 <= start < min(end, samples) and end <= samples + rate_hz
