from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab.runs.checkpoint_check import check_state, check_weights, mismatch
from gan_lab.runs.checkpoint_io import read
from gan_lab.utils.errors import UserError
from tests.conftest import fit, last_checkpoint, tiny_gan, tiny_network

Change = Callable[[dict[str, Any]], object]


def adam() -> Any:
    return lambda parameters: torch.optim.Adam(parameters, lr=0.1, fused=True)


def options() -> dict[str, Any]:
    return {"network": tiny_network(), "optimizer": {"generator": adam(), "discriminator": adam()}}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a tiny model that has trained for two batches."""
    file = tmp_path_factory.mktemp("saved") / "last.ckpt"
    fit(tiny_gan(**options()), max_steps=2, enable_checkpointing=True, callbacks=[last_checkpoint(file, 8)])
    return file


def state_of(name: str, value: Callable[[torch.Tensor], object]) -> Change:
    def change(checkpoint: dict[str, Any]) -> None:
        memory = checkpoint["optimizer_states"][0]["state"][0]
        memory[name] = value(memory[name])

    return change


def group(**values: object) -> Change:
    return lambda checkpoint: checkpoint["optimizer_states"][0]["param_groups"][0].update(values)


def put(*path: Any) -> Change:
    *place, name, value = path

    def change(checkpoint: dict[str, Any]) -> None:
        for key in place:
            checkpoint = checkpoint[key]
        checkpoint[name] = value

    return change


PROGRESS = ("loops", "fit_loop", "epoch_loop.batch_progress", "total")
WRONG: list[tuple[Change, str]] = [
    (state_of("exp_avg", lambda value: torch.zeros(1).expand(value.shape)), "but not as many values"),
    (state_of("exp_avg", lambda value: torch.zeros(1).expand(10**13)), "but not as many values"),
    (state_of("exp_avg", lambda value: torch.zeros(1)), r"parameter 0\.exp_avg is \(1,\) there"),
    (state_of("exp_avg", lambda value: value.to_sparse()), "no plain array"),
    (state_of("exp_avg", lambda value: value.to("meta")), "no plain array"),
    (state_of("exp_avg", lambda value: value.to(torch.complex64)), "complex64 there"),
    (state_of("exp_avg", lambda value: "x"), "str there, and a tensor"),
    (state_of("step", lambda value: 3), "int there, and a tensor"),
    (lambda checkpoint: checkpoint["optimizer_states"].pop(), "has 1 entries, not 2"),
    (put("optimizer_states", 0, []), "must be a valid dictionary"),
    (group(lr=-1.0), "lr=-1.0: must be a finite number of at least 0"),
    (group(lr="x"), "lr='x'"),
    (group(initial_lr=float("nan")), "initial_lr=nan"),
    (group(lr=0.2), r"lr=0\.2: no schedule raises it above initial_lr=0\.1"),
    (group(betas=(0.5,)), "must be 2 values"),
    (group(betas=(2.0, 0.5)), "Invalid beta"),
    (group(params=[0]), "groups of other parameters"),
    (put("images_seen", -1), "images_seen=-1"),
    (put("global_step", 10**30), "global_step=10"),
    (put("epoch", None), "epoch=None"),
    (put("state_dict", "x"), "state_dict='x'"),
    (put("state_dict", "generator.output.0.bias", torch.zeros(3)), r"is \(3,\) there"),
    (put("loops", "fit_loop", None), "loops.fit_loop is NoneType"),
    (put(*PROGRESS, "ready", "x"), "ready='x'"),
    (put(*PROGRESS, "ready", -5), "ready=-5"),
    (put("reported", {"pending": {"a": []}, "latest": {}}), "reported.pending.a"),
    (put("\x1b]0;x", 1), "control characters"),
]


@pytest.mark.parametrize(("change", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_does_not_fit_is_named_before_anything_takes_it(
    change: Change, said: str, saved: Path, tmp_path: Path
) -> None:
    checkpoint = torch.load(saved, weights_only=True)
    change(checkpoint)
    torch.save(checkpoint, file := tmp_path / "last.ckpt")
    model = tiny_gan(**options())
    trainer = fit(tiny_gan(), max_steps=1)
    with pytest.raises(UserError, match=said):
        check_state(read(file), model, trainer, file)


def test_what_was_saved_fits(saved: Path) -> None:
    checkpoint, model = read(saved), tiny_gan(**options())
    check_state(checkpoint, model, fit(tiny_gan(), max_steps=1), saved)
    check_weights(checkpoint, model, saved)
    assert mismatch(model, checkpoint["state_dict"]) is None


def test_a_rate_may_have_fallen_and_lie_in_a_tensor(saved: Path) -> None:
    checkpoint = read(saved)
    checkpoint["optimizer_states"][0]["param_groups"][0] |= {"lr": torch.tensor(0.01), "initial_lr": 0.02}
    check_state(checkpoint, tiny_gan(**options()), fit(tiny_gan(), max_steps=1), saved)
