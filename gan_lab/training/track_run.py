"""The record of a run while it trains and however it ends, and processes that end together."""

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from gan_lab.callbacks.early_stopping import early_end
from gan_lab.callbacks.graceful_stop import Interrupted
from gan_lab.callbacks.health import Health, Stopped
from gan_lab.callbacks.progress import RegularReport
from gan_lab.callbacks.scores import Scores
from gan_lab.config.command_line import tracebacks_wanted
from gan_lab.distributed import slurm
from gan_lab.runs.run import now, provenance
from gan_lab.training import tracebacks
from gan_lab.training.build import Parts
from gan_lab.training.summary import opening, summary
from gan_lab.training.trainer import Trainer
from gan_lab.utils import disk, memory
from gan_lab.utils.errors import UserError
from gan_lab.utils.loggers import end_run
from gan_lab.utils.shell import override, program
from gan_lab.utils.signals import TIME_IS_UP
from gan_lab.utils.terminal import say

log = logging.getLogger(__name__)


@contextmanager
def track_run(parts: Parts, facts: dict[str, Any], *, discard_refused: bool, debug: bool) -> Iterator[None]:
    """Keep run.json true whatever happens in between, and say at the end what was reached and where it is.

    A signal that asked the run to stop ends the program with the exit code shells give it. What nobody expected leaves
    its traceback in the run folder and comes out as a `UserError` of one line.

    Args:
        parts: of the run that is about to train.
        facts: to be recorded beside what every run records; `resumed` is added to what is there.
        discard_refused: whether a run that is refused before its first batch leaves nothing.
        debug: whether what nobody expected comes out as it is.
    """
    disk.forget()
    try:
        tracker = RunTracker(parts, facts)
    except OSError as error:
        raise UserError(disk.problem(parts.run.record_file, error)) from error
    try:
        yield
        disk.check_all_written([*parts.trainer.callbacks, *parts.trainer.loggers])  # type: ignore[attr-defined]
    except Interrupted as ending:
        tracker.interrupted(ending.signal)
        raise
    except Stopped as ending:
        tracker.stopped(str(ending))
        raise
    except BaseException as error:
        tracker.failed(error, discard_refused)
        if not isinstance(error, Exception) or isinstance(error, UserError):
            raise
        if isinstance(error, OSError) and error.errno in disk.REMEDIES and not debug:
            raise UserError(disk.problem(Path(error.filename or parts.run.folder), error)) from error
        line = tracebacks.record(parts.run.folder, error)
        if debug or tracebacks_wanted():
            raise
        raise UserError(line) from error
    tracker.finished()


