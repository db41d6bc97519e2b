from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab.callbacks.rollback import roll_back
from gan_lab.schedules import LinearDecay
from tests.conftest import fit, same, tiny_gan, weights


def test_only_the_learning_rates_and_what_callbacks_remember_change(tmp_path: Path) -> None:
    file = tmp_path / "a.ckpt"
    trainer = fit(tiny_gan(), max_steps=3)
    trainer.save_checkpoint(file)
    before = torch.load(file, weights_only=True)
    assert roll_back(trainer, file, 0.5, {"Callback": {"count": 2}}) == 3
    after: dict[str, Any] = torch.load(file, weights_only=True)
    assert after["callbacks"]["Callback"] == {"count": 2}
    for old, new in zip(before["optimizer_states"], after["optimizer_states"], strict=True):
        (old_group,), (new_group,) = old["param_groups"], new["param_groups"]
        assert (new_group["lr"], new_group["initial_lr"]) == (0.05, 0.05)
        assert {**new_group, "lr": 0.1, "initial_lr": 0.1} == old_group
    assert same(before["state_dict"], after["state_dict"])
    assert before["loops"] == after["loops"]


@pytest.mark.parametrize("scheduled", [False, True])
def test_the_run_goes_on_with_lower_rates(scheduled: bool, tmp_path: Path) -> None:
    schedule = {"schedule": dict.fromkeys(("generator", "discriminator"), LinearDecay(start=0.5))} if scheduled else {}
    file = tmp_path / "a.ckpt"
    trainer = fit(tiny_gan(**schedule), max_steps=4)
    trainer.save_checkpoint(file)
    roll_back(trainer, file, 0.25, {})
    model = tiny_gan(init_seed=5, **schedule)
    fit(model, max_steps=16, ckpt_path=file)
    factor = 2 / 16 if scheduled else 1  # at the last batch, of progress 15 / 16
    assert [player.learning_rate for player in model.players] == [pytest.approx(0.1 * 0.25 * factor)] * 2
    unchanged = tiny_gan()
    fit(unchanged, max_steps=16)
    assert not same(weights(model), weights(unchanged))
