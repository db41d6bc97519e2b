"""The runs below folders, and the scores of each."""

import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from gan_lab.utils.run_layout import RECORD
from gan_lab.utils.typed_json import read_json

VALUES: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScoredRun:
    """A run and the scores by which it is compared."""

    run: Run
    scores: ScoreRecord


def find(folders: Iterable[Path]) -> list[Run]:
    """Find the runs in and below folders, each once, sorted by name.

    Raises:
        UserError: a folder is missing, or contains no run.
    """
    by_path: dict[Path, Run] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder")
        runs = list(_below(folder))
        if not runs:
            raise UserError(f"{folder}: contains no run (no folder with a {RECORD})")
        for path in runs:
            by_path.setdefault(path.resolve(), Run.open(path))
    return list(by_path.values())


def records(run: Run) -> list[ScoreRecord]:
    """Load a run's scores: the final ones of its training, then those of later evaluations.

    Raises:
        UserError: the scores can't be read.
    """
    records = []
    if final := run.record().get("scores"):
        records.append(ScoreRecord.from_dict(final, run.record_file))
    for path in sorted(run.evaluations.glob("*.json")):  # <protocol>.json before <protocol>_best.json
        content = read_json(path, VALUES)
        records.append(ScoreRecord.from_dict(content, path))
    return records


def choose(runs: Iterable[Run], protocol: str | None) -> tuple[list[ScoredRun], list[Run]]:
    """Choose each run's scores to compare, all of one protocol, and list the runs without scores.

    Without a protocol, a run's final scores count, or those of its only protocol. Of the same protocol, scores of the
    last checkpoint precede those of the best one.

    Args:
        runs: to compare.
        protocol: beginning of the id of the protocol.

    Raises:
        UserError: there are no scores, or those of different protocols, whose difference is named.
    """
    by_run: dict[Run, list[ScoreRecord]] = {}
    unreadable: list[str] = []
    for run in runs:
        try:
            by_run[run] = records(run)
        except UserError as error:
            unreadable.append(str(error))
    if unreadable and not by_run:
        raise UserError(unreadable[0])
    for problem in unreadable:
        log.warning("%s; the run is left out", problem)
    choices = {run: _choose(run, scores, protocol) for run, scores in by_run.items()}
    scored = [ScoredRun(run, choice) for run, choice in choices.items() if choice]
    if not scored:
        ids = sorted({record.protocol.id for scores in by_run.values() for record in scores})
        if protocol and ids:
            raise UserError(f"--protocol {protocol}: no run has scores of this protocol. Available: {', '.join(ids)}")
        raise UserError(f"no run has scores (runs found: {len(by_run)}); compute them with gan-lab evaluate RUN_FOLDER")
    _refuse_mixture(scored)
    return scored, [run for run, choice in choices.items() if not choice]


def _below(folder: Path) -> Iterator[Path]:
    for place, subfolders, files in os.walk(folder):
        if RECORD in files:
            subfolders.clear()  # a run contains no other runs
            yield Path(place)
        subfolders.sort()


def _choose(run: Run, scores: list[ScoreRecord], protocol: str | None) -> ScoreRecord | None:
    if protocol is not None:
        return next((record for record in scores if record.protocol.id.startswith(protocol)), None)
    ids = sorted({record.protocol.id for record in scores})
    if "scores" in run.record() or len(ids) < 2:
        return scores[0] if scores else None
    raise UserError(f"{run.folder} has scores of {len(ids)} protocols; choose one: --protocol {' or '.join(ids)}")


def _refuse_mixture(scored: list[ScoredRun]) -> None:
    first = scored[0]
    for other in scored[1:]:
        left, right = first.scores.protocol, other.scores.protocol
        if difference := left.difference(right):
            raise UserError(
                f"{first.run.folder} (protocol {left.id}) and {other.run.folder} ({right.id}) can't be compared; they "
                f"differ in {'; '.join(difference)}. Choose one with --protocol, or evaluate both with the same options"
            )
