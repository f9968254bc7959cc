"""What has to be arranged around torch: threads that do not fight over a busy machine, and the device to train on.

Importing this module does not import torch, so that it can be used before torch is loaded.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from triode.errors import OptionError

DEVICES = ("auto", "cpu", "cuda", "mps")


def prepare_process() -> None:
    """Before torch is imported: threads that wait must sleep, not spin.

    With OpenMP's spinning wait a second busy program makes a training ten times slower; asleep, it costs a few
    per cent on an idle machine. Has no effect once torch is loaded, and respects a choice made in the environment.
    """
    if "torch" not in sys.modules:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def choose_device(wanted: str) -> str:
    """The torch device for `auto`, `cpu`, `cuda` or `mps`; OptionError if it is not on this machine."""
    import torch

    have = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if have[name])
    if wanted not in have:
        raise OptionError(f"--device {wanted}: unknown; choose one of {', '.join(DEVICES)}")
    if not have[wanted]:
        usable = ", ".join(name for name, there in have.items() if there)
        raise OptionError(f"--device {wanted}: not available here; usable: {usable}")
    return wanted


def settle_threads() -> None:
    """One thread per core this process may use (or OMP_NUM_THREADS), and no time lost on denormal numbers."""
    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        torch.set_num_threads(max(1, min(cores, 16)))
    torch.set_flush_denormal(True)


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch's operations on the calling thread alone: on small matrices others cost more than they compute."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
