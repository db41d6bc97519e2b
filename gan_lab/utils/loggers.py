"""Logging of scalars, pictures and texts to all loggers of a run.

Every Lightning logger takes scalars. A logger that shows pictures has `log_image`, in the form of Lightning's
WandbLogger; one that shows texts has `log_message`. A logger is passed over for what it has no method for.
"""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from lightning import Trainer
from torch import Tensor


@runtime_checkable
class ImageLogger(Protocol):
    """A logger that shows pictures."""

    def log_image(self, key: str, images: list[Any], step: int | None = None) -> None:
        """Show pictures, uint8 (channels, height, width) each, under a name."""


@runtime_checkable
class MessageLogger(Protocol):
    """A logger that shows texts."""

    def log_message(self, key: str, text: str, step: int | None = None) -> None:
        """Show a text under a name."""


def log_scalars(trainer: Trainer, scalars: Mapping[str, float], step: int) -> None:
    """Send scalars to all loggers, and to `trainer.callback_metrics` for callbacks that monitor them.

    Args:
        trainer: whose loggers write.
        scalars: by name.
        step: place on the loggers' x-axis, batches trained on.
    """
    for logger in trainer.loggers:
        logger.log_metrics(dict(scalars), step)
    trainer.callback_metrics.update({name: torch.tensor(value) for name, value in scalars.items()})


def log_picture(trainer: Trainer, name: str, picture: Tensor, step: int) -> None:
    """Send a picture, uint8 (channels, height, width), to the loggers that show pictures."""
    for logger in trainer.loggers:
        if isinstance(logger, ImageLogger):
            logger.log_image(name, [picture], step)


def log_text(trainer: Trainer, name: str, text: str, step: int) -> None:
    """Send a text to the loggers that show texts."""
    for logger in trainer.loggers:
        if isinstance(logger, MessageLogger):
            logger.log_message(name, text, step)
