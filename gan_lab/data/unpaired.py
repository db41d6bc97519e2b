"""Two unpaired domains of images, for models that translate one into the other."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

from gan_lab.data.base import ImageDataModule
from gan_lab.data.in_memory import EpochLoader, SequentialLoader
from gan_lab.utils import images, seeding
from gan_lab.utils.batches import LabelledImages, TwoDomains
from gan_lab.utils.errors import UserError

DOMAINS = ("a", "b")


class UnpairedLoader:
    """Batches (a, b), each uint8 (batch, channels, height, width), of two domains, each in its own order.

    An epoch is as long as that of the larger domain. The smaller one starts again in a new order when it is through.

    Args:
        a: loader of the first domain.
        b: loader of the second.
        position: returns the number of batches trained on so far.
    """

    def __init__(self, a: EpochLoader, b: EpochLoader, *, position: Callable[[], int]) -> None:
        self.a = a
        self.b = b
        self.position = position

    def __len__(self) -> int:
        """The number of full batches in an epoch."""
        return max(len(self.a), len(self.b))

    def batch(self, step: int) -> TwoDomains:
        """The batch of a global step, a pure function of the step."""
        return TwoDomains(self.a.batch(step).images, self.b.batch(step).images)

    def __iter__(self) -> Iterator[TwoDomains]:
        """Yield an epoch of batches from the current position."""
        start = self.position()
        for step in range(start, start + len(self)):
            yield self.batch(step)


class UnpairedDataModule(ImageDataModule):
    """Base of all unpaired datasets: a subclass defines `load`, and batches (a, b) in [-1, 1] come out.

    `splits` holds the images of both domains with their labels, for evaluation; batches have no labels.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.splits: dict[str, tuple[LabelledImages, LabelledImages]] = {}

    @abstractmethod
    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        """Load images uint8 (n, channels, height, width) and labels int64 (n,) of each domain, of "train" or "test"."""

    def setup(self, stage: str) -> None:
        """Load the split of a stage, onto the training device where it fits.

        Raises:
            UserError: a domain has fewer training images than a batch.
        """
        split = "train" if stage == "fit" else "test"
        if split not in self.splits:
            a, b = self.load(split)
            self.splits[split] = self._prepare(a, split, " of domain a"), self._prepare(b, split, " of domain b")
        self._log_notes()

    def example(self) -> TwoDomains:
        """Two images of each domain, (2, channels, image_size, image_size)."""
        return TwoDomains(self._zeros(), self._zeros())

    def preview(self, count: int) -> TwoDomains:
        """At most `count` images of each domain to look at, uint8: of the test split where there is one."""
        if "test" not in self.splits:
            try:
                self.setup("test")
            except UserError:  # there is none
                return TwoDomains(*(pixels[:count] for pixels, _ in self.splits["train"]))
        return TwoDomains(*(pixels[:count] for pixels, _ in self.splits["test"]))

    def to_source(self, pixels: Tensor) -> Tensor:
        """What a model translates, in [-1, 1], of pictures uint8 (n, channels, height, width) of any size."""
        return images.to_float(pixels)

    def render(self, source: Tensor, translated: Tensor) -> Tensor:
        """Images to look at, in [-1, 1], of a translation and its source: here, the translation."""
        return translated

    def train_dataloader(self) -> UnpairedLoader:
        """The loader of both domains in their seeded orders, which starts at the current step."""
        a, b = (
            EpochLoader(
                *domain,
                batch_size=self.batch_size,
                seed=seeding.derive(self.seed, "domain", name),
                rank=self._rank,
                world_size=self._world_size,
            )
            for name, domain in zip(DOMAINS, self.splits["train"], strict=True)
        )
        return UnpairedLoader(a, b, position=self._position)

    def test_dataloader(self) -> SequentialLoader[TwoDomains]:
        """The loader of both test splits side by side, each image once, to the end of the shorter one."""
        (a, _), (b, _) = self.splits["test"]
        count = min(len(a), len(b))
        return SequentialLoader(
            TwoDomains(a[:count], b[:count]),
            batch_size=self.batch_size,
            rank=self._rank,
            world_size=self._world_size,
        )

    def _counts(self) -> dict[str, object]:
        """The number of images of each domain and loaded split, for the run's record."""
        return {
            f"{split}_images": {name: len(labels) for name, (_, labels) in zip(DOMAINS, domains, strict=True)}
            for split, domains in self.splits.items()
        }
