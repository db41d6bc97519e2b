"""Lightning's Trainer with the types and ranges of what a command line sets, and checks of the machine."""

from typing import Annotated, Any, Literal

import lightning
import torch
from pydantic import Field

from gan_lab.errors import UserError
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


def check_machine(accelerator: str, devices: int | str, precision: str) -> None:
    """Refuse what this machine has not got.

    Raises:
        UserError: an accelerator that is not there, too many devices, or a precision that it can't do.
    """
    kinds = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    kinds["gpu"] = kinds["cuda"] or kinds["mps"]
    kinds["auto"] = True
    if not kinds[accelerator]:
        there = [kind for kind in ("cuda", "mps", "cpu") if kinds[kind]]
        raise UserError(f"trainer.accelerator={accelerator}: not on this machine, which has {', '.join(there)}")
    uses_cuda = kinds["cuda"] and accelerator in ("auto", "gpu", "cuda")
    available = torch.cuda.device_count() if uses_cuda else 1
    if devices != "auto" and int(devices) > available:
        kind = "CUDA device" if uses_cuda else "device"
        raise UserError(
            f"trainer.devices={devices}: this machine has {available} {kind}{'s' if available > 1 else ''}; "
            f"set trainer.devices={available}"
        )
    if precision == "16-mixed" and not uses_cuda:
        raise UserError("trainer.precision=16-mixed needs a CUDA device; on this one set trainer.precision=bf16-mixed")
