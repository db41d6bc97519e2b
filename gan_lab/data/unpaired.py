"""Two domains of images that nothing pairs, as for translating one into the other."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

from gan_lab.data.base import ImageDataModule
from gan_lab.data.in_memory import EpochLoader, SequentialLoader
from gan_lab.utils import seeding
from gan_lab.utils.batches import LabelledImages, TwoDomains

DOMAINS = ("a", "b")


class UnpairedLoader:
    """Batches (a, b), each uint8 (batch, channels, height, width), of two domains in orders of their own.

    An epoch is as long as the larger domain's; the smaller one begins anew, in a new order, as often as needed.

    Args:
        a: delivers the first domain.
        b: delivers the second.
        position: tells how many batches were trained on so far.
    """

    def __init__(self, a: EpochLoader, b: EpochLoader, *, position: Callable[[], int]) -> None:
        self.a = a
        self.b = b
        self.position = position

    def __len__(self) -> int:
        """Full batches in an epoch."""
        return max(len(self.a), len(self.b))

    def batch(self, step: int) -> TwoDomains:
        """What is trained on at a global step."""
        return TwoDomains(self.a.batch(step).images, self.b.batch(step).images)

    def __iter__(self) -> Iterator[TwoDomains]:
        """Yield from where training stands."""
        start = self.position()
        for step in range(start, start + len(self)):
            yield self.batch(step)


class UnpairedDataModule(ImageDataModule):
    """What all unpaired datasets share: they say how to `load` a split, and batches (a, b) in [-1, 1] come out.

    `splits` keeps the images of both domains with their labels, for measuring; batches don't carry labels.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.splits: dict[str, tuple[LabelledImages, LabelledImages]] = {}

    @abstractmethod
    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        """Of each domain, images uint8 (n, channels, height, width) and labels int64 (n,) of "train" or "test"."""

    def setup(self, stage: str) -> None:
        """Load what the stage needs, onto the training device where it fits.

        Raises:
            UserError: a domain has fewer images to train on than a batch takes.
        """
        split = "train" if stage == "fit" else "test"
        if split not in self.splits:
            a, b = self.load(split)
            self.splits[split] = self._ready(a, split, " of domain a"), self._ready(b, split, " of domain b")

    def example(self) -> TwoDomains:
        """Two images of each domain, (2, channels, image_size, image_size)."""
        return TwoDomains(self._zeros(), self._zeros())

    def train_dataloader(self) -> UnpairedLoader:
        """Both domains in their seeded orders, from the step at which training stands."""
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
        """Both test splits side by side, each image once, to the end of the shorter one."""
        (a, _), (b, _) = self.splits["test"]
        count = min(len(a), len(b))
        return SequentialLoader(
            TwoDomains(a[:count], b[:count]),
            batch_size=self.batch_size,
            rank=self._rank,
            world_size=self._world_size,
        )

    def _counts(self) -> dict[str, object]:
        """For the record: how many images of each domain were loaded."""
        return {
            f"{split}_images": {name: len(labels) for name, (_, labels) in zip(DOMAINS, domains, strict=True)}
            for split, domains in self.splits.items()
        }
