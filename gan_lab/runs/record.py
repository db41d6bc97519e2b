"""The record of a run, run.json: the types of all that the program reads there; other values are kept."""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from math import isfinite
from typing import Annotated, Any, Literal, NamedTuple, Required

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from gan_lab.utils.typed_json import Count, Finite

Status = Literal["running", "finished", "interrupted", "stopped", "failed"]


def with_offset(text: str) -> str:
    """Check a time, as `gan_lab.runs.run.now` writes it.

    Raises:
        ValueError: it is none.
    """
    try:
        is_time = datetime.fromisoformat(text).utcoffset() is not None
    except ValueError:
        is_time = False
    if not is_time:
        raise ValueError("a time with its offset from UTC")
    return text


def made_of_letters(text: str) -> str:
    """Check an id, as W&B and MLflow make them: it becomes part of addresses and of files' names.

    Raises:
        ValueError: it is none.
    """
    if not re.fullmatch(r"[\w-]{1,128}", text, re.ASCII):
        raise ValueError("an id of letters and digits")
    return text


Time = Annotated[str, AfterValidator(with_offset)]
RunId = Annotated[str, AfterValidator(made_of_letters)]
Seconds = Annotated[float, Field(ge=0, lt=1e12)]  # which a timedelta can hold


class _Part(TypedDict, total=False):
    """Values of which some have a type."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]


class Data(_Part, total=False):
    """The images that the run was trained on, as its data module describes them."""

    substitute: bool


class Best(_Part, total=False):
    """The best score while training, under its name, and its protocol.

    `by` is the name, and `minimised` the number of which less is better. Up to 0.3 there was neither: the score was the
    lowest FID or the highest PSNR.
    """

    images_seen: Count
    by: str
    fid: Finite
    psnr: Finite
    minimised: Finite
    protocol: dict[str, Any]


class BestScore(NamedTuple):
    """The best score while training: its name, its value, and the number of which less is better."""

    name: str
    value: float
    minimised: float


def best_score(record: Mapping[str, Any]) -> BestScore | None:
    """The best score that a record has; None where it has none."""
    best = record.get("best") or {}
    name = best.get("by") or next((name for name in ("fid", "psnr") if name in best), None)
    if name is None:
        return None
    value = best[name]
    return BestScore(name, value, best.get("minimised", -value if name == "psnr" else value))


def with_value(best: Best) -> Best:
    """Check that the score is there by which a state is the best.

    Raises:
        ValueError: it is not.
    """
    name = best.get("by")
    value = best.get(name) if name is not None else 0
    if not isinstance(value, (int, float)) or not isfinite(value):
        raise ValueError(f"a score with the number {name}, which decided")
    return best


class Record(_Part, total=False):
    """The content of run.json.

    While the run trains, batches, images seen, speed and the best are those of the logging point at `updated`.

    `run_ids` are those of loggers that keep runs elsewhere, by the loggers' names: W&B's and MLflow's.

    `ended_early` is the reason of a callback that ended a finished run before its last batch.

    Where the run was scored, `best` is its best while training, and `scores` are those of its end, {images_seen,
    values: by name, class_counts, protocol}; protocols as `gan_lab.metrics.protocol.Protocol.to_dict` gives them.
    """

    status: Required[Status]
    started: Time
    updated: Time
    ended: Time
    error: str | None
    ended_early: str | None
    seconds: Seconds
    scoring_seconds: Seconds
    images_seen: Count
    images_per_second: Seconds | None
    batches: Count
    batches_per_epoch: Count
    last_batch: Count | None
    processes: Count
    batch_size: dict[str, Count]
    host: str
    pid: Count
    slurm_job: str
    data: Data
    tags: list[str]
    notes: str | None
    best: Annotated[Best, AfterValidator(with_value)] | None
    scores: dict[str, Any] | None
    alarms: list[str]
    resumed: list[Any]
    run_ids: dict[str, RunId]


@cache
def form() -> TypeAdapter[Record]:
    """Make, once, the type that run.json is held against."""
    return TypeAdapter(Record)
