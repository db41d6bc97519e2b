import argparse
from collections.abc import Callable

import pytest

from gan_lab.cli.arguments import (
    add_command,
    add_device,
    add_state,
    add_weights,
    amount,
    non_negative,
    positive,
    seeds,
    several,
)


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


def test_amounts_are_finite_numbers_from_0_on() -> None:
    assert [amount(text) for text in ("0", "0.7", "12", "5e-1")] == [0, 0.7, 12, 0.5]
    for text in ("-0.1", "nan", "inf", "half", ""):
        with pytest.raises(argparse.ArgumentTypeError, match=f"must be a number of at least 0, not {text}"):
            amount(text)


def test_several_stand_between_commas() -> None:
    assert several("cats, 3,big dogs") == ["cats", "3", "big dogs"]
    assert seeds("1,5,9") == [1, 5, 9]
    for text in ("", "1,,2", "1,"):
        with pytest.raises(argparse.ArgumentTypeError, match="must be separated by commas, such as 1,5,9, not"):
            several(text)
    with pytest.raises(argparse.ArgumentTypeError, match="must be a whole number of at least 0, not -1"):
        seeds("1,-1")


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


def test_a_command_keeps_its_lines_and_runs() -> None:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    ran: list[argparse.Namespace] = []
    added = add_command(commands, "draw", ran.append, help="h", description="one\ntwo", examples="examples:\n  draw A")
    assert "one\ntwo" in added.format_help()
    assert "examples:\n  draw A" in added.format_help()
    parsed = parser.parse_args(["draw"])
    parsed.run(parsed)
    assert ran == [parsed]
