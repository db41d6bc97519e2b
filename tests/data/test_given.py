"""Images of a Python program: every form in which they may come, what is refused, and the two splits."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from gan_lab.data.given import Given, GivenImages, held_out, read
from gan_lab.utils.errors import UserError

PIXELS = (torch.arange(6 * 3 * 4 * 4) % 251).byte().reshape(6, 3, 4, 4)
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


class Items(Dataset[Any]):
    classes = ("cat", "dog", "eel")

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


class Endless(IterableDataset[Tensor]):
    def __iter__(self) -> Iterator[Tensor]:
        return iter(PIXELS)


def pictures() -> list[Image.Image]:
    return [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in PIXELS]


@pytest.mark.parametrize(
    "data",
    [
        PIXELS,
        PIXELS.numpy(),
        PIXELS.permute(0, 2, 3, 1).numpy(),
        PIXELS / 255,
        PIXELS.double() / 255,
        Items(list(PIXELS)),
        Items(list(PIXELS / 255)),
        Items(pictures()),
        Items([np.array(picture) for picture in pictures()]),
        TensorDataset(PIXELS),
    ],
    ids=lambda data: f"{type(data).__name__}-{getattr(data, 'dtype', 'items')}",
)
def test_the_same_images_in_every_form(data: Any) -> None:
    given = read(data)
    assert given.images.dtype == torch.uint8
    assert torch.equal(given.images, PIXELS)
    assert torch.equal(given.labels, torch.zeros(6, dtype=torch.long))
    assert (given.num_classes, given.classes or ()) == (1, ()), "names alone make no labels"


def test_images_may_be_oblong() -> None:
    oblongs = PIXELS[:, :, :, :3]
    for data in (oblongs, oblongs.permute(0, 2, 3, 1).numpy(), Items(list(oblongs))):
        assert torch.equal(read(data).images, oblongs)
    cropped = Items([picture.crop((0, 0, 3, 4)) for picture in pictures()])
    assert torch.equal(read(cropped).images, oblongs)


@pytest.mark.parametrize("grey", [PIXELS[:, 0], PIXELS[:, :1], Items(list(PIXELS[:, 0]))], ids=["n", "n1", "items"])
def test_grey_images_get_one_channel(grey: Any) -> None:
    assert torch.equal(read(grey).images, PIXELS[:, :1])
    assert read(Items([Image.fromarray(PIXELS[0, 0].numpy())])).images.shape == (1, 1, 4, 4)


def test_labels_come_with_a_tensor_or_with_the_items() -> None:
    for labels in (LABELS, LABELS.tolist(), LABELS.numpy(), LABELS.int()):
        given = read(PIXELS, labels)
        assert torch.equal(given.labels, LABELS)
        assert (given.num_classes, given.classes) == (3, ())
    given = read(Items([(image, int(label)) for image, label in zip(PIXELS, LABELS, strict=True)]))
    assert torch.equal(given.labels, LABELS)
    assert given.classes == ["cat", "dog", "eel"]


@pytest.mark.parametrize(
    ("data", "labels", "message"),
    [
        ("mnist", None, "a dataset is chosen by its name without data=, as 'data=mnist'"),
        (7, None, "must be a tensor, an array, or a torch Dataset with a length and items, not int"),
        (Endless(), None, "with a length and items, not Endless"),
        (Items([]), None, "holds no images"),
        (PIXELS[:0], None, "must have the shape"),
        (PIXELS[0, 0], None, r"must have the shape .* not \(4, 4\)"),
        (PIXELS[:, :2], None, "must have 1 channel .* or 3 .* not 2"),
        (PIXELS[..., :0], None, "has no pixels, 3x4x0"),
        (PIXELS / 127.5 - 1, None, "must be from 0 to 1, and these are from -1 to .*leave out Normalize"),
        (PIXELS.float().log(), None, "must be from 0 to 1"),
        (PIXELS.long(), None, "must be uint8 .* not torch.int64"),
        (PIXELS, LABELS[:5], r"must be 6 whole numbers, one for each image, and has the shape \(5,\)"),
        (PIXELS, LABELS.float(), "must be whole numbers from 0 on"),
        (PIXELS, LABELS - 1, "must be whole numbers from 0 on"),
        (PIXELS, ["cat"] * 6, "must be whole numbers"),
        (Items(list(PIXELS)), LABELS, "a dataset has the labels in its items"),
        (Items([PIXELS[0], PIXELS[1, :, :2, :2]]), None, "image 1 is 3x2x2 and image 0 is 3x4x4"),
        (
            Items([PIXELS[0], "picture.png"]),
            None,
            "image 1: must be a tensor, an array or an image of Pillow's, not str",
        ),
        (Items([PIXELS[0], (PIXELS[1], 0)]), None, "1 of 2 items have a label; give one to all, or to none"),
        (Items([(PIXELS[0], "cat")]), None, "the label of image 0 must be a whole number, not 'cat'"),
        (Items([(PIXELS[0], -1)]), None, "the label of image 0 must be a whole number from 0 on"),
        (Items([(PIXELS[0], float("inf"))]), None, "the label of image 0 must be a whole number, not inf"),
        (Items([(PIXELS[0], LABELS)]), None, "the label of image 0 must be a whole number, not tensor"),
        ({"images": PIXELS}, None, "must be a tensor, an array, or a torch Dataset .* not dict"),
        (
            np.array([PIXELS[0].numpy(), None], dtype=object),
            None,
            "data=: must be uint8 .* not object; bring all images",
        ),
        (np.array(["a", "b"]), None, "data=: must be uint8 .* not <U1$"),
        (Items([np.array([[None]])]), None, "data=: image 0: must be uint8 .* not object; bring all images"),
        (PIXELS, LABELS.numpy().astype(object), "labels=: must be whole numbers"),
        (PIXELS, [1 << 70] * 6, "labels=: must be whole numbers"),
        (PIXELS, LABELS.numpy().astype(np.uint64) - 1, "labels=: must be whole numbers from 0 on"),
    ],
)
def test_anything_else_is_refused_in_a_line(data: Any, labels: Any, message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        read(data, labels)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("data", "labels", "message"),
    [
        (PIXELS, LABELS + 1, "labels=: no image has the label 0, and labels go up to 3; .*none out, labels - 1$"),
        (PIXELS, LABELS + 7, "labels=: no image has the label 0, and labels go up to 9; .*none out, labels - 7$"),
        (PIXELS, LABELS * 2, "no image has the label 1, and labels go up to 4; .*, torch.unique.*return_inverse=True"),
        (PIXELS, LABELS * 1150000000000000, "no image has the label 1, and labels go up to 2300000000000000; number"),
        (
            Items([(PIXELS[0], 1 << 70)]),
            None,
            "data=: no image has the label 0, and labels go up to 9223372036854775807",
        ),
        (Items([(PIXELS[0], 1), (PIXELS[1], 2)]), None, "data=: no image has the label 0, .*, labels - 1$"),
        (
            Items([(PIXELS[0], 0), (PIXELS[1], 1)]),
            None,
            "data=: no image has the label 2, eel; drop the name from `classes` of the dataset, or add images$",
        ),
    ],
)
def test_a_class_without_an_image_is_refused_in_a_line(data: Any, labels: Any, message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        read(data, labels)
    assert "\n" not in str(refused.value)


def test_what_the_refusal_says_numbers_the_classes() -> None:
    for labels in (LABELS + 7 - 7, torch.unique(LABELS * 2, return_inverse=True)[1]):
        assert torch.equal(read(PIXELS, labels).labels, LABELS)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.uint32, np.uint64, np.int16])
def test_labels_come_as_whole_numbers_of_any_size(kind: Any) -> None:
    assert torch.equal(read(PIXELS, LABELS.numpy().astype(kind)).labels, LABELS)


def test_an_array_of_another_machines_order_is_the_same() -> None:
    assert torch.equal(read((PIXELS / 255).numpy().astype(">f4")).images, PIXELS)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.25])
def test_each_class_gives_its_share_and_never_its_first_image(fraction: float) -> None:
    labels = torch.arange(120) % 3
    chosen = held_out(labels, fraction)
    for label in range(3):
        of_class = chosen[labels == label]
        expected = [int((index + 1) * fraction) > int(index * fraction) for index in range(40)]
        assert of_class.tolist() == expected
        assert not of_class[0]


def module(given: Given | None = None, **options: Any) -> GivenImages:
    defaults = {"image_size": 4, "channels": 3, "num_classes": 3, "validation_count": 0, "batch_size": 2, "seed": 0}
    data = GivenImages(test_fraction=0.5, **defaults | options)
    return data if given is None else data.hand_over(given)


def test_the_splits_share_no_image_and_the_order_is_one_of_seed_and_epoch() -> None:
    data = module(read(PIXELS, LABELS))
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    parts = torch.cat([data.splits["train"].images, data.splits["test"].images])
    assert torch.equal(parts, PIXELS), "of each class the second half is tested with, and the first comes first"
    assert torch.equal(data.splits["test"].labels, torch.tensor([0, 1, 2]))
    again = module(read(PIXELS, LABELS))
    again.setup("fit")
    for step in range(5):
        assert torch.equal(data.train_dataloader().batch(step).images, again.train_dataloader().batch(step).images)
    assert data.describe() == {
        "name": "given",
        "source": "Python",
        "substitute": False,
        "train_images": 3,
        "test_images": 3,
        "images_sha256": read(PIXELS, LABELS).sha256,
        "classes": [],
    }


@pytest.mark.parametrize("other", [read(PIXELS.flip(0), LABELS), read(PIXELS, LABELS.flip(0)), read(PIXELS)])
def test_a_run_goes_on_with_its_own_images_alone(other: Given) -> None:
    described = module(read(PIXELS, LABELS)).describe()
    same, another = module(read(PIXELS.clone(), LABELS.tolist())), module(other)
    same.recall(described)
    same.prepare_data()
    another.recall(described)
    with pytest.raises(UserError, match="data=: the run was trained on other images or labels"):
        another.prepare_data()


def test_what_can_not_be_served_is_refused() -> None:
    with pytest.raises(UserError, match="the images are in a Python program: .*gan_lab.load"):
        module().prepare_data()
    with pytest.raises(UserError, match="data.channels=1, but the images of data= have 3"):
        module(read(PIXELS), channels=1).prepare_data()
    with pytest.raises(UserError, match="data.test_fraction=0.5: no image of data= is left for the test split"):
        module(read(PIXELS[:1])).load("test")
