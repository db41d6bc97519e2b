import pytest
import torch

from gan_lab.errors import UserError
from gan_lab.trainer import Trainer, check_machine


@pytest.fixture
def cuda_devices(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: request.param)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.parametrize("cuda_devices", [0], indirect=True)
@pytest.mark.parametrize(
    ("accelerator", "devices", "precision", "message"),
    [
        ("gpu", "auto", "32-true", "trainer.accelerator=gpu: not on this machine, which has cpu"),
        ("mps", "auto", "32-true", "trainer.accelerator=mps: not on this machine"),
        ("auto", 99, "32-true", "trainer.devices=99: .* set trainer.devices=1"),
        ("auto", 1, "16-mixed", "set trainer.precision=bf16-mixed"),
    ],
)
def test_what_the_machine_has_not_got_is_refused(
    cuda_devices: None, accelerator: str, devices: int | str, precision: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        check_machine(accelerator, devices, precision)


@pytest.mark.parametrize("cuda_devices", [1], indirect=True)
def test_a_gpu_takes_half_precision(cuda_devices: None) -> None:
    check_machine("auto", "auto", "16-mixed")
    check_machine("gpu", 1, "32-true")
    with pytest.raises(UserError, match="bf16-mixed"):
        check_machine("cpu", 1, "16-mixed")


def test_auto_means_one_device_and_options_go_on_to_lightning() -> None:
    trainer = Trainer(
        accelerator="cpu",
        devices="auto",
        precision="32-true",
        max_steps=7,
        max_epochs=None,
        log_every_n_steps=3,
        logger=False,
        enable_progress_bar=False,
        limit_train_batches=2,
    )
    assert (trainer.num_devices, trainer.max_steps, trainer.limit_train_batches) == (1, 7, 2)
