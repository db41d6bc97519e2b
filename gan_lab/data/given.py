"""Images that a Python program hands over: a tensor, an array, or a dataset of torch's, read into memory once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_lab.data.formats import GREY
from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.utils import hashes, memory
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError
from gan_lab.utils.terminal import bar
from gan_lab.utils.types import Share

VALUES = "must be uint8 from 0 to 255 or floating points from 0 to 1"
DEPTHS = (1, 3)  # channels: grey or RGB
NOT_GIVEN = (
    "the images are in a Python program: hand them over again, gan_lab.load(FOLDER, data=...) or "
    "gan_lab.train(resume=FOLDER, data=...)"
)


@dataclass(frozen=True)
class Given:
    """Images that were handed over, in one form.

    Args:
        images: uint8 (n, channels, height, width).
        labels: int64 (n,), not negative; zeros where the images have none.
        classes: their names by label; empty where they have none.
    """

    images: Tensor
    labels: Tensor
    classes: Sequence[str] = ()

    @property
    def num_classes(self) -> int:
        """Number of classes, 1 where the images have no labels."""
        return max(int(self.labels.max()) + 1, len(self.classes))

    @cached_property
    def sha256(self) -> str:
        """Hash of all images and labels, of both splits."""
        return hashes.of_tensors(self.images, self.labels)


class GivenImages(InMemoryDataModule):
    """Images that `hand_over` brings; without them a run can be looked at and sampled, but not trained or scored.

    A resumed run and an evaluation take only the images that the run began with.

    Args:
        test_fraction: fraction of each class that forms the test split, evenly over its images; 0.1 is every tenth.
    """

    def __init__(self, *, test_fraction: Share, **options: Any) -> None:
        super().__init__(**options)
        self.test_fraction = test_fraction
        self.given: Given | None = None
        self.expected = ""  # hash of the images of a run's beginning

    def hand_over(self, given: Given) -> "GivenImages":
        """Take images; the same object is returned."""
        self.given = given
        return self

    def recall(self, described: Mapping[str, Any]) -> None:
        """Keep the hash of the images that a run began with."""
        self.expected = str(described.get("images_sha256", ""))

    def prepare_data(self) -> None:
        """See whether the images are there, and those that are expected.

        Raises:
            UserError: they are not, or have other channels than `channels`.
        """
        given = self._given()
        if given.images.shape[1] != self.channels:
            raise UserError(
                f"data.channels={self.channels}, but the images of data= have {given.images.shape[1]}; leave it out"
            )
        if self.expected and given.sha256 != self.expected:
            raise UserError(
                f"data=: the run was trained on other images or labels (sha256 {self.expected[:8]}, and these have "
                f"{given.sha256[:8]}); hand over those"
            )

    def load(self, split: str) -> LabelledImages:
        """Load images uint8 (n, channels, height, width) and labels int64 (n,) of split "train" or "test".

        Raises:
            UserError: no image is left for the split.
        """
        given = self._given()
        tests = held_out(given.labels, self.test_fraction)
        chosen = tests if split == "test" else ~tests
        if not chosen.any():
            raise UserError(f"data.test_fraction={self.test_fraction}: no image of data= is left for the {split} split")
        return LabelledImages(given.images[chosen], given.labels[chosen])

    def describe(self) -> dict[str, object]:
        """The hash of the images, the class names, and the number of images of each loaded split."""
        described: dict[str, object] = {"name": "given", "source": "Python", "substitute": False, **self._counts()}
        if self.given is not None:
            described |= {"images_sha256": self.given.sha256, "classes": list(self.given.classes)}
        return described

    def _given(self) -> Given:
        if self.given is None:
            raise UserError(f"data=given: {NOT_GIVEN}")
        return self.given


def held_out(labels: Tensor, fraction: float) -> Tensor:
    """Choose the test images, bool (n,): with a fraction of 0.1 every tenth of each class, never its first."""
    order = labels.argsort(stable=True)
    counts = labels.bincount()
    starts = (counts.cumsum(0) - counts)[labels[order]]
    place = torch.arange(len(labels), dtype=torch.float64) - starts  # of an image in its class
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    chosen[order] = ((place + 1) * fraction).floor() > (place * fraction).floor()
    return chosen


def read(data: Any, labels: Any = None) -> Given:
    """Bring what was handed over into one form.

    Args:
        data: images as a tensor or array (n, channels, height, width) or (n, height, width), an array also (n, height,
            width, channels), in uint8 or in floating points from 0 to 1; or a dataset of torch's with a length, whose
            items are such images or Pillow's, alone or with a label.
        labels: of the images of a tensor or an array: n whole numbers from 0 on, none left out.

    Raises:
        UserError: saying what is wrong with which image.
    """
    if isinstance(data, str):
        raise UserError(f"data={data!r}: a dataset is chosen by its name without data=, as {f'data={data}'!r}")
    if isinstance(data, (Tensor, np.ndarray)):
        images = _stacked(data)
        return without_empty_classes(Given(images, _labels(labels, len(images))), "labels=")
    if labels is not None:
        raise UserError("labels=: belongs to a tensor or an array of images; a dataset has the labels in its items")
    if isinstance(data, Mapping) or not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        raise UserError(
            f"data=: must be a tensor, an array, or a torch Dataset with a length and items, not {type(data).__name__}"
        )
    return without_empty_classes(_from_items(data), "data=")


def without_empty_classes(given: Given, argument: str) -> Given:
    """The same images, if each class has one: others would be drawn, and looked for by scores, all the same.

    Raises:
        UserError: one has none; the line says how to number the others.
    """
    there = given.labels.unique()  # type: ignore[no-untyped-call]
    least, most, count = int(there[0]), int(there[-1]), len(there)
    empty = next((place for place, label in enumerate(there.tolist()) if place != label), count)
    if most >= count:
        renumbered = f"labels - {least}" if most - least < count else "torch.unique(labels, return_inverse=True)[1]"
        raise UserError(
            f"{argument}: no image has the label {empty}, and labels go up to {most}; number the classes from 0 on and "
            f"leave none out, {renumbered}"
        )
    if given.num_classes > count:
        raise UserError(
            f"{argument}: no image has the label {empty}, {given.classes[empty]}; drop the name from `classes` of the "
            "dataset, or add images"
        )
    return given


def _from_items(data: Any) -> Given:
    count = len(data)
    if not count:
        raise UserError("data=: holds no images")
    images, labels, labelled = torch.empty(0), torch.zeros(count, dtype=torch.long), 0
    for index in bar(range(count), "Reading", count, "images"):
        item = data[index]
        image, *rest = item if isinstance(item, (tuple, list)) else (item,)
        pixels = _pixels(image, f"data=: image {index}")
        if not index:
            needed = count * pixels.numel()
            if needed > memory.available():
                raise UserError(
                    f"data=: {count:,} images take {needed / 1e9:.0f} GB, more than this machine has left "
                    f"({memory.available() / 1e9:.0f} GB); resize them, or use data=image_folder, which works from disk"
                )
            images = torch.empty(count, *pixels.shape, dtype=torch.uint8)
        if pixels.shape != images.shape[1:]:
            raise UserError(
                f"data=: image {index} is {_size(pixels)} and image 0 is {_size(images[0])}; bring all to one size and "
                "number of channels"
            )
        images[index] = pixels
        if rest:
            labels[index] = _label(rest[0], index)
            labelled += 1
    if labelled not in (0, count):
        raise UserError(f"data=: {labelled:,} of {count:,} items have a label; give one to all, or to none")
    names = getattr(data, "classes", None) if labelled else None
    return Given(images, labels, [str(name) for name in names or []])


def _stacked(data: Tensor | np.ndarray) -> Tensor:
    """Images uint8 (n, channels, height, width) of a tensor or an array of them."""
    images = data.detach().cpu() if isinstance(data, Tensor) else _of_array(data, "data=")
    if images.ndim == 4 and images.shape[3] in DEPTHS and images.shape[1] not in DEPTHS:
        images = images.permute(0, 3, 1, 2).contiguous()
    if images.ndim == 3:
        images = images[:, None]
    if images.ndim != 4 or not len(images):
        raise UserError(
            f"data=: must have the shape (n, channels, height, width) or (n, height, width), not {tuple(data.shape)}"
        )
    return _in_bytes(_checked(images, "data="), "data=")


def _of_array(array: np.ndarray, what: str) -> Tensor:
    try:
        return torch.from_numpy(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=False)))
    except TypeError as error:  # torch has no such numbers
        hint = "; bring all images to one size and number of channels" if array.dtype == object else ""
        raise UserError(f"{what}: {VALUES}, not {array.dtype}{hint}") from error


def _pixels(image: Any, what: str) -> Tensor:
    """An image uint8 (channels, height, width), from Pillow's, a tensor or an array."""
    if isinstance(image, Image.Image):
        image = np.array(image.convert("L" if image.mode in GREY else "RGB"))
    if isinstance(image, np.ndarray):
        image = _of_array(image, what)
        if image.ndim == 3 and image.shape[2] in DEPTHS and image.shape[0] not in DEPTHS:
            image = image.permute(2, 0, 1)
    if not isinstance(image, Tensor):
        raise UserError(f"{what}: must be a tensor, an array or an image of Pillow's, not {type(image).__name__}")
    image = image.detach().cpu()
    image = image[None] if image.ndim == 2 else image
    if image.ndim != 3:
        raise UserError(
            f"{what}: must have the shape (channels, height, width) or (height, width), not {tuple(image.shape)}"
        )
    return _in_bytes(_checked(image, what), what)


