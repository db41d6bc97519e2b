"""Checkpoints: the last one, those that are kept for good, and the best one."""

import logging
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from torch import Tensor

from gan_lab.callbacks.graceful_stop import Interrupted
from gan_lab.callbacks.scores import Scores
from gan_lab.callbacks.trigger import EveryNImages
from gan_lab.utils import disk
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import link_or_copy
from gan_lab.utils.run_layout import PREVIOUS_CHECKPOINT
from gan_lab.utils.types import OutputPath, PositiveFloat, PositiveInt

log = logging.getLogger(__name__)

RETRY_SECONDS = 10.0  # from a save that failed to the next one


class LastCheckpoint(Checkpoint):
    """Keeps the latest good state, saved between batches only, and the one before it.

    Lightning's ModelCheckpoint misses the end of training. On an exception it saves a state that may lie between the
    two players' steps, and a run resumed from there would differ. Here a crash leaves the checkpoint before it.

    The untrained state is saved as well, so a folder that can't be written to is noticed before the first batch. If a
    later save fails, because the disk is full, training goes on with the older checkpoint, and the next logging point
    after `RETRY_SECONDS` saves. The final state has to be saved.

    A state with a number that is not finite is never saved.

    Args:
        file: replaced as a whole each time; the checkpoint before it is kept beside it as `previous.ckpt`.
        every_n_images: images seen between two saves; the end of training and an interruption save as well.
        every_n_minutes: minutes between two saves at most, as far as logging points allow, where the clock is read.
            None saves by images alone.
        keep_every_n_images: images seen between two checkpoints that are kept for good, named by the images seen as in
            `000384000.ckpt`. None keeps none.
        seconds_apart: seconds between two saves that `every_n_images` asks for, at least; None goes by images alone.
    """

    def __init__(
        self,
        *,
        file: OutputPath,
        every_n_images: PositiveInt,
        every_n_minutes: PositiveFloat | None,
        keep_every_n_images: PositiveInt | None,
        seconds_apart: PositiveFloat | None = None,
    ) -> None:
        self.file = Path(file)
        self.previous = self.file.with_name(PREVIOUS_CHECKPOINT)
        self.trigger = EveryNImages(every_n_images, seconds_apart=seconds_apart)
        self.every_n_minutes = every_n_minutes
        self.keep = EveryNImages(keep_every_n_images or sys.maxsize)
        self.kept_at = -1  # images seen
        self.saved_at = -1
        self.saved_when = monotonic()
        self.failed = False  # the latest save
        self.owed = False  # a checkpoint that is kept for good
        self.hold = False  # set where the current state is in doubt: it then replaces no older one

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Save the untrained state; a run that goes on, and one that was rolled back, counts from its checkpoint."""
        self.saved_when = monotonic()
        self.trigger.last = self.keep.last = pl_module.images_seen
        if trainer.global_step == 0:
            self.save(trainer)

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Save when due."""
        images_seen = pl_module.images_seen
        if not self.hold and (
            self._is_kept(images_seen) or self.trigger.comes(trainer, images_seen) or self._is_late(trainer)
        ):
            self.save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the final state, even if it has been saved: other callbacks have changed their state since."""
        self.saved_at = -1
        self.save(trainer, is_last=True)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Save where training stopped, if that was between two batches."""
        if isinstance(exception, Interrupted) and exception.between_batches:
            self.save(trainer)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add the state of the loggers that have one."""
        with_state = (logger for logger in trainer.loggers if hasattr(logger, "state_dict"))
        checkpoint["loggers"] = {logger.name: logger.state_dict() for logger in with_state}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Restore the state of the loggers."""
        for logger in trainer.loggers:
            if logger.name in checkpoint.get("loggers", {}):
                logger.load_state_dict(checkpoint["loggers"][logger.name])  # type: ignore[attr-defined]

    def save(self, trainer: Trainer, *, is_last: bool = False) -> None:
        """Save, unless this state has been saved or is broken.

        Raises:
            UserError: the checkpoint can't be written, and there is no older one, or it is the last.
        """
        if trainer.global_step == self.saved_at:
            return
        images_seen: Any = trainer.lightning_module.images_seen
        kept = self.owed or self._is_kept(images_seen)
        self.trigger.happened(images_seen)  # tried is done: a full disk is not asked again at the next batch
        if kept:
            self.keep.last = self.kept_at = images_seen
        if not is_finite(trainer):
            log.warning("Batch %d: not saved, weights or optimizer states are not finite", trainer.global_step)
            return
        self.saved_when = monotonic()
        problem = try_to_save(trainer, self.file, keep_as=self.previous)
        self.failed, self.owed = bool(problem), bool(problem) and kept
        if not problem:
            self.saved_at = trainer.global_step
        elif not trainer.strategy.broadcast(self.file.exists()):
            raise UserError(f"{problem}, and start again: there is no checkpoint yet")
        elif is_last:
            raise UserError(f"{problem}, and resume the run: its last state isn't saved, the one before it is")
        else:
            disk.failed(self.file, problem)
        if not problem and kept and trainer.is_global_zero:
            link = self.file.with_name(f"{images_seen:09d}.ckpt")
            with disk.surviving(link):
                link_or_copy(self.file, link)
        if not problem and trainer.is_global_zero:
            share_with_best(trainer, self.file)

    def _is_kept(self, images_seen: int) -> bool:
        """Tell that this state is kept for good; saved once more, it replaces the kept file."""
        return self.keep.is_due(images_seen) or images_seen == self.kept_at

    def _is_late(self, trainer: Trainer) -> bool:
        """Tell that the last save was too long ago, or has failed a while ago, alike on all processes."""
        seconds = RETRY_SECONDS if self.failed else 60 * self.every_n_minutes if self.every_n_minutes else None
        if seconds is None or trainer.global_step % trainer.log_every_n_steps:  # type: ignore[attr-defined]
            return False
        late = monotonic() - self.saved_when >= seconds
        return trainer.strategy.reduce_boolean_decision(late, all=False)


