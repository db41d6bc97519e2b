from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gan_lab.metrics.domain_images import DomainImages
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError


def two_sides(**options: Any) -> Any:
    """Data of grey images of 12 pixels and colour ones, of which 2 are a border; training images are larger."""
    generator = torch.Generator().manual_seed(0)

    def images(count: int, channels: int, size: int) -> torch.Tensor:
        return torch.randint(0, 256, (count, channels, size, size), dtype=torch.uint8, generator=generator)

    splits = {
        split: tuple(
            LabelledImages(images(count, channels, size), torch.arange(count) % classes)
            for channels, classes in ((1, 1), (3, 4))
        )
        for split, count, size in (("train", 9, 16), ("test", 7, 12))
    }
    defaults: dict[str, Any] = {
        "image_size": (12, 12),
        "native_size": (10, 10),
        "eval_split": "test",
        "splits": splits,
        "setup": lambda stage: None,
        "describe": lambda: {"name": "two", "substitute": False},
    }
    return SimpleNamespace(**defaults | options)


def test_each_side_is_a_dataset_of_its_own(tmp_path: Path) -> None:
    a, b = (DomainImages(two_sides(), side, tmp_path) for side in "ab")
    assert (a.name, a.channels, a.num_classes) == ("two_a", 1, 1)
    assert (b.name, b.channels, b.num_classes) == ("two_b", 3, 4)
    assert DomainImages(two_sides(known_as={"b": "MNIST"}), "b", tmp_path).name == "MNIST"


def test_images_are_those_of_the_split_without_border_and_cropped_in_the_middle(tmp_path: Path) -> None:
    data = two_sides()
    real = DomainImages(data, "b", tmp_path)
    images, labels = real.load("test")
    assert torch.equal(images, data.splits["test"][1].images[..., 1:11, 1:11])
    assert torch.equal(labels, data.splits["test"][1].labels)
    images, _ = real.load("train", 4)
    assert images.shape == (4, 3, 10, 10)
    assert all((data.splits["train"][1].images[..., 3:13, 3:13] == image).all((1, 2, 3)).any() for image in images)


def test_a_split_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no image of two_a was held out"):
        DomainImages(two_sides(), "a", tmp_path).load("validation")
