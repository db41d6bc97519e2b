"""The images of one side of a dataset for translation, as real images that translations are compared with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from gan_lab.metrics.real_images import Labelled, RealImages, looked_at
from gan_lab.utils.depth import EIGHT, Depth
from gan_lab.utils.images import centre

SIDES = ("a", "b")  # of a pair, the source and the target


def depth_of(data: object, side: str) -> Depth:
    """The depth of the images of a side, "a" or "b"; 8 bits where the dataset says nothing."""
    known: Callable[[int], Depth] | None = getattr(data, "depth", None)
    return EIGHT if known is None else known(SIDES.index(side))


class DomainImages(RealImages):
    """One side's pictures, without borders; those that training crops are cropped in the middle.

    Args:
        data: a prepared data module, whose splits hold the labelled images of both sides.
        side: "a" or "b".
        cache_folder: as of `RealImages`.
    """

    scored_by = "FID and its kind"
    any_classifier = True

    def __init__(self, data: Any, side: str, cache_folder: Path) -> None:
        super().__init__(data, cache_folder)
        self.side = side

    @property
    def name(self) -> str:
        """Name of the dataset that the side is of, or that of both and the side."""
        known: dict[str, str] = getattr(self.data, "known_as", {})
        return known.get(self.side, f"{super().name}_{self.side}")

    @property
    def num_classes(self) -> int:
        """Number of classes of the training images' labels."""
        return int(self.load("train")[1].max()) + 1

    @property
    def channels(self) -> int:
        """Channels of the side's pictures."""
        return self.load("train")[0].shape[1]

    def _stored(self, split: str) -> Labelled:
        both: Any = self.data.splits[split]
        place = SIDES.index(self.side)
        return looked_at(self.data, self.codes(split), place), both[place][1]

    def codes(self, split: str) -> Tensor:
        """Images (n, channels, height, width) of a split at their own depth."""
        both: Any = self.data.splits[split]
        return centre(both[SIDES.index(self.side)][0], self.data.image_size)
