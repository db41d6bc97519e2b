"""A sweep's folder: which jobs belong to it, and which of its folders belongs to which job.

A job is its overrides. So the same command finds its jobs again wherever they lie, and a sweeper
that decides as it goes finds what it has tried before.
"""

import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from pydantic import TypeAdapter

from gan_lab.runs.run import Run, now
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import write_atomically
from gan_lab.utils.run_layout import HYDRA, SWEEP_RECORD, job_number
from gan_lab.utils.typed_json import read_json

Identity = tuple[str, ...]
BESIDE = ("sweep.", "tags=", "notes=")  # beginnings of overrides that say nothing of what a job does
LONGEST = 80  # characters of a label, so that names of folders stay far below the limit of 255 bytes


def identity(overrides: Iterable[Any]) -> Identity:
    """The identity of a job: its overrides, without those of where it lies, of its device and of notes on it."""
    return tuple(sorted(text for text in map(str, overrides) if not text.startswith(BESIDE)))


def identity_of(folder: Path) -> Identity | None:
    """The identity of the job in a folder; None where there is none, or none that can be read."""
    overrides = Run(folder).overrides()
    return None if overrides is None else identity(overrides)


def started(sweep: Path) -> list[tuple[Identity, Path]]:
    """The jobs that have been started and their folders; one job may have several, of commands that overlapped."""
    folders = (folder for folder in sorted(sweep.iterdir(), key=_number) if folder.is_dir() and "$" not in folder.name)
    found = [(identity_of(folder), folder) for folder in folders]  # Hydra would resolve a name with a ${...}
    return [(own, folder) for own, folder in found if own is not None]


def jobs(sweep: Path) -> dict[Identity, Path]:
    """The folder of each job that has been started, the latest where it has several."""
    return dict(started(sweep))


def job_folder(
    sweep: str, number: int, overrides: Sequence[str], parameters: Mapping[str, object] | None = None
) -> str:
    """The name of a job's folder: the one that it has, else its number and what makes it differ from other jobs.

    Args:
        sweep: the sweep's folder.
        number: of the job.
        overrides: of the job.
        parameters: those of the sweeper, by name; none for what the command line says alone.

    Returns:
        "0_model=wgan,seed=1", say; or "0_2_model=wgan,seed=1", where another job has that number already.
    """
    place, own = Path(sweep), identity(overrides)
    for folder in place.glob(f"{number}*"):  # most often there
        if identity_of(folder) == own:
            return folder.name
    if place.is_dir() and own in (found := jobs(place)):
        return found[own].name
    taken = {job_number(folder.name) for folder in place.iterdir() if _is_taken(folder)} if place.is_dir() else set()
    free = next(name for name in _names(number) if name not in taken)
    varying = label([text for text in overrides if text in own and text not in _shared(place, parameters or {})])
    return f"{free}_{varying}" if varying else free


def label(overrides: Sequence[str]) -> str:
    """Overrides in a few characters that every file system takes in a name: "model=wgan,lr=0.001".

    Of an option's name its end is enough, as long as no other one ends alike. The number before a label keeps two jobs
    apart, so a label may be cut.
    """
    pairs = [override.lstrip("+~").partition("=")[::2] for override in overrides]
    parts = [re.split(r"[./]", name.partition("@")[0]) for name, _ in pairs]
    short = []
    for own in parts:
        length = next((n for n in range(1, len(own)) if sum(other[-n:] == own[-n:] for other in parts) == 1), len(own))
        short.append(".".join(own[-length:]))
    text = ",".join(f"{name}={value}" if value else name for name, (_, value) in zip(short, pairs, strict=True))
    plain = re.sub(r"[^\w.,=+-]+", "_", text, flags=re.ASCII)
    return plain[:LONGEST].strip("_.,=").lstrip("0123456789")  # the number stands before it


def shared(identities: Sequence[Identity]) -> set[str]:
    """The overrides that several jobs all have; none of one alone."""
    return set(identities[0]).intersection(*identities[1:]) if len(identities) > 1 else set()


