"""Groups of runs as a table: to read, for a page, for a spreadsheet, for a program."""

import csv
import io
import json
from collections.abc import Callable, Sequence

from tabulate import tabulate

from gan_lab.evaluation.groups import Group, Spread
from gan_lab.metrics.protocol import Protocol
from gan_lab.metrics.titles import heading, title
from gan_lab.runs.run import Run

NOTHING = "-"


def render(form: str, groups: Sequence[Group], columns: Sequence[str], without: Sequence[Run]) -> str:
    """A table.

    Args:
        form: "table", "markdown", "csv" or "json".
        groups: its rows, at least one.
        columns: scores to show.
        without: runs without scores, which are named.
    """
    forms: dict[str, Callable[[Sequence[Group], Sequence[str], Sequence[Run]], str]] = {
        "table": as_text,
        "markdown": as_markdown,
        "csv": as_csv,
        "json": as_json,
    }
    return forms[form](groups, columns, without)


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


def notes(groups: Sequence[Group], without: Sequence[Run]) -> list[str]:
    """Notes below a table: the protocol of its numbers, and the runs without scores."""
    protocol = protocol_of(groups)
    note = (
        f"Protocol {protocol.id}: {protocol.n_fake:,} generated images (weights {protocol.weights}) and "
        f"{protocol.n_real:,} real ones ({protocol.split}), through {protocol.extractor.get('name')}. "
        "Mean and standard deviation over runs that differ in their seed."
    )
    return [note, *(f"No scores: {run.folder} ({run.record().get('status')})" for run in without)]


def as_text(groups: Sequence[Group], columns: Sequence[str], without: Sequence[Run]) -> str:
    """Aligned columns."""
    lines = tabulate(cells(groups, columns, "+-"), tablefmt="plain", disable_numparse=True)
    return "\n".join([lines, "", *notes(groups, without)]) + "\n"


def as_markdown(groups: Sequence[Group], columns: Sequence[str], without: Sequence[Run]) -> str:
    """A table for a page."""
    first, *rest = cells(groups, columns, "±")
    rows = [[f"`{name.replace('|', chr(92) + '|')}`", *values] for name, *values in rest]  # tabulate escapes nothing
    align = ("left", *["right"] * (len(first) - 1))
    lines = tabulate(rows, first, tablefmt="pipe", disable_numparse=True, colalign=align)
    return "\n".join([lines, "", *(f"{note}  " for note in notes(groups, without))]) + "\n"


def as_csv(groups: Sequence[Group], columns: Sequence[str], without: Sequence[Run]) -> str:
    """Plain numbers, a column for each mean and each standard deviation; runs without scores have no row."""
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


def as_json(groups: Sequence[Group], columns: Sequence[str], without: Sequence[Run]) -> str:
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
        "without_scores": [str(run.folder) for run in without],
    }
    return json.dumps(content, indent=2) + "\n"
