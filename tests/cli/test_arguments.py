import argparse

import pytest

from gan_lab.cli.arguments import non_negative, positive


def test_whole_numbers_are_taken() -> None:
    assert [positive("1"), positive("007"), non_negative("0"), non_negative("4294967295")] == [1, 7, 0, 4294967295]


@pytest.mark.parametrize("text", ["-1", "1.0", "+1", "1_000", "1e3", "", "ten"])
def test_everything_else_is_refused_by_both(text: str) -> None:
    for kind, least in ((positive, 1), (non_negative, 0)):
        with pytest.raises(argparse.ArgumentTypeError) as error:
            kind(text)
        assert str(error.value) == f"must be a whole number of at least {least}, not {text}"


def test_bounds_are_named() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="at least 1, not 0"):
        positive("0")
    with pytest.raises(argparse.ArgumentTypeError, match="at least 0 and below 4294967296, not 4294967296"):
        non_negative("4294967296")
