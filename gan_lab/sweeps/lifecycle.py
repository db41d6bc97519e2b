"""Begin a sweep, alone in its folder, and end it with a table of the jobs that have not finished."""

from datetime import datetime
from pathlib import Path

from filelock import FileLock

from gan_lab.sweeps import folders, status
from gan_lab.sweeps.folders import Plan
from gan_lab.utils.errors import UserError, fail
from gan_lab.utils.locks import Busy, take
from gan_lab.utils.shell import argument, override
from gan_lab.utils.terminal import say

_held: list[FileLock] = []  # by this process, at most one; not in a callback of Hydra's, which launchers send to others


def begin(sweep: Path, plan: Plan) -> None:
    """Take a sweep's folder for this process, and keep the plan there.

    Raises:
        UserError: another process starts jobs in it.
    """
    _release()
    try:
        _held.append(take(folders.lock_file(sweep), patience=2.0))
    except Busy as error:
        other = Plan.load(sweep)
        by = f", by process {other.pid} on {other.host}" if other else ""
        raise UserError(f"sweep.dir={sweep}: a sweep is at work there{by}") from error
    plan.save(sweep)


def end(sweep: Path) -> None:
    """Say what became of the jobs, and end the program with an error if some have not finished."""
    plan = Plan.load(sweep)
    assert plan is not None
    jobs = status.jobs_of(plan.jobs or (), list(folders.jobs(sweep).items()))
    if plan.jobs is None:  # a trial that failed in an earlier call is not one of this call's
        start = datetime.fromisoformat(plan.started)
        jobs = [job for job in jobs if job.state == "finished" or job.ended is None or job.ended >= start]
    _release()
    say(f"{status.summary(jobs)}\nSweep folder {sweep}; its table: gan-lab compare {argument(sweep)}")
    unfinished = sum(job.state != "finished" for job in jobs)
    if unfinished:
        again = f"The same command with {override('sweep.dir', sweep)} does what is missing"
        fail(f"{unfinished} of {len(jobs)} jobs did not finish\n{status.failures(jobs)}\n{again}")


def _release() -> None:
    while _held:
        lock = _held.pop()
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
