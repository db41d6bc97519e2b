"""A labelled dataset as one tensor, and loaders that index it.

The order of an epoch is a pure function of (seed, epoch), and the position in it one of the step, so a resumed run
needs no loader state. Each global batch is a slice of that order, and each process takes its own part of the slice: two
processes at batch 64 together see the images that one process sees at batch 128.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, Generic, Literal

import torch
from torch import Tensor

from gan_lab.data import balanced, feeding, grouped, mapped
from gan_lab.data.augment import Augmentation
from gan_lab.data.base import ImageDataModule
from gan_lab.utils import seeding
from gan_lab.utils.batches import Batch, LabelledImages, map_tensors
from gan_lab.utils.errors import UserError
from gan_lab.utils.types import NonNegativeInt, PositiveInt

VALIDATION_SEED = 0  # of the validation split: the same images for runs of any seed, so that scores can be compared


class EpochLoader(Generic[Batch]):
    """Batches in the seeded order of the epoch.

    An iteration starts at the step that `position` returns, and yields as many batches as an epoch has.

    Args:
        dataset: images (n, channels, height, width) of any depth and their labels, int64 (n,), or pairs of images.
        batch_size: images a batch, for each process.
        seed: of the order, and of the augmentation.
        rank: of this process.
        world_size: number of processes.
        position: returns the number of batches trained on so far.
        augmentation: of the images of a batch; None leaves them as they are.
        mirror: each image and its mirror image are two images, with one label. The mirror images come after all others
            in the numbers that are ordered, and are made when they are needed.
        classes: of the images, int64 (n,), which are to come up equally often (`balanced.order`); None shows each image
            once in an epoch.
        device: that batches are trained on.
    """

    def __init__(
        self,
        dataset: Batch,
        *,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        position: Callable[[], int] = lambda: 0,
        augmentation: Augmentation | None = None,
        mirror: bool = False,
        classes: Tensor | None = None,
        device: torch.device = feeding.CPU,
    ) -> None:
        self.dataset: Batch = dataset
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.position = position
        self.augmentation = augmentation
        self.mirror = mirror
        self.classes = classes.repeat(2) if mirror and classes is not None else classes
        self.device = device
        self._ahead = -1  # step whose images the system reads already
        self._epoch, self._order, self._draws = -1, torch.empty(0), torch.empty(0)  # cached: of the latest epoch

    def __len__(self) -> int:
        """The number of full batches in an epoch; left-over images wait for the next epoch's order."""
        return self._count // (self.batch_size * self.world_size)

    def batch(self, step: int) -> Batch:
        """The batch of a global step, a pure function of the step and the constructor's arguments."""
        epoch, place = divmod(step, len(self))
        if epoch != self._epoch:
            count, device = self._count, self.dataset[0].device
            if self.classes is None:
                order = seeding.permutation(count, seeding.derive(self.seed, "order", epoch))
            else:
                order = balanced.order(self.classes, self.seed, epoch)
            self._epoch, self._order = epoch, order.to(device)
            if self.augmentation:
                self._draws = self.augmentation.draws(count, self.seed, epoch).to(device)
        if place == 0 or step != self._ahead:
            self._read_ahead(place)
        self._read_ahead(place + 1)  # while this batch is trained on
        self._ahead = step + 1
        chosen = self._chosen(place)
        originals = len(self.dataset[0])
        places = self._places(chosen)
        # Takes a fifth of the time of indexing with brackets.
        batch = map_tensors(lambda part: part.index_select(0, places), self.dataset)
        if self.mirror:
            mirrored = chosen >= originals
            batch = map_tensors(
                lambda part: torch.where(mirrored[:, None, None, None], part.flip(3), part) if part.ndim == 4 else part,
                batch,
            )
        if self.augmentation is None:
            return batch
        augment, draws = self.augmentation, self._draws.index_select(0, chosen)
        return map_tensors(lambda part: augment(part, draws) if part.ndim == 4 else part, batch)  # labels stay

    def _chosen(self, place: int) -> Tensor:
        """The numbers that this process has in a batch of the epoch; none after its end."""
        start = (place * self.world_size + self.rank) * self.batch_size
        return self._order[start : start + self.batch_size]

    def _places(self, chosen: Tensor) -> Tensor:
        """The indices of the images of such numbers."""
        return chosen % len(self.dataset[0]) if self.mirror else chosen

    def _read_ahead(self, place: int) -> None:
        """Have the system read the images of a batch that lie in a mapped file."""
        for part in self.dataset:
            if mapped.is_mapped(part):
                mapped.read_ahead(part, self._places(self._chosen(place)))

    @property
    def _count(self) -> int:
        return len(self.dataset[0]) * (2 if self.mirror else 1)

    def __iter__(self) -> Iterator[Batch]:
        """Yield an epoch of batches from the current position."""
        start = self.position()
        yield from feeding.fed(map(self.batch, range(start, start + len(self))), self.device)


