"""The base of datasets for translation: images of two sides, a source and a target or two domains."""

from abc import abstractmethod
from contextlib import suppress
from typing import Any, ClassVar, Generic

from torch import Tensor

from gan_lab.data.augment import Augmentation
from gan_lab.data.base import ImageDataModule
from gan_lab.utils import images
from gan_lab.utils.batches import LabelledImages, Sides
from gan_lab.utils.errors import UserError


class TwoSidedDataModule(ImageDataModule, Generic[Sides]):
    """Images of two sides: a subclass defines `load`, and batches of both sides in [-1, 1] come out.

    `splits` holds the images of both sides with their labels, for evaluation; batches have no labels. Training images
    may be larger than `image_size`, for the crops of `augmentation`; all others have that size.
    """

    sides: ClassVar[dict[str, str]]  # names, and how messages call them
    eval_split = "test"  # the real images of final scores
    paired = False  # True where the i-th image of the second side is what the i-th of the first is to become

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.source_channels = self.channels  # of the first side, as a generator gets it; `channels` are the second's
        self.known_as: dict[str, str] = {}  # sides, "a" or "b", of a dataset whose classifier is shipped, and its name
        self.load_size = self.image_size
        self.augmentation: Augmentation | None = None
        self.splits: dict[str, tuple[LabelledImages, LabelledImages]] = {}

    @abstractmethod
    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        """Load images (n, channels, height, width) and labels int64 (n,) of each side, of "train" or "test"."""

    @abstractmethod
    def batch(self, first: Tensor, second: Tensor) -> Sides:
        """A batch of images of the two sides, in the type that models know."""

    def setup(self, stage: str) -> None:
        """Load the split of a stage, onto the training device where it fits.

        Raises:
            UserError: a side has fewer training images than a batch.
        """
        split = "train" if stage == "fit" else "test"
        if split not in self.splits:
            first, second = self.load(split)
            of = [f" of {side}" for side in self.sides.values()]
            prepared = self._prepare(first, split, of[0])
            # A side made from the other while training takes no memory of its own.
            self.splits[split] = prepared, prepared if second is first else self._prepare(second, split, of[1])
        self._log_notes()

    def preview(self, count: int) -> Sides:
        """At most `count` images of each side to look at, at their depth: of the test split where there is one."""
        if "test" not in self.splits:
            with suppress(UserError):  # there is none
                self.setup("test")
        sides = self.splits["test" if "test" in self.splits else "train"]
        return self.batch(*(images.centre(pixels[:count], self.image_size) for pixels, _ in sides))

    def to_source(self, pixels: Tensor) -> Tensor:
        """The input of a generator, float, made of images of the first side's depth (n, channels, height, width)."""
        return self.depth(0).to_float(pixels)

    @property
    def rendered_channels(self) -> int:
        """Channels of what `render` gives."""
        return self.channels

    def render(self, source: Tensor, translated: Tensor) -> Tensor:
        """Pictures (n, 1 or 3, height, width) in [-1, 1] of a translation and its source: here, the translation."""
        return translated

    @abstractmethod
    def _counts(self) -> dict[str, object]:
        """The number of images of each loaded split, for the run's record."""

    def _stored_size(self, split: str) -> tuple[int, int]:
        return self.load_size if split == "train" else self.image_size
