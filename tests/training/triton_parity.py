"""Run by test_gpu_arrays.py: the Triton kernels against the readable reference, on a GPU or in Triton's interpreter."""

import dataclasses

import torch
from torch import Tensor

from triode.training.gpu import arrays
from triode.training.gpu.orthonormal import gram_schmidt
from triode.training.networks.wavenet import Array, ArrayConfig, HeadConfig

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def config(activation: str) -> ArrayConfig:
    """Sizes that share no factor, so that a mixed-up stride cannot pass."""
    return ArrayConfig(
        input_size=2,
        channels=5,
        bottleneck=3,
        kernel_sizes=(3, 4),
        dilations=(5, 1),
        activations=({"type": activation, "negative_slope": 0.2},) * 2,
        head=HeadConfig(out_channels=2, kernel_size=3, bias=True),
        condition_size=2,
    )


def difference(found: Tensor, expected: Tensor) -> float:
    found, expected = found.detach().double(), expected.detach().double()
    return float((found - expected).norm() / expected.norm().clamp_min(1e-30))


def check(shape: ArrayConfig, groups: int, items: int, samples: int, with_head: bool) -> None:
    torch.manual_seed(1)
    array = Array(shape).to(DEVICE)
    exact = Array(shape).to(DEVICE).double()
    exact.load_state_dict(array.state_dict())
    length = samples + shape.head.kernel_size - 1
    h = torch.randn(items, shape.input_size, length + array.trim, device=DEVICE, requires_grad=True)
    condition = torch.randn(items, shape.condition_size, length + array.trim + 7, device=DEVICE)
    head = torch.randn(items, shape.bottleneck, length + 3, device=DEVICE, requires_grad=True) if with_head else None
    flat = array.flat_parameters().detach()[None] * (1 + 0.1 * torch.randn(groups, 1, device=DEVICE))
    flat.requires_grad_()

    def double(x: Tensor) -> Tensor:
        return x.detach().double().requires_grad_(x.requires_grad)

    leaves = [leaf for leaf in (h, head, flat) if leaf is not None]
    doubles = [double(leaf) for leaf in leaves]
    found = arrays.fused_array(array, h, condition, head, flat)
    assert found is not None, "the kernels declined"
    repeated = doubles[-1].repeat_interleave(items // groups, 0)
    expected = exact.reference(doubles[0], double(condition), doubles[1] if with_head else None, repeated)
    seeds = [torch.randn_like(y) for y in found]
    gradients = torch.autograd.grad(found, leaves, seeds, retain_graph=True)
    wanted = torch.autograd.grad(expected, doubles, [seed.double() for seed in seeds], retain_graph=True)
    for name, a, b in zip(
        ("output", "head", "dh", "dhead", "dflat"), (*found, *gradients), (*expected, *wanted), strict=False
    ):
        assert difference(a, b) < 1e-5, f"{shape.activations[0]['type']}: {name} differs by {difference(a, b):.1e}"
    (alone,) = torch.autograd.grad(found[1].square().sum(), [flat])
    (wanted_alone,) = torch.autograd.grad(expected[1].square().sum(), [doubles[-1]])
    assert difference(alone, wanted_alone) < 1e-5, "without a gradient of the residual path"


def check_gram_schmidt(count: int, size: int) -> None:
    """Of columns whose lengths differ by six orders, as a layer's directions do."""
    torch.manual_seed(2)
    lengths = 10.0 ** torch.linspace(0, -6, size, device=DEVICE)
    matrices = torch.randn(count, size, size, device=DEVICE) * lengths
    q = gram_schmidt(matrices)
    unit = torch.eye(size, device=DEVICE)
    assert float((q.mT @ q - unit).abs().max()) < 1e-5
    triangle = q.mT @ matrices / lengths
    assert float(triangle.tril(-1).abs().max()) < 1e-4, "a column has something of a later one"


if __name__ == "__main__":
    check_gram_schmidt(3, 9)
    arrays.PRECISION = "ieee"
    if DEVICE == "cpu":  # the interpreter takes as long for what is masked off
        arrays.FORWARD = arrays.BACKWARD = arrays.GRADIENT = {"BLOCK": 64}
        arrays.CHUNK = 128
    for name in arrays.KINDS:
        check(config(name), 2, 2, 40, with_head=name == "Tanh")
    narrow = config("Tanh")
    wide = dataclasses.replace(narrow, channels=16, bottleneck=16, head=HeadConfig(), condition_size=1, input_size=1)
    check(wide, 1, 2, 40, with_head=False)
    with_traces = dataclasses.replace(narrow, input_size=8, condition_size=1)
    check(with_traces, 2, 2, 40, with_head=False)
    print("parity holds")  # noqa: T201
