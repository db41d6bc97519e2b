"""What W&B keeps of an offline run, read without W&B's own program."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BLOCK = 1 << 15
HEADER = 7  # bytes, of the file and of each fragment


@dataclass
class Kept:
    """An offline run.

    Attributes:
        id: of the run.
        rows: of the history, by name, each with its step.
        name, group, project: of the run.
        config: by the top-level names.
        summary: what was set in it.
        alerts: titles and texts.
        axes: the x-axis of metrics, by the pattern of their names.
        code: that it ended with.
    """

    id: str = ""
    name: str = ""
    group: str = ""
    project: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    alerts: list[tuple[str, str]] = field(default_factory=list)
    axes: dict[str, str] = field(default_factory=dict)
    code: int | None = None


def read(file: Path) -> Kept:
    """Read one file `run-<id>.wandb`."""
    from wandb.proto.wandb_internal_pb2 import Record

    kept = Kept()
    for content in records(file.read_bytes()):
        record = Record.FromString(content)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run = record.run
            kept.id, kept.name, kept.group, kept.project = run.run_id, run.display_name, run.run_group, run.project
            kept.config |= values(run.config.update)
        elif kind == "config":
            kept.config |= values(record.config.update)
        elif kind == "history":
            kept.rows.append(values(record.history.item) | {"_step": record.history.step.num})
        elif kind == "summary":
            kept.summary |= values(record.summary.update)
        elif kind == "alert":
            kept.alerts.append((record.alert.title, record.alert.text))
        elif kind == "metric":
            kept.axes[record.metric.glob_name or record.metric.name] = record.metric.step_metric
        elif kind == "exit":
            kept.code = record.exit.exit_code
    return kept


def values(items: Any) -> dict[str, Any]:
    """Entries by name; nested ones by all their names."""
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


def records(content: bytes) -> Iterator[bytes]:
    """The records of a file in the format of LevelDB's log, behind a header of W&B's."""
    place, record = HEADER, b""
    while place + HEADER <= len(content):
        if BLOCK - place % BLOCK < HEADER:
            place += BLOCK - place % BLOCK
            continue
        length, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        fragment = content[place + HEADER : place + HEADER + length]
        place += HEADER + length
        record = fragment if kind in (1, 2) else record + fragment  # 1: whole, 2: first, 3: middle, 4: last
        if kind in (1, 4):
            yield record
