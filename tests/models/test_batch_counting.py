"""Steps mean batches, everywhere."""

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers.logger import Logger

from tests.conftest import TinyImages, fit, tiny_gan


class MemoryLogger(Logger):
    def __init__(self) -> None:
        super().__init__()
        self.steps: list[int | None] = []

    name = "memory"
    version = ""

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """None."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.steps.append(step)


class CountBatches(Callback):
    def __init__(self) -> None:
        self.seen: list[int] = []

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        self.seen.append(trainer.global_step)


@pytest.mark.parametrize("n_critic", [1, 2, 3])
def test_max_steps_trains_exactly_so_many_batches(n_critic: int) -> None:
    count = CountBatches()
    trainer = fit(tiny_gan(n_critic=n_critic), max_steps=10, callbacks=[count])
    assert count.seen == list(range(1, 11))
    assert trainer.global_step == 10


def test_logger_axis_counts_batches() -> None:
    logger = MemoryLogger()
    fit(tiny_gan(n_critic=2), max_steps=12, log_every_n_steps=4, logger=logger)
    assert logger.steps == [4, 8, 12]


def test_checkpoints_fall_where_asked_and_are_named_by_batches(tmp_path: Path) -> None:
    checkpoint = ModelCheckpoint(tmp_path, "{step}", every_n_train_steps=4, save_top_k=-1)
    fit(tiny_gan(), max_steps=10, callbacks=[checkpoint], enable_checkpointing=True)
    assert {path.name for path in tmp_path.iterdir()} == {"step=4.ckpt", "step=8.ckpt"}


@pytest.mark.parametrize("stop", [3, 4, 6, 8])
def test_counting_survives_resume(stop: int, tmp_path: Path) -> None:
    checkpoint = ModelCheckpoint(tmp_path, "stop", every_n_train_steps=stop, save_top_k=1)
    data = TinyImages(count=32)  # epochs of 4 batches
    fit(tiny_gan(), data, max_steps=stop, callbacks=[checkpoint], enable_checkpointing=True)
    count, logger = CountBatches(), MemoryLogger()
    trainer = fit(
        tiny_gan(),
        TinyImages(count=32),
        ckpt_path=tmp_path / "stop.ckpt",
        max_steps=12,
        callbacks=[count],
        log_every_n_steps=2,
        logger=logger,
    )
    assert count.seen == list(range(stop + 1, 13))
    assert trainer.global_step == 12
    assert logger.steps == [step for step in (2, 4, 6, 8, 10, 12) if step > stop]


def test_max_epochs_trains_whole_epochs() -> None:
    count = CountBatches()
    fit(tiny_gan(), TinyImages(count=40), max_epochs=2, callbacks=[count])
    assert count.seen == list(range(1, 11))