class RunTracker:
    """Writes to run.json how far a run is, regularly, and how it ended.

    What a resumed run had reached before is added to: seconds, alarms.

    Args:
        parts: of the run.
        facts: to be recorded from the start.
    """

    def __init__(self, parts: Parts, facts: dict[str, Any]) -> None:
        self.config, self.run, self.trainer, self.data = parts.config, parts.run, parts.trainer, parts.data
        self.found = parts.before
        started: dict[str, Any] = {"started": now(), "seconds": 0.0, "images_seen": 0}
        self.before = started | (self.run.record() if self.run.record_file.exists() else {})
        if "resumed" in facts:
            facts = facts | {"resumed": [*self.before.get("resumed", []), facts["resumed"]]}
        job = {"slurm_job": slurm.job()} if slurm.job() else {}
        said = {"tags": [*self.config.get("tags", [])], "notes": self.config.get("notes")}
        running = {"status": "running", "seed": self.config.seed} | said
        self.run.update_record(**self.before | running | provenance() | facts | job)
        self.start = perf_counter()
        self.progress = RegularReport(self.report, self.announce)
        self.has_estimated = False
        self.trainer.callbacks.append(self.progress)  # type: ignore[attr-defined]

    def reached(self) -> dict[str, Any]:
        """The run's progress, by the names of the record."""
        model: Any = self.trainer.lightning_module
        began_at = self.progress.began_at
        seconds = perf_counter() - self.start
        scorers = [callback for callback in self.trainer.callbacks if isinstance(callback, Scores)]  # type: ignore[attr-defined]
        scoring = sum(callback.seconds for callback in scorers)
        scores = {name: value for callback in scorers for name, value in callback.results().items()}
        images_seen = self.before["images_seen"] if began_at is None else model.images_seen
        trained = 0 if began_at is None else images_seen - began_at
        batch_size, world_size = self.data.batch_size, self.trainer.world_size
        return dict(
            updated=now(),
            seconds=round(self.before["seconds"] + seconds, 1),
            scoring_seconds=round(self.before.get("scoring_seconds", 0.0) + scoring, 1),  # of them
            batches=self.trainer.global_step,
            batches_per_epoch=self.trainer.num_training_batches if images_seen else 0,
            last_batch=None if self.trainer.max_steps == -1 else self.trainer.max_steps,
            images_seen=images_seen,
            images_per_second=round(trained / (seconds - scoring), 1),
            batch_size={"per_process": batch_size, "global": batch_size * world_size},
            processes=world_size,
            threads=torch.get_num_threads(),  # of each
            device=device_name(self.trainer.strategy.root_device),
            data=self.data.identity(),
            **scores,
            alarms=alarms_of(self.trainer, self.before),
        )

    def announce(self) -> None:
        """Say what is about to be trained."""
        model: Any = self.trainer.lightning_module
        log.info("Training\n%s", opening(self.run, self.reached(), model))

    def report(self) -> None:
        """Record the progress, and say once how long the rest will take.

        The next report makes up for one that can't be written.
        """
        reached = self.reached()
        with disk.surviving(self.run.record_file):
            self.run.update_record(**reached)
        speed, last = self.trainer.progress_bar_metrics.get("images_per_second"), reached["last_batch"]
        if speed and last is not None and not self.has_estimated:
            self.has_estimated = True
            left = (last - reached["batches"]) * reached["batch_size"]["global"]
            log.info("About %s to go", timedelta(seconds=round(left / float(speed))))

    @property
    def has_gone_on(self) -> bool:
        """False for a resumed run that nothing has happened to: its record stays."""
        return not self.config.resume or self.trainer.global_step > 0

    def finished(self) -> None:
        """Record the run's end.

        Raises:
            UserError: it can't be recorded.
        """
        try:
            self.run.update_record(**self._ending("finished", error=None, ended_early=early_end(self.trainer)))
        except OSError as error:
            problem = disk.problem(self.run.record_file, error)
            raise UserError(f"{problem}, and resume the run, which has reached its end: that records it") from error
        say(summary(self.run))

    def interrupted(self, number: signal.Signals) -> None:
        """Record the signal that asked the run to stop, and say how to go on."""
        with disk.surviving(self.run.record_file):
            if self.has_gone_on:
                self.run.update_record(**self._ending("interrupted", error=number.name))
                say(summary(self.run))
            else:
                self.run.write_record(self.before | {"status": "interrupted", "error": number.name})
        say(f"To go on: {program()} {override('resume', self.run.folder)}")
        if number == TIME_IS_UP and self.trainer.is_global_zero:
            say(slurm.requeue())

    def stopped(self, reason: str) -> None:
        """Record the alarm that stopped the run, and say where its last good state is."""
        with disk.surviving(self.run.record_file):
            self.run.update_record(**self._ending("stopped", error=reason))
            say(summary(self.run))
        if self.run.checkpoint.exists():
            again = f"{program()} {override('resume', self.run.folder)} callbacks.health.policy=rollback"
            say(f"Last good    {self.run.checkpoint}; to go on: {again}")

    def failed(self, error: BaseException, discard_refused: bool) -> None:
        """Record a failure; or leave nothing of a run that was refused before its first batch."""
        refused = isinstance(error, UserError) and not self.trainer.global_step
        if refused and discard_refused:
            end_run(self.trainer, "failed")  # while the files that a logger has open are there
        with disk.surviving(self.run.record_file):
            if not self.has_gone_on:
                self.run.write_record(self.before)
            elif not (refused and discard_refused and self.run.discard(self.found)):
                self.run.update_record(**self._ending("failed", error=tracebacks.in_a_line(error)))

    def _ending(self, status: str, **values: object) -> dict[str, Any]:
        return self.reached() | {"status": status, "ended": now()} | values


# Runs that may have ended after their last checkpoint: some batches come again, and say the same. The kill of a worker
# leaves "failed", a second signal "interrupted".
BROKEN_OFF = ("running", "failed", "interrupted")


def alarms_of(trainer: Trainer, before: dict[str, Any]) -> list[str]:
    """All that alarms have said since the run began, also what only a checkpoint knows: the program may be killed."""
    known: list[str] = before.get("alarms", [])
    watching = [callback for callback in trainer.callbacks if isinstance(callback, Health)]  # type: ignore[attr-defined]
    earlier = [line for health in watching for line in health.earlier_messages if line not in known]
    said = [line for health in watching for line in health.messages]
    if before.get("status") in BROKEN_OFF:
        said = [line for line in said if line not in known]
    return [*known, *earlier, *said]


@contextmanager
def save_traceback(folder: Path, rank: int) -> Iterator[None]:
    """Keep at least the traceback of what a process did not expect that does not write the run's record."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        line = tracebacks.record(folder, error, rank)
        if memory.shortage(error):
            raise UserError(line) from error
        raise


@contextmanager
def barrier_on_exit(trainer: Trainer) -> Iterator[None]:
    """Have each process wait for the others where all end alike, lest one be ended while it still writes."""
    try:
        yield
    except (SystemExit, Stopped):
        trainer.strategy.barrier()
        raise
    trainer.strategy.barrier()


def device_name(device: torch.device) -> str:
    """The kind of device, and which one where torch knows."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