def _shared(sweep: Path, parameters: Mapping[str, object]) -> set[str]:
    """The overrides that all jobs of a sweep have: where jobs are not known beforehand, those that are no question."""
    plan = Plan.load(sweep)
    if plan is not None and plan.jobs is not None:
        return shared(plan.jobs) if len(plan.jobs) > 1 else set(plan.jobs[0])
    return {*(plan.asked if plan else ()), *(f"{name}={value}" for name, value in parameters.items())}


def hydra_folder(job: str) -> str | None:
    """The folder in which Hydra writes how a run was made; None once the run has begun: that record stays."""
    return None if Run(job).record_file.exists() else HYDRA


def register() -> None:
    """Let YAML files use `job_folder` and `hydra_folder`."""
    OmegaConf.register_new_resolver("job_folder", job_folder, replace=True)
    OmegaConf.register_new_resolver("hydra_folder", hydra_folder, replace=True)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The jobs that a sweep is to do, kept in its folder.

    Args:
        asked: the overrides of its command line.
        jobs: those of each job; None where the sweeper decides as it goes.
        started: when the command was last given.
        command: the command.
        host: where.
        pid: of the process that the jobs are started from.
    """

    asked: Identity
    jobs: tuple[Identity, ...] | None
    started: str
    command: str
    host: str
    pid: int

    @classmethod
    def new(cls, asked: Iterable[str], jobs: Iterable[Iterable[str]] | None) -> "Plan":
        """Plan what a command asks for that was given just now."""
        return cls(
            asked=identity(asked),
            jobs=None if jobs is None else tuple(identity(overrides) for overrides in jobs),
            started=now(),
            command=" ".join(sys.argv),
            host=platform.node(),
            pid=os.getpid(),
        )

    @classmethod
    def load(cls, sweep: Path) -> "Plan | None":
        """Load the plan in a folder; None where there is none.

        Raises:
            UserError: the plan can't be read.
        """
        file = plan_file(sweep)
        if not file.exists():
            return None
        return read_json(file, TypeAdapter(cls))

    def save(self, sweep: Path) -> None:
        """Write the plan to a sweep's folder, which exists."""
        write_atomically(plan_file(sweep), json.dumps(asdict(self), indent=2) + "\n")


def plan_file(sweep: Path) -> Path:
    """The file of a sweep's plan."""
    return sweep / SWEEP_RECORD


def lock_file(sweep: Path) -> Path:
    """The lock that whoever starts a sweep's jobs holds meanwhile."""
    return sweep / ".lock"


def join(sweep: Path, plan: Plan) -> tuple[Plan, str | None]:
    """Join a plan with the one in a folder that may hold this sweep already, a part of it, or more than it.

    Returns:
        The plan, with the jobs that were planned there before and are not asked for now; and a line for the terminal,
        None in a new folder.

    Raises:
        UserError: the folder is another sweep's.
    """
    before = Plan.load(sweep)
    if before is None:
        return plan, None
    if plan.jobs is None or before.jobs is None:
        if plan.asked != before.asked:
            raise UserError(
                f"sweep.dir={sweep}: holds another sweep, of {' '.join(before.asked)}; choose another folder"
            )
        return plan, f"Going on in {sweep}: trials that were finished there are not run again"
    planned, asked = set(before.jobs), set(plan.jobs)
    if not planned & asked:
        raise UserError(
            f"sweep.dir={sweep}: holds another sweep, none of its jobs is asked for now (its first is "
            f"{' '.join(before.jobs[0])}); choose another folder"
        )
    done = sum(own in asked and Run(folder).state() == "finished" for own, folder in jobs(sweep).items())
    added, kept = len(asked - planned), tuple(job for job in before.jobs if job not in asked)
    notice = f"Going on in {sweep}: {done} of {len(asked)} jobs are finished"
    notice += f", {added} are new" if added else ""
    notice += f"; {len(kept)} that are not asked for now stay as they are" if kept else ""
    return Plan(**vars(plan) | {"jobs": plan.jobs + kept}), notice


def _names(number: int) -> Iterator[str]:
    yield str(number)
    again = 2
    while True:
        yield f"{number}_{again}"
        again += 1


def _is_taken(folder: Path) -> bool:
    return folder.is_dir() and (identity_of(folder) is not None or Run(folder).record_file.exists())


def _number(folder: Path) -> tuple[int, str]:
    first = folder.name.partition("_")[0]
    return (int(first) if first.isdecimal() else sys.maxsize, folder.name)
