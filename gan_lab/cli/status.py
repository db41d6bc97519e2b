"""`gan-lab status`: the progress of a sweep's jobs, or of a run."""

import argparse
from pathlib import Path
from typing import Any

from gan_lab.utils.terminal import say


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "status",
        help="show the progress of a sweep or a run",
        description="Show the status, progress and best score of each job of a sweep, or of one run.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of a sweep or a run")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Read the records and print a table.

    Raises:
        UserError: the folder holds neither a sweep nor a run.
    """
    from gan_lab.sweeps import status

    jobs = status.jobs_in(arguments.folder)
    say(f"{status.table(jobs)}\n\n{status.summary(jobs)}")
