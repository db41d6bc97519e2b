"""Groups of runs as a table: to read, for a page, for a spreadsheet, for a program."""

import csv
import io
import json
from collections.abc import Callable, Sequence

from tabulate import tabulate

from gan_lab.evaluation.differences import from_the_best, in_words
from gan_lab.evaluation.groups import Group, Spread
from gan_lab.evaluation.run_scores import LeftOut
from gan_lab.metrics.protocol import Protocol
from gan_lab.metrics.titles import heading, title

NOTHING = "-"


def render(form: str, groups: Sequence[Group], columns: Sequence[str], left_out: Sequence[LeftOut]) -> str:
    """A table, and whether setups differ by more than their seeds do.

    Args:
        form: "table", "markdown", "csv" or "json".
        groups: its rows, at least one.
        columns: scores to show; differences are those of the first one.
        left_out: runs that are not in the table, which are named.
    """
    forms: dict[str, Callable[[Sequence[Group], Sequence[str], Sequence[LeftOut]], str]] = {
        "table": as_text,
        "markdown": as_markdown,
        "csv": as_csv,
        "json": as_json,
    }
    return forms[form](groups, columns, left_out)


def protocol_of(groups: Sequence[Group]) -> Protocol:
    """The one that all scores share."""
    return groups[0].members[0].scores.protocol


def cells(groups: Sequence[Group], columns: Sequence[str], plus_minus: str) -> list[list[str]]:
    """The heading, then a row for each group."""
    protocol = protocol_of(groups)
    names = [heading(column, protocol) for column in columns]
    rows = [["Setup", "Runs", *names, "Images seen", "Images/s", "Protocol"]]
    for group in groups:
        scores = [spread(column, group.scores.get(column), plus_minus) for column in columns]
        seen, speed = group.images_seen, group.images_per_second
        rows.append(
            [
                group.name,
                str(len(group.members)),
                *scores,
                NOTHING if seen is None else f"{seen:,}",
                NOTHING if speed is None else f"{speed:,.0f}",
                protocol.id,
            ]
        )
    return rows


def spread(name: str, found: Spread | None, plus_minus: str) -> str:
    """Mean and standard deviation as they are written."""
    if found is None:
        return NOTHING
    shown = title(name).value
    return shown(found.mean) + ("" if found.deviation is None else f" {plus_minus} {shown(found.deviation)}")


def notes(groups: Sequence[Group], left_out: Sequence[LeftOut]) -> list[str]:
    """Notes below a table: the protocol of its numbers, and the runs that are not in it."""
    protocol = protocol_of(groups)
    note = (
        f"Protocol {protocol.id}: {protocol.n_fake:,} generated images (weights {protocol.weights}) and "
        f"{protocol.n_real:,} real ones ({protocol.split}), through {protocol.extractor.get('name')}. "
        "Mean and standard deviation over runs that differ in their seed."
    )
    return [note, *map(str, left_out)]


def as_text(groups: Sequence[Group], columns: Sequence[str], left_out: Sequence[LeftOut]) -> str:
    """Aligned columns."""
    lines = tabulate(cells(groups, columns, "+-"), tablefmt="plain", disable_numparse=True)
    return "\n".join([lines, "", *_differences(groups, columns), *notes(groups, left_out)]) + "\n"


def _differences(groups: Sequence[Group], columns: Sequence[str]) -> list[str]:
    return in_words(from_the_best(groups, columns[0]), columns[0])


def as_markdown(groups: Sequence[Group], columns: Sequence[str], left_out: Sequence[LeftOut]) -> str:
    """A table for a page."""
    first, *rest = cells(groups, columns, "±")
    rows = [[f"`{name.replace('|', chr(92) + '|')}`", *values] for name, *values in rest]  # tabulate escapes nothing
    align = ("left", *["right"] * (len(first) - 1))
    lines = tabulate(rows, first, tablefmt="pipe", disable_numparse=True, colalign=align)
    return (
        "\n".join([lines, "", *(f"{note}  " for note in [*_differences(groups, columns), *notes(groups, left_out)])])
        + "\n"
    )


def as_csv(groups: Sequence[Group], columns: Sequence[str], left_out: Sequence[LeftOut]) -> str:
    """Plain numbers, a column for each mean and each standard deviation; runs that are left out have no row."""
    protocol = protocol_of(groups)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    wide = [f"{column}_{part}" for column in columns for part in ("mean", "std")]
    writer.writerow(["setup", "runs", *wide, "images_seen", "images_per_second", "protocol"])
    for group in groups:
        found = [group.scores.get(column) for column in columns]
        values = [value for one in found for value in ((one.mean, one.deviation) if one else (None, None))]
        writer.writerow(
            [group.name, len(group.members), *values, group.images_seen, group.images_per_second, protocol.id]
        )
    return out.getvalue()


def as_json(groups: Sequence[Group], columns: Sequence[str], left_out: Sequence[LeftOut]) -> str:
    """Everything: all scores, each run, the whole protocol."""
    content = {
        "protocol": protocol_of(groups).to_dict(),
        "setups": [
            {
                "name": group.name,
                "runs": [str(member.run.folder) for member in group.members],
                "scores": {name: {"mean": one.mean, "std": one.deviation} for name, one in group.scores.items()},
                "images_seen": group.images_seen,
                "images_per_second": group.images_per_second,
            }
            for group in groups
        ],
        "differences": [
            {"setup": each.setup, "best": each.best, "score": columns[0], "by": each.by, "p": each.p}
            for each in from_the_best(groups, columns[0])
        ],
        "left_out": [{"run": str(one.folder), "reason": one.reason} for one in left_out],
    }
    return json.dumps(content, indent=2) + "\n"
