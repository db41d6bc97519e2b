from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from gan_lab.callbacks.checkpoints import LastCheckpoint, are_finite
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


@pytest.mark.parametrize("broken", ["generator", "optimizer"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_broken_state_never_takes_the_place_of_a_good_one(
    broken: str, value: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Break(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            if trainer.global_step == 5:
                (state, *_) = trainer.optimizers[0].state.values()
                target = pl_module.generator.output[0].weight.data if broken == "generator" else state["exp_avg"]
                target[0, 0] = value

    keep = LastCheckpoint(file=str(tmp_path / "last.ckpt"), every_n_batches=2)
    adam = partial(torch.optim.Adam, lr=1e-3)
    model = tiny_gan(optimizer={"generator": adam, "discriminator": adam})
    fit(model, max_steps=7, callbacks=[Break(), keep], enable_checkpointing=True)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 4
    assert "Batch 7: not saved, weights or optimizer states are not finite" in caplog.text


def test_an_interruption_of_a_broken_state_is_not_saved_either(tmp_path: Path) -> None:
    class Break(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            pl_module.discriminator.output.bias.data.fill_(torch.nan)
            raise Interrupted(2)

    with pytest.raises(Interrupted):
        run(tmp_path, 100, Break(), max_steps=3)
    assert not list(tmp_path.iterdir())


def test_a_doubted_state_is_kept_at_the_end_only(tmp_path: Path) -> None:
    saves = Saves()
    keep = LastCheckpoint(file=str(tmp_path / "last.ckpt"), every_n_batches=2)
    keep.hold = True
    fit(tiny_gan(), max_steps=5, callbacks=[keep], plugins=[saves], enable_checkpointing=True)
    assert saves.steps == [5]


def test_finite_means_no_nan_and_no_infinity() -> None:
    good = torch.tensor([1e30, -1e30])
    assert are_finite([good, torch.zeros(2)])
    assert are_finite([])
    for bad in ([torch.nan], [torch.inf], [torch.inf, -torch.inf]):
        assert not are_finite([good, torch.tensor(bad)])
