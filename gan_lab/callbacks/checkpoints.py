"""The checkpoint that a run goes on from, and that of its best state."""

from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from gan_lab.callbacks.endings import Interrupted
from gan_lab.callbacks.quality import Quality
from gan_lab.types import PositiveInt


class LastCheckpoint(Checkpoint):
    """Keeps the latest state, saved between batches only.

    Lightning's ModelCheckpoint counts in epochs, which say little about time lost, or misses the end of training; and
    on any exception it saves what may lie between the two players' steps, from where a run would go on differently.

    Args:
        file: replaced as a whole each time.
        every_n_batches: batches between two saves; the end of training and an interruption save as well.
    """

    def __init__(self, *, file: str, every_n_batches: PositiveInt) -> None:
        self.file = Path(file)
        self.every_n_batches = every_n_batches
        self.saved_at = -1

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save when due."""
        if trainer.global_step % self.every_n_batches == 0:
            self.save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the final state."""
        self.save(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Save where training stopped, if that was between two batches."""
        if isinstance(exception, Interrupted):
            self.save(trainer)

    def save(self, trainer: Trainer) -> None:
        """Save, unless this state has been saved."""
        if trainer.global_step != self.saved_at:
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
