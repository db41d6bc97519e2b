"""`gan-lab compare`: a table of runs, averaged over seeds."""

import argparse
from pathlib import Path
from typing import Any

from gan_lab.cli.arguments import add_command, add_force
from gan_lab.cli.outputs import PAGES, check_ending, put, refuse_existing
from gan_lab.utils.errors import UserError, nearest
from gan_lab.utils.terminal import say

SUFFIXES = {".csv": "csv", ".md": "markdown", ".json": "json"}
COLUMNS = ("fid", "kid", "coverage", "class_accuracy")  # by default, where runs have them
OF_TRANSLATION = (
    "a2b/fid",
    "b2a/fid",
    "psnr",
    "ssim",
    "mae",
    "mae_units",
    "lpips",
    "a2b/psnr",
    "b2a/psnr",
    "cycle_error",
)
EXAMPLES = """examples:
  gan-lab compare logs/runs
  gan-lab compare logs/sweeps/SWEEP --score kid --out table.md
  gan-lab compare logs/sweeps/SWEEP --html page.html"""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "compare",
        run,
        help="print a table of the scores of several runs",
        description="Print a table of the scores of several runs. Runs that differ only in their seed share a row,\n"
        "with mean and standard deviation. Only scores of the same protocol are compared: the one that most\n"
        "runs have. Runs without are named. Below the table stands which setups are worse than the best\n"
        "by more than the spread of seeds (Welch's t-test).",
        examples=EXAMPLES,
    )
    parser.add_argument(
        "folders",
        nargs="+",
        type=Path,
        metavar="FOLDER",
        help="runs, sweeps, or any folder above; or their names",
    )
    parser.add_argument("--score", help="score to sort by (default: fid, or psnr where no run has one)")
    parser.add_argument(
        "--columns",
        help=f"further scores to show, separated by commas (default: {','.join(COLUMNS)} and those of translations)",
    )
    parser.add_argument("--tag", metavar="WORD", help="compare runs of this tag alone (training takes tags=[WORD])")
    parser.add_argument("--protocol", metavar="ID", help="protocol to compare by (default: what most runs have)")
    parser.add_argument(
        "--format", choices=("table", *SUFFIXES.values()), help="format (default: by the suffix of --out, or table)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="file to write instead of printing")
    parser.add_argument(
        "--html",
        type=Path,
        metavar="FILE.html",
        help="also write one page with the table, learning curves, grids and the options that differ, which a browser "
        "opens offline",
    )
    add_force(parser, "--out and --html if they exist")


def run(arguments: argparse.Namespace) -> None:
    """Find and group the runs, and print or write the table.

    Raises:
        UserError: there are no runs, or none with this score; the output exists.
    """
    out: Path | None = arguments.out
    refuse_existing("--out", out, arguments.force)
    refuse_existing("--html", arguments.html, arguments.force)
    check_ending("--html", arguments.html, PAGES, "a page is an .html")
    if not arguments.format:
        check_ending("--out", out, (*SUFFIXES, ".txt", ""), "a table is a .txt, .csv, .md or .json; or add --format")

    from gan_lab.evaluation import groups, page, run_scores, tables
    from gan_lab.runs.names import folder_of

    runs, unopened = run_scores.find(map(folder_of, arguments.folders))
    if arguments.tag:
        runs = run_scores.tagged(runs, arguments.tag)
    chosen, without = run_scores.choose(runs, arguments.protocol)
    grouped, unread = groups.group(chosen)
    left_out = [*unopened, *without, *unread]
    available = {name for one in chosen for name in one.scores.values}
    score = arguments.score or next((name for name in ("fid", "psnr", "cycle_error") if name in available), "fid")
    columns = [score, *(arguments.columns.split(",") if arguments.columns else (*COLUMNS, *OF_TRANSLATION))]
    for name in columns if arguments.columns else columns[:1]:
        if name not in available:
            raise UserError(f"no run has a score named {name}. {nearest(name, available)}")
    shown = [name for name in dict.fromkeys(columns) if name in available]
    form = arguments.format or (SUFFIXES.get(out.suffix.lower(), "table") if out else "table")
    ranked = groups.ranked(grouped, score)
    table = tables.render(form, ranked, shown, left_out)
    if out:
        put("--out", out, table)
        say("\n".join([f"{len(chosen) - len(unread)} runs: {out}", *map(str, left_out)]))
    else:
        say(table, end="")
    if arguments.html:
        put("--html", arguments.html, page.render(ranked, shown, left_out))
        say(f"Page: {arguments.html}")
