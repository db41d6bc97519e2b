"""Learning curves of setups: a score over the images seen, with a band over seeds."""

import csv
import io
from bisect import bisect_left
from collections.abc import Sequence
from math import isfinite, nan
from statistics import mean, stdev

from gan_lab.evaluation.charts import Line, Points
from gan_lab.evaluation.groups import Group
from gan_lab.runs.run import Run
from gan_lab.utils.files import read_regular

SEEN = "images_seen"
PREFIX = "scores/"  # of what is scored while training
LARGEST = 1 << 28  # bytes of a table of numbers


def curve(run: Run, score: str) -> list[tuple[float, float]]:
    """Images seen and a score while training, in their order; nothing where the run has no such numbers."""
    try:
        text = read_regular(run.metrics_file, LARGEST).decode(errors="replace")
    except OSError:
        return []
    found: dict[float, float] = {}
    for row in csv.DictReader(io.StringIO(text, newline="")):
        seen, value = (_number(row.get(name)) for name in (SEEN, PREFIX + score))
        if isfinite(seen) and isfinite(value):
            found[seen] = value  # a resumed run may have a row again
    return sorted(found.items())


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return nan


def line(group: Group, score: str) -> Line | None:
    """The mean over the runs of a setup, and a band of one standard deviation on each side.

    Values are those at the images seen of the first run, between two points on a straight line, as far as all runs
    have come. None where no run has numbers.
    """
    curves = [found for member in group.members if (found := curve(member.run, score))]
    if not curves:
        return None
    first, last = (pick(each) for pick, each in ((max, [c[0][0] for c in curves]), (min, [c[-1][0] for c in curves])))
    places = [seen for seen, _ in curves[0] if first <= seen <= last] or [first]
    points, band = [], []
    for seen in places:
        values = [at(found, seen) for found in curves]
        points.append((seen, mean(values)))
        if len(values) > 1:
            reach = stdev(values)
            band.append((seen, mean(values) - reach, mean(values) + reach))
    return Line(name=group.name, points=points, band=band)


def at(points: Points, place: float) -> float:
    """The value of a curve at a place, between two points on a straight line, beyond its ends that of the end."""
    places = [x for x, _ in points]
    index = bisect_left(places, place)
    if index < len(points) and places[index] == place:
        return points[index][1]
    if index in (0, len(points)):
        return points[min(index, len(points) - 1)][1]
    (left, low), (right, high) = points[index - 1], points[index]
    return low + (high - low) * (place - left) / (right - left)


def lines(groups: Sequence[Group], score: str) -> list[Line]:
    """The curves of all setups that have one, in their order."""
    return [found for group in groups if (found := line(group, score))]
