"""The progress bar."""

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar

SHORT = {"loss/discriminator": "D", "loss/generator": "G"}


class ProgressBar(TQDMProgressBar):
    """One bar for the whole run: batches, both players' losses, images/s of all processes together.

    Lightning's own starts anew each epoch, which says nothing where epochs take a second.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start where training stands."""
        super().on_train_start(trainer, pl_module)
        self.train_progress_bar.reset(trainer.max_steps if trainer.max_steps != -1 else None)
        self.train_progress_bar.initial = trainer.global_step
        self._show(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:
        """Epochs don't concern the bar."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Move on every `refresh_rate` batches."""
        if self.is_enabled and trainer.global_step % self.refresh_rate == 0:
            self._show(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Epochs don't concern the bar."""

    def on_train_end(self, *_: Any) -> None:
        """Leave the bar where training ended."""
        self._show(self.trainer, self.trainer.lightning_module)
        self.train_progress_bar.close()

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """What stands at the end of the bar."""
        shown: dict[str, int | str | float | dict[str, float]] = {}
        for name, value in trainer.progress_bar_metrics.items():
            if name == "images_per_second":
                shown["images/s"] = f"{value:,.0f}"
            else:
                shown[SHORT.get(name, name)] = f"{value:.3f}" if isinstance(value, float) else value
        return shown

    def _show(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.train_progress_bar.n = trainer.global_step
        self.train_progress_bar.set_postfix(self.get_metrics(trainer, pl_module))
