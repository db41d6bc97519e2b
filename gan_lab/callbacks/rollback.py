"""Rollback to the last good checkpoint, with lower learning rates.

A rollback is written into the checkpoint, and the run then goes on from it as any resumed run does. Nothing has to be
restored piece by piece, and a run that is killed in between has rolled back all the same.
"""

from pathlib import Path
from typing import Any

import torch
from lightning import Trainer

from gan_lab.utils.files import open_regular


class RolledBack(Exception):  # noqa: N818 - a detour, not an error
    """Training has to go on from a checkpoint."""

    def __init__(self, checkpoint: Path) -> None:
        super().__init__(f"back to {checkpoint}")
        self.checkpoint = checkpoint


def roll_back(trainer: Trainer, file: Path, factor: float, states: dict[str, dict[str, Any]]) -> int:
    """Write lower learning rates, and changes to the state of callbacks, into a checkpoint.

    The noise of a step stays the same: with lower learning rates it meets other weights.

    Args:
        trainer: whose first process writes.
        file: the checkpoint, replaced as a whole.
        factor: of the rates of both players, now and, where they follow a schedule, until the end.
        states: for each callback's `state_key`, values to change.

    Returns:
        The batch that the checkpoint was saved after.
    """
    with open_regular(file) as opened:
        checkpoint: dict[str, Any] = torch.load(opened, map_location="cpu", weights_only=True)
    trainer.strategy.barrier("read")  # before the file changes
    for optimizer in checkpoint["optimizer_states"]:
        for group in optimizer["param_groups"]:
            for rate in ("lr", "initial_lr"):
                group[rate] *= factor
    for key, values in states.items():
        checkpoint["callbacks"][key] = checkpoint["callbacks"].get(key, {}) | values
    if trainer.is_global_zero:
        trainer.strategy.checkpoint_io.save_checkpoint(checkpoint, file)
    trainer.strategy.barrier("written")
    return int(checkpoint["global_step"])
