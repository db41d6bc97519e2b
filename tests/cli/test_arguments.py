import argparse
from collections.abc import Callable

import pytest

from gan_lab.cli.arguments import add_device, add_state, add_weights, non_negative, positive, share


@pytest.mark.parametrize("text", ["1", "64", "4294967295"])
def test_whole_numbers_are_read(text: str) -> None:
    assert positive(text) == non_negative(text) == int(text)
    assert non_negative("0") == 0


@pytest.mark.parametrize("text", ["-1", "1.5", "1e3", "many", "", "4294967296"])
@pytest.mark.parametrize("read", [positive, non_negative])
def test_anything_else_is_refused(read: Callable[[str], int], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=f"must be a whole number of at least [01].*, not {text}"):
        read(text)
    with pytest.raises(argparse.ArgumentTypeError, match="at least 1, not 0"):
        positive("0")


def test_shares_are_numbers_from_0_to_1() -> None:
    assert [share(text) for text in ("0", "0.7", "1", "5e-1")] == [0, 0.7, 1, 0.5]
    for text in ("-0.1", "1.01", "nan", "inf", "half", ""):
        with pytest.raises(argparse.ArgumentTypeError, match=f"must be a number from 0 to 1, not {text}"):
            share(text)


def test_a_limit_is_named_where_it_is_exceeded() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="at least 0 and below 4294967296, not 4294967296"):
        non_negative("4294967296")


def test_the_last_checkpoint_the_moving_average_and_the_best_device_are_the_defaults() -> None:
    parser = argparse.ArgumentParser()
    add_state(parser)
    add_weights(parser)
    add_device(parser)
    assert vars(parser.parse_args([])) == {"checkpoint": "last", "weights": "ema", "device": "auto"}
    assert parser.parse_args(["--checkpoint", "best"]).checkpoint == "best"
