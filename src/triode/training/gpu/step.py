"""Whole training steps of WaveNets as CUDA graphs, of one network or of several of one shape side by side.

A step of a small network is hundreds of small kernels: launched one by one they take longer to launch than to run. Here
crops are cut on the device, the loss, its gradient and SOAP's step are captured once, and a step is one launch that
waits for nothing. All parameters of a network lie in one row of a matrix, of which the modules' parameters are views.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from triode.training import soap
from triode.training.config import TrainConfig
from triode.training.dataset import Dataset
from triode.training.gpu.arrays import runs_here, supports
from triode.training.losses import Loss
from triode.training.networks.parametric import Parametric
from triode.training.networks.wavenet import WaveNet

INTERVAL = 8  # steps between two in which the coordinates follow: there they take longer than the gradient
EAGER_STEPS = 3  # kernels are compiled and memory is taken before a graph can be captured
STEPS_AHEAD = 4  # of the device, so that the time that is left is known


def can_step(networks: Sequence[nn.Module], config: TrainConfig) -> bool:
    """Whether `GraphStep` is for these networks."""
    first = networks[0]
    if isinstance(first, Parametric) and len(networks) == 1:
        inner = first.network
    elif isinstance(first, WaveNet):
        inner = first
    else:
        return False
    here = config.optimiser == "soap" and not config.loss.aliasing and runs_here(next(first.parameters()).device)
    return here and all(supports(array) for array in inner.config.arrays)


@dataclass
class _Crops:
    """Audio of all networks in one row, and what is asked of a step: where its crops begin, and of which take."""

    dry: Tensor
    wet: Tensor
    travels: Tensor
    powers: Tensor
    takes: Tensor
    starts: Tensor
    bases: list[list[int]]  # where each take of each network begins in the row
    first_takes: list[int]


class GraphStep:
    """Descends by one batch for each network at each step.

    The networks' parameters are moved into one matrix, on which all steps work.
    """

    def __init__(
        self, networks: Sequence[WaveNet | Parametric], data: Sequence[Dataset], loss: Loss, config: TrainConfig,
        generators: Sequence[torch.Generator],
    ) -> None:  # fmt: skip
        self.network, self._criterion, self.config = networks[0], loss, config
        self.device = data[0].powers.device
        self.lead = self.network.receptive_field - 1
        self.batch_size, self.length = config.batch_size, config.segment_samples
        draws = zip(data, generators, strict=True)
        self._draws = [d.draws(self.batch_size, self.length, self.lead, generator) for d, generator in draws]
        self._crops = _gather(data, self.batch_size)
        self.vectors = _side_by_side(networks).requires_grad_()
        order = list(self.network.parameters())
        places = soap.matrix_places(soap.weight_matrices(self.network), self.device, order)
        row = self.vectors.shape[1]
        offsets = row * torch.arange(len(networks), device=self.device).view(-1, 1, 1, 1)
        self._places = [(stack.unsqueeze(0) + offsets).flatten(0, 1) for stack in places]
        self._options = {"momentum": soap.MOMENTUM, "memory": soap.MEMORY, "interval": INTERVAL}
        self.states: list[dict[str, Tensor]] = []
        self._rate = torch.zeros((), device=self.device)
        self._loss = torch.zeros((), device=self.device)
        self._known_loss = 0.0
        self.steps = 0
        self._graphs: dict[bool, torch.cuda.CUDAGraph] = {}
        self._ahead: deque[torch.cuda.Event] = deque()

    def step(self, learning_rate: float, late: bool = False) -> int:
        """One step, which may still be under way on return; target samples of one network in it.

        All steps are alike, `late` or not: those with tones are not for graphs (`can_step`).
        """
        self.steps += 1
        follow = soap.follows(self.steps, int(self._options["interval"]))
        self._draw()
        self._rate.fill_(learning_rate)
        if self.device.type != "cuda":  # for tests: the same arithmetic, without a graph
            self._step(follow)
            return self.batch_size * self.length
        if self.steps <= EAGER_STEPS:
            stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
            stream.wait_stream(torch.cuda.current_stream(self.device))
            with torch.cuda.stream(stream):
                self._step(follow=True)
            torch.cuda.current_stream(self.device).wait_stream(stream)
        else:
            self._graph(follow).replay()
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self.device))
        self._ahead.append(event)
        if len(self._ahead) > STEPS_AHEAD:
            self._ahead.popleft().synchronize()
        return self.batch_size * self.length

    def loss(self) -> float:
        """The loss when it was last waited for."""
        return self._known_loss

    def settled_loss(self) -> float:
        """Mean loss of the networks at the last step; waits for it."""
        self._known_loss = float(self._loss)
        return self._known_loss

    def state(self) -> dict[int, dict[str, Tensor]]:
        """SOAP's state by number of the stack of matrices."""
        return dict(enumerate(self.states))

    def restore(self, state: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Take over what `state` returned, before the first step."""
        self.states = [{k: v.to(self.device) for k, v in state[number].items()} for number in sorted(state)]

    def start_again(self) -> None:
        """Forget what earlier gradients were like."""
        self.steps = EAGER_STEPS
        for state in self.states:
            for name, value in soap.start(torch.zeros_like(state["mean"])).items():
                state[name].copy_(value)

    def _draw(self) -> None:
        crops = self._crops
        takes, starts = [], []
        for network, draws in enumerate(self._draws):
            drawn, firsts = next(draws)
            takes += [crops.first_takes[network] + take for take in drawn]
            starts += [crops.bases[network][take] + first for take, first in zip(drawn, firsts, strict=True)]
        both = torch.tensor([takes, starts])
        both = both.pin_memory() if self.device.type == "cuda" else both
        crops.takes.copy_(both[0], non_blocking=True)
        crops.starts.copy_(both[1], non_blocking=True)

    def _graph(self, follow: bool) -> torch.cuda.CUDAGraph:
        if follow not in self._graphs:
            pool = next(iter(self._graphs.values())).pool() if self._graphs else None
            graph = torch.cuda.CUDAGraph()
            torch.cuda.synchronize(self.device)
            with torch.cuda.graph(graph, pool=pool):
                self._step(follow)
            self._graphs[follow] = graph
        return self._graphs[follow]

    def _step(self, follow: bool) -> None:
        crops = self._crops
        count = self.lead + self.length
        at = crops.starts[:, None] + torch.arange(count, device=self.device)
        dry, wet = crops.dry[..., at], crops.wet[at[:, self.lead :]]
        dry = dry.movedim(0, 1) if dry.dim() == 3 else dry
        estimate = self._estimate(dry, crops.travels[crops.takes])
        loss = self._criterion(estimate, wet, crops.powers[crops.takes])
        # The loss is a mean over all networks' items, but each network has to see its own.
        (gradient,) = torch.autograd.grad(loss * len(self.vectors), self.vectors)
        with torch.no_grad():
            self._loss.copy_(loss.detach())
            self._descend(gradient, follow)

    def _estimate(self, dry: Tensor, travels: Tensor) -> Tensor:
        if isinstance(self.network, WaveNet):
            sizes = [sum(p.numel() for p in array.parameters()) for array in self.network.arrays]
            estimate: Tensor = self.network(dry, travels, torch.split(self.vectors, sizes, dim=1))
            return estimate
        own = dict(self.network.named_parameters())
        parts = torch.split(self.vectors[0], [p.numel() for p in own.values()])
        named = {name: part.view(p.shape) for (name, p), part in zip(own.items(), parts, strict=True)}
        return functional_call(self.network, named, (dry, travels))  # type: ignore[no-any-return]

    def _descend(self, gradient: Tensor, follow: bool) -> None:
        if self.config.clip_gradient < math.inf:
            lengths = gradient.norm(dim=1, keepdim=True)
            gradient = gradient * (self.config.clip_gradient / lengths).clamp(max=1.0)
        flat = gradient.reshape(-1)
        change = torch.empty_like(flat)
        if not self.states:
            self.states = [soap.start(flat[places]) for places in self._places]
        for places, state in zip(self._places, self.states, strict=True):
            change[places] = soap.direction(flat[places], state, self._options, follow)
        self.vectors -= self._rate * change.view_as(self.vectors)


def _side_by_side(networks: Sequence[nn.Module]) -> Tensor:
    """(networks, P): all parameters, of which those of the modules become views."""
    vectors = torch.stack([torch.cat([p.detach().reshape(-1) for p in network.parameters()]) for network in networks])
    for network, vector in zip(networks, vectors, strict=True):
        parameters = list(network.parameters())
        parts = torch.split(vector, [p.numel() for p in parameters])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.data = part.view(parameter.shape)
    return vectors


def _gather(data: Sequence[Dataset], batch_size: int) -> _Crops:
    bases: list[list[int]] = []
    first_takes, at, takes = [], 0, 0
    for dataset in data:
        first_takes.append(takes)
        takes += len(dataset.dry)
        bases.append([])
        for signal in dataset.dry:
            bases[-1].append(at)
            at += signal.shape[-1]
    device = data[0].powers.device
    zeros = torch.zeros(len(data) * batch_size, dtype=torch.long, device=device)
    return _Crops(
        dry=torch.cat([signal for dataset in data for signal in dataset.dry], dim=-1),
        wet=torch.cat([signal for dataset in data for signal in dataset.wet]),
        travels=torch.cat([dataset.travels for dataset in data]),
        powers=torch.cat([dataset.powers for dataset in data]),
        takes=zeros,
        starts=zeros.clone(),
        bases=bases,
        first_takes=first_takes,
    )
