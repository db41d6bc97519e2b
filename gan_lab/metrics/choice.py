"""The extractor that suits a dataset, where none is named."""

from pathlib import Path
from typing import Protocol

from torch import Tensor

from gan_lab.metrics import digits
from gan_lab.metrics.extractors import Extractor
from gan_lab.metrics.inception import Inception

SMALL = 64  # pixels a side, up to which a classifier is trained within minutes


class Dataset(Protocol):
    """What a data module offers."""

    image_size: int
    channels: int
    classes: int

    def describe(self) -> dict[str, object]:
        """Its `name`, among others."""

    def load(self, split: str) -> tuple[Tensor, Tensor]:
        """Images uint8 (n, channels, height, width) and labels int64 (n,) of split "train" or "test"."""


def suited(data: Dataset, cache_folder: Path) -> Extractor:
    """What to look through at a dataset.

    - Grey, labelled and up to 64 pixels a side, as MNIST and its kin: a classifier of that dataset. MNIST's is shipped;
      another is trained on first use and cached. Its features mean something on these images, which ImageNet's don't.
    - All others: Inception, antialiased. Colour images are what it was made for, and without labels there is nothing
      to train a classifier on; numbers from features that suit neither would only look like scores.

    Args:
        data: the dataset.
        cache_folder: where trained classifiers are kept.

    Raises:
        UserError: Inception or its weights are not at hand, saying what to get; or the folder can't be written to.
    """
    if data.channels == 1 and data.classes > 1 and data.image_size <= SMALL:
        return digits.for_dataset(str(data.describe()["name"]), data, cache_folder)
    return Inception(weights=None, antialias=True)
