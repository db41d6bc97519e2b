"""Images that the program itself has chosen from a dataset, to train a generator on these and on no others."""

from typing import Any

from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.categories import Categories, combinations
from gan_lab.utils.errors import UserError


class ChosenImages(InMemoryDataModule):
    """Images that `hand_over` brings. There is no test split: a generator of these can't have seen any other image.

    Args:
        num_classes: number of classes, or of the categories of each attribute.
        options: see `InMemoryDataModule`.
    """

    def __init__(self, *, num_classes: Categories, **options: Any) -> None:
        super().__init__(num_classes=combinations(num_classes), **options)
        self.chosen: LabelledImages | None = None
        self.name = ""

    def hand_over(self, chosen: LabelledImages, name: str) -> "ChosenImages":
        """Take images, uint8 (n, channels, height, width), with labels, and a name; the same object is returned."""
        self.chosen, self.name = chosen, name
        return self

    def load(self, split: str) -> LabelledImages:
        """Load the images; errors where there are none, or those of another split are asked for.

        Raises:
            UserError: the images are not there.
        """
        if self.chosen is None or split != "train":
            raise UserError("data=chosen: these images were chosen by gan-lab augment, which alone trains on them")
        return self.chosen

    def describe(self) -> dict[str, object]:
        """The name, and the number of images."""
        return {"name": self.name, "source": "gan-lab augment", "substitute": False, **self._counts()}
