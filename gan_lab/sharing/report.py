"""Reports: what was trained, and how it went, of one run or several, on one page that needs nothing else."""

import csv
import io
import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from math import isfinite
from pathlib import Path
from typing import Any

from gan_lab.evaluation import charts, run_scores, timelapse
from gan_lab.evaluation.charts import Line
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.metrics.titles import formatted, title
from gan_lab.runs.record import best_score
from gan_lab.runs.run import Run
from gan_lab.sharing import grids
from gan_lab.sharing.card import training_command
from gan_lab.training.describe import main_choices, typed_values
from gan_lab.training.summary import best_summary_line
from gan_lab.utils import pages
from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.files import open_regular
from gan_lab.utils.pages import Html

POINTS = 240  # of a line, at most: as many as a screen shows
GRIDS = 24  # of a run, at most, from the first to the last
LONG_SIDE = 900  # pixels of a grid, at most
HEAVY = 100_000  # bytes of a PNG from which on a grid is kept as WebP
ALARMS = 50  # of a run, at most
PLAYERS = ("generator", "discriminator")
LINES = 8  # of a chart, at most, as many as have colours
# By title: name of the vertical axis, and columns of metrics.csv with names for the legend.
Charts = Mapping[str, tuple[str, Mapping[str, str]]]
CHARTS: Charts = {
    "FID while training": ("FID", {"scores/fid": "", "scores/a2b/fid": "a to b", "scores/b2a/fid": "b to a"}),
    "PSNR while training": ("dB", {"scores/psnr": ""}),
    "Precision and recall": ("share", {"scores/precision": "precision", "scores/recall": "recall"}),
    "Losses": ("loss", {f"loss/{player}": player for player in PLAYERS}),
    "Logits": ("mean logit", {"logit/real": "real", "logit/fake": "generated"}),
    "Accuracy of the discriminator": ("share", {"accuracy/real": "real", "accuracy/fake": "generated"}),
    "Gradients": ("length", {"gradient_norm/generator": "generator", "gradient_norm/discriminator": "discriminator"}),
    "Learning rates": (
        "rate",
        {"learning_rate/generator": "generator", "learning_rate/discriminator": "discriminator"},
    ),
    "Speed": ("images a second", {"images_per_second": ""}),
}
SCRIPT = """
for (const film of document.querySelectorAll(".film")) {
  const frames = film.querySelectorAll("figure"), slider = film.querySelector("input");
  const show = () => frames.forEach((frame, at) => { frame.hidden = at !== Number(slider.value) });
  slider.addEventListener("input", show);
  slider.hidden = frames.length < 2;
  show();
}
"""
STYLE = "figure { margin: 0 } figcaption { font-size: .9rem; color: var(--quiet) }"
Metrics = Mapping[str, Sequence[tuple[float, float]]]  # by column, images seen and values


def report(runs: Sequence[Run]) -> str:
    """A page of HTML that shows runs beside each other.

    Args:
        runs: at least one.

    Raises:
        UserError: a record, a table or a grid can't be read.
    """
    names = names_of(runs)
    records = [run.record() for run in runs]
    title = names[0] if len(runs) == 1 else f"{len(runs)} runs"
    parts = [
        pages.element("h1", pages.text(f"Report: {title}")),
        pages.paragraph(" | ".join(_state(run, record) for run, record in zip(runs, records, strict=True)), quiet=True),
        pages.section("What was run", *_setups(runs, names)),
        pages.section("Grids over time", *_films(runs, names)),
        pages.section("Scores", *_scores(runs, records, names)),
        pages.section("Curves", *_curves(runs, names)),
        pages.section("Alarms", *_alarms(records, names)),
        pages.section("Environment", _environment(records, names)),
        pages.paragraph("Made by gan-lab report. The page holds all that it shows.", quiet=True),
    ]
    return pages.page(f"{title} - gan_lab", *parts, script=SCRIPT, style=STYLE)


def names_of(runs: Sequence[Run]) -> list[str]:
    """The runs' folders' names, with those of the folders above where two are alike."""
    names = [run.folder.resolve().name for run in runs]
    longer = [f"{run.folder.resolve().parent.name}/{name}" for run, name in zip(runs, names, strict=True)]
    return [long if names.count(name) > 1 else name for name, long in zip(names, longer, strict=True)]


