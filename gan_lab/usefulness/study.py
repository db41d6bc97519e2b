"""A study of what generated images are worth: classifiers of real, augmented and generated images, side by side.

Each row has so many real images of each class. For each seed these are drawn anew, a generator is trained on these
alone, and classifiers learn from them in all the ways of `gan_lab.usefulness.arms`.

All take the same number of steps, and are measured on the whole test split, which nothing else has seen. Each result is
kept in a file of its own, named by a hash of all that decides it, so that a study that was stopped goes on, several
processes share one, and several studies share results. Each study has a folder of its own for its tables.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gan_lab.evaluation import run_scores
from gan_lab.evaluation.groups import setup
from gan_lab.runs.names import folder_of
from gan_lab.runs.run import Run
from gan_lab.usefulness.arms import Options, arms_of
from gan_lab.usefulness.cells import CORRUPTED, Cell, Result
from gan_lab.usefulness.generators import refuse_unfit
from gan_lab.usefulness.subject import Subject
from gan_lab.utils import hashes
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import write_atomically
from gan_lab.utils.locks import Busy, held
from gan_lab.utils.terminal import say


@dataclass(frozen=True, kw_only=True)
class Study:
    """The outcome of a study.

    Args:
        results: of all classifiers.
        classes: names by label.
        starved: the labels of starved classes.
        folder: for the tables of this study alone.
        facts: in plain values, for whoever reads the table.
    """

    results: list[Result]
    classes: list[str]
    starved: list[int]
    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)


def study(source: str | Path, options: Options, folder: str | Path) -> Study:
    """Do a study, or go on with it.

    Args:
        source: a run, or a sweep, whose runs are compared; runs that differ in their seed alone count as one.
        options: of the study.
        folder: for results and generators, which studies share, and a folder of each one's own.

    Raises:
        UserError: a run can't be used, images are missing, or the folder can't be written to.
        Interrupted: a signal came while a generator was trained; the same call goes on.
    """
    place = Path(folder)
    subjects = [Subject(run, options) for run in runs_of(source)]
    for subject in subjects:
        refuse_unfit(subject.run)
    for subject in subjects:
        subject.check()
    first = subjects[0]
    for other in subjects[1:]:
        if other.content != first.content:
            raise UserError(
                f"{other.run.folder} has other images than {first.run.folder}: study them one after the other"
            )
    steps = {subject.run.folder.name: subject.generator_steps for subject in subjects}
    decisive = asdict(options) | {"generator_steps": steps, "data_root": first.content, "device": None}
    own = place / hashes.of_values(decisive)[:8]
    try:
        (place / "results").mkdir(parents=True, exist_ok=True)
        own.mkdir(exist_ok=True)
        write_atomically(own / "options.json", json.dumps(asdict(options), indent=2) + "\n")
        results = [result for subject in subjects for result in results_of(subject, place)]
    except OSError as error:
        raise UserError(f"--out {folder}: can't be written: {error.strerror}") from error
    facts = {
        "dataset": first.real.name,
        "test_images": len(first.test.labels),
        "corrupted_images": min(CORRUPTED, len(first.test.labels)),
        "classifier_steps": options.steps,
        "classifier_batch_size": options.batch_size,
        "generator_steps": steps,
        "generator": options.generator,
        "seeds": list(options.seeds),
    }
    return Study(results=results, classes=first.classes, starved=first.starved, folder=own, facts=facts)


def results_of(subject: Subject, place: Path) -> list[Result]:
    """Train or read all classifiers of a run, and keep each result in a file.

    The same command given again meanwhile shares the work: it goes past a cell that another process is at, and comes
    back to it at the end, to wait for what is not there by then.
    """
    results: list[Result] = []
    for patience in (0.0, -1.0):
        results, is_whole = [], True
        for row in subject.rows:
            for seed in subject.options.seeds:
                cell = Cell(subject, row, seed, place)
                try:
                    with held(cell.lock, patience):
                        results += [cell.result(arm) for arm in arms_of(subject.options)]
                except Busy:
                    is_whole = False
                    say(f"{cell.name}: another process is at it")
        if is_whole:
            break
    return results


def runs_of(source: str | Path) -> list[Run]:
    """A run, or those of a sweep, one of each setup.

    Raises:
        UserError: there are none.
    """
    folder = folder_of(source)
    if Run(folder).config_file.is_file():
        return [Run.open(folder)]
    found, _ = run_scores.find([folder])
    one_of_each: dict[str, Run] = {}
    for run in found:
        one_of_each.setdefault(json.dumps(setup(run), sort_keys=True, default=str), run)
    return list(one_of_each.values())
