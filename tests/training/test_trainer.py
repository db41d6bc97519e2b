from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from gan_lab.models.compile import is_compiled
from gan_lab.training.trainer import Trainer, last_batch
from gan_lab.utils import hardware
from tests.conftest import TinyImages, same, tiny_gan, weights


def trainer(**options: Any) -> Trainer:
    defaults: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": "auto",
        "num_nodes": 1,
        "precision": "32-true",
        "matmul_precision": "highest",
        "compile": False,
        "cuda_graphs": False,
        "max_steps": -1,
        "max_epochs": None,
        "log_every_n_steps": 1000,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return Trainer(**defaults | options)


def test_auto_means_one_device_and_options_go_on_to_lightning() -> None:
    made = trainer(limit_train_batches=2)
    assert (made.num_devices, made.limit_train_batches) == (1, 2)


@pytest.mark.parametrize(
    ("max_steps", "max_epochs", "expected"),
    [(10, None, 10), (-1, 2, 8), (5, 2, 5), (50, 2, 8), (-1, None, None), (-1, -1, None), (7, -1, 7)],
)
def test_the_lower_limit_counts(max_steps: int, max_epochs: int | None, expected: int | None) -> None:
    assert last_batch(max_steps, max_epochs, 4) == expected
    if expected is not None:
        made = trainer(max_steps=max_steps, max_epochs=max_epochs)
        made.fit(tiny_gan(), TinyImages(count=32))
        assert made.global_step == expected


@pytest.mark.bits
@pytest.mark.parametrize("stop", [2, 4, 5])
def test_epochs_end_where_they_would_have_after_a_stop_within_one(stop: int, tmp_path: Path) -> None:
    """Lightning would count the epoch that was cut short as a whole one."""
    first, resumed, whole = (tiny_gan() for _ in range(3))
    cut = trainer(max_steps=stop)
    cut.fit(first, TinyImages(count=32))
    cut.save_checkpoint(tmp_path / "stop.ckpt")
    later = trainer(max_epochs=3)
    later.fit(resumed, TinyImages(count=32), ckpt_path=tmp_path / "stop.ckpt", weights_only=True)
    assert later.global_step == 12
    trainer(max_epochs=3).fit(whole, TinyImages(count=32))
    assert same(weights(resumed), weights(whole))


class Watch(Callback):
    """The precision of float32 products in a batch, and after it."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def on_before_optimizer_step(self, *_: Any) -> None:
        self.seen.append(torch.get_float32_matmul_precision())

    def on_train_batch_end(self, *_: Any) -> None:
        self.seen.append(torch.get_float32_matmul_precision())


def test_matrix_products_are_less_precise_while_a_batch_is_trained_on_and_only_then() -> None:
    watch = Watch()
    made = trainer(matmul_precision="high", max_steps=2, callbacks=[watch])
    made.fit(tiny_gan(), TinyImages(count=32))
    assert watch.seen == ["high", "high", "highest"] * 2


def test_an_exception_leaves_matrix_products_as_they_were() -> None:
    class Broken(Callback):
        def on_before_backward(self, *_: Any) -> None:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        trainer(matmul_precision="high", max_steps=2, callbacks=[Broken()]).fit(tiny_gan(), TinyImages(count=32))
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize("wanted", [False, True])
def test_networks_are_compiled_where_that_is_wanted(wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(hardware, "check_compiler", tried.append)
    model = tiny_gan()
    trainer(compile=wanted, max_steps=0).fit(model, TinyImages(count=32))
    assert (is_compiled(model.generator), is_compiled(model.discriminator)) == (wanted, wanted)
    assert tried == ["cpu"] * wanted, "on the device of this process"


def test_the_model_is_told_how_to_compute_its_steps() -> None:
    model = tiny_gan()
    trainer(max_steps=0).fit(model, TinyImages(count=32))
    assert (model.parts, model.wants_cuda_graphs, model.penalty_precision) == (1, False, "32-true")
    given: dict[str, Any] = {"accumulate_grad_batches": 2, "cuda_graphs": "auto", "penalty_precision": "bf16-mixed"}
    trainer(max_steps=0, **given).fit(model, TinyImages(count=32))
    assert (model.parts, model.wants_cuda_graphs, model.penalty_precision) == (2, "auto", "bf16-mixed")


@pytest.mark.parametrize("option", ["gradient_clip_val", "strategy"])
def test_options_that_cannot_work_say_why(option: str) -> None:
    with pytest.raises(ValueError, match=f"^{option}: "):
        trainer(**{option: 2})
