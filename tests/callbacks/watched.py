"""What tests of a watched run share: a callback with limits for tiny players, and ways to break these."""

from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import nn

from gan_lab.callbacks.checkpoints import LastCheckpoint
from gan_lab.callbacks.health import Health
from tests.conftest import last_checkpoint, sgd, tiny_gan

STILL = {"generator": sgd(0.0), "discriminator": sgd(0.0)}


def health(**options: Any) -> Health:
    defaults: dict[str, Any] = {
        "every_n_images": 16,
        "images": 16,
        "classified_images": 0,
        "collapse_diversity": 0.1,
        "unlike_distance": 9.0,
        "imbalance_accuracy": 0.99,
        "vanishing_gradient": 1e-3,
        "overfitting_gap": 99.0,
        "patience": 2,
        "policy": "warn",
        "act_on": [],
        "rollbacks": 2,
        "rollback_factor": 0.5,
        "seed": 0,
    }
    return Health(**defaults | options)


class At(Callback):
    """Does something to the model after a number of batches, each time that it gets there or the first time only."""

    def __init__(self, batch: int, what: Any, once: bool = False) -> None:
        self.batch = batch
        self.what = what
        self.once = once
        self.times = 0

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: Any, *_: Any) -> None:
        if trainer.global_step == self.batch and not (self.once and self.times):
            self.times += 1
            self.what(pl_module)


def poison(model: Any) -> None:
    model.generator.output[0].weight.data[0, 0] = torch.nan


def one_image() -> Any:
    """A GAN that stands still, whose generator draws one image."""
    model = tiny_gan(optimizer=STILL)
    nn.init.zeros_(model.generator.output[0].weight)
    return model


def lines(watch: Health, name: str) -> list[str]:
    """Messages of one alarm without the details; tiny players with few images win and lose by chance."""
    started = [": ".join(line.split(": ")[:2]) for line in watch.messages]
    return [line for line in started if f": {name} " in line]


def keep(folder: Path, every: int = 4) -> LastCheckpoint:
    return last_checkpoint(folder / "last.ckpt", 8 * every)  # batches of 8
