"""The end of a run whose scores get no better."""

from typing import Annotated, Any, Literal

from lightning import LightningModule, Trainer
from lightning.pytorch import callbacks
from pydantic import Field
from torch import Tensor

from gan_lab.utils.types import PositiveInt


class EarlyStopping(callbacks.EarlyStopping):
    """Ends training once a metric has not improved for a while; the reason is in the run's record.

    Lightning's own looks at the end of each epoch, when there may be no score yet, or the same one again. This one
    looks at each new value.

    Args:
        monitor: name of the metric, as in metrics.csv.
        mode: "min" where lower is better, "max" where higher is.
        patience: values in a row that are no improvement.
        min_delta: the smallest change that counts as an improvement.
    """

    def __init__(
        self,
        *,
        monitor: str,
        mode: Literal["min", "max"],
        patience: PositiveInt,
        min_delta: Annotated[float, Field(ge=0.0)] = 0.0,
    ) -> None:
        super().__init__(monitor, mode=mode, patience=patience, min_delta=min_delta)
        self.latest: Tensor | None = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look at a value that came with this batch, if there is one."""
        value = trainer.callback_metrics.get(self.monitor)
        if value is not None and value is not self.latest:
            self.latest = value
            self._run_early_stopping_check(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Do nothing: an epoch brings no new value."""


def early_end(trainer: Trainer) -> str | None:
    """The reason why a callback ended training before its last batch; None where none did."""
    if not trainer.should_stop:
        return None
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, EarlyStopping) and callback.stopping_reason_message:
            return callback.stopping_reason_message.removesuffix(" Signaling Trainer to stop.")
        if isinstance(callback, callbacks.Timer) and (callback.time_remaining() or 1) <= 0:
            return f"{callback.time_elapsed():.0f} s of training are over, the duration of the Timer"
    return None