def _checked(images: Tensor, what: str) -> Tensor:
    channels = images.shape[-3]
    if channels not in DEPTHS:
        raise UserError(f"{what}: must have 1 channel (grey) or 3 (RGB), not {channels}")
    if not images.numel():
        raise UserError(f"{what}: has no pixels, {_size(images)}")
    return images


def _in_bytes(images: Tensor, what: str) -> Tensor:
    if images.dtype == torch.uint8:
        return images
    if images.dtype.is_floating_point and images.numel():
        least, most = float(images.min()), float(images.max())
        if least >= 0 and most <= 1:
            return images.mul(255).round_().byte()
        raise UserError(
            f"{what}: floating points must be from 0 to 1, and these are from {least:.3g} to {most:.3g}; leave out "
            "Normalize, or hand over uint8 from 0 to 255"
        )
    raise UserError(f"{what}: {VALUES}, not {images.dtype}")


def _size(images: Tensor) -> str:
    """The channels, height and width of images."""
    return "x".join(map(str, images.shape[-3:]))


def _label(label: Any, index: int) -> int:
    try:
        number = int(label)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise UserError(f"data=: the label of image {index} must be a whole number, not {label!r}") from error
    if number != label or number < 0:
        raise UserError(f"data=: the label of image {index} must be a whole number from 0 on, not {label!r}")
    return min(number, torch.iinfo(torch.long).max)  # so high a one leaves classes empty, which is refused


def _labels(labels: Any, count: int) -> Tensor:
    if labels is None:
        return torch.zeros(count, dtype=torch.long)
    try:
        given = torch.as_tensor(labels).detach().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError("labels=: must be whole numbers, one for each image") from error
    if given.shape != (count,):
        raise UserError(
            f"labels=: must be {count:,} whole numbers, one for each image, and has the shape {tuple(given.shape)}"
        )
    is_whole = not (given.dtype.is_floating_point or given.dtype.is_complex or given.dtype == torch.bool)
    if not is_whole or int(given.long().min()) < 0:
        raise UserError("labels=: must be whole numbers from 0 on")
    return given.long()
