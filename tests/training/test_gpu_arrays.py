"""The Triton kernels: parity with the reference, and what is left to torch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from triode.training.gpu.arrays import fused_array
from triode.training.gpu.packing import Packing, columns, padded
from triode.training.networks.sizes import WAVENETS
from triode.training.networks.wavenet import Array

PARITY = Path(__file__).parent / "triton_parity.py"


def test_kernels_agree_with_the_reference() -> None:
    """On a GPU where there is one, else in Triton's interpreter, which has to be chosen before Triton is imported."""
    pytest.importorskip("triton")
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    if not torch.cuda.is_available():
        environment["TRITON_INTERPRET"] = "1"
    ran = subprocess.run([sys.executable, PARITY], env=environment, capture_output=True, text=True, timeout=500)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "parity holds" in ran.stdout


def test_a_cpu_is_left_to_other_kernels() -> None:
    array = Array(WAVENETS["nano"].arrays[0])
    x = torch.randn(1, 1, 2000)
    assert fused_array(array, x, x, None) is None


@pytest.mark.parametrize("size", ["nano", "a2-lite", "a2-full", "standard"])
def test_packing_keeps_every_parameter_once_and_once_transposed(size: str) -> None:
    for config in WAVENETS[size].arrays:
        packing = Packing(config)
        numbers = torch.arange(1.0, packing.parameters + 1)[None]
        packed = packing.pack(numbers)[0]
        kept = packed[: packing.primary]
        assert torch.equal(kept[kept > 0].sort().values, numbers[0])
        assert torch.equal(packing.unpack_gradient(packed[None, : packing.primary]), numbers)
        first = packing.layers[0].conv
        rows, width = first.taps * packing.width, columns(packing.width)
        forward = packed[first.forward :][: rows * width].view(first.taps, packing.width, width)
        at = packing.transposed(first)
        transposed = packed[at : at + rows * width].view(first.taps, packing.width, width)
        part = slice(0, packing.width)
        assert torch.equal(forward[:, :, part], transposed[:, :, part].mT)
        assert packing.width == padded(config.channels)
