"""Types of command-line arguments, and the options that several commands share."""

import argparse
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

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


def add_command(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], None],
    *,
    help: str,
    description: str,
    examples: str | None = None,
) -> argparse.ArgumentParser:
    """Declare a command whose help keeps the lines of its description and its examples.

    Args:
        commands: what argparse adds commands to.
        name: as one types it.
        run: is called with what one has typed.
        help: in the list of commands.
        description: above the options.
        examples: below them.
    """
    formatter = argparse.RawDescriptionHelpFormatter
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help, description=description, epilog=examples, formatter_class=formatter
    )
    parser.set_defaults(run=run)
    return parser


def add_run(parser: argparse.ArgumentParser, kind: str = "a run, finished or not") -> None:
    """Declare the run, which comes first; `gan_lab.runs.names` reads it."""
    parser.add_argument("run_folder", metavar="RUN", help=f"{kind}: its folder, its name, or latest")


def add_generator(parser: argparse.ArgumentParser) -> None:
    """Declare a run that generates, and the options that choose its checkpoint, its weights and the device."""
    add_run(parser)
    add_state(parser)
    add_weights(parser)
    add_device(parser)


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


def add_weights(
    parser: argparse.ArgumentParser,
    what: str = "weights of the generator: their moving average, if the run has one, or the raw ones",
) -> None:
    """Declare the option that chooses a generator's weights."""
    parser.add_argument("--weights", choices=("ema", "raw"), default="ema", help=f"{what} (default: ema)")


def add_class(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare the option that chooses a class of a conditional model."""
    parser.add_argument("--class", dest="of_class", metavar="CLASS", help=what)


def add_truncation(parser: argparse.ArgumentParser) -> None:
    """Declare the option that draws images nearer to each other."""
    parser.add_argument(
        "--truncation",
        type=amount,
        metavar="T",
        help="images that are better and more alike: of styles the share of the distance from the mean style, from 0 "
        "to 1; else the largest value of a latent, such as 1, for a normal distribution that is cut off there",
    )


def add_force(parser: argparse.ArgumentParser, what: str = "--out if it exists") -> None:
    """Declare the option that replaces outputs; `gan_lab.cli.outputs` asks for it."""
    parser.add_argument("--force", action="store_true", help=f"replace {what}")
