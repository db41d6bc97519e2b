"""A run's curves over images instead of batches."""

from typing import Any

from lightning import Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger

PLOTTED = ("loss/", "accuracy/")


class ImageAxis(Callback):
    """Writes losses and accuracies to TensorBoard once more, under `by_images_seen/`, with that as their x-axis.

    It is the axis on which runs of different batch size or number of processes can be compared.
    """

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Write at logging points."""
        if trainer.global_step % trainer.log_every_n_steps:  # type: ignore[attr-defined]
            return
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                for name, value in trainer.callback_metrics.items():
                    if name.startswith(PLOTTED):
                        logger.experiment.add_scalar(f"by_images_seen/{name}", value, pl_module.images_seen)
