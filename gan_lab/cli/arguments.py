"""Types of command-line arguments, and those that several commands share."""

import argparse


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text}")
    return int(text)


def non_negative(text: str) -> int:
    """A whole number of at least 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 0, not {text}")
    return int(text)


def add_state(parser: argparse.ArgumentParser) -> None:
    """Declare which of a run's states is meant."""
    parser.add_argument(
        "--checkpoint",
        choices=("last", "best"),
        default="last",
        help="of the run: its last state, or the one with the lowest FID while training (last)",
    )


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Declare which of a generator's weights are meant."""
    parser.add_argument(
        "--weights",
        choices=("ema", "raw"),
        default="ema",
        help="the generator's moving average, where the run kept one, or the generator as it is (ema)",
    )
