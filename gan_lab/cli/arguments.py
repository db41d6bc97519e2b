"""Types of command-line arguments, and those that several commands share."""

import argparse
from collections.abc import Callable

BEYOND = 1 << 32  # no image count comes near, and every library takes seeds below


def whole_number(least: int) -> Callable[[str], int]:
    """Make the type of a whole number of at least `least`."""

    def parse(text: str) -> int:
        if text.isdecimal() and least <= int(text) < BEYOND:
            return int(text)
        below = f" and below {BEYOND}" if text.isdecimal() and int(text) >= BEYOND else ""
        raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}{below}, not {text}")

    return parse


positive = whole_number(1)
non_negative = whole_number(0)


def add_state(parser: argparse.ArgumentParser) -> None:
    """Add the option that chooses among a run's states."""
    parser.add_argument(
        "--checkpoint",
        choices=("last", "best"),
        default="last",
        help="of the run: its last state, or the one with the lowest FID while training (last)",
    )


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Add the option that chooses among a generator's weights."""
    parser.add_argument(
        "--weights",
        choices=("ema", "raw"),
        default="ema",
        help="the generator's moving average, where the run kept one, or the generator as it is (ema)",
    )
