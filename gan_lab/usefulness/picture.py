"""The outcome of a study as one picture, which shows as well where generated images don't help."""

from io import BytesIO
from typing import Any

from matplotlib.figure import Figure

from gan_lab.usefulness.report import Line, lines
from gan_lab.usefulness.study import Study

COLOURS = {
    "real": "black",
    "classical": "tab:gray",
    "repeated": "tab:brown",
    "repeated, classical": "tab:olive",
    "generated": "tab:blue",
    "both": "tab:green",
    "alone": "tab:red",
}
STYLES = ("-", "--", ":", "-.")
MOST = 101.0  # percent, to which the axis goes at most, however wide an interval is
APART = 0.06  # of the distance of two rows, between the points of two lines


def draw(study: Study) -> bytes:
    """Draw accuracy, and its difference from the fair reference, over the rows: a PNG file's content.

    Each run has a row of two panels. Bars are 95 % intervals. What lies below the grey line at zero did harm. Generated
    images alone are left out there: they lose so much that the rest could not be told apart.
    """
    all_lines = lines(study)
    runs = list(dict.fromkeys(line.first["run"] for line in all_lines))
    figure = Figure(figsize=(12, 0.5 + 4.2 * len(runs)), layout="constrained")
    panels = figure.subplots(len(runs), 2, squeeze=False)
    for (left, right), run in zip(panels, runs, strict=True):
        own = [line for line in all_lines if line.first["run"] == run]
        rows = list(dict.fromkeys(line.first["real"] for line in own))
        names = list(dict.fromkeys(line.title for line in own))
        kinds = list(
            dict.fromkeys((line.first["generated"], line.first["filter"]) for line in own if line.first["generated"])
        )
        for place, name in enumerate(names):
            members = {line.first["real"]: line for line in own if line.title == name}
            first = next(iter(members.values())).first
            kind = (first["generated"], first["filter"])
            look = {
                "color": COLOURS[first["arm"]],
                "linestyle": STYLES[kinds.index(kind) % len(STYLES)] if kind in kinds else "-",
                "label": name,
            }
            along = [rows.index(row) + APART * (place - len(names) / 2) for row in members]
            series(left, along, list(members.values()), look, difference=False)
            if first["arm"] not in ("real", "alone"):
                series(right, along, list(members.values()), look, difference=True)
        left.set_ylim(top=min(MOST, left.get_ylim()[1]))
        right.axhline(0, color="lightgray", zorder=0)
        left.set_ylabel("accuracy, %")
        right.set_ylabel("difference, points")
        left.set_title("Accuracy" + (f", {run}" if len(runs) > 1 else ""), loc="left")
        right.set_title("Gain over real images, augmented where these are", loc="left")
        for panel in (left, right):
            panel.set_xticks(range(len(rows)), rows)
            panel.set_xlabel("real images of each class")
        right.legend(*left.get_legend_handles_labels(), loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
    content = BytesIO()
    figure.savefig(content, format="png", dpi=100, metadata={"Software": None})
    return content.getvalue()


def series(panel: Any, along: list[float], members: list[Line], look: dict[str, str], *, difference: bool) -> None:
    """Draw the points of one way to train, with their intervals."""
    found = [(line.differences if difference else line.values)["accuracy"] for line in members]
    means, halves = [100 * one.mean for one in found], [100 * (one.half or 0) for one in found]
    panel.errorbar(along, means, yerr=halves, marker="o", markersize=4, capsize=2, linewidth=1, **look)
