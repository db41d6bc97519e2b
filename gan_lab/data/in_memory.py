"""A dataset as one uint8 tensor, delivered in batches by index.

The order of an epoch is a pure function of (seed, epoch), and the place in it of the step, so a resumed run
needs no loader state. Each global batch is a stretch of that order, and each process takes its own part of it:
two processes at batch 64 see together what one process sees at batch 128.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator

import torch
from lightning import LightningDataModule
from torch import Tensor

from gan_lab import images, seeding
from gan_lab.errors import UserError
from gan_lab.types import NonNegativeInt, PositiveInt

Batch = tuple[Tensor, Tensor]
DEVICE_SHARE = 0.25  # of the accelerator's free memory that a dataset may take


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

    def __len__(self) -> int:
        """Full batches in an epoch; what is left over waits for the next epoch's order."""
        return len(self.images) // (self.batch_size * self.world_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yield from where training stands."""
        start, epoch, order = self.position(), -1, torch.empty(0)
        for step in range(start, start + len(self)):
            if step // len(self) != epoch:
                epoch = step // len(self)
                order = seeding.permutation(len(self.images), seeding.derive(self.seed, "order", epoch))
                order = order.to(self.images.device)
            place = (step % len(self) * self.world_size + self.rank) * self.batch_size
            chosen = order[place : place + self.batch_size]
            # A fifth of the time that indexing with brackets takes.
            yield self.images.index_select(0, chosen), self.labels.index_select(0, chosen)


class SequentialLoader:
    """Every image once, in the order of the files, this process's share of it; the last batch may be short."""

    def __init__(self, images: Tensor, labels: Tensor, *, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.images = images[rank::world_size]
        self.labels = labels[rank::world_size]
        self.batch_size = batch_size

    def __len__(self) -> int:
        """Batches, the short one included."""
        return -(-len(self.images) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches in order."""
        for start in range(0, len(self.images), self.batch_size):
            stretch = slice(start, start + self.batch_size)
            yield self.images[stretch], self.labels[stretch]


class InMemoryDataModule(LightningDataModule):
    """What all datasets share: they say how to `load` a split, and batches of [-1, 1] images come out.

    Args:
        image_size: side of the square images in pixels.
        channels: 1 for grey, 3 for colour; the networks follow.
        classes: labels lie in [0, classes).
        batch_size: images a batch, for each process.
        seed: of the order of the images.
    """

    def __init__(
        self,
        *,
        image_size: PositiveInt,
        channels: PositiveInt,
        classes: PositiveInt,
        batch_size: PositiveInt,
        seed: NonNegativeInt,
    ) -> None:
        super().__init__()
        self.image_size = image_size
        self.channels = channels
        self.classes = classes
        self.batch_size = batch_size
        self.seed = seed
        self.splits: dict[str, Batch] = {}

    @abstractmethod
    def load(self, split: str) -> Batch:
        """Images uint8 (n, channels, height, width) and labels int64 (n,) of split "train" or "test"."""

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """Where the images came from, in plain values, for the run's record."""

    def setup(self, stage: str) -> None:
        """Load what the stage needs, onto the training device where it fits."""
        split = "train" if stage == "fit" else "test"
        if split in self.splits:
            return
        pixels, labels = self.load(split)
        pixels = images.fit(pixels, self.image_size)
        if split == "train" and len(pixels) < self.batch_size * self._world_size:
            raise UserError(
                f"data.batch_size={self.batch_size} on {self._world_size} process(es) is more than the "
                f"{len(pixels)} training images; set it to {len(pixels) // self._world_size} or less"
            )
        device = self.trainer.strategy.root_device if self.trainer else torch.device("cpu")
        if device.type == "cuda" and pixels.nbytes > DEVICE_SHARE * torch.cuda.mem_get_info(device)[0]:
            device = torch.device("cpu")
        self.splits[split] = pixels.to(device), labels.to(device)

    def train_dataloader(self) -> EpochLoader:
        """The training split in its seeded order, from the step at which training stands."""
        return EpochLoader(
            *self.splits["train"],
            batch_size=self.batch_size,
            seed=self.seed,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self._world_size,
            position=self._position,
        )

    def test_dataloader(self) -> SequentialLoader:
        """The test split, each image once."""
        return SequentialLoader(
            *self.splits["test"],
            batch_size=self.batch_size,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self._world_size,
        )

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Move a batch that is not on the device yet."""
        pixels, labels = batch
        return pixels.to(device, non_blocking=True), labels.to(device, non_blocking=True)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Normalise on the device: uint8 in [0, 255] to float32 in [-1, 1]."""
        pixels, labels = batch
        return images.to_float(pixels), labels

    def _position(self) -> int:
        """How many batches were trained on; with `overfit_batches` the first ones come again and again."""
        if self.trainer is None:
            return 0
        step = self.trainer.global_step
        overfits = self.trainer.overfit_batches > 0  # type: ignore[attr-defined]
        return step % int(self.trainer.num_training_batches) if overfits else step

    @property
    def _world_size(self) -> int:
        return self.trainer.world_size if self.trainer else 1
