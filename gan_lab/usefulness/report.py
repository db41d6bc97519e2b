"""The outcome of a study as one table: to read, for a page, for a spreadsheet, for a program."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import mean

from tabulate import tabulate

from gan_lab.usefulness.arms import REFERENCES
from gan_lab.usefulness.cells import Result
from gan_lab.usefulness.corruptions import CORRUPTIONS
from gan_lab.usefulness.intervals import Interval, of_differences
from gan_lab.usefulness.study import Study

NOTHING = "-"
VERDICTS = {1: "better", -1: "worse", 0: "not shown"}
MOST_CLASSES = 20  # that have a column each in the table of recalls


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table: classifiers that differ in their seed alone.

    Args:
        results: of the seeds.
        reference: of the same seeds, those that they are fairly compared with; None for real images alone.
        starved: labels of starved classes.
    """

    results: list[Result]
    reference: list[Result] | None
    starved: Sequence[int]

    @property
    def first(self) -> Result:
        """The result of the first seed, which names the line."""
        return self.results[0]

    @property
    def title(self) -> str:
        """The images that were learned from."""
        return title(self.first)

    @cached_property
    def values(self) -> dict[str, Interval]:
        """The interval of each measure by its name."""
        found = [measures(result, self.starved) for result in self.results]
        return {name: Interval.of([one[name] for one in found]) for name in found[0]}

    @cached_property
    def differences(self) -> dict[str, Interval]:
        """The interval of each measure's difference from the reference; empty where there is none."""
        if self.reference is None:
            return {}
        pairs = [
            (measures(one, self.starved), measures(other, self.starved))
            for one, other in zip(self.results, self.reference, strict=True)
        ]
        names = [name for name in pairs[0][0] if name in pairs[0][1]]
        return {
            name: of_differences([one[name] for one, _ in pairs], [other[name] for _, other in pairs]) for name in names
        }

    @property
    def verdict(self) -> str:
        """The sign of the difference in accuracy, if its interval shows one."""
        gain = self.differences.get("accuracy")
        if gain is None:
            return NOTHING
        return "one seed" if gain.half is None else VERDICTS[gain.sign]


def title(result: Result) -> str:
    """The images that a classifier has learned from, in words."""
    times = f"{result['generated']} generated"
    words = {
        "generated": f"real + {times}",
        "both": f"real + {times}, classical",
        "alone": f"{times} alone",
        "repeated": "starved repeated",
        "repeated, classical": "starved repeated, classical",
        "classical": "real, classical",
    }
    filtered = "" if result["filter"] == "none" else f" ({result['filter']})"
    return words.get(result["arm"], result["arm"]) + filtered


def measures(result: Result, starved: Sequence[int]) -> dict[str, float]:
    """The numbers of a result by name, all but the recall of each class."""
    recall = result["recall"]
    found = {"accuracy": result["accuracy"], "mean_recall": mean(recall), "lowest_recall": min(recall)}
    if starved:
        found["recall_starved"] = mean(recall[label] for label in starved)
        found["recall_others"] = mean(value for label, value in enumerate(recall) if label not in starved)
    found |= result["corrupted"]
    found["calibration_error"] = result["calibration_error"]
    if result["copies"] is not None and result["copies_unseen"] is not None:
        found |= {"copies": result["copies"], "copies_unseen": result["copies_unseen"]}
    return found


def lines(study: Study) -> list[Line]:
    """Put the results of all seeds into lines, in the order of the study."""
    groups: dict[tuple[str, str, str, int, str], list[Result]] = {}
    for one in study.results:
        key = (one["run"], one["real"], one["arm"], one["generated"], one["filter"])
        groups.setdefault(key, []).append(one)

    def reference(key: tuple[str, str, str, int, str]) -> list[Result] | None:
        run, real, arm, _, _ = key
        other = REFERENCES.get(arm)
        return None if other is None else groups[run, real, other, 0, "none"]

    return [Line(results=results, reference=reference(key), starved=study.starved) for key, results in groups.items()]


def percent(value: Interval | None, plus_minus: str, sign: str = "") -> str:
    """A mean with half of its interval, in percent."""
    if value is None:
        return NOTHING
    half = "" if value.half is None else f" {plus_minus} {100 * value.half:.1f}"
    return f"{100 * value.mean:{sign}z.1f}{half}"


def table(study: Study, plus_minus: str = "+-") -> list[list[str]]:
    """The heading, then a row for each line."""
    all_lines = lines(study)
    several = len({line.first["run"] for line in all_lines}) > 1
    starved = ["Starved", "Difference there", "Others"] if study.starved else []
    heading = ["Run"] * several + ["Real", "Learned from", "Images", "Accuracy", "Difference", "Shown"]
    heading += ["Mean recall", "Lowest recall", *starved, *map(str.capitalize, CORRUPTIONS), "ECE", "Copies", "Unseen"]
    rows = [heading]
    for line in all_lines:
        first, found = line.first, line.values
        row = [first["run"]] * several + [first["real"], line.title, f"{first['learned_from']:,}"]
        row += [percent(found["accuracy"], plus_minus), percent(line.differences.get("accuracy"), plus_minus, "+")]
        row += [line.verdict, *(percent(found[name], plus_minus) for name in ("mean_recall", "lowest_recall"))]
        if study.starved:
            row += [percent(found["recall_starved"], plus_minus)]
            row += [percent(line.differences.get("recall_starved"), plus_minus, "+")]
            row += [percent(found["recall_others"], plus_minus)]
        row += [percent(found[name], plus_minus) for name in (*CORRUPTIONS, "calibration_error")]
        row += [percent(found.get(name), plus_minus) for name in ("copies", "copies_unseen")]
        rows.append(row)
    return rows


