from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.loggers.logger import Logger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_lab.callbacks import sample_grid
from gan_lab.callbacks.sample_grid import SampleGrid
from gan_lab.training.loggers import TensorBoard
from tests.conftest import TinyImages, fit, full_disk, read_image, same, tiny_cgan, tiny_gan, weights


def grids(folder: Path, **options: Any) -> SampleGrid:
    defaults: dict[str, Any] = {"rows": 2, "columns": 3, "every_n_images": 24, "weights": "ema", "seed": 0}
    return SampleGrid(folder=str(folder), **defaults | options)


def names(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in folder.iterdir())


@pytest.mark.parametrize(
    ("steps", "every", "expected"),
    [
        (10, 24, [0, 24, 48, 72, 80]),  # batches of 8; the last comes whether or not it is due
        (9, 24, [0, 24, 48, 72]),
        (4, 20, [0, 24, 32]),  # at the first batch that reaches 20, and after training
        (3, 1000, [0, 24]),
    ],
)
def test_grids_come_first_last_and_every_k_images(steps: int, every: int, expected: list[int], tmp_path: Path) -> None:
    fit(tiny_gan(), max_steps=steps, callbacks=[grids(tmp_path, every_n_images=every)])
    assert names(tmp_path) == expected


def test_a_resumed_run_draws_the_grids_that_are_missing(tmp_path: Path) -> None:
    trainer = fit(tiny_gan(), max_steps=4, callbacks=[grids(tmp_path)])
    trainer.save_checkpoint(tmp_path / "stop.ckpt")
    after = tmp_path / "after"
    fit(tiny_gan(), max_steps=7, callbacks=[grids(after)], ckpt_path=tmp_path / "stop.ckpt")
    assert names(after) == [48, 56]


def test_the_latents_stay_the_same_and_the_picture_follows_the_generator(tmp_path: Path) -> None:
    model = tiny_gan()
    seen: list[torch.Tensor] = []
    original = model.sample
    model.sample = lambda latents, ema: seen.append(latents) or original(latents, ema=ema)  # type: ignore[assignment, func-returns-value]
    fit(model, max_steps=3, callbacks=[grids(tmp_path)])
    assert len(seen) == 2
    assert torch.equal(*seen)
    first, last = (read_image(tmp_path / f"{images:09d}.png") for images in (0, 24))
    assert first.shape == (3, 2 * 10 + 2, 3 * 10 + 2)
    assert not torch.equal(first, last)


def test_a_trainer_with_loaders_alone_will_do(tmp_path: Path) -> None:
    model = tiny_cgan()
    trainer = fit(tiny_gan(), max_steps=1, callbacks=[])
    trainer.datamodule = None  # type: ignore[attr-defined]
    grids(tmp_path).on_train_start(trainer, model)
    assert names(tmp_path) == [0]


def test_tensorboard_gets_the_grids_over_batches_like_all_numbers(tmp_path: Path) -> None:
    logger = TensorBoard(folder=str(tmp_path / "tensorboard"))
    fit(tiny_gan(), max_steps=4, callbacks=[grids(tmp_path / "samples")], logger=logger)
    events = EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    assert [event.step for event in events.Images("Snapshots/samples")] == [0, 3, 4]


@pytest.mark.bits
def test_drawing_does_not_change_training(tmp_path: Path) -> None:
    watched, alone = tiny_gan(), tiny_gan()
    fit(watched, max_steps=5, callbacks=[grids(tmp_path, every_n_images=1)])
    fit(alone, max_steps=5)
    assert same(weights(watched), weights(alone))


def test_a_grid_that_can_not_be_written_comes_later_also_in_a_resumed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = grids(tmp_path / "samples")
    with monkeypatch.context() as full:
        full.setattr(sample_grid, "write_atomically", full_disk)
        fit(tiny_gan(), max_steps=4, callbacks=[drawn]).save_checkpoint(tmp_path / "stop.ckpt")
    assert not (tmp_path / "samples").exists()
    after, whole = tmp_path / "after", tmp_path / "whole"
    fit(tiny_gan(), max_steps=7, callbacks=[grids(after)], ckpt_path=tmp_path / "stop.ckpt")
    assert names(after) == [0, 24, 32, 48, 56]
    fit(tiny_gan(), max_steps=4, callbacks=[grids(whole)])
    assert torch.equal(*(read_image(folder / "000000024.png") for folder in (after, whole)))


def test_grids_that_wait_when_training_ends_are_written_by_a_resumed_run_with_nothing_left_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = grids(tmp_path / "samples")
    with monkeypatch.context() as full:
        full.setattr(sample_grid, "write_atomically", full_disk)
        fit(tiny_gan(), max_steps=4, callbacks=[drawn]).save_checkpoint(tmp_path / "last.ckpt")
    assert drawn.unwritten == tmp_path / "samples" / "000000000.png"
    resumed = grids(tmp_path / "samples")
    fit(tiny_gan(), max_steps=4, callbacks=[resumed], ckpt_path=tmp_path / "last.ckpt")
    assert resumed.unwritten is None
    assert names(tmp_path / "samples") == [0, 24, 32]


class Named(TinyImages):
    def describe(self) -> dict[str, object]:
        return {**super().describe(), "classes": [f"animal {label}" for label in range(10)]}


class Texts(Logger):
    """Keeps the texts that it is told."""

    name, version = "texts", 0

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[tuple[str, str]] = []

    def log_message(self, key: str, text: str, step: int | None = None) -> None:
        self.texts.append((key, text))

    def log_metrics(self, *_: Any, **__: Any) -> None:
        """Nothing."""

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """Nothing."""


def test_the_rows_of_named_classes_are_told_once(tmp_path: Path) -> None:
    for model, data, expected in (
        (tiny_cgan(), Named(), ["1. animal 0", "10. animal 9"]),
        (tiny_cgan(), TinyImages(), None),
        (tiny_gan(), Named(), None),
    ):
        fit(model, data, max_steps=4, callbacks=[grids(tmp_path)], logger=(texts := Texts()))
        if expected is None:
            assert not texts.texts
        else:
            ((key, text),) = texts.texts
            assert key == "classes"
            assert [text.splitlines()[2], text.splitlines()[-1]] == expected
