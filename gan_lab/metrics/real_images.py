"""The real images that generated ones are held against, as scores see them."""

from pathlib import Path
from typing import Protocol

from torch import Tensor

from gan_lab.metrics.extractors import Extractor, without_border
from gan_lab.metrics.statistics import RealStatistics, real_statistics
from gan_lab.utils import seeding
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError

Labelled = tuple[Tensor, Tensor]
SUBSET_SEED = 0  # of a part of a split: the same images for every run


class Dataset(Protocol):
    """What a data module offers."""

    image_size: int
    channels: int
    num_classes: int
    eval_split: str  # the split that a trained model is scored against
    native_size: int  # side of the images before a border was added; known once a split is loaded
    splits: dict[str, LabelledImages]

    def setup(self, stage: str) -> None:
        """Load the splits that "fit" or "test" needs."""

    def describe(self) -> dict[str, object]:
        """Its `name`, and whether it is a `substitute`, among others."""


class RealImages:
    """A dataset without the black border that `gan_lab.utils.images.fit` added.

    So runs with images of 28 and of 32 pixels are measured against the same real digits.

    Args:
        data: prepared.
        cache_folder: for what is computed once: `statistics/`, and `extractors/` that must be trained.
    """

    def __init__(self, data: Dataset, cache_folder: Path) -> None:
        self.data = data
        self.cache_folder = cache_folder

    @property
    def name(self) -> str:
        """Of the dataset."""
        return str(self.data.describe()["name"])

    def load(self, split: str) -> Labelled:
        """Load images uint8 (n, channels, height, width) and labels int64 (n,) of a split, on the CPU.

        Splits are "train", "validation" and "test".

        Raises:
            UserError: there are none.
        """
        if split == "validation" and self.data.eval_split != split:
            raise UserError(f"no image of {self.name} was held out: data.validation_count is 0")
        self.data.setup("test" if split == "test" else "fit")
        images, labels = self.data.splits[split]
        return self.without_border(images).cpu(), labels.cpu()

    def without_border(self, images: Tensor) -> Tensor:
        """Generated images of the dataset's size, as its own are taken."""
        return without_border(images, self.data.native_size)

    def statistics(self, extractor: Extractor, split: str, at_most: int | None = None) -> RealStatistics:
        """What scores must know of a split, from the cache where they are there.

        Args:
            extractor: to look through.
            split: "train", "validation" or "test".
            at_most: so many images, always the same ones; by default all of them.

        Raises:
            UserError: there are none.
        """
        images, labels = self.load(split)
        if at_most is not None and len(images) > at_most:
            order = seeding.permutation(len(images), seeding.derive(SUBSET_SEED, "quality"))
            chosen = order[:at_most].sort().values
            images, labels = images[chosen], labels[chosen]
        folder = self.cache_folder / "statistics"
        return real_statistics(images, labels, extractor, split=split, cache_folder=folder)
