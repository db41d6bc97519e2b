"""One job of a sweep, in a process of its own: what kills the job leaves the sweep alive."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import configure_log, env_override, setup_globals
from omegaconf import DictConfig, OmegaConf

from gan_lab.config import own_code
from gan_lab.runs.resume import load_job_config
from gan_lab.runs.run import Run, now
from gan_lab.sweeps.folders import Plan
from gan_lab.sweeps.status import Job
from gan_lab.utils import child_pythons
from gan_lab.utils.errors import UserError, fail
from gan_lab.utils.run_layout import EVENTS
from gan_lab.utils.shell import override
from gan_lab.utils.signals import ASKING_TO_STOP, KILL, handled, leave_terminal
from gan_lab.utils.terminal import say

START_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
FINAL = ("finished", "stopped")  # running it again would end the same way


def run_job(config: DictConfig) -> float | None:
    """Do what is left of the job in the folder that Hydra chose: all of it, the rest, or nothing.

    It doesn't raise if the job fails: the others are to go on, under every launcher and sweeper. The run's record says
    why it failed, and the sweep says it at its end.

    Returns:
        The best score while training, as `Run.objective` gives it; None where none was computed, infinity where the
        job failed.

    Raises:
        UserError: the sweeper goes by a score that there is not.
    """
    run = Run(HydraConfig.get().runtime.output_dir)
    if run.state() not in (*FINAL, "running"):  # by another sweep, that is
        _work_in_a_process(run, config)
    state = run.state()
    if state != "finished":
        reason = Job.of(run.folder).reason
        say(f"Job {run.folder.name} {state}" + (f": {reason}" if reason else ""))
        return inf
    lowest = run.objective()
    if lowest is None and not HydraConfig.get().sweeper._target_.endswith("BasicSweeper"):
        raise UserError(f"{run.folder}: this sweep goes by a score while training, and there is none: callbacks.scores")
    return lowest


def _work_in_a_process(run: Run, config: DictConfig) -> None:
    """Train in a new process and see to its end.

    It is forked from a server that has imported what training needs, once for all jobs, and has neither threads nor
    CUDA that a fork could break. A fresh interpreter each would cost seconds of imports.
    """
    start_server()
    hydra = OmegaConf.to_container(HydraConfig.instance().cfg)  # plain values: types of plugins can't be sent
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method(START_METHOD, force=True)  # which a process tells its children; joblib has its own
    process = multiprocessing.Process(target=_work, args=(config, hydra, Path.cwd()))
    process.start()
    multiprocessing.set_start_method(before, force=True)
    with _passing_on_signals(process) as received:
        process.join()
    if run.state() in ("waiting", "running", "died"):  # it had no time to say why
        code = process.exitcode or 0
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        hint = ", from outside or for want of memory" if name == "SIGKILL" and not received else ""
        status = "interrupted" if received or -code in ASKING_TO_STOP else "failed"
        run.update_record(status=status, error=f"its process was ended by {name}{hint}", ended=now())
    if received:
        say(f"To go on with the sweep: the same command with {override('sweep.dir', run.folder.parent)}")
        sys.exit(128 + received[0])


def start_server() -> None:
    """Have the server import what it needs, unless it has begun to; it looks for modules where this process does."""
    if START_METHOD != "forkserver":
        return
    from multiprocessing import forkserver

    forkserver.set_forkserver_preload(["gan_lab.training.train"])
    with env_override(child_pythons.environment()):
        forkserver.ensure_running()


@contextmanager
def _passing_on_signals(process: BaseProcess) -> Iterator[list[int]]:
    """Have the first signal that asks this process to stop ask the job instead, and the second kill it.

    Yields:
        Those that came.
    """
    received: list[int] = []

    def pass_on(number: int, frame: object) -> None:
        leave_terminal()
        received.append(number)
        if process.pid is not None and process.is_alive():
            os.kill(process.pid, number if len(received) == 1 else KILL)

    with handled(pass_on):
        yield received


def _work(config: DictConfig, hydras: dict[str, Any], directory: Path) -> None:
    """Train in the job's process, and record a failure.

    Args:
        config: of the job, as Hydra gives it to the program.
        hydras: configuration of its own.
        directory: to work in.
    """
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)  # Ctrl+C reaches it through its parent, once
    os.chdir(directory)
    setup_globals()
    HydraConfig.instance().cfg = OmegaConf.create(hydras)  # type: ignore[assignment]
    hydra: Any = HydraConfig.get()
    configure_log(hydra.job_logging, hydra.verbose)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    run = Run(hydra.runtime.output_dir)
    from gan_lab.callbacks.health import Stopped
    from gan_lab.training.train import train

    own_code.trust(config)  # composed of what was typed, and checked by the program that waits
    try:
        config = _rest(run, config)
        divide_threads(hydra)
        with devices_to_itself(config):
            train(config, run.folder, discard_refused=False, debug=bool(hydra.runtime.choices.get("debug")))
    except Stopped as error:
        fail(str(error))
    except Exception as error:
        run.update_record(status="failed", error=f"{type(error).__name__}: {error}", ended=now())
        if isinstance(error, UserError):
            fail(str(error))
        raise


def _end_with_parent() -> None:
    """Finish the batch, save and end once the process that waits for this one is gone: nobody else will stop it."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _rest(run: Run, config: DictConfig) -> DictConfig:
    """The rest of a job: the run as it was begun, from its checkpoint; or all of it, where nothing was saved."""
    if run.checkpoint.exists():
        begun = load_job_config(run, config, HydraConfig.get().overrides.task)
        begun.resume, begun.sweep = str(run.folder), config.sweep
        return begun
    for leftover in (run.record_file, run.metrics_file, *run.tensorboard.glob(f"{EVENTS}*")):
        leftover.unlink(missing_ok=True)
    return config


def divide_threads(hydra: Any) -> None:
    """Give the job its share of the cores, where neither the user (OMP_NUM_THREADS) nor the launcher has.

    Joblib and Ray set OMP_NUM_THREADS, SLURM binds a job to its cores. Submitit's local executor starts all jobs at
    once and does nothing of the kind.
    """
    if not hydra.launcher._target_.endswith("LocalLauncher"):
        return
    import torch

    from gan_lab.utils import hardware

    plan = Plan.load(Path(hydra.sweep.dir))
    planned = len(plan.jobs) if plan and plan.jobs else 1
    at_once = hydra.sweeper.get("n_jobs") or hydra.sweeper.get("max_batch_size") or planned
    share = hardware.threads_each(at_once)
    if share is not None:
        torch.set_num_threads(share)  # of all its processes together


def processes(config: DictConfig) -> int:
    """The number of processes that a job starts, one for each of its devices."""
    return 1 if config.trainer.devices == "auto" else int(config.trainer.devices)


@contextmanager
def devices_to_itself(config: DictConfig) -> Iterator[None]:
    """Hold the GPUs that the job trains on, and see no others; nothing changes where it trains on none."""
    import torch

    from gan_lab.sweeps import leases

    count = torch.cuda.device_count()  # asks the driver without starting CUDA
    if config.trainer.accelerator not in ("auto", "gpu", "cuda") or not count:
        yield
        return
    with leases.leased(leases.gpus(count), processes(config), config.sweep.jobs_per_device) as names:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(names)
        yield
