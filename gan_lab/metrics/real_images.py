"""The real images that generated images are compared with."""

from pathlib import Path
from typing import Protocol

from torch import Tensor

from gan_lab.distributed.collectives import refusing_together
from gan_lab.metrics.extractors import Extractor, without_border
from gan_lab.metrics.statistics import RealStatistics, real_statistics
from gan_lab.utils import seeding
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError

Labelled = tuple[Tensor, Tensor]
SUBSET_SEED = 0  # constant, so that every run is compared with the same part of a split


class Dataset(Protocol):
    """The part of a data module that scores need."""

    image_size: int
    channels: int
    num_classes: int
    eval_split: str  # the split that a trained model is scored against
    native_size: int  # side of the images before a border was added; known once a split is loaded
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

    def __init__(self, data: Dataset, cache_folder: Path) -> None:
        self.data = data
        self.cache_folder = cache_folder

    @property
    def name(self) -> str:
        """Name of the dataset."""
        return str(self.data.describe()["name"])

    def load(self, split: str) -> Labelled:
        """Load images uint8 (n, channels, height, width) and labels int64 (n,) of a split, on the CPU.

        Splits are "train", "validation" and "test".

        Raises:
            UserError: the split has no images.
        """
        if split == "validation" and self.data.eval_split != split:
            raise UserError(f"no image of {self.name} was held out: data.validation_count is 0")
        self.data.setup("test" if split == "test" else "fit")
        images, labels = self.data.splits[split]
        return self.without_border(images).cpu(), labels.cpu()

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
            images, labels = self.load(split)
        if at_most is not None and len(images) > at_most:
            order = seeding.permutation(len(images), seeding.derive(SUBSET_SEED, "quality"))
            chosen = order[:at_most].sort().values
            images, labels = images[chosen], labels[chosen]
        folder = self.cache_folder / "statistics"
        return real_statistics(images, labels, extractor, split=split, cache_folder=folder)
