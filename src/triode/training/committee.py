"""A committee of models that each learned from some of the takes: where they disagree, nobody knows the device yet.

Query by committee (Seung, Opper and Sompolinsky 1992), with members that differ by the takes that they never heard,
as in cross-validation (Krogh and Vedelsby 1995).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from triode.audio import Samples
from triode.errors import OptionError
from triode.training.config import Observer, Progress
from triode.training.dataset import Pair, make_dataset
from triode.training.networks.parametric import Parametric
from triode.training.networks.sizes import Network, network_from_architecture
from triode.training.recipes import recipe
from triode.training.runtime import choose_device, settle_threads
from triode.training.save import play, warm_up_samples
from triode.training.train import train
from triode.training.updates import lead_samples

MEMBERS = 3
# Output this far below the mean counts as silence: what is said about it is not worth a take.
LEAST_POWER = 1e-4


@dataclass(frozen=True)
class Committee:
    """Trained members (network, target gain), and their mean ESR on held-out playing at settings that they learned."""

    members: tuple[tuple[Network, float], ...]
    rate_hz: int
    learned_esr: float

    def expected_esr(self, probe: Samples, travels: NDArray[np.float64]) -> NDArray[np.float64]:
        """The ESR that a member is expected to have at `travels` (settings, knobs), playing `probe` (n,): (settings,).

        It is the variance between the members over the power of what they play.
        """
        spreads, powers = np.empty(len(travels)), np.empty(len(travels))
        for index, place in enumerate(travels):
            played = np.array([self._play(*member, probe, place) for member in self.members], dtype=np.float64)
            spreads[index] = np.mean(np.var(played, axis=0, ddof=1))
            powers[index] = np.mean(np.square(played))
        return np.asarray(spreads / np.maximum(powers, LEAST_POWER * np.mean(powers)))

    def _play(self, network: Network, target_gain: float, probe: Samples, travels: NDArray[np.float64]) -> Samples:
        return play(network, probe, warm_up_samples(network, self.rate_hz), target_gain, travels.tolist())


def train_committee(
    architecture: Mapping[str, Any],
    pairs: Sequence[Pair],
    rate_hz: int,
    *,
    seconds: float | None = None,
    epochs: float | None = None,
    members: int = MEMBERS,
    seed: int = 0,
    observer: Observer | None = None,
) -> Committee:
    """Train `members` fresh networks of `architecture`, for `seconds` or `epochs`, each without a part of the takes.

    Raises OptionError for fewer takes than members, or an architecture that cannot be trained; TrainingError.
    """
    if len(pairs) < members:
        raise OptionError(f"{len(pairs)} takes are too few to say where others would help; record {members} or more")
    device = choose_device("auto")
    settle_threads()
    trained, esrs = [], []
    for member in range(members):
        data = make_dataset([pair for index, pair in enumerate(pairs) if index % members != member], rate_hz, device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed * members + member)
            network = network_from_architecture(architecture)
        if isinstance(network, Parametric):
            network.set_levels(data.travels, data.powers)
        network.to(device)
        config = recipe(
            str(architecture["name"]),
            seconds=seconds,
            epochs=epochs,
            rate_hz=rate_hz,
            memory_samples=lead_samples(network),
            seed=seed * members + member,
        )
        result = train(network, data, config, _part_of(observer, member, members))
        if result.interrupted:
            raise KeyboardInterrupt
        trained.append((result.network, data.target_gain))
        esrs.append(result.esr)
    return Committee(tuple(trained), rate_hz, float(np.mean(esrs)))


def _part_of(observer: Observer | None, member: int, members: int) -> Observer | None:
    """An observer of one member's training, for an observer of all of them."""
    if observer is None:
        return None

    def observe(progress: Progress) -> None:
        observer(replace(progress, share=(member + progress.share) / members))

    return observe