def _state(run: Run, record: Mapping[str, Any]) -> str:
    seconds = record.get("seconds")
    time = f" in {timedelta(seconds=round(seconds))}" if seconds else ""
    return f"{run.state()} after {record.get('images_seen', 0):,} images{time}"


def _setups(runs: Sequence[Run], names: Sequence[str]) -> Iterator[Html]:
    told: list[Mapping[str, object]] = []
    for run in runs:
        config = run.config()
        told.append({**main_choices(run, config), **typed_values(run, config)})
    rows = dict.fromkeys(name for values in told for name in values)
    yield pages.table(["", *names], [[name, *(values.get(name, "") for values in told)] for name in rows])
    for run, name in zip(runs, names, strict=True):
        if command := training_command(run):
            if len(runs) > 1:
                yield pages.element("h3", pages.text(name))
            yield pages.code(command)
        if notes := run.record().get("notes"):
            yield pages.paragraph(notes)


def _films(runs: Sequence[Run], names: Sequence[str]) -> Iterator[Html]:
    cards = []
    for run, name in zip(runs, names, strict=True):
        shots = grids_of(run)
        last = len(shots) - 1
        frames = [
            pages.element(
                "figure",
                pages.picture(*shrunk(shot.file), f"samples after {shot.images_seen:,} images"),
                pages.element("figcaption", pages.text(shot.caption)),
                hidden=index < last,
            )
            for index, shot in enumerate(shots)
        ]
        if frames:
            slider = pages.element(
                "input", type="range", min=0, max=last, value=last, step=1, hidden=True, aria_label=f"time, {name}"
            )
            heading = pages.element("h3", pages.text(name))
            cards.append(pages.element("div", heading, slider, *frames, class_="card film"))
    if cards:
        yield pages.element("div", *cards, class_="grid")
    else:
        yield pages.paragraph("No grid has been drawn.")


def grids_of(run: Run) -> list[timelapse.Shot]:
    """Grids of a run in order, some `GRIDS` of them at even distances; none where it has none."""
    with suppress(UserError):
        return timelapse.shots(run, most=GRIDS)
    return []


def shrunk(file: Path) -> tuple[bytes, str]:
    """A grid's pixels as a file for a page, and its kind: not larger than a screen shows.

    Raises:
        UserError: it can't be read.
    """
    pixels = grids.read(file)
    pixels.thumbnail((LONG_SIDE, LONG_SIDE))
    content = io.BytesIO()
    pixels.save(content, format="PNG", optimize=True)
    if len(content.getvalue()) <= HEAVY:
        return content.getvalue(), "png"
    content = io.BytesIO()
    pixels.save(content, format="WEBP", quality=85)
    return content.getvalue(), "webp"