class BestCheckpoint(Checkpoint):
    """Keeps the best state while training, as the `Scores` callback finds it; without it, nothing.

    Where it can't be written, a copy waits in memory for the next logging point, or save, at which it can.

    Args:
        file: replaced as a whole each time.
    """

    def __init__(self, *, file: OutputPath) -> None:
        self.file = Path(file)
        self.scores: Scores | None = None
        self.saved_at = -1
        self.waiting: dict[str, Any] | None = None  # a checkpoint

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the `Scores` callback."""
        scoring = (callback for callback in trainer.callbacks if isinstance(callback, Scores))  # type: ignore[attr-defined]
        self.scores = next(scoring, None)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save the state if it has just been found the best."""
        self.save(trainer, pl_module)
        if self.waiting and trainer.global_step % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self._write(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the final state if that is the best."""
        self.save(trainer, pl_module)
        if self.waiting:
            self._write(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Save if training was stopped right after the best state was found."""
        if isinstance(exception, Interrupted) and exception.between_batches:
            self.on_train_end(trainer, pl_module)

    def save(self, trainer: Trainer, pl_module: Any) -> None:
        """Save if this state is the best, unless it has been saved or is broken."""
        best = self.scores.best if self.scores else None
        if best and best.images_seen == pl_module.images_seen != self.saved_at and is_finite(trainer):
            self.saved_at = best.images_seen
            self.waiting = None
            if problem := try_to_save(trainer, self.file):
                disk.failed(self.file, problem)
                self.waiting = copied(trainer._checkpoint_connector.dump_checkpoint())

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Write the copy before another checkpoint knows its score: a kill would lose what a resume takes as saved."""
        if self.waiting:
            self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        """Write the copy; all processes have one, and the first writes."""
        with disk.surviving(self.file):
            trainer.strategy.save_checkpoint(self.waiting, self.file)  # type: ignore[arg-type]
            self.waiting = None


def share_with_best(trainer: Trainer, last: Path) -> None:
    """Have the best checkpoint take no room of its own where the last one, just saved, holds the same state."""
    for best in trainer.callbacks:  # type: ignore[attr-defined]
        seen: Any = trainer.lightning_module.images_seen
        if isinstance(best, BestCheckpoint) and best.saved_at == seen and best.waiting is None:
            with disk.surviving(best.file):
                link_or_copy(last, best.file)


def try_to_save(trainer: Trainer, file: Path, keep_as: Path | None = None) -> str:
    """Save a checkpoint, and keep the one before it under another name.

    Returns:
        An error message, the same on all processes, so that they decide alike; empty if all went well.
    """
    problem = ""
    checkpoint = trainer._checkpoint_connector.dump_checkpoint()  # of all processes, before the one that writes fails
    try:
        if keep_as and trainer.is_global_zero and file.exists():
            link_or_copy(file, keep_as)
        trainer.strategy.save_checkpoint(checkpoint, file)
    except OSError as error:
        problem = disk.problem(file, error)
    else:
        disk.written(file)
    return trainer.strategy.broadcast(problem)


def copied(node: Any) -> Any:
    """A copy of a checkpoint's content on the CPU, which further training doesn't change."""
    if isinstance(node, Tensor):
        return node.detach().to("cpu", copy=True)
    if isinstance(node, dict):
        return {key: copied(value) for key, value in node.items()}
    return [copied(value) for value in node] if isinstance(node, (list, tuple)) else node


def is_finite(trainer: Trainer) -> bool:
    """Tell that the state is finite on all processes."""
    return trainer.strategy.reduce_boolean_decision(are_finite(state(trainer)))


def state(trainer: Trainer) -> Iterable[Tensor]:
    """Tensors that a checkpoint would hold: weights, buffers and optimizer states."""
    memories = (memory for optimizer in trainer.optimizers for memory in optimizer.state.values())
    remembered = chain.from_iterable(memory.values() for memory in memories)
    return (
        value
        for value in chain(trainer.lightning_module.state_dict().values(), remembered)
        # Counts of steps, which lie on the CPU whatever the device, are left out.
        if isinstance(value, Tensor) and value.is_floating_point() and value.dim() > 0
    )


@torch.no_grad()
def are_finite(tensors: Iterable[Tensor]) -> bool:
    """Tell that no tensor holds NaN or infinity. All lie on one device, which is waited for once."""
    sums = [tensor.sum() for tensor in tensors]  # not finite if one term isn't; many times faster than isfinite
    return not sums or bool(torch.stack([total.isfinite() for total in sums]).all())
