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
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder or name of a sweep or a run, or latest")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Read the records and print a table.

    Raises:
        UserError: there is neither a sweep nor a run of this name.
    """
    from gan_lab.runs.names import folder_of
    from gan_lab.sweeps import status

    jobs = status.jobs_in(folder_of(arguments.folder))
    notes = status.notes(jobs)
    say(f"{status.table(jobs)}\n\n{notes}{status.summary(jobs)}")
