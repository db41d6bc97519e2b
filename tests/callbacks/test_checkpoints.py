from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from gan_lab.callbacks.checkpoints import LastCheckpoint
from gan_lab.callbacks.endings import Interrupted
from gan_lab.checkpoint_io import AtomicCheckpointIO
from tests.conftest import TinyImages, fit, same, tiny_gan, weights


class Saves(AtomicCheckpointIO):
    """Notes the step of each checkpoint."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        self.steps.append(checkpoint["global_step"])
        super().save_checkpoint(checkpoint, path, storage_options)


class RaiseAt(Callback):
    """Fails after a number of batches, or in the middle of the step after them."""

    def __init__(self, error: BaseException, batches: int, between_players: bool = False) -> None:
        self.error = error
        self.turn = 2 * batches + between_players
        self.turns = 0

    def on_before_optimizer_step(self, *_: Any) -> None:
        self.turns += 1
        if self.turns == self.turn + 1 and self.turn % 2:
            raise self.error

    def on_train_batch_end(self, *_: Any) -> None:
        if self.turns == self.turn:
            raise self.error


def run(folder: Path, every: int, *callbacks: Callback, **options: Any) -> list[int]:
    saves = Saves()
    keep = LastCheckpoint(file=str(folder / "last.ckpt"), every_n_batches=every)
    options = {"callbacks": [*callbacks, keep], "plugins": [saves], "enable_checkpointing": True, **options}
    fit(tiny_gan(), TinyImages(count=32), **options)  # epochs of 4 batches
    return saves.steps


@pytest.mark.parametrize(("every", "steps"), [(3, [3, 6, 9, 10]), (5, [5, 10]), (100, [10])])
def test_saved_every_n_batches_and_at_the_end_and_never_twice(every: int, steps: list[int], tmp_path: Path) -> None:
    assert run(tmp_path, every, max_steps=10) == steps
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize("batches", [3, 4, 6])
def test_an_interruption_is_saved_and_resumes_with_the_same_bits(batches: int, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(tmp_path, 100, RaiseAt(Interrupted(2), batches), max_steps=10)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == batches
    whole, resumed = tiny_gan(), tiny_gan(init_seed=3)
    fit(whole, TinyImages(count=32), max_steps=10)
    fit(resumed, TinyImages(count=32), max_steps=10, ckpt_path=tmp_path / "last.ckpt")
    assert same(weights(whole), weights(resumed))


def test_a_crash_between_the_players_leaves_the_checkpoint_before_it(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="crash"):
        run(tmp_path, 2, RaiseAt(RuntimeError("crash"), 5, between_players=True), max_steps=10)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 4


def test_checkpoints_hold_only_what_weights_only_loads(tmp_path: Path) -> None:
    run(tmp_path, 3, max_steps=3)
    loaded = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert loaded["images_seen"] == 24
    assert "hyper_parameters" not in loaded
