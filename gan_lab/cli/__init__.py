"""The `gan-lab` command: what one does with a run folder after training."""

import argparse
from collections.abc import Sequence

import gan_lab
from gan_lab.cli import compare, evaluate, sample, status, train_features, translate
from gan_lab.config.command_line import readable_errors

COMMANDS = (sample, translate, evaluate, compare, status, train_features)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; what a user can get wrong ends in one message and exit code 1."""
    parser = argparse.ArgumentParser(prog="gan-lab", description=__doc__)
    parser.add_argument("--version", action="version", version=gan_lab.__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for command in COMMANDS:
        command.add_parser(commands)
    with readable_errors():
        parsed = parser.parse_args(arguments)
        parsed.run(parsed)
