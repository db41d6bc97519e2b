"""Options that the verbs share which explore the latents of a run: `interpolate`, `walk` and `project`."""

import argparse
from typing import TYPE_CHECKING

from gan_lab.cli.arguments import add_device, add_state, add_weights, amount

if TYPE_CHECKING:  # torch is imported only where images are generated
    from gan_lab.evaluation.latents import Space

TRUNCATION = (
    "images that are better and more alike: of styles the share of the distance from the mean style, from 0 to 1; "
    "else the largest value of a latent, such as 1, for a normal distribution that is cut off there"
)


def add_run(parser: argparse.ArgumentParser) -> None:
    """Declare the run, and the options that choose its weights and the device."""
    parser.add_argument("run_folder", metavar="RUN", help="a run, finished or not: its folder, its name, or latest")
    add_state(parser)
    add_weights(parser)
    add_device(parser)


def add_truncation(parser: argparse.ArgumentParser) -> None:
    """Declare the option that draws images nearer to each other."""
    parser.add_argument("--truncation", type=amount, metavar="T", help=TRUNCATION)


def space(arguments: argparse.Namespace) -> "Space":
    """The space of the run that the options choose.

    Raises:
        UserError: the run has no checkpoint, or generates from no latents; or there is no such device or truncation.
    """
    from gan_lab.evaluation.latents import Space
    from gan_lab.runs.run import Run

    return Space(
        Run.open(arguments.run_folder),
        which=arguments.checkpoint,
        ema=arguments.weights == "ema",
        device=arguments.device,
        truncation=getattr(arguments, "truncation", None),
    )
