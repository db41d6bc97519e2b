from types import SimpleNamespace

import pytest
import torch

from gan_lab.utils.batches import LabelledImages, TwoDomains
from gan_lab.utils.errors import UserError
from tests.conftest import TinyImages

LABELS = torch.arange(3)
PIXELS = torch.tensor([0, 128, 255], dtype=torch.uint8).reshape(3, 1, 1, 1).expand(3, 1, 8, 8)


def on(data: TinyImages, **trainer: object) -> TinyImages:
    """A data module attached to a trainer of these properties."""
    defaults = {"strategy": SimpleNamespace(root_device=torch.device("cpu")), "world_size": 1}
    data.trainer = SimpleNamespace(**defaults | trainer)  # type: ignore[assignment]
    return data


def test_pixels_are_normalised_and_labels_stay() -> None:
    images, labels = TinyImages().on_after_batch_transfer(LabelledImages(PIXELS, LABELS), 0)
    assert images.dtype == torch.float32
    torch.testing.assert_close(images[:, 0, 0, 0], torch.tensor([-1.0, 128 / 127.5 - 1, 1.0]))
    assert torch.equal(labels, LABELS)


def test_two_domains_are_both_normalised() -> None:
    for images in TinyImages().on_after_batch_transfer(TwoDomains(PIXELS, PIXELS.flip(0)), 0):
        assert (images.min(), images.max()) == (-1, 1)


def test_a_dataset_too_large_for_the_accelerator_stays_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4 * 64 * 64 - 4, 1 << 40))
    data = on(TinyImages(count=64), strategy=SimpleNamespace(root_device=torch.device("cuda")))
    data.setup("fit")
    assert data.splits["train"][0].device.type == "cpu"


def test_the_batch_size_counts_for_each_process() -> None:
    on(TinyImages(count=64, batch_size=32), world_size=2).setup("fit")
    data = on(TinyImages(count=64, batch_size=33), world_size=2)
    with pytest.raises(UserError, match=r"data\.batch_size=33 on 2 process\(es\) .* 64 training images; set it to 32"):
        data.setup("fit")


@pytest.mark.parametrize(("overfit_batches", "position"), [(0, 7), (3, 1)])
def test_the_position_is_the_trainers_step_and_repeats_when_overfitting(overfit_batches: int, position: int) -> None:
    assert TinyImages()._position() == 0
    data = on(TinyImages(), global_step=7, overfit_batches=overfit_batches, num_training_batches=3)
    assert data._position() == position
