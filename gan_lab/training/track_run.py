"""What is put down of a run while it trains and however it ends, and how several processes end together."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from gan_lab.callbacks.graceful_stop import Interrupted
from gan_lab.callbacks.health import Health, Stopped
from gan_lab.callbacks.progress import RegularReport
from gan_lab.callbacks.scores import Scores
from gan_lab.data.base import ImageDataModule
from gan_lab.distributed import slurm
from gan_lab.runs.run import Run, now, provenance
from gan_lab.training import tracebacks
from gan_lab.training.summary import summary
from gan_lab.training.trainer import Trainer
from gan_lab.utils.errors import UserError, tracebacks_wanted


@contextmanager
def track_run(
    run: Run, config: DictConfig, trainer: Trainer, data: ImageDataModule, told: dict[str, Any]
) -> Iterator[None]:
    """Keep run.json true whatever happens in between, and say at the end what was reached and where it is.

    A signal that asked the run to stop ends the program with the exit code shells give it. What nobody expected leaves
    its traceback in the run folder and comes out as a `UserError` of one line.

    Args:
        run: where it is recorded.
        config: of the run.
        trainer: that is about to train.
        data: what on.
        told: what else is to be recorded; `resumed` is added to what is there.
    """
    started = {"started": now(), "seconds": 0.0, "images_seen": 0}
    before: dict[str, Any] = started | (run.record() if run.record_file.exists() else {})
    resumed = {"resumed": [*before.get("resumed", []), told.pop("resumed")]} if "resumed" in told else {}
    job = {"slurm_job": slurm.job()} if slurm.job() else {}
    run.update_record(**before | {"status": "running", "seed": config.seed} | provenance() | told | resumed | job)
    start = perf_counter()

    def reached() -> dict[str, Any]:
        model: Any = trainer.lightning_module
        seconds = perf_counter() - start
        quality = [callback for callback in trainer.callbacks if isinstance(callback, Scores)]  # type: ignore[attr-defined]
        scoring = sum(callback.seconds for callback in quality)
        scores = {name: value for callback in quality for name, value in callback.results().items()}
        images_seen = before["images_seen"] if progress.began_at is None else model.images_seen
        trained = 0 if progress.began_at is None else images_seen - progress.began_at
        return dict(
            updated=now(),
            seconds=round(before["seconds"] + seconds, 1),
            scoring_seconds=round(before.get("scoring_seconds", 0.0) + scoring, 1),  # of them
            batches=trainer.global_step,
            batches_per_epoch=trainer.num_training_batches if images_seen else 0,
            last_batch=None if trainer.max_steps == -1 else trainer.max_steps,
            images_seen=images_seen,
            images_per_second=round(trained / (seconds - scoring), 1),
            batch_size={"per_process": data.batch_size, "global": data.batch_size * trainer.world_size},
            processes=trainer.world_size,
            threads=torch.get_num_threads(),  # of each
            device=device_name(trainer.strategy.root_device),
            data=data.describe(),
            **scores,
            alarms=alarms_of(trainer, before),
        )

    def close(status: str, **values: object) -> None:
        run.update_record(**reached(), status=status, ended=now(), **values)

    def has_gone_on() -> bool:
        """Else nothing has happened to the run, and its record stays."""
        return not config.resume or trainer.global_step > 0

    progress = RegularReport(lambda: run.update_record(**reached()))
    trainer.callbacks.append(progress)  # type: ignore[attr-defined]
    try:
        yield
    except Interrupted as ending:
        name = ending.signal.name
        if has_gone_on():
            close("interrupted", error=name)
            print(summary(run))
        else:
            run.write_record(before | {"status": "interrupted", "error": name})
        print(f"To go on: python train.py resume={run.folder}")
        if ending.signal == signal.SIGUSR1 and trainer.is_global_zero:
            print(slurm.requeue())
        raise
    except Stopped as ending:
        close("stopped", error=str(ending))
        print(summary(run))
        if run.checkpoint.exists():
            print(f"Last good    {run.checkpoint}; to go on: resume={run.folder} callbacks.health.policy=rollback")
        raise
    except BaseException as error:
        if not has_gone_on():
            run.write_record(before)
        elif not (refused_at_once(error, trainer) and run.discard()):
            close("failed", error=tracebacks.in_a_line(error))
        if not isinstance(error, Exception) or isinstance(error, UserError):
            raise
        line = tracebacks.record(run.folder, error)
        if tracebacks_wanted() or (HydraConfig.initialized() and HydraConfig.get().runtime.choices.get("debug")):
            raise
        raise UserError(line) from error
    close("finished", error=None)
    print(summary(run))


def alarms_of(trainer: Trainer, before: dict[str, Any]) -> list[str]:
    """What alarms have said, from the beginning: also what only a checkpoint knows, because the program was killed."""
    known: list[str] = before.get("alarms", [])
    watching = health_of(trainer)
    remembered = [line for health in watching for line in health.earlier_messages if line not in known]
    return [*known, *remembered, *(line for health in watching for line in health.messages)]


@contextmanager
def save_traceback(folder: Path, rank: int) -> Iterator[None]:
    """Of a process that does not write the run's record, keep at least what it did not expect."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        tracebacks.record(folder, error, f"crash_{rank}.txt")
        raise


def refused_at_once(error: BaseException, trainer: Trainer) -> bool:
    """Whether a run ends before it begins, for a reason that was told."""
    return is_single() and isinstance(error, UserError) and not trainer.global_step


def is_single() -> bool:
    """Whether this program was called for one run; a sweep keeps runs that were refused, to tell them all."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.RUN


@contextmanager
def barrier_on_exit(trainer: Trainer) -> Iterator[None]:
    """Where all processes end alike, have each wait for the others, lest one be ended while it still writes."""
    try:
        yield
    except (SystemExit, Stopped):
        trainer.strategy.barrier()
        raise
    trainer.strategy.barrier()


def health_of(trainer: Trainer) -> list[Health]:
    """The callbacks that watch a run's health: one, or none."""
    return [callback for callback in trainer.callbacks if isinstance(callback, Health)]  # type: ignore[attr-defined]


def device_name(device: torch.device) -> str:
    """The kind of device, and which one where torch knows."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
