"""Runs below folders, and the scores that each of them has."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from gan_lab.utils.run_layout import RECORD


@dataclass(frozen=True)
class ScoredRun:
    """A run and those of its scores that are compared."""

    run: Run
    scores: ScoreRecord


def find(folders: Iterable[Path]) -> list[Run]:
    """The runs in and below folders, each once, in the order of their names.

    Raises:
        UserError: a folder is missing, or holds no run.
    """
    found: dict[Path, Run] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder}: there is no such folder")
        runs = list(_below(folder))
        if not runs:
            raise UserError(f"{folder}: there is no run in it, no folder with a {RECORD}")
        for path in runs:
            found.setdefault(path.resolve(), Run.open(path))
    return list(found.values())


def records(run: Run) -> list[ScoreRecord]:
    """A run's scores: those that it ended with, then those of its later evaluations.

    Raises:
        UserError: they can't be read.
    """
    found = []
    if told := run.record().get("scores"):
        found.append(ScoreRecord.from_dict(told, run.record_file))
    for path in sorted(run.evaluations.glob("*.json")):  # <protocol>.json before <protocol>_best.json
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            raise UserError(f"{path} can't be read: {error}") from error
        found.append(ScoreRecord.from_dict(told, path))
    return found


def choose(runs: Iterable[Run], protocol: str | None) -> tuple[list[ScoredRun], list[Run]]:
    """The scores to compare, all of one protocol, and the runs that have none.

    Without a wish a run's own final scores count, or those of its only protocol; of one protocol the last checkpoint's
    go before the best one's.

    Args:
        runs: to compare.
        protocol: the id that is wanted, or its beginning.

    Raises:
        UserError: there are no scores, or those of different protocols; the difference is named.
    """
    having = {run: records(run) for run in runs}
    wanted = {run: _wanted(run, found, protocol) for run, found in having.items()}
    scored = [ScoredRun(run, found) for run, found in wanted.items() if found]
    if not scored:
        ids = sorted({found.protocol.id for some in having.values() for found in some})
        if protocol and ids:
            raise UserError(f"--protocol {protocol}: no run has scores of it. Available: {', '.join(ids)}")
        raise UserError(f"none of the {len(having)} runs has scores; gan-lab evaluate RUN_FOLDER makes some")
    _refuse_mixture(scored)
    return scored, [run for run, found in wanted.items() if not found]


def _below(folder: Path) -> Iterator[Path]:
    for place, subfolders, files in os.walk(folder):
        if RECORD in files:
            subfolders.clear()  # what a run holds is no run
            yield Path(place)
        subfolders.sort()


def _wanted(run: Run, found: list[ScoreRecord], protocol: str | None) -> ScoreRecord | None:
    if protocol is not None:
        return next((record for record in found if record.protocol.id.startswith(protocol)), None)
    ids = sorted({record.protocol.id for record in found})
    if "scores" in run.record() or len(ids) < 2:
        return found[0] if found else None
    raise UserError(f"{run.folder} has been evaluated in {len(ids)} ways; choose one: --protocol {' or '.join(ids)}")


def _refuse_mixture(scored: list[ScoredRun]) -> None:
    first = scored[0]
    for other in scored[1:]:
        mine, its = first.scores.protocol, other.scores.protocol
        if difference := mine.difference(its):
            raise UserError(
                f"{first.run.folder} (protocol {mine.id}) and {other.run.folder} ({its.id}) can't be compared; they "
                f"differ in {'; '.join(difference)}. Choose one with --protocol, or gan-lab evaluate them alike"
            )
