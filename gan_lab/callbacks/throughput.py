"""How fast a run trains, and its curves over images instead of batches."""

from time import perf_counter
from typing import Any

from lightning import Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger


class Throughput(Callback):
    """Logs images/s of all processes together between two logging points.

    At each of them it also writes the losses and accuracies to TensorBoard once more, under `by_images_seen/`, with
    the images seen so far as their x-axis: the one on which runs of different batch size can be compared.
    """

    def __init__(self) -> None:
        self.since = (0.0, 0)

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Start the clock."""
        self.since = (perf_counter(), pl_module.images_seen)

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Read the clock at logging points."""
        if trainer.global_step % trainer.log_every_n_steps:  # type: ignore[attr-defined]
            return
        (then, images_then), (now, images_now) = self.since, (perf_counter(), pl_module.images_seen)
        self.since = (now, images_now)
        pl_module.log("images_per_second", (images_now - images_then) / (now - then), prog_bar=True)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                for name, value in trainer.callback_metrics.items():
                    if name.startswith(("loss/", "accuracy/")):
                        logger.experiment.add_scalar(f"by_images_seen/{name}", value, images_now)
