"""A comparison as one HTML page that a browser opens offline: nothing in it comes from anywhere else."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from gan_lab.evaluation import curves, differences, timelapse
from gan_lab.evaluation.charts import chart
from gan_lab.evaluation.groups import Group, setup
from gan_lab.evaluation.run_scores import LeftOut
from gan_lab.evaluation.tables import cells, notes
from gan_lab.metrics.titles import title
from gan_lab.runs.run import Run
from gan_lab.utils import pages
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import read_regular
from gan_lab.utils.pages import Html

LARGEST_GRID = 1 << 24  # bytes
SHOWN_RUNS = 3  # of a setup, whose grids are shown
ABSENT = "-"
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # pages of this kind have no script
STYLE = """
.ranked { margin: 1rem 0 } .ranked thead th + th, .ranked td { text-align: right }
.ranked tbody tr:first-child { background: #f2f6ff }
figure { margin: 0 } figcaption { font-size: 13px; color: var(--quiet); overflow-wrap: anywhere }
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
    head, *rows = cells(groups, columns, "±")
    parts = [
        pages.element("h1", pages.text(f"{len(groups)} setups by {title(score).text}")),
        pages.element("div", pages.table(head, rows), class_="ranked"),
        *map(pages.paragraph, words),
    ]
    if drawn := [*charts(groups, columns)]:
        parts.append(pages.section("Learning curves", pages.element("div", *drawn, class_="grid charts")))
    if shown := [*grids(groups)]:
        parts.append(pages.section("Samples", pages.element("div", *shown, class_="grid")))
    if differing := options(groups):
        parts.append(pages.section("Options that differ", differing))
    return pages.page(f"gan_lab: {len(groups)} setups", *parts, style=STYLE, policy=POLICY)


def charts(groups: Sequence[Group], columns: Sequence[str]) -> Iterator[Html]:
    """A chart for each score that was taken while training."""
    for score in columns:
        if lines := curves.lines(groups, score):
            name = title(score).text
            drawn = chart(lines, title=f"{name} while training, mean ± std", x="images seen", y=name)
            yield pages.element("div", Html(drawn), class_="card")


def grids(groups: Sequence[Group]) -> Iterator[Html]:
    """The last grid of the first runs of each setup."""
    for group in groups:
        for member in group.members[:SHOWN_RUNS]:
            path = last_grid(member.run)
            content = None if path is None else picture(path)
            if path is not None and content is not None:
                caption = f"{group.name}: {member.run.folder.name}, {path.stem}"
                said = pages.element("figcaption", pages.text(caption))
                yield pages.element("figure", pages.picture(content, "png", caption), said, class_="card")


def last_grid(run: Run) -> Path | None:
    """The newest of a run's grids; None without any."""
    with suppress(UserError):
        return timelapse.shots(run, most=1)[0].file
    return None


def picture(path: Path) -> bytes | None:
    """The content of a PNG file; None where it can't be read or is none."""
    try:
        content = read_regular(path, LARGEST_GRID)
    except OSError:
        return None
    return content if content.startswith(b"\x89PNG") else None


def options(groups: Sequence[Group]) -> Html:
    """A table of the options in which setups differ, a column for each setup; empty where they don't."""
    known = [setup(group.members[0].run) for group in groups]
    paths = sorted({path for values in known for path in values})
    rows = [[path, *(_shown(values, path) for values in known)] for path in paths]
    differing = [row for row in rows if len(set(row[1:])) > 1]
    return pages.table(["Option", *(group.name for group in groups)], differing) if differing else Html("")


def _shown(values: dict[str, object], path: str) -> str:
    return json.dumps(values[path], default=str) if path in values else ABSENT
