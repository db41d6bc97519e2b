"""A dataset as one uint8 tensor, delivered in batches by index.

The order of an epoch is a pure function of (seed, epoch), and the place in it of the step, so a resumed run
needs no loader state. Each global batch is a stretch of that order, and each process takes its own part of it:
two processes at batch 64 see together what one process sees at batch 128.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any, Generic

import torch
from torch import Tensor

from gan_lab.data.base import ImageDataModule
from gan_lab.utils import seeding
from gan_lab.utils.batches import Batch, LabelledImages, map_tensors
from gan_lab.utils.errors import UserError
from gan_lab.utils.types import NonNegativeInt, PositiveInt

HOLDING_OUT_SEED = 0  # which training images: the same for runs of any seed, so that their scores can be compared


class EpochLoader:
    """Batches (images uint8 (batch, ...), labels int64 (batch,)) in the seeded order of the epoch.

    Iterating starts at the step that `position` names and yields one epoch's number of batches.

    Args:
        images: the whole dataset, uint8, shape (n, channels, height, width).
        labels: int64, shape (n,).
        batch_size: images a batch, for each process.
        seed: of the order.
        rank: this process among all.
        world_size: number of processes.
        position: tells how many batches were trained on so far.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        *,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        position: Callable[[], int] = lambda: 0,
    ) -> None:
        self.images = images
        self.labels = labels
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.position = position
        self._epoch, self._order = -1, torch.empty(0)  # the order that was last asked for

    def __len__(self) -> int:
        """Full batches in an epoch; what is left over waits for the next epoch's order."""
        return len(self.images) // (self.batch_size * self.world_size)

    def batch(self, step: int) -> LabelledImages:
        """What is trained on at a global step: a function of nothing but the step and the arguments above."""
        epoch, place = divmod(step, len(self))
        if epoch != self._epoch:
            order = seeding.permutation(len(self.images), seeding.derive(self.seed, "order", epoch))
            self._epoch, self._order = epoch, order.to(self.images.device)
        start = (place * self.world_size + self.rank) * self.batch_size
        chosen = self._order[start : start + self.batch_size]
        # A fifth of the time that indexing with brackets takes.
        return LabelledImages(self.images.index_select(0, chosen), self.labels.index_select(0, chosen))

    def __iter__(self) -> Iterator[LabelledImages]:
        """Yield from where training stands."""
        start = self.position()
        for step in range(start, start + len(self)):
            yield self.batch(step)


class SequentialLoader(Generic[Batch]):
    """Every image once, in the order of the files, this process's share of it; the last batch may be short.

    Args:
        dataset: uint8 images and their labels, or of two domains, n of each.
        batch_size: images a batch, for each process.
        rank: this process among all.
        world_size: number of processes.
    """

    def __init__(self, dataset: Batch, *, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.dataset: Batch = map_tensors(itemgetter(slice(rank, None, world_size)), dataset)
        self.batch_size = batch_size

    def __len__(self) -> int:
        """Batches, the short one included."""
        return -(-len(self.dataset[0]) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches in order."""
        for start in range(0, len(self.dataset[0]), self.batch_size):
            yield map_tensors(itemgetter(slice(start, start + self.batch_size)), self.dataset)


class InMemoryDataModule(ImageDataModule):
    """What all labelled datasets share: they say how to `load` a split, and batches of [-1, 1] images come out.

    Splits are "train", "test" and, where images are held out, "validation".

    Args:
        num_classes: labels lie in [0, num_classes).
        validation_count: number of training images that are not trained on, and scored against in place of the test
            split: whoever chooses settings by final scores still has test images that no choice has seen.
    """

    def __init__(self, *, num_classes: PositiveInt, validation_count: NonNegativeInt, **options: Any) -> None:
        super().__init__(**options)
        self.num_classes = num_classes
        self.validation_count = validation_count
        self.eval_split = (
            "validation" if validation_count else "test"
        )  # the split that a trained model is scored against
        self.splits: dict[str, LabelledImages] = {}
        self.native_size = self.image_size  # side of what was loaded; scores don't look at a border that `fit` adds

    @abstractmethod
    def load(self, split: str) -> LabelledImages:
        """Images uint8 (n, channels, height, width) and labels int64 (n,) of split "train" or "test"."""

    def parts(self, stage: str) -> dict[str, LabelledImages]:
        """The splits that a stage needs: "test" alone, or the training images less those held out, and these.

        Raises:
            UserError: nothing is left to train on.
        """
        if stage == "test":
            return {"test": self.load("test")}
        images, labels = self.load("train")
        if not self.validation_count:
            return {"train": LabelledImages(images, labels)}
        places = self.places(len(images))
        return {split: LabelledImages(images[chosen], labels[chosen]) for split, chosen in places.items()}

    def places(self, count: int) -> dict[str, Tensor]:
        """Which of `count` training images are trained on and which are held out, ascending, int64 (n,).

        Raises:
            UserError: nothing is left to train on.
        """
        if self.validation_count >= count:
            raise UserError(
                f"data.validation_count={self.validation_count} leaves none of the {count} training images to train on"
            )
        order = seeding.permutation(count, seeding.derive(HOLDING_OUT_SEED, "held_out"))
        return {
            "train": order[self.validation_count :].sort().values,
            "validation": order[: self.validation_count].sort().values,
        }

    def setup(self, stage: str) -> None:
        """Load what the stage needs, onto the training device where it fits.

        Args:
            stage: "test", or another one, which needs the images to train on and those held out.

        Raises:
            UserError: there are fewer images to train on than a batch takes, or labels beyond `num_classes`.
        """
        if ("test" if stage == "test" else "train") in self.splits:
            return
        for split, dataset in self.parts(stage).items():
            highest = int(dataset[1].max())
            if highest >= self.num_classes:
                raise UserError(
                    f"data.num_classes={self.num_classes}, but the {split} images have labels up to {highest}; "
                    f"set it to {highest + 1} or more"
                )
            self.native_size = max(dataset[0].shape[-2:])
            self.splits[split] = self._ready(dataset, split)

    def example(self) -> LabelledImages:
        """Two images (2, channels, image_size, image_size) and their labels (2,)."""
        return LabelledImages(self._zeros(), torch.zeros(2, dtype=torch.long))

    def train_dataloader(self) -> EpochLoader:
        """The training split in its seeded order, from the step at which training stands."""
        return EpochLoader(
            *self.splits["train"],
            batch_size=self.batch_size,
            seed=self.seed,
            rank=self._rank,
            world_size=self._world_size,
            position=self._position,
        )

    def test_dataloader(self) -> SequentialLoader[LabelledImages]:
        """The test split, each image once."""
        return SequentialLoader(
            self.splits["test"], batch_size=self.batch_size, rank=self._rank, world_size=self._world_size
        )
