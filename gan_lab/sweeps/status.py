"""The state of a sweep's jobs, read from their folders: how far they are, what they have reached, what went wrong."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tabulate import tabulate

from gan_lab.runs.record import BestScore, best_score
from gan_lab.runs.run import Run, State
from gan_lab.sweeps import folders
from gan_lab.sweeps.folders import Identity, Plan
from gan_lab.utils.errors import UserError
from gan_lab.utils.run_layout import job_number

SILENT = 600.0  # seconds without a report after which a running job says so: its last scores may take minutes
NOTHING = "-"


@dataclass(frozen=True)
class Job:
    """A job as it stands.

    Args:
        name: the number of its folder, or of a run alone the folder's name; empty where it has none yet.
        overrides: that make it.
        state: of its run.
        record: what its run says of itself, if it has begun.
    """

    name: str
    overrides: Identity
    state: State
    record: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, overrides: Identity = ()) -> "Job":
        """The job in a folder, or the run alone where there are no overrides."""
        run = Run(folder)
        record = run.record() if run.record_file.exists() else {}
        name = job_number(folder.name) if overrides else folder.resolve().name
        return cls(name, overrides, run.state(), record)

    @property
    def best(self) -> BestScore | None:
        """The score so far that decides on the best state, or None."""
        return best_score(self.record)

    @property
    def score(self) -> str:
        """The name of that score; empty before there is one."""
        return self.best.name if self.best else ""

    @property
    def protocol(self) -> str:
        """The id of the protocol of that score; empty without one."""
        best = self.record.get("best") or {}
        return str((best.get("protocol") or {}).get("id", ""))

    @property
    def tags(self) -> str:
        """The words that its user gave it, separated by commas."""
        return ",".join(self.record.get("tags", []))

    @property
    def ended(self) -> datetime | None:
        """The time at which the job ended; None before."""
        return datetime.fromisoformat(self.record["ended"]) if "ended" in self.record else None

    @property
    def reason(self) -> str:
        """The reason why the job ended as it did, in a line; for a job at work, whether it is silent."""
        if self.state == "died":
            return f"process {self.record.get('pid')} on {self.record.get('host')} is gone"
        if self.state == "running":
            silent = seconds_since(self.record.get("updated"))
            return f"silent for {silent / 60:.0f} min" if silent is not None and silent > SILENT else ""
        if self.state == "finished":
            return ""
        return str(self.record.get("error") or "").partition("\n")[0].removeprefix("UserError: ")


def jobs_in(folder: Path) -> list[Job]:
    """The jobs of a sweep, those that are to come as well; of a run's folder, that run.

    Raises:
        UserError: there is no such folder, or neither in it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    if Run(folder).record_file.exists():
        return [Job.of(folder)]
    plan = Plan.load(folder)
    started = folders.started(folder)
    if plan is None and not started:
        raise UserError(f"{folder}: holds neither a run nor a sweep")
    return jobs_of(plan.jobs if plan and plan.jobs else (), started)


def jobs_of(planned: Iterable[Identity], started: Sequence[tuple[Identity, Path]]) -> list[Job]:
    """All jobs: those that have begun, in the order of their folders, then those that have not."""
    begun = {overrides for overrides, _ in started}
    waiting = [Job("", overrides, "waiting") for overrides in planned if overrides not in begun]
    return [_readable(folder, overrides) for overrides, folder in started] + waiting


def _readable(folder: Path, overrides: Identity) -> Job:
    """The job in a folder; one whose record can't be read says so in its line."""
    try:
        return Job.of(folder, overrides)
    except UserError as error:
        return Job(job_number(folder.name), overrides, "unreadable", {"error": str(error)})