def recalls(study: Study, plus_minus: str = "+-") -> list[list[str]]:
    """The recall of each class: the heading, then a row for each line; nothing where there are too many classes."""
    if len(study.classes) > MOST_CLASSES:
        return []
    rows = [["Real", "Learned from", *study.classes]]
    for line in lines(study):
        columns = zip(*(result["recall"] for result in line.results), strict=True)
        values = [percent(Interval.of(list(column)), plus_minus) for column in columns]
        rows.append([line.first["real"], line.title, *values])
    return rows


def notes(study: Study) -> list[str]:
    """The meaning of the table's numbers."""
    facts = study.facts
    seeds = facts["seeds"]
    trained = (
        f"Generators: one for each row and seed, trained on that row's real images alone, "
        f"{', '.join(f'{steps:,} batches ({run})' for run, steps in facts['generator_steps'].items())}."
        if facts["generator"] == "train"
        else "Generators: the runs' own, which have seen the row's images alone, as their records prove."
    )
    starved = ", ".join(study.classes[label] for label in study.starved)
    return [
        f"Percent of {facts['test_images']:,} test images of {facts['dataset']} that nothing else has seen, noise to "
        f"contrast of {facts['corrupted_images']:,} of them; seeds {', '.join(map(str, seeds))}"
        + (", mean and 95 % interval (Student's t)." if len(seeds) > 1 else "; one seed has no interval."),
        f"Every classifier was trained for {facts['classifier_steps']:,} batches of {facts['classifier_batch_size']}, "
        "however many images it had.",
        trained,
        "Difference: to real images alone, or, where the images are augmented in the classical way, to real images "
        "that are; seed by seed. Shown: whether its interval leaves zero out.",
        "Copies: generated images nearer to a training image than 99 of 100 training images are to another; Unseen: "
        "the same share of unseen real images.",
        *([f"Starved: {starved}. Generated images were added to it alone."] if starved else []),
    ]


def conclusion(study: Study) -> list[str]:
    """Sentences that say, for real images with generated ones, how often they helped, and how much."""
    compared = [line for line in lines(study) if line.first["arm"] in ("generated", "both")]
    if not compared:
        return []
    counts = {word: sum(line.verdict == word for line in compared) for word in ("better", "worse", "not shown")}
    if not sum(counts.values()):
        said = [f"One seed shows nothing: of {len(compared)} comparisons none has an interval."]
    else:
        said = [
            f"Of {len(compared)} comparisons with generated images added, {counts['better']} became better, "
            f"{counts['worse']} became worse, and {counts['not shown']} show no difference that the seeds can "
            "tell from chance."
        ]
    best = max(compared, key=lambda line: line.differences["accuracy"].mean)
    worst = min(compared, key=lambda line: line.differences["accuracy"].mean)
    for name, line in (("Best", best), ("Worst", worst)):
        gain = percent(line.differences["accuracy"], "+-", "+")
        said.append(f"{name}: {gain} points, {line.first['real']} real images of each class, {line.title}.")
    return said


def as_text(study: Study) -> str:
    """The table in aligned columns, with notes."""
    first, *rows = table(study)
    return (
        "\n".join(
            [
                tabulate([first, *rows], tablefmt="plain", disable_numparse=True),
                "",
                *conclusion(study),
                "",
                *notes(study),
            ]
        )
        + "\n"
    )


def as_markdown(study: Study) -> str:
    """The tables for a page."""
    parts = [as_pipes(table(study, "±")), "", *(f"{line}  " for line in (*conclusion(study), *notes(study)))]
    if of_classes := recalls(study, "±"):
        parts += ["", "Recall of each class:", "", as_pipes(of_classes)]
    return "\n".join(parts) + "\n"


def as_pipes(rows: list[list[str]]) -> str:
    """A table in Markdown, of a heading and rows."""
    first, *rest = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    text: str = tabulate(rest, first, tablefmt="pipe", disable_numparse=True)
    return text


def as_csv(study: Study) -> str:
    """Plain numbers from 0 to 1, a column for each mean and half interval; the recall of each class at the end."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    all_lines = lines(study)
    names = list(dict.fromkeys(name for line in all_lines for name in line.values))
    wide = [f"{name}{part}" for name in (*names, "difference") for part in ("", "_half")]
    heading = ["run", "real", "arm", "generated", "filter", "seeds", "learned_from", *wide, "shown"]
    writer.writerow([*heading, *(f"recall_{name}" for name in study.classes)])
    for line in all_lines:
        first = line.first
        intervals = [*(line.values.get(name) for name in names), line.differences.get("accuracy")]
        numbers = [number for one in intervals for number in ((one.mean, one.half) if one else (None, None))]
        recall = [mean(column) for column in zip(*(result["recall"] for result in line.results), strict=True)]
        named = [first["run"], first["real"], first["arm"], first["generated"], first["filter"], len(line.results)]
        writer.writerow([*named, first["learned_from"], *numbers, line.verdict, *recall])
    return out.getvalue()


def as_json(study: Study) -> str:
    """Everything: facts, the lines with their intervals, each result."""

    def plain(intervals: dict[str, Interval]) -> dict[str, dict[str, float | None]]:
        return {name: {"mean": one.mean, "half": one.half} for name, one in intervals.items()}

    content = {
        "facts": study.facts,
        "classes": study.classes,
        "starved": study.starved,
        "lines": [
            {
                **{name: line.first[name] for name in ("run", "real", "arm", "generated", "filter", "learned_from")},
                "seeds": [result["seed"] for result in line.results],
                "values": plain(line.values),
                "differences": plain(line.differences),
                "shown": line.verdict,
            }
            for line in lines(study)
        ],
        "results": study.results,
    }
    return json.dumps(content, indent=2) + "\n"
