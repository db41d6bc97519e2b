"""Every logger gets what it has a method for: one with all three methods, and one for scalars only."""

from typing import Any

import lightning
import torch
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.loggers.logger import Logger

from gan_lab.utils.loggers import ImageLogger, log_picture, log_scalars, log_text


class Scalars(Logger):
    def __init__(self) -> None:
        super().__init__()
        self.notes: list[tuple[Any, ...]] = []

    name = version = "notes"  # type: ignore[assignment]

    def log_hyperparams(self, *_: Any, **__: Any) -> None: ...

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.notes.append((metrics, step))


class Everything(Scalars):
    def log_image(self, key: str, images: list[Any], step: int | None = None) -> None:
        self.notes.append((key, images, step))

    def log_message(self, key: str, text: str, step: int | None = None) -> None:
        self.notes.append((key, text, step))


def test_each_logger_gets_what_it_has_a_method_for() -> None:
    scalars, everything = Scalars(), Everything()
    trainer = lightning.Trainer(accelerator="cpu", logger=[scalars, everything])
    picture = torch.zeros(3, 4, 4, dtype=torch.uint8)
    log_scalars(trainer, {"loss/generator": 0.5}, 2)
    log_picture(trainer, "samples", picture, 16)
    log_text(trainer, "alarm/nan", "batch 2: nan begins", 2)
    assert scalars.notes == [({"loss/generator": 0.5}, 2)]
    assert everything.notes == [
        ({"loss/generator": 0.5}, 2),
        ("samples", [picture], 16),
        ("alarm/nan", "batch 2: nan begins", 2),
    ]
    assert trainer.callback_metrics["loss/generator"] == 0.5


def test_lightnings_wandb_logger_takes_pictures_as_it_is() -> None:
    assert isinstance(WandbLogger.__new__(WandbLogger), ImageLogger)