def summary(jobs: Sequence[Job]) -> str:
    """A line with the number of jobs in each state, and the best so far: by each score and protocol there is."""
    counted = Counter(job.state for job in jobs)
    states = ", ".join(f"{count} {state}" for state, count in counted.items())
    line = f"{len(jobs)} job{'s' if len(jobs) > 1 else ''}: {states}"
    best: dict[tuple[str, str], Job] = {}
    for job in sorted((job for job in jobs if job.best is not None), key=rank):
        best.setdefault((job.score, job.protocol), job)
    are_mixed = len({protocol for _, protocol in best}) > 1
    for (score, own), job in best.items():
        line += f". Best so far{f' by protocol {own}' if are_mixed else ''}: "
        line += f"{spelled(score)} {shown(job)} while training, job {job.name}"
    return line


def rank(job: Job) -> tuple[str, float]:
    """The place of a job with a best score in the order by scores, from the best on."""
    return job.score, job.best.minimised if job.best else 0.0


def shown(job: Job) -> str:
    """The best score of a job, with the digits that count."""
    if job.best is None:
        return NOTHING
    return f"{job.best.value:.2f}" if abs(job.best.value) >= 1 else f"{job.best.value:.4f}"


def spelled(score: str) -> str:
    """The name of a score as a heading: "FID", "CLASS RECALL"."""
    return score.upper().replace("_", " ")


def table(jobs: Sequence[Job]) -> str:
    """A table with a line for each job: overrides, state, progress, speed, best score, and what is wrong.

    The score is the one that decides on the best checkpoint. Scores of different protocols can't be
    compared, so each then stands beside its protocol. Where jobs have tags, there is a column for them.
    """
    varying = differences([job.overrides for job in jobs])
    are_mixed = len({job.protocol for job in jobs if job.best is not None}) > 1
    scores = sorted({job.score for job in jobs if job.best}) or ["fid"]
    with_tags = [name for name in ["Tags"] if any(job.tags for job in jobs)]
    scored = [f"Best {spelled(name)}" for name in scores]
    rows = [["Job", "State", "Batches", "Images/s", *scored, *with_tags, "Overrides", ""]]
    for job, overrides in zip(jobs, varying, strict=True):
        speed = job.record.get("images_per_second")
        best = shown(job) + (f" ({job.protocol})" if are_mixed and job.best else "")
        rows.append(
            [
                job.name or NOTHING,
                job.state,
                progress(job.record),
                f"{speed:,.0f}" if speed else NOTHING,
                *(best if name == job.score else NOTHING for name in scores),
                *(job.tags or NOTHING for _ in with_tags),
                " ".join(overrides),
                job.reason,
            ]
        )
    return aligned(rows)


def notes(jobs: Sequence[Job]) -> str:
    """A line for each text that a user has noted, after the jobs that have it; empty without any."""
    of_jobs: dict[str, list[str]] = {}
    for job in jobs:
        if text := " ".join(str(job.record.get("notes") or "").split()):
            of_jobs.setdefault(text, []).append(job.name)
    return "".join(f"{', '.join(names)}: {text}\n" for text, names in of_jobs.items())


def failures(jobs: Sequence[Job]) -> str:
    """A table with a line for each job that has not finished: overrides, state, and why."""
    varying = differences([job.overrides for job in jobs])
    rows = [
        [job.name or NOTHING, job.state, " ".join(own), job.reason]
        for job, own in zip(jobs, varying, strict=True)
        if job.state != "finished"
    ]
    return aligned([["Job", "State", "Overrides", "Why"], *rows])


def progress(record: dict[str, Any]) -> str:
    """Batches done, and how many there are to be."""
    if "batches" not in record:
        return NOTHING
    done, end = record["batches"], record.get("last_batch")
    return f"{done:,}" if not end else f"{done:,} of {end:,} ({done / end:.0%})"


def differences(identities: Sequence[Identity]) -> list[Identity]:
    """The overrides of each without those that all share; of one alone, all."""
    shared = folders.shared(identities)
    return [tuple(text for text in own if text not in shared) for own in identities]


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows in columns."""
    text: str = tabulate(rows, tablefmt="plain", disable_numparse=True)
    return text


def seconds_since(time: str | None) -> float | None:
    """From a time as records give it until now."""
    return None if time is None else (datetime.now().astimezone() - datetime.fromisoformat(time)).total_seconds()
