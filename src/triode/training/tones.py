"""Tones as training material: what folds back from above half the sample rate is told from their harmonics.

A recording says nothing of what lies above half its rate, so a network that was trained on it alone folds as it
happens to. Carson, Wright, Bilbao (DAFx-25, arXiv 2505.11375) teach a finished network its own responses to tones
without what is not harmonic, at the cost of its error; here that energy is a term of the loss beside the recording's.
"""

import numpy as np
import torch
from torch import Tensor, nn

from triode.training.dataset import Batch
from triode.training.losses import Loss
from triode.training.networks.traces import with_traces
from triode.training.networks.wavenet import WaveNet

TONES = 96
CROPS_TO_A_TONE = 4
LOWEST_HZ, HIGHEST_HZ = 200.0, 5000.0
LOWEST_DBFS, HIGHEST_DBFS = -36.0, -3.0
FLOOR_DB = -100.0  # of aliasing over harmonics: less is not worth bending weights for
SILENCE = 1e-12  # mean square of a response that holds no harmonics to relate aliasing to


class Tones:
    """Random steady tones for a network: whole periods in a window of a prime number of samples.

    So harmonics that fold fall on bins of their own (Sato, Smith, DAFx-25, arXiv 2505.04082). `dry` (tones, lead +
    length), or (tones, rows, lead + length), is what the network hears of them.
    """

    def __init__(
        self, network: WaveNet, length: int, rate_hz: int, weight: float, seed: int, device: torch.device
    ) -> None:
        self.weight = weight
        self.window = next(number for number in range(length, 1, -1) if _is_prime(number))
        draw = np.random.default_rng(seed)
        frequencies_hz = np.exp(draw.uniform(np.log(LOWEST_HZ), np.log(HIGHEST_HZ), TONES))
        amplitudes = 10 ** (draw.uniform(LOWEST_DBFS, HIGHEST_DBFS, TONES) / 20)
        periods = np.maximum(1, np.round(frequencies_hz * self.window / rate_hz)).astype(int)
        at = periods[:, None] * np.arange(network.receptive_field - 1 + length) % self.window
        sines = torch.from_numpy(amplitudes[:, None] * np.sin(2 * np.pi * at / self.window)).float()
        traces = network.config.traces
        self.dry = (with_traces(sines, traces, self.window) if traces else sines).to(device)
        harmonic = np.arange(self.window // 2 + 1) % periods[:, None] == 0
        self._between = torch.from_numpy(~harmonic).to(device)
        harmonic[:, 0] = False  # a bias is on neither side
        self._harmonic = torch.from_numpy(harmonic).to(device)

    def with_aliasing(self, network: nn.Module, batch: Batch, loss: Loss, generator: torch.Generator) -> Tensor:
        """The loss of the batch, with a gradient that also lowers the aliasing of a few random tones.

        A decibel counts as a share of the loss as it is, so that one weight suits devices that are hard and that are
        easy to learn; the value stays that of the batch.
        """
        count = max(1, len(batch.dry) // CROPS_TO_A_TONE)
        which = torch.randint(TONES, (count,), generator=generator).to(self.dry.device)
        travels = torch.cat([batch.travels, batch.travels[:count]])
        estimate = network(torch.cat([batch.dry, self.dry[which]]), travels=travels)
        found: Tensor = loss(estimate[:-count], batch.wet, batch.powers)
        aliasing_db = self.aliasing_db(estimate[-count:], which)
        return found + self.weight * found.detach() * (aliasing_db - aliasing_db.detach())

    def aliasing_db(self, heard: Tensor, which: Tensor) -> Tensor:
        """(n, length) made of tones (n,) -> mean over them of 10 log10 of aliased over harmonic energy, a scalar."""
        energy = torch.fft.rfft(heard[..., -self.window :]).abs().square()
        harmonic, between = ((energy * mask[which]).sum(-1) for mask in (self._harmonic, self._between))
        ratio = between / (harmonic + SILENCE * self.window**2)
        return 10 * torch.log10(ratio + 10 ** (FLOOR_DB / 10)).mean()


def _is_prime(number: int) -> bool:
    return all(number % divisor for divisor in range(2, int(number**0.5) + 1))