class SequentialLoader(Generic[Batch]):
    """Delivers this process's share of the images once, in the order of the files; the last batch may be smaller.

    Args:
        dataset: images and their labels, or images of two domains.
        batch_size: images a batch, for each process.
        rank: of this process.
        world_size: number of processes.
    """

    def __init__(self, dataset: Batch, *, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.dataset: Batch = map_tensors(itemgetter(slice(rank, None, world_size)), dataset)
        self.batch_size = batch_size

    def __len__(self) -> int:
        """The number of batches, including a smaller last one."""
        return -(-len(self.dataset[0]) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches in order."""
        for start in range(0, len(self.dataset[0]), self.batch_size):
            yield map_tensors(itemgetter(slice(start, start + self.batch_size)), self.dataset)


class InMemoryDataModule(ImageDataModule):
    """Base of all labelled datasets: a subclass defines `load`, and batches of images in [-1, 1] come out.

    Splits are "train", "test" and, with a `validation_count`, "validation".

    Args:
        num_classes: labels lie in [0, num_classes).
        validation_count: number of training images that form the validation split. They are not trained on, and final
            scores use them in place of the test split. So the test split stays unseen while settings are chosen.
        train_count: number of training images that are used, the same ones for runs of any seed; None uses all. Fewer
            show how a model does with little data.
        mirror: trains on the mirror image of each training image too, so that an epoch has twice the batches. Scores
            are held against the images as they are.
        sampler: "shuffled" shows each training image once in an epoch, "balanced" each class equally often.
    """

    def __init__(
        self,
        *,
        num_classes: PositiveInt,
        validation_count: NonNegativeInt,
        train_count: PositiveInt | None = None,
        mirror: bool = False,
        sampler: Literal["shuffled", "balanced"] = "shuffled",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.mirror = mirror
        self.images_of_each = 2 if mirror else 1
        self.num_classes = num_classes
        self.sampler = sampler
        if sampler == "balanced" and num_classes < 2:
            raise ValueError(
                "data.sampler=balanced: there is one class only; set data.num_classes to what the data has, or leave "
                "the option out"
            )
        self.validation_count = validation_count
        self.train_count = train_count
        self.eval_split = "validation" if validation_count else "test"  # the real images of final scores
        self.splits: dict[str, LabelledImages] = {}

    @abstractmethod
    def load(self, split: str) -> LabelledImages:
        """Load images (n, channels, height, width) and labels int64 (n,) of split "train" or "test"."""

    def load_stage(self, stage: str) -> dict[str, LabelledImages]:
        """Load the splits of a stage: "test" alone for that stage, else "train" and, if there is one, "validation".

        Raises:
            UserError: nothing is left to train on.
        """
        if stage == "test":
            return {"test": self.load("test")}
        images, labels = self.load("train")
        if not self.validation_count and self.train_count is None:
            return {"train": LabelledImages(images, labels)}
        splits = self.split_indices(len(images))
        return {split: LabelledImages(images[indices], labels[indices]) for split, indices in splits.items()}

    def split_indices(self, count: int, groups: Sequence[str] | None = None) -> dict[str, Tensor]:
        """The ascending indices, int64 (n,), of "train" and, if there is one, "validation" among `count` images.

        Args:
            count: number of images.
            groups: of the images, each of which stays on one side; "validation" then has about as many as it should.

        Raises:
            UserError: nothing is left to train on, or less than `train_count`.
        """
        if self.validation_count >= count:
            raise UserError(
                f"data.validation_count={self.validation_count} leaves none of the {count} training images for training"
            )
        order = seeding.permutation(count, seeding.derive(VALIDATION_SEED, "held_out"))
        validation, train = order[: self.validation_count], order[self.validation_count :]
        if groups is not None:
            kept = torch.tensor(grouped.held_out(groups, self.validation_count / count, "validation"))[order]
            validation, train = order[kept], order[~kept]
        if self.train_count is not None and self.train_count > len(train):
            raise UserError(f"data.train_count={self.train_count}: there are only {len(train)} images to train on")
        train = train[: self.train_count]
        splits = {"train": train.sort().values}
        return splits | {"validation": validation.sort().values} if self.validation_count else splits

    def setup(self, stage: str) -> None:
        """Load the splits of a stage, onto the training device where they fit.

        Args:
            stage: "test", or another one, which needs the training and validation splits.

        Raises:
            UserError: the training split is smaller than a batch, or a label is not below `num_classes`.
        """
        if ("test" if stage == "test" else "train") in self.splits:
            return
        for split, dataset in self.load_stage(stage).items():
            highest = int(dataset[1].max())
            if highest >= self.num_classes:
                raise UserError(
                    f"data.num_classes={self.num_classes}, but the {split} images have labels up to {highest}; "
                    f"set it to {highest + 1} or more"
                )
            self.splits[split] = self._prepare(dataset, split)
        self._log_notes()

    def example(self) -> LabelledImages:
        """Black images (n, channels, height, width) and their labels (n,), two or as few as a batch has."""
        pixels = self._zeros()
        return LabelledImages(pixels, torch.zeros(len(pixels), dtype=torch.long))

    def _counts(self) -> dict[str, object]:
        """The number of images of each loaded split, for the run's record."""
        return {f"{split}_images": len(labels) for split, (_, labels) in self.splits.items()}

    def train_dataloader(self) -> EpochLoader[LabelledImages]:
        """The loader of the training split in its seeded order, which starts at the current step."""
        return EpochLoader(
            self.splits["train"],
            batch_size=self.batch_size,
            seed=self.seed,
            rank=self._rank,
            world_size=self._world_size,
            position=self._position,
            mirror=self.mirror,
            classes=self.splits["train"].labels if self.sampler == "balanced" else None,
            device=self._device,
        )

    def test_dataloader(self) -> SequentialLoader[LabelledImages]:
        """The loader of the test split, each image once."""
        return SequentialLoader(
            self.splits["test"], batch_size=self.batch_size, rank=self._rank, world_size=self._world_size
        )
