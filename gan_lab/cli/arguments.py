"""Types of command-line arguments, and the options that several commands share."""

import argparse
import math
from collections.abc import Callable
from contextlib import suppress

BEYOND = 1 << 32  # the limit of seeds in every library, and more images than anyone generates


def whole_number(least: int) -> Callable[[str], int]:
    """Make the type of a whole number of at least `least`."""

    def parse(text: str) -> int:
        if text.isdecimal() and least <= int(text) < BEYOND:
            return int(text)
        below = f" and below {BEYOND}" if text.isdecimal() and int(text) >= BEYOND else ""
        raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}{below}, not {text}")

    return parse


def amount(text: str) -> float:
    """Read a finite number of at least 0."""
    with suppress(ValueError):
        if 0 <= float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"must be a number of at least 0, not {text}")


def several(text: str) -> list[str]:
    """Read texts between commas, none of them empty."""
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise argparse.ArgumentTypeError(f"must be separated by commas, such as 1,5,9, not {text}")
    return parts


def seeds(text: str) -> list[int]:
    """Read seeds between commas."""
    return [non_negative(part) for part in several(text)]


positive = whole_number(1)
non_negative = whole_number(0)


def add_state(parser: argparse.ArgumentParser) -> None:
    """Declare the option that chooses a run's checkpoint."""
    parser.add_argument(
        "--checkpoint",
        choices=("last", "best"),
        default="last",
        help="checkpoint of the run: the last one, or the best one while training, by FID or PSNR (default: last)",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Declare the option that chooses a device; `gan_lab.utils.hardware.device` reads it."""
    parser.add_argument("--device", default="auto", metavar="NAME", help="cpu, cuda, cuda:1, mps (default: the best)")


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Declare the option that chooses a generator's weights."""
    parser.add_argument(
        "--weights",
        choices=("ema", "raw"),
        default="ema",
        help="weights of the generator: their moving average, if the run has one, or the raw ones (default: ema)",
    )
