"""Lightning's Trainer with the types and ranges of what a command line sets."""

from typing import Annotated, Any, Literal

import lightning
from pydantic import Field

from gan_lab.types import PositiveInt

Precision = Literal["32-true", "64-true", "bf16-mixed", "16-mixed", "bf16-true"]


class Trainer(lightning.Trainer):
    """Everything else is as in Lightning.

    Args:
        max_steps: batches to train on, -1 for no limit.
        max_epochs: passes over the training images, None or -1 for no limit.
        devices: how many, or "auto" for one.
        log_every_n_steps: batches between two logging points; nothing waits for the device in between.
    """

    def __init__(
        self,
        *,
        accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"],
        devices: PositiveInt | Literal["auto"],
        precision: Precision,
        max_steps: Annotated[int, Field(ge=-1)],
        max_epochs: Annotated[int, Field(ge=-1)] | None,
        log_every_n_steps: PositiveInt,
        **options: Any,
    ) -> None:
        super().__init__(
            accelerator=accelerator,
            devices=1 if devices == "auto" else devices,
            precision=precision,
            max_steps=max_steps,
            max_epochs=max_epochs,
            log_every_n_steps=log_every_n_steps,
            **options,
        )
