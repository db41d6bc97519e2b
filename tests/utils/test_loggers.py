"""Every logger gets what it has a method for: one with all methods, and one for scalars only."""

from types import SimpleNamespace
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.loggers.logger import Logger

from gan_lab.training.loggers import MetricsCSV, TensorBoard
from gan_lab.training.mlflow_logger import MLflow
from gan_lab.training.wandb_logger import WandB
from gan_lab.utils.errors import UserError
from gan_lab.utils.loggers import (
    ImageLogger,
    LoggerOverImages,
    MessageLogger,
    RunLogger,
    Setup,
    begin_run,
    end_run,
    flat,
    log_picture,
    log_scalars,
    log_text,
)

SETUP = Setup(name="run", group=None, choices={"model": "dcgan"}, options={})


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


class Elsewhere(Everything):
    """Keeps its runs in a place of its own, over images seen."""

    def __init__(self, name: str = "elsewhere", fails: bool = False) -> None:
        super().__init__()
        self.name = name  # type: ignore[assignment]
        self.fails = fails
        self.images_seen = 0

    def begin(self, setup: Setup, run_id: str | None) -> str | None:
        if self.fails:
            raise UserError("no such server")
        self.notes.append(("begin", setup.name, run_id))
        return run_id or f"new_{self.name}"

    def end(self, status: str) -> None:
        self.notes.append(("end", status))


def trainer_of(*loggers: Logger) -> Any:
    return SimpleNamespace(loggers=[*loggers], callback_metrics={}, lightning_module=SimpleNamespace(images_seen=640))


def test_loggers_of_runs_get_back_the_ids_that_they_have_given() -> None:
    scalars, one, two = Scalars(), Elsewhere("one"), Elsewhere("two")
    trainer = trainer_of(scalars, one, two)
    known = {"two": "before", "gone": "kept"}
    assert begin_run(trainer, SETUP, known) == {"one": "new_one", "two": "before", "gone": "kept"}
    end_run(trainer, "finished")
    assert one.notes == [("begin", "run", None), ("end", "finished")]
    assert two.notes == [("begin", "run", "before"), ("end", "finished")]
    assert scalars.notes == []
    assert known == {"two": "before", "gone": "kept"}


def test_what_has_begun_ends_where_the_next_logger_can_not_begin() -> None:
    one, two = Elsewhere("one"), Elsewhere("two", fails=True)
    with pytest.raises(UserError, match="no such server"):
        begin_run(trainer_of(one, two), SETUP, {})
    assert one.notes == [("begin", "run", None), ("end", "failed")]


def test_loggers_over_images_know_how_many_before_they_write() -> None:
    elsewhere = Elsewhere()
    log_scalars(trainer_of(elsewhere), {"health/distance": 0.5}, 5)
    assert elsewhere.images_seen == 640
    elsewhere.images_seen = 0
    log_text(trainer_of(elsewhere), "alarm/nan", "batch 5: nan begins", 5)
    assert elsewhere.images_seen == 640


def test_options_by_their_paths() -> None:
    options = {"model": {"betas": [0.5, 0.9], "inner": {"lr": 1e-3}, "none": None}, "seed": 1}
    assert flat(options) == {"model.betas": [0.5, 0.9], "model.inner.lr": 1e-3, "model.none": None, "seed": 1}


def test_our_loggers_take_what_they_show() -> None:
    kinds = (ImageLogger, MessageLogger, RunLogger, LoggerOverImages)
    takes = {ours: {kind for kind in kinds if isinstance(ours, kind)} for ours in made()}
    assert [len(found) for found in takes.values()] == [3, 0, 4, 4]


def made() -> list[Logger]:
    """Our loggers as they are before they begin, without their packages."""
    loggers: list[Any] = [kind.__new__(kind) for kind in (TensorBoard, MetricsCSV, WandB, MLflow)]
    for over_images in loggers[2:]:
        over_images.images_seen = 0
    return loggers


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
