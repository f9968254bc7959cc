"""Fixtures of the training tests."""

from collections.abc import Iterator

import pytest

from triode.training import runtime


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one thread, for tests whose tensors are too small for more, or that compare to the bit."""
    with runtime.one_thread():
        yield
