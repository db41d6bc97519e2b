"""The runs below folders, and the scores of each."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sized
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from gan_lab.metrics.protocol import Protocol
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError, nearest
from gan_lab.utils.run_layout import RECORD
from gan_lab.utils.typed_json import read_json

VALUES: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


@dataclass(frozen=True)
class ScoredRun:
    """A run and the scores by which it is compared."""

    run: Run
    scores: ScoreRecord


@dataclass(frozen=True)
class LeftOut:
    """A run that is not compared, and the reason in words."""

    folder: Path
    reason: str

    @classmethod
    def because(cls, folder: Path, error: UserError) -> "LeftOut":
        """Leave a run out for an error, whose message names the file at fault."""
        return cls(folder, str(error))

    def __str__(self) -> str:
        return f"Left out: {self.reason if str(self.folder) in self.reason else f'{self.folder}: {self.reason}'}"


def find(folders: Iterable[Path]) -> tuple[list[Run], list[LeftOut]]:
    """Find the runs in and below folders, each once, sorted by name; and those that can't be opened.

    Raises:
        UserError: a folder is missing, or contains no run, or none that can be opened.
    """
    runs: dict[Path, Run] = {}
    left_out: dict[Path, LeftOut] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder")
        places = list(_below(folder))
        if not places:
            raise UserError(f"{folder}: contains no run (no folder with a {RECORD})")
        for place in places:
            try:
                runs.setdefault(place.resolve(), Run.open(place))
            except UserError as error:
                left_out.setdefault(place.resolve(), LeftOut.because(place, error))
    return list(runs.values()), _unless_all(left_out.values(), runs)


def tagged(runs: Iterable[Run], tag: str) -> list[Run]:
    """Keep the runs that their user gave a tag.

    Raises:
        UserError: there are none, or the record of none can be read.
    """
    kept, known = [], set()
    for run in runs:
        with suppress(UserError):  # a record that can't be read has no tags
            tags = run.record().get("tags", [])
            known |= set(tags)
            kept += [run] if tag in tags else []
    if not kept:
        raise UserError(f"--tag {tag}: no run has this tag. {nearest(tag, known)}")
    return kept


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
    return [_as_asked(run, record) for record in records]


def _as_asked(run: Run, record: ScoreRecord) -> ScoreRecord:
    """Tell scores of classes in equal numbers, which older versions asked for, from those of the data's frequencies."""
    protocol = record.protocol
    if protocol.labels or protocol.task or protocol.weights == "given":
        return record
    images = run.data_record().get("class_images") or [0, 1]  # what isn't known has no classes of one size
    if len(set(images)) == 1:
        return record
    with suppress(UserError):  # a configuration that can't be read
        if "num_classes" in run.config().model:
            return replace(record, protocol=replace(protocol, labels="in turn"))
    return record


def choose(runs: Iterable[Run], protocol: str | None) -> tuple[list[ScoredRun], list[LeftOut]]:
    """Choose each run's scores to compare, all of one protocol.

    Without a protocol given, it is the one of which most runs have scores; of several such, the one of most final
    scores. Of a run's scores of one protocol, those of the last checkpoint precede those of the best one.

    Args:
        runs: to compare.
        protocol: beginning of the id of the protocol.

    Returns:
        The runs with their scores, and the runs that have none of that protocol.

    Raises:
        UserError: no run has scores, or none of that protocol.
    """
    by_run: dict[Run, list[ScoreRecord]] = {}
    left_out = []
    for run in runs:
        try:
            by_run[run] = records(run)
        except UserError as error:
            left_out.append(LeftOut.because(run.folder, error))
    left_out = _unless_all(left_out, by_run)
    chosen = _protocol(by_run, protocol)
    scored = []
    for run, found in by_run.items():
        match = next((record for record in found if record.protocol.id == chosen.id), None)
        if match:
            scored.append(ScoredRun(run, match))
        else:
            left_out.append(LeftOut(run.folder, _why_not(run, found, chosen)))
    return scored, left_out


def _unless_all(left_out: Iterable[LeftOut], kept: Sized) -> list[LeftOut]:
    """The runs that are left out; if none is kept, the reason of the first is an error."""
    found = list(left_out)
    if found and not kept:
        raise UserError(found[0].reason)
    return found


def _protocol(by_run: Mapping[Run, list[ScoreRecord]], wanted: str | None) -> Protocol:
    """The protocol to compare by."""
    known = {record.protocol.id: record.protocol for found in by_run.values() for record in found}
    if not known:
        raise UserError(f"no run has scores (runs found: {len(by_run)}); compute them with gan-lab evaluate RUN_FOLDER")
    eligible = [own for own in known if own.startswith(wanted or "")]
    if not eligible:
        available = ", ".join(sorted(known))
        raise UserError(f"--protocol {wanted}: no run has scores of this protocol. Available: {available}")
    runs = Counter(own for found in by_run.values() for own in {record.protocol.id for record in found})
    finals = Counter(found[0].protocol.id for found in by_run.values() if found)
    return known[max(eligible, key=lambda own: (runs[own], finals[own]))]


def _why_not(run: Run, found: list[ScoreRecord], chosen: Protocol) -> str:
    """The reason why a run has no scores of a protocol."""
    if not found:
        return f"no scores ({run.record()['status']})"
    own = found[0].protocol
    return f"scores of protocol {own.id} ({'; '.join(chosen.difference(own))}); --protocol {own.id} compares those"


def _below(folder: Path) -> Iterator[Path]:
    for place, subfolders, files in os.walk(folder):
        if RECORD in files:
            subfolders.clear()  # a run contains no other runs
            yield Path(place)
        subfolders.sort()
