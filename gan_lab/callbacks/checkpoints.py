"""The checkpoint that a run goes on from, and that of its best state."""

import logging
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from torch import Tensor

from gan_lab.callbacks.endings import Interrupted
from gan_lab.callbacks.quality import Quality
from gan_lab.types import PositiveInt

log = logging.getLogger(__name__)


class LastCheckpoint(Checkpoint):
    """Keeps the latest good state, saved between batches only.

    Lightning's ModelCheckpoint counts in epochs, which say little about time lost, or misses the end of training; and
    on any exception it saves what may lie between the two players' steps, from where a run would go on differently.

    A state with a number in it that is not finite is never saved: what would go on from it is lost.

    Args:
        file: replaced as a whole each time.
        every_n_batches: batches between two saves; the end of training and an interruption save as well.
    """

    def __init__(self, *, file: str, every_n_batches: PositiveInt) -> None:
        self.file = Path(file)
        self.every_n_batches = every_n_batches
        self.saved_at = -1
        self.hold = False  # set by who doubts the current state: it then takes no older one's place

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save when due."""
        if trainer.global_step % self.every_n_batches == 0 and not self.hold:
            self.save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the final state."""
        self.save(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Save where training stopped, if that was between two batches."""
        if isinstance(exception, Interrupted):
            self.save(trainer)

    def save(self, trainer: Trainer) -> None:
        """Save, unless this state has been saved or is broken."""
        if trainer.global_step == self.saved_at:
            return
        if not trainer.strategy.reduce_boolean_decision(are_finite(state(trainer))):
            log.warning("Batch %d: not saved, weights or optimizer states are not finite", trainer.global_step)
            return
        self.saved_at = trainer.global_step
        trainer.save_checkpoint(self.file)


class BestCheckpoint(Checkpoint):
    """Keeps the state with the lowest FID while training, as the scoring callback finds it; without one, nothing.

    Args:
        file: replaced as a whole each time.
    """

    def __init__(self, *, file: str) -> None:
        self.file = Path(file)
        self.quality: Quality | None = None
        self.saved_at = -1

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the callback that scores."""
        watching = (callback for callback in trainer.callbacks if isinstance(callback, Quality))  # type: ignore[attr-defined]
        self.quality = next(watching, None)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save what has just been found the best."""
        self.save(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the final state if that is the best."""
        self.save(trainer, pl_module)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Save if training was stopped right after the best state was found."""
        if isinstance(exception, Interrupted):
            self.save(trainer, pl_module)

    def save(self, trainer: Trainer, pl_module: Any) -> None:
        """Save if this state is the best, unless it has been saved."""
        best = self.quality.best if self.quality else None
        if best and best.images_seen == pl_module.images_seen != self.saved_at:
            self.saved_at = best.images_seen
            trainer.save_checkpoint(self.file)


def state(trainer: Trainer) -> Iterable[Tensor]:
    """The tensors that a checkpoint would hold."""
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
    """Whether there is neither NaN nor infinity in any of the tensors, which lie on one device; one wait for it."""
    sums = [tensor.sum() for tensor in tensors]  # not finite if one term isn't; many times faster than isfinite
    return not sums or bool(torch.stack([total.isfinite() for total in sums]).all())
