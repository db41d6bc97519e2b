"""`gan-lab train`: train a GAN as a configuration says, or many."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from gan_lab.cli.hydra_callback import take_parts
from gan_lab.config.command_line import readable_errors, refuse_misleading, with_quotes
from gan_lab.config.home import conf_folder
from gan_lab.sweeps import ray_workers
from gan_lab.sweeps.jobs import run_job
from gan_lab.utils.errors import UserError, fail
from gan_lab.utils.terminal import say

NAME = "train"
COMPLETION = ("-sc", "--shell-completion")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """List the command; Hydra parses what follows it."""
    commands.add_parser(NAME, help="train a GAN, or a sweep of them", add_help=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train as the command line says; a user's mistake ends in one message and exit code 1.

    Args:
        arguments: what follows `gan-lab train`; by default those of this program.
    """
    if arguments is not None:
        sys.argv = [f"gan-lab {NAME}", *arguments]  # which Hydra reads
    with readable_errors():
        conf = conf_folder()
        refuse_misleading(sys.argv[1:], conf)
        sys.argv[1:] = with_quotes(sys.argv[1:])
        hydra.main(version_base="1.3", config_path=str(conf), config_name="train")(run)()


def complete(arguments: Sequence[str], commands: Sequence[str]) -> None:
    """Answer a shell that completes `gan-lab ...`: with names of commands, or with what Hydra knows of training.

    Args:
        arguments: the shell's question, -sc install=bash or -sc query=bash, with the line in COMP_LINE.
        commands: names of all.
    """
    program, _, line = os.environ.get("COMP_LINE", "").partition(" ")
    command, space, typed = line.lstrip().partition(" ")
    if any("query=" in argument for argument in arguments):
        if not space:
            return say(" ".join(name for name in commands if name.startswith(command)))
        if command != NAME:
            return None
        os.environ["COMP_LINE"] = f"{program} {typed}"
    sys.argv = [sys.argv[0], *arguments]
    return main()


def run(config: DictConfig) -> float | None:
    """Train one run, or a job of a sweep; a sweeper minimises what this returns."""
    job: Any = HydraConfig.get()
    if job.mode == RunMode.MULTIRUN:
        ray_workers.go_where_it_was_typed(job)
        return run_job(config)

    from gan_lab.training.train import train_parts  # torch and lightning only when there is something to do
    from gan_lab.training.validate import validate

    try:
        parts = take_parts() or validate(config, job.runtime.output_dir)
        return train_parts(parts, debug=bool(job.runtime.choices.get("debug")))
    except UserError as error:
        fail(str(error))  # before Hydra adds a line of its own
