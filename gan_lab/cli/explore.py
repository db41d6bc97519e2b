"""Latents of a run, as the options of the verbs choose them which explore these."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # torch is imported only where images are generated
    from gan_lab.evaluation.latents import Space


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
