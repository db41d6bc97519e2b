"""The real images that generated images are compared with."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from gan_lab.distributed.collectives import refusing_together
from gan_lab.metrics.extractors import Extractor, without_border
from gan_lab.metrics.statistics import RealStatistics, real_statistics
from gan_lab.utils import seeding
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.depth import shown
from gan_lab.utils.errors import UserError

Labelled = tuple[Tensor, Tensor]
SUBSET_SEED = 0  # constant, so that every run is compared with the same part of a split


class Dataset(Protocol):
    """The part of a data module that scores need."""

    image_size: tuple[int, int]  # height and width
    channels: int
    num_classes: int
    eval_split: str  # the split that a trained model is scored against
    native_size: tuple[int, int]  # of the images before a border was added; known once a split is loaded
    splits: dict[str, LabelledImages]

    def setup(self, stage: str) -> None:
        """Load the splits that "fit" or "test" needs."""

    def describe(self) -> dict[str, object]:
        """Describe the dataset: `name`, `substitute` (True or False), and more."""


class RealImages:
    """A dataset without the black border that `gan_lab.utils.images.fit` added.

    Runs with images of 28 and of 32 pixels are compared with the same real digits.

    Args:
        data: a prepared data module.
        cache_folder: folder of `statistics/` and of trained `extractors/`, which are computed once.
    """

    scored_by = "scores"  # that there are none of without an extractor
    any_classifier = False  # True where "auto" may take a classifier of colour images, too
    has_training = True  # False where there are no training images beside the real ones

    def __init__(self, data: Dataset, cache_folder: Path) -> None:
        self.data = data
        self.cache_folder = cache_folder

    @property
    def name(self) -> str:
        """Name of the dataset."""
        return str(self.data.describe()["name"])

    @property
    def num_classes(self) -> int:
        """Number of classes, 1 or 0 where there are none."""
        return self.data.num_classes

    @property
    def channels(self) -> int:
        """Channels of the images as they are looked at: one or three."""
        return shown(torch.empty(1, self.data.channels, 1, 1), self.display).shape[1]

    @property
    def display(self) -> Sequence[int] | None:
        """Numbers of the channels that are looked at, as of `shown`."""
        return getattr(self.data, "display", None)

    def load(self, split: str, at_most: int | None = None) -> Labelled:
        """Load images uint8 (n, channels, height, width) and labels int64 (n,) of a split, on the CPU.

        Args:
            split: "train", "validation" or "test".
            at_most: number of images, always the same ones; None takes all.

        Raises:
            UserError: the split has no images.
        """
        self.data.setup("test" if split == "test" else "fit")
        if split not in self.data.splits:
            raise UserError(f"no image of {self.name} was held out: data.validation_count is 0")
        images, labels = self._stored(split)
        chosen = part(len(images), at_most)
        return self.without_border(images)[chosen].cpu(), labels[chosen].cpu()

    def _stored(self, split: str) -> Labelled:
        """Pictures uint8 (n, 1 or 3, height, width) and labels of a split."""
        pixels, labels = self.data.splits[split]
        return looked_at(self.data, pixels), labels

    def without_border(self, images: Tensor) -> Tensor:
        """Crop the border of generated images as that of the dataset's own is cropped."""
        return without_border(images, self.data.native_size)

    def statistics(self, extractor: Extractor, split: str, at_most: int | None = None) -> RealStatistics:
        """Compute the statistics of a split, or read them from the cache.

        Args:
            extractor: of the features.
            split: "train", "validation" or "test".
            at_most: number of images, always the same ones; None takes all.

        Raises:
            UserError: the split has no images, on any of the processes.
        """
        with refusing_together():
            images, labels = self.load(split, at_most)
        folder = self.cache_folder / "statistics"
        return real_statistics(images, labels, extractor, split=split, cache_folder=folder)


def looked_at(data: object, pixels: Tensor, side: int = 0) -> Tensor:
    """Images of a side of a dataset as pictures, uint8 (n, 1 or 3, height, width), where it holds anything else."""
    pictures: Callable[[Tensor, int], Tensor] | None = getattr(data, "pictures", None)
    return pixels if pictures is None else pictures(pixels, side)


def part(count: int, at_most: int | None) -> Tensor | slice:
    """Indices of the part of `count` images that stands for all of them, ascending; all where there are no more."""
    if at_most is None or count <= at_most:
        return slice(None)
    return seeding.permutation(count, seeding.derive(SUBSET_SEED, "quality"))[:at_most].sort().values
