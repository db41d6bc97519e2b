"""What is done about an alarm: to warn, to stop, to go back."""

from functools import partial
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from gan_lab.callbacks.health import Stopped
from gan_lab.callbacks.rollback import RolledBack
from gan_lab.training.train import fit as fit_with_rollbacks
from gan_lab.utils.errors import UserError
from tests.callbacks.watched import At, health, keep, lines, one_image, poison
from tests.conftest import TinyImages, fit, same, sgd, tiny_gan, weights


def saved(folder: Path) -> dict[str, Any]:
    return torch.load(folder / "last.ckpt", weights_only=True)  # type: ignore[no-any-return]


def train(model: Any, steps: int, callbacks: list[Any], ckpt_path: Path | None = None, **options: Any) -> Any:
    """As a run is trained: over rollbacks."""
    trainer = lightning.Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        max_steps=steps,
        log_every_n_steps=2,
        callbacks=callbacks,
        **options,
    )
    fit_with_rollbacks(trainer, model, TinyImages(), ckpt_path)
    return trainer


def test_to_warn_is_to_go_on_and_to_keep_the_last_good_checkpoint(tmp_path: Path) -> None:
    model = tiny_gan()
    with pytest.raises(Stopped, match="trained to the end, but what came out can't be used"):
        train(model, 12, [At(5, poison), health(), keep(tmp_path)])
    assert model.global_step == 12
    assert saved(tmp_path)["global_step"] == 4


def test_to_stop_is_to_end_at_the_logging_point_and_to_keep_the_last_good_checkpoint(tmp_path: Path) -> None:
    model = tiny_gan()
    with pytest.raises(Stopped, match="stopped at batch 6: nan begins: not finite: .*What usually helps: lower") as end:
        train(model, 12, [At(5, poison), health(policy="stop"), keep(tmp_path)])
    assert isinstance(end.value, UserError)
    assert model.global_step == 6
    assert saved(tmp_path)["global_step"] == 4


@pytest.mark.bits
@pytest.mark.parametrize(("poisoned", "batch"), [(1, 0), (5, 4), (11, 8)])  # in the first epoch of 8 batches, and after
def test_a_rollback_goes_on_from_the_checkpoint_with_lower_rates(poisoned: int, batch: int, tmp_path: Path) -> None:
    adam = partial(torch.optim.Adam, lr=1e-2)
    options: dict[str, Any] = {"optimizer": dict.fromkeys(("generator", "discriminator"), adam), "ema_half_life": 50}
    starts: list[tuple[int, int, dict[str, Tensor]]] = []

    class Starts(Callback):
        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            starts.append((trainer.global_step, pl_module.images_seen, weights(pl_module)))

    watch, model = health(policy="rollback"), tiny_gan(**options)
    spoil = At(poisoned, poison, once=True)
    trainer = train(model, 20, [Starts(), spoil, watch, keep(tmp_path)])
    assert (trainer.global_step, model.images_seen, watch.rolled_back) == (20, 160, 1)
    assert watch.messages[1].endswith(f"back to batch {batch} with learning rates times 0.5 (rollback 1 of 2)")
    assert [player.learning_rate for player in model.players] == [5e-3, 5e-3]

    # The same by hand: train so far, halve the rates, go on.
    alone = tiny_gan(**options)
    before = fit(alone, max_steps=max(batch, 1))
    if batch:
        assert same(starts[1][2], weights(alone))
        before.save_checkpoint(tmp_path / "hand.ckpt")
        checkpoint = torch.load(tmp_path / "hand.ckpt", weights_only=True)
        for optimizer in checkpoint["optimizer_states"]:
            optimizer["param_groups"][0]["lr"] *= 0.5
        torch.save(checkpoint, tmp_path / "hand.ckpt")
        alone = tiny_gan(**options)
        fit(alone, max_steps=20, ckpt_path=tmp_path / "hand.ckpt")
    else:
        assert same(starts[1][2], starts[0][2])
        halved = partial(torch.optim.Adam, lr=5e-3)
        alone = tiny_gan(**options | {"optimizer": dict.fromkeys(("generator", "discriminator"), halved)})
        fit(alone, max_steps=20)
    assert starts[1][:2] == (batch, 8 * batch)
    assert same(weights(model), weights(alone))


def test_there_are_at_most_so_many_rollbacks_and_then_it_stops(tmp_path: Path) -> None:
    watch, spoil = health(policy="rollback", rollbacks=2), At(5, poison)
    with pytest.raises(Stopped, match=r"stopped after 2 rollback\(s\) at batch 6: nan begins"):
        train(tiny_gan(), 12, [spoil, watch, keep(tmp_path)])
    assert spoil.times == 3
    checkpoint = saved(tmp_path)
    assert checkpoint["global_step"] == 4
    assert checkpoint["optimizer_states"][0]["param_groups"][0]["lr"] == 0.1 * 0.5**2


def test_a_resumed_run_remembers_its_rollbacks_and_rates(tmp_path: Path) -> None:
    # Killed at the worst moment: the checkpoint is rewritten, nothing has been trained since.
    with pytest.raises(RolledBack):
        fit(
            tiny_gan(),
            max_steps=12,
            log_every_n_steps=2,
            callbacks=[At(5, poison), health(policy="rollback"), keep(tmp_path)],
            enable_checkpointing=True,
        )
    watch, spoil, model = health(policy="rollback"), At(9, poison), tiny_gan(init_seed=3)
    with pytest.raises(Stopped, match=r"stopped after 2 rollback\(s\)"):
        train(model, 12, [spoil, watch, keep(tmp_path)], ckpt_path=tmp_path / "last.ckpt")
    assert spoil.times == 2
    assert [player.learning_rate for player in model.players] == [0.025, 0.025]


def test_a_collapsed_state_does_not_take_the_place_of_the_one_to_go_back_to(tmp_path: Path) -> None:
    def collapse(model: Any) -> None:
        nn.init.zeros_(model.generator.output[0].weight)

    watch = health(policy="rollback", act_on=["collapse"], patience=4, collapse_diversity=0.05)
    spoil = At(9, collapse, once=True)
    model = tiny_gan(optimizer={"generator": sgd(1e-4), "discriminator": sgd()})
    train(model, 20, [spoil, watch, keep(tmp_path)])
    # Bad from batch 10 on; batch 12 is not saved.
    assert watch.messages[1].startswith("batch 16: back to batch 8")
    assert saved(tmp_path)["global_step"] == 20


def test_only_what_is_asked_for_is_acted_on(tmp_path: Path) -> None:
    watch = health(policy="stop")
    train(one_image(), 12, [watch, keep(tmp_path)])
    assert lines(watch, "collapse") == ["batch 4: collapse begins"]
    with pytest.raises(Stopped, match="batch 4: collapse begins"):
        train(one_image(), 12, [health(policy="stop", act_on=["collapse"]), keep(tmp_path)])


def test_without_a_checkpoint_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"callbacks.health.policy=rollback goes back to what callbacks.checkpoint"):
        fit(tiny_gan(), max_steps=1, callbacks=[health(policy="rollback")])
    lost = At(5, lambda model: (tmp_path / "last.ckpt").unlink())
    with pytest.raises(Stopped, match="for want of a checkpoint"):
        train(tiny_gan(), 12, [At(5, poison), health(policy="rollback"), keep(tmp_path), lost])
