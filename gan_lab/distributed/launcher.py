"""Starting a process for each device, or joining those that a cluster has started already.

The program that the user called composes the configuration, checks it, and makes the run folder. With several devices
it then only waits for its workers (`gan_lab.training.worker`), which torch's elastic agent starts and watches. So
single runs, sweeps and every launcher of Hydra's behave alike: one folder for each run, one place that decides what
is run.

Under torchrun or srun the processes are there already, and each has composed the same configuration: they join, in
the folder that the first of them made.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from gan_lab.distributed import slurm
from gan_lab.utils import child_pythons, hardware
from gan_lab.utils.errors import UserError, fail
from gan_lab.utils.parent import as_parent
from gan_lab.utils.signals import END_ALL, KILL, handled, leave_terminal

# Variables that tell processes who they are. A worker must not inherit those of the program that starts it.
IDENTITY = (
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT", "PL_GLOBAL_SEED"),
    *("WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "ROLE_WORLD_SIZE"),
)


class WorkerFailed(Exception):  # noqa: N818 - an ending, as Interrupted
    """A process of a run ended by something that no message foresees."""


@dataclass(frozen=True)
class WorldInfo:
    """Processes that were started from outside.

    Args:
        rank: of this one among all.
        size: of all together.
        here: on this machine.
    """

    rank: int
    size: int
    here: int

    @property
    def num_nodes(self) -> int:
        """Machines that take part."""
        return self.size // self.here


def detect_launcher() -> WorldInfo | None:
    """The processes that torchrun or srun has started, of which this is one; None where it was started alone."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        rank, size, here = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    elif slurm.is_first_of_several_on_a_terminal():
        fail("srun: --pty connects a terminal to the first task, which would train alone; leave it out")
    elif slurm.has_started_this() and int(os.environ.get("SLURM_NTASKS", 1)) > 1:
        if "SLURM_NTASKS_PER_NODE" not in os.environ:  # Lightning insists
            fail("srun: say how many tasks each machine has, --ntasks-per-node, instead of --ntasks")
        rank, size = int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_NTASKS"])
        here = size // int(os.environ.get("SLURM_NNODES", 1))
    else:
        return None
    return WorldInfo(rank, size, here) if size > 1 else None


def surroundings() -> ClusterEnvironment:
    """The place where processes learn who they are: from torchrun, from srun, or from each other alone.

    Lightning would guess: an allocation named "interactive" hides srun from it.
    """
    if TorchElasticEnvironment.detect():
        return TorchElasticEnvironment()
    return SLURMEnvironment(auto_requeue=False) if slurm.has_started_this() else LightningEnvironment()


def run_workers(config: str, folder: Path, count: int) -> None:
    """Train in so many processes on this machine, and wait for them.

    A signal that asks this program to end is passed on to the workers, which end between two batches; a second one
    ends them at once.

    Args:
        config: what to train, as YAML.
        folder: of the run.
        count: of processes.

    Raises:
        UserError: a worker has refused something, with its message.
        WorkerFailed: a worker has failed otherwise.
        SystemExit: a signal has ended them, with the exit code that shells give it.
    """
    with TemporaryDirectory(prefix="gan_lab_") as place:
        task, report = Path(place, "config.yaml"), Path(place, "report.json")
        task.write_text(config, encoding="utf-8")
        command = [sys.executable, "-m", "gan_lab.distributed.agent", str(count), place, str(folder), *sys.argv]
        # In a session of its own: Ctrl+C in a terminal reaches this program alone, and each worker once, from here.
        agent = subprocess.Popen(command, env=environment(count), start_new_session=True)
        with forwarding_signals(agent, Path(place), count) as received:
            code = agent.wait()
        if received:
            sys.exit(128 + received[0])
        if code == 0:
            return
        failure: dict[str, Any] = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    if failure.get("exit_code", 0) > 128:  # a signal reached the workers alone
        sys.exit(failure["exit_code"])
    if failure.get("user_error"):
        raise UserError(failure["message"])
    raise WorkerFailed(failure.get("message", f"the processes ended with code {code}"))


def environment(count: int) -> dict[str, str]:
    """The environment of the workers, who share the cores; torch's agent adds who each of them is."""
    inherited = {name: value for name, value in os.environ.items() if name not in IDENTITY}
    inherited = {name: value for name, value in inherited.items() if not name.startswith("TORCHELASTIC_")}
    share = hardware.threads_each(count)
    threads = {"OMP_NUM_THREADS": str(share)} if share else {}
    return inherited | threads | child_pythons.environment() | as_parent()


@contextmanager
def forwarding_signals(agent: "subprocess.Popen[bytes]", place: Path, count: int) -> Iterator[list[int]]:
    """Pass signals on to the workers while they run; yields those that came."""
    received: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        leave_terminal()
        received.append(number)
        workers = [int(file.read_text()) for file in place.glob("*.pid")]
        if len(received) > 1:
            number = KILL
        elif len(workers) < count:  # still starting: there is nothing to lose
            agent.send_signal(END_ALL)
            return
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, number)

    try:
        with handled(pass_on):
            yield received
    finally:
        if agent.poll() is None:  # something else ended the wait
            agent.kill()
