"""What tests of datasets share."""

from functools import cache

import pytest

from gan_lab.data import mnist

read_once = cache(mnist.substitute)


@pytest.fixture
def digits_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The substitute digits, parsed once for all tests."""
    monkeypatch.setattr(mnist, "substitute", read_once)
