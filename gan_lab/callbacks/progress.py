"""Progress of a run: a bar for the terminal, and reports for run.json."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, TQDMProgressBar

SHORT = {"loss/discriminator": "D", "loss/generator": "G"}


class ProgressBar(TQDMProgressBar):
    """One bar for the whole run: batches, both players' losses, images/s of all processes together.

    Lightning's own bar starts anew in each epoch, which is of no use where epochs take a second.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start at the current batch."""
        super().on_train_start(trainer, pl_module)
        self.train_progress_bar.reset(trainer.max_steps if trainer.max_steps != -1 else None)
        self.train_progress_bar.initial = trainer.global_step
        self._show(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:
        """Do nothing: the bar does not count epochs."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Update the bar every `refresh_rate` batches."""
        if self.is_enabled and trainer.global_step % self.refresh_rate == 0:
            self._show(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Do nothing: the bar does not count epochs."""

    def on_train_end(self, *_: Any) -> None:
        """Close the bar at the last batch."""
        self._show(self.trainer, self.trainer.lightning_module)
        self.train_progress_bar.close()

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """Metrics at the end of the bar."""
        postfix: dict[str, int | str | float | dict[str, float]] = {}
        for name, value in trainer.progress_bar_metrics.items():
            if name == "images_per_second":
                postfix["images/s"] = f"{value:,.0f}"
            else:
                postfix[SHORT.get(name, name)] = f"{value:.3f}" if isinstance(value, float) else value
        return postfix

    def _show(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.train_progress_bar.n = trainer.global_step
        self.train_progress_bar.set_postfix(self.get_metrics(trainer, pl_module))


class RegularReport(Callback):
    """Reports the progress of a run when training starts, and at logging points, where numbers are read anyway.

    Args:
        report: writes the progress.
        announce: says once what is about to be trained, now that the images are there.
        seconds: between two reports, at least: a shared disk may take a while.
    """

    def __init__(self, report: Callable[[], None], announce: Callable[[], None], seconds: float = 5.0) -> None:
        self.report = report
        self.announce = announce
        self.seconds = seconds
        self.reported = 0.0
        self.began_at: int | None = None  # images seen when training started here, later than zero in a resumed run

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Report the start; a rollback is no other start."""
        if self.began_at is None:
            self.began_at = pl_module.images_seen
            self.announce()
        self._report(trainer)

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Report at a logging point, not too often."""
        if trainer.global_step % trainer.log_every_n_steps == 0 and monotonic() - self.reported >= self.seconds:  # type: ignore[attr-defined]
            self._report(trainer)

    def _report(self, trainer: Trainer) -> None:
        if trainer.is_global_zero:
            self.report()
            self.reported = monotonic()
