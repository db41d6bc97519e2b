"""Two unpaired domains of images, for models that translate one into the other."""

from collections.abc import Callable, Iterator
from typing import ClassVar

import torch
from torch import Tensor

from gan_lab.data import feeding
from gan_lab.data.in_memory import EpochLoader, SequentialLoader
from gan_lab.data.two_sided import TwoSidedDataModule
from gan_lab.utils import seeding
from gan_lab.utils.batches import LabelledImages, TwoDomains

DOMAINS = ("a", "b")
Domain = EpochLoader[LabelledImages]


class UnpairedLoader:
    """Batches (a, b), each uint8 (batch, channels, height, width), of two domains, each in its own order.

    An epoch is as long as that of the larger domain. The smaller one starts again in a new order when it is through.

    Args:
        a: loader of the first domain.
        b: loader of the second.
        position: returns the number of batches trained on so far.
        device: that batches are trained on.
    """

    def __init__(
        self, a: Domain, b: Domain, *, position: Callable[[], int], device: torch.device = feeding.CPU
    ) -> None:
        self.a = a
        self.b = b
        self.position = position
        self.device = device

    def __len__(self) -> int:
        """The number of full batches in an epoch."""
        return max(len(self.a), len(self.b))

    def batch(self, step: int) -> TwoDomains:
        """The batch of a global step, a pure function of the step."""
        return TwoDomains(self.a.batch(step).images, self.b.batch(step).images)

    def __iter__(self) -> Iterator[TwoDomains]:
        """Yield an epoch of batches from the current position."""
        start = self.position()
        yield from feeding.fed(map(self.batch, range(start, start + len(self))), self.device)


class UnpairedDataModule(TwoSidedDataModule[TwoDomains]):
    """Base of all unpaired datasets: a subclass defines `load`, and batches (a, b) in [-1, 1] come out."""

    sides: ClassVar = {name: f"domain {name}" for name in DOMAINS}

    def batch(self, first: Tensor, second: Tensor) -> TwoDomains:
        """Images of domain A and domain B."""
        return TwoDomains(first, second)

    def example(self) -> TwoDomains:
        """Two images of each domain, (2, channels, height, width)."""
        return TwoDomains(self._zeros(), self._zeros())

    def train_dataloader(self) -> UnpairedLoader:
        """The loader of both domains in their seeded orders, which starts at the current step."""
        a, b = (
            EpochLoader(
                domain,
                batch_size=self.batch_size,
                seed=seeding.derive(self.seed, "domain", name),
                rank=self._rank,
                world_size=self._world_size,
                augmentation=self.augmentation,
            )
            for name, domain in zip(DOMAINS, self.splits["train"], strict=True)
        )
        return UnpairedLoader(a, b, position=self._position, device=self._device)

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
