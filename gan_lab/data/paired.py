"""Pairs of images, for models that learn to make the second one from the first."""

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor

from gan_lab.data.in_memory import EpochLoader, SequentialLoader
from gan_lab.data.two_sided import TwoSidedDataModule
from gan_lab.utils.batches import LabelledImages, Pairs


class PairedDataModule(TwoSidedDataModule[Pairs]):
    """Base of all paired datasets: a subclass defines `load`, and batches (source, target) in [-1, 1] come out.

    The i-th source and the i-th target belong together and have the same label.
    """

    sides: ClassVar = {"source": "the source", "target": "the target"}
    paired = True

    @abstractmethod
    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        """Load sources and targets, uint8 (n, channels, height, width), of "train" or "test", equally labelled."""

    def batch(self, first: Tensor, second: Tensor) -> Pairs:
        """Sources and their targets."""
        return Pairs(first, second)

    def example(self) -> Pairs:
        """Two pairs, or one where batches have one, of zeros."""
        target = self._zeros()
        return Pairs(target.new_zeros(len(target), self.source_channels, *target.shape[-2:]), target)

    def train_dataloader(self) -> EpochLoader[Pairs]:
        """The loader of the training pairs in their seeded order, which starts at the current step."""
        return EpochLoader(
            self._pairs("train"),
            batch_size=self.batch_size,
            seed=self.seed,
            rank=self._rank,
            world_size=self._world_size,
            position=self._position,
            augmentation=self.augmentation,
            device=self._device,
        )

    def test_dataloader(self) -> SequentialLoader[Pairs]:
        """The loader of the test pairs, each once."""
        return SequentialLoader(
            self._pairs("test"), batch_size=self.batch_size, rank=self._rank, world_size=self._world_size
        )

    def _pairs(self, split: str) -> Pairs:
        return Pairs(*(pixels for pixels, _ in self.splits[split]))

    def _counts(self) -> dict[str, object]:
        """The number of pairs of each loaded split, for the run's record."""
        return {f"{split}_images": len(labels) for split, ((_, labels), _) in self.splits.items()}
