"""A comparison as one HTML page that a browser opens offline: nothing in it comes from anywhere else."""

import json
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from html import escape
from pathlib import Path

from gan_lab.evaluation import curves, differences, timelapse
from gan_lab.evaluation.charts import chart
from gan_lab.evaluation.groups import Group, setup
from gan_lab.evaluation.run_scores import LeftOut
from gan_lab.evaluation.tables import cells, notes
from gan_lab.metrics.titles import title
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import read_regular

LARGEST_GRID = 1 << 24  # bytes
SHOWN_RUNS = 3  # of a setup, whose grids are shown
ABSENT = "-"
STYLE = """
body { font: 15px/1.5 sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
body { color: #1a1a1a; background: #fff }
h1, h2 { line-height: 1.2 }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .7rem; text-align: right; vertical-align: top }
th:first-child, td:first-child { text-align: left }
.ranked tbody tr:first-child { background: #f2f6ff }
.wide { overflow-x: auto }
.charts, .grids { display: flex; flex-wrap: wrap; gap: 1.5rem }
.charts svg { width: 34rem; max-width: 100% }
figure { margin: 0 }
figure img { max-width: 22rem; width: 100%; image-rendering: pixelated }
figcaption { font-size: 13px; color: #555; overflow-wrap: anywhere }
"""


def render(groups: Sequence[Group], columns: Sequence[str], left_out: Sequence[LeftOut]) -> str:
    """Make the page: table, curves, grids side by side, and the options in which setups differ.

    Args:
        groups: setups, the best first.
        columns: scores to show; setups are sorted by the first one.
        left_out: runs that are not in the table, which are named.
    """
    score = columns[0]
    found = differences.from_the_best(groups, score)
    words = [*differences.in_words(found, score), *notes(groups, left_out)]
    parts = [
        f"<h1>{len(groups)} setups by {escape(title(score).text)}</h1>",
        table(cells(groups, columns, "±"), kind="wide ranked"),
        "".join(f"<p>{escape(line)}</p>" for line in words),
        section("Learning curves", charts(groups, columns)),
        section("Samples", grids(groups)),
        section("Options that differ", options(groups)),
    ]
    head = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width"><meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'\">"
        f"<title>gan_lab: {len(groups)} setups</title><style>{STYLE}</style></head><body>"
    )
    return f"{head}{''.join(parts)}</body></html>\n"


def section(heading: str, content: str) -> str:
    """A heading and what follows; nothing without content."""
    return f"<h2>{heading}</h2>{content}" if content else ""


def table(rows: Sequence[Sequence[str]], kind: str = "wide") -> str:
    """A table whose first row is its heading; a ranked one marks the first row below."""
    first, *rest = ("".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) for tag, row in _tagged(rows))
    body = "".join(f"<tr>{row}</tr>" for row in rest)
    return f'<div class="{kind}"><table><thead><tr>{first}</tr></thead><tbody>{body}</tbody></table></div>'


def _tagged(rows: Sequence[Sequence[str]]) -> list[tuple[str, Sequence[str]]]:
    return [("td" if index else "th", row) for index, row in enumerate(rows)]


def charts(groups: Sequence[Group], columns: Sequence[str]) -> str:
    """A chart for each score that was taken while training."""
    drawn = []
    for score in columns:
        if lines := curves.lines(groups, score):
            name = title(score).text
            drawn.append(chart(lines, title=f"{name} while training, mean ± std", x="images seen", y=name))
    return f'<div class="charts">{"".join(drawn)}</div>' if drawn else ""


def grids(groups: Sequence[Group]) -> str:
    """The last grid of the first runs of each setup."""
    figures = []
    for group in groups:
        for member in group.members[:SHOWN_RUNS]:
            path = last_grid(member.run)
            content = None if path is None else picture(path)
            if path is not None and content is not None:
                caption = escape(f"{group.name}: {member.run.folder.name}, {path.stem}")
                figures.append(
                    f'<figure><img alt="{caption}" src="{content}"><figcaption>{caption}</figcaption></figure>'
                )
    return f'<div class="grids">{"".join(figures)}</div>' if figures else ""


def last_grid(run: Run) -> Path | None:
    """The newest of a run's grids; None without any."""
    with suppress(UserError):
        return timelapse.shots(run, most=1)[0].file
    return None


def picture(path: Path) -> str | None:
    """A PNG file as a text that stands for it in a page; None where it can't be read or is none."""
    try:
        content = read_regular(path, LARGEST_GRID)
    except OSError:
        return None
    return f"data:image/png;base64,{b64encode(content).decode()}" if content.startswith(b"\x89PNG") else None


def options(groups: Sequence[Group]) -> str:
    """A table of the options in which setups differ, a column for each setup."""
    known = [setup(group.members[0].run) for group in groups]
    paths = sorted({path for values in known for path in values})
    rows = [[path, *(_shown(values, path) for values in known)] for path in paths]
    differing = [row for row in rows if len(set(row[1:])) > 1]
    return table([["Option", *(group.name for group in groups)], *differing]) if differing else ""


def _shown(values: dict[str, object], path: str) -> str:
    return json.dumps(values[path], default=str) if path in values else ABSENT
