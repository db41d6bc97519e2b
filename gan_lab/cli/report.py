"""`gan-lab report`: a page that shows what was trained, and how it went."""

import argparse
from pathlib import Path
from typing import Any

from gan_lab.cli.arguments import add_force
from gan_lab.cli.outputs import PAGES, check_ending, put, refuse_existing
from gan_lab.utils.terminal import say


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "report",
        help="write a page of HTML about one run or several",
        description="Write one page of HTML: what was run, curves, grids over time with a slider, scores with their "
        "protocols, alarms and environment. The page holds all that it shows, and loads nothing.",
    )
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="a run, finished or not: its folder, its name, or latest; several, too"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("report.html"), metavar="FILE", help="file to write (default: report.html)"
    )
    add_force(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Read the runs and write the page.

    Raises:
        UserError: a run is missing or can't be read, or the output exists or can't be written.
    """
    out: Path = arguments.out
    refuse_existing("--out", out, arguments.force)
    check_ending("--out", out, PAGES, "a page is an .html")

    from gan_lab.runs.run import Run
    from gan_lab.sharing.report import report

    runs = [Run.open(folder) for folder in dict.fromkeys(arguments.runs)]
    put("--out", out, report(runs))
    say(f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}: {out}")
