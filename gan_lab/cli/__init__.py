"""The `gan-lab` command: train; sample from, translate with, explore, evaluate, compare and learn from trained runs."""

import argparse
import sys
from collections.abc import Sequence

import gan_lab
from gan_lab.cli import (
    augment,
    compare,
    dataset,
    evaluate,
    export,
    interpolate,
    new,
    project,
    publish,
    report,
    sample,
    serve,
    status,
    timelapse,
    train,
    train_features,
    translate,
    walk,
)
from gan_lab.config.command_line import readable_errors

DESCRIPTION = """Train GANs, and work with the folders of trained runs.

A RUN is the folder that training has made, such as logs/runs/2026-01-31_12-00-00_dcgan_mnist,
or its name alone; a job of a sweep is SWEEP/NUMBER, and `latest` is the run in logs/runs that
started last. A model that was exported as safetensors or published, hf://user/name, will do as well."""
COMMANDS = (
    train,
    sample,
    translate,
    interpolate,
    timelapse,
    walk,
    project,
    evaluate,
    compare,
    augment,
    report,
    export,
    publish,
    serve,
    status,
    dataset,
    train_features,
    new,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; a user's mistake ends in one message and exit code 1."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] == train.NAME:
        return train.main(given[1:])  # Hydra parses these
    parser = argparse.ArgumentParser(
        prog="gan-lab",
        description=DESCRIPTION,
        epilog="`gan-lab COMMAND --help` lists the options of a command, with examples.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=gan_lab.__version__)
    commands = parser.add_subparsers(required=True, title="commands", metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    with readable_errors():
        if given and given[0].startswith(train.COMPLETION):
            return train.complete(given, list(commands.choices))
        parsed = parser.parse_args(given)
        parsed.run(parsed)
    return None
