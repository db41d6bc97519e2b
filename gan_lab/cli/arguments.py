"""Types of command-line arguments, and the options that several commands share."""

import argparse

BEYOND = 1 << 32  # the limit of seeds in every library, and more images than anyone generates


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
    """Declare the option that chooses a run's checkpoint."""
    parser.add_argument(
        "--checkpoint",
        choices=("last", "best"),
        default="last",
        help="checkpoint of the run: the last one, or the one with the lowest FID during training (default: last)",
    )


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Declare the option that chooses a generator's weights."""
    parser.add_argument(
        "--weights",
        choices=("ema", "raw"),
        default="ema",
        help="weights of the generator: their moving average, if the run has one, or the raw ones (default: ema)",
    )