def _scores(runs: Sequence[Run], records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterator[Html]:
    by_protocol: dict[str, list[tuple[str, ScoreRecord]]] = defaultdict(list)
    for run, name in zip(runs, names, strict=True):
        for scores in run_scores.records(run):
            by_protocol[scores.protocol.id].append((name, scores))
    for protocol, scored in by_protocol.items():
        told = [formatted(scores) for _, scores in scored]
        rows = dict.fromkeys(score for each in told for score in each)
        heads = ["", *(f"{name}, {_images(scores)}" for name, scores in scored)]
        first = scored[0][1].protocol
        yield pages.table(
            heads,
            [
                [next(each[row][0] for each in told if row in each), *(each.get(row, ("", ""))[1] for each in told)]
                for row in rows
            ],
        )
        extractor = first.extractor.get("name", "unknown")
        yield pages.paragraph(
            f"Protocol {protocol}: {first.n_fake:,} generated images ({first.weights} weights) against "
            f"{first.n_real:,} real ones of the split {first.split}, features of {extractor}. Only scores of one "
            "protocol can be compared.",
            quiet=True,
        )
    for record, name in zip(records, names, strict=True):
        if record.get("best"):
            yield pages.paragraph(f"Best while training, {name}: {best_summary_line(record)}")
    if not by_protocol and not any(record.get("best") for record in records):
        yield pages.paragraph("No scores: gan-lab evaluate RUN computes them.")


def _images(scores: ScoreRecord) -> str:
    return "images of unknown origin" if scores.images_seen is None else f"{scores.images_seen:,} images"


def _curves(runs: Sequence[Run], names: Sequence[str]) -> Iterator[Html]:
    metrics = [metrics_of(run) for run in runs]
    cards = []
    for heading, (axis, columns) in {**_charts_of_best(runs), **CHARTS}.items():
        groups = [columns] if len(runs) * len(columns) <= LINES else [{name: columns[name]} for name in columns]
        for group in groups:
            lines = [
                Line(name=" ".join(filter(None, (name if len(runs) > 1 or not said else "", said))), points=points)
                for name, known in zip(names, metrics, strict=True)
                for column, said in group.items()
                if (points := known.get(column))
            ][:LINES]
            if lines:
                chart = charts.chart(lines, title=heading, x="images seen", y=axis)
                cards.append(pages.element("div", Html(chart), class_="card"))
    if cards:
        yield pages.element("div", *cards, class_="grid charts")
    else:
        yield pages.paragraph("No numbers: nothing has been logged, or logger.csv was left out.")


def _charts_of_best(runs: Sequence[Run]) -> Charts:
    """Charts of scores that runs go by and that have none yet."""
    drawn = {column for _, columns in CHARTS.values() for column in columns}
    names = [best.name for run in runs if (best := best_score(run.record()))]
    found = {title(name).text: f"scores/{name}" for name in names}
    return {f"{text} while training": (text, {at: ""}) for text, at in found.items() if at not in drawn}


def metrics_of(run: Run) -> Metrics:
    """The numbers of metrics.csv by column, thinned to as many as a screen shows; none where there is no table.

    Raises:
        UserError: the table can't be read.
    """
    if not run.metrics_file.is_file():
        return {}
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    try:
        with open_regular(run.metrics_file) as opened:
            for row in csv.DictReader(io.TextIOWrapper(opened, encoding="utf-8")):
                with suppress(ValueError, TypeError):
                    seen = float(row["images_seen"])
                    for name, value in row.items():
                        if name and value and isfinite(number := float(value)):
                            found[name].append((seen, number))
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise UserError(f"{run.metrics_file} can't be read: {reason(error)}") from error
    return {name: thinned(points) for name, points in found.items()}


def thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Means of neighbours where there are more points than a line needs."""
    if len(points) <= POINTS:
        return points
    edges = [round(index * len(points) / POINTS) for index in range(POINTS + 1)]
    parts = [points[low:high] for low, high in itertools.pairwise(edges)]
    return [tuple(sum(axis) / len(part) for axis in zip(*part, strict=True)) for part in parts]


def _alarms(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterator[Html]:
    for record, name in zip(records, names, strict=True):
        alarms = record.get("alarms") or []
        if len(records) > 1:
            yield pages.element("h3", pages.text(name))
        if error := record.get("error"):
            yield pages.paragraph(f"It failed: {error}")
        yield pages.items(alarms[:ALARMS]) if alarms else pages.paragraph("None.")
        if len(alarms) > ALARMS:
            yield pages.paragraph(f"... and {len(alarms) - ALARMS:,} more")


def _environment(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Html:
    told: list[dict[str, object]] = []
    for record in records:
        batch = record.get("batch_size") or {}
        speed = record.get("images_per_second")
        values: dict[str, object] = {
            "started": record.get("started"),
            "device": record.get("device"),
            "processes": record.get("processes"),
            "images a batch": batch.get("global"),
            "images a second": f"{speed:,.0f}" if speed else None,
            "data": (record.get("data") or {}).get("name"),
            "training images": (record.get("data") or {}).get("train_images"),
            "seed": record.get("seed"),
            **(record.get("versions") or {}),
            "commit": record.get("git_commit"),
        }
        told.append({name: value for name, value in values.items() if value is not None})
    rows = dict.fromkeys(name for values in told for name in values)
    return pages.table(["", *names], [[name, *(values.get(name, "") for values in told)] for name in rows])
