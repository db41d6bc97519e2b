"""Types of command-line arguments, and those that several commands share."""

import argparse

BEYOND = 1 << 32  # images that anybody draws, seeds that every library takes


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or not 1 <= int(text) < BEYOND:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1{_below(text)}, not {text}")
    return int(text)


def non_negative(text: str) -> int:
    """A whole number of at least 0."""
    if not text.isdecimal() or int(text) >= BEYOND:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 0{_below(text)}, not {text}")
    return int(text)


def _below(text: str) -> str:
    return f" and below {BEYOND}" if text.isdecimal() and int(text) >= BEYOND else ""


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
