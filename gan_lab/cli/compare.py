"""`gan-lab compare`: runs side by side, over their seeds, where that is fair."""

import argparse
from pathlib import Path
from typing import Any

from gan_lab.cli.outputs import put, refuse_existing
from gan_lab.utils.errors import UserError, nearest

SUFFIXES = {".csv": "csv", ".md": "markdown", ".json": "json"}
COLUMNS = ("fid", "kid", "coverage", "class_accuracy")


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("compare", help="a table of the scores of several runs", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="of runs or sweeps, or any folder above them")
    parser.add_argument("--score", default="fid", help="to sort by (fid)")
    parser.add_argument(
        "--columns", help=f"scores to show beside it, with commas ({','.join(COLUMNS)}, where there are such)"
    )
    parser.add_argument("--protocol", metavar="ID", help="of several protocols, compare the scores of this one")
    parser.add_argument(
        "--format", choices=("table", *SUFFIXES.values()), help="by default what the name of --out says, else table"
    )
    parser.add_argument("--out", type=Path, help="file to write instead of printing")
    parser.add_argument("--force", action="store_true", help="replace --out if it exists")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Find, group, and print or write.

    Raises:
        UserError: there are no runs, or none with this score; scores of different protocols; an output that exists.
    """
    out: Path | None = arguments.out
    refuse_existing("--out", out, arguments.force)

    from gan_lab.evaluation import groups, run_scores, tables

    chosen, without = run_scores.choose(run_scores.find(arguments.folders), arguments.protocol)
    there = {name for one in chosen for name in one.scores.values}
    columns = [arguments.score, *(arguments.columns.split(",") if arguments.columns else COLUMNS)]
    for name in columns if arguments.columns else columns[:1]:
        if name not in there:
            raise UserError(f"no run has a score named {name}. {nearest(name, there)}")
    shown = [name for name in dict.fromkeys(columns) if name in there]
    form = arguments.format or (SUFFIXES.get(out.suffix, "table") if out else "table")
    table = tables.render(form, groups.ranked(groups.group(chosen), arguments.score), shown, without)
    if out:
        put("--out", out, table)
        print(f"{len(chosen)} runs, {len(without)} without scores: {out}")
    else:
        print(table, end="")
