"""`gan-lab status`: what the jobs of a sweep are doing, or how far a run is."""

import argparse
from pathlib import Path
from typing import Any


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("status", help="the jobs of a sweep, or a run, as they stand", description=__doc__)
    parser.add_argument("folder", type=Path, help="of a sweep or a run")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Look and print.

    Raises:
        UserError: the folder holds neither.
    """
    from gan_lab.sweeps import status

    jobs = status.jobs_in(arguments.folder)
    print(f"{status.table(jobs)}\n\n{status.summary(jobs)}")
