"""Jobs that SLURM ends early and starts again.

A job that is about to lose its time gets a signal (`#SBATCH --signal=SIGUSR1@90`). The run saves and asks to be queued
again; SLURM then runs the same command a second time, and that goes on with the run that the job began.
"""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from gan_lab.utils.files import read_regular
from gan_lab.utils.run_layout import RECORD

INTERACTIVE = ("bash", "interactive")  # as Lightning tells them apart
INTERACTIVE_STEP = str(0xFFFFFFFA)  # slurm.h, SLURM_INTERACTIVE_STEP


def job() -> str | None:
    """The job that this program is, as `scontrol` names it; None where it is none, or an interactive one."""
    if "SLURM_JOB_ID" not in os.environ or os.environ.get("SLURM_JOB_NAME") in INTERACTIVE:
        return None
    if "SLURM_ARRAY_JOB_ID" in os.environ:
        return f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    return os.environ["SLURM_JOB_ID"]


def has_started_this() -> bool:
    """Tell a task that srun has started from a program that the user starts in a shell of the job.

    Such a shell has the variables of all tasks of the job, but nobody starts the others: that of salloc is a step with
    a number of its own, and that of `srun --pty` has a terminal.
    """
    return os.environ.get("SLURM_STEP_ID", INTERACTIVE_STEP) != INTERACTIVE_STEP and not is_on_terminal()


def is_on_terminal() -> bool:
    """Tell the first task of `srun --pty`, and what the user starts in it if it is a shell."""
    return "SLURM_PTY_PORT" in os.environ and sys.stdin is not None and sys.stdin.isatty()


def is_first_of_several_on_a_terminal() -> bool:
    """Tell this program in `srun -n 4 --pty python ...`: SLURM, and no shell, has started it, and others beside it."""
    if not is_on_terminal() or int(os.environ.get("SLURM_NTASKS", 1)) == 1:
        return False
    return parent_name() == "slurmstepd"


def parent_name() -> str:
    """Name the program that has started this one; empty where the system doesn't tell."""
    with suppress(OSError):
        return Path(f"/proc/{os.getppid()}/comm").read_text(encoding="utf-8").strip()
    return ""


def requeue() -> str:
    """Ask SLURM to run this job again; returns a line that says what came of it."""
    name = job()
    if name is None:
        return "Not a SLURM job: it is not queued again"
    try:
        result = subprocess.run(["scontrol", "requeue", name], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"SLURM job {name} could not be queued again: {error}"
    if result.returncode:
        return f"SLURM job {name} could not be queued again: {result.stderr.strip() or result.returncode}"
    return f"SLURM job {name} is queued again, and will go on"


def has_been_started_again() -> bool:
    """Tell a job that SLURM runs again from one that it runs for the first time."""
    return job() is not None and os.environ.get("SLURM_RESTART_COUNT", "0") != "0"


def begun_by_this_job(runs: Path) -> Path | None:
    """The run folder in `runs` that this job began or went on with last; None where there is none."""
    name = job()
    begun = [file.parent for file in runs.glob(f"*/{RECORD}") if name is not None and _job_of(file) == name]
    return max(begun, key=lambda folder: (folder / RECORD).stat().st_mtime, default=None)


def _job_of(record: Path) -> object:
    try:
        content = json.loads(read_regular(record))
    except (OSError, ValueError, RecursionError):
        return None
    return content.get("slurm_job") if isinstance(content, dict) else None
