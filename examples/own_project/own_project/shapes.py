"""Discs, squares and crosses of random size, place and brightness: images that need no files."""

from typing import Any

import torch

from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.types import PositiveInt

CLASSES = ("disc", "square", "cross")
SEEDS = {"train": 0, "validation": 1, "test": 2}  # so that no split has another's images


class Shapes(InMemoryDataModule):
    """Grey images of one shape each, white on black.

    Args:
        count: number of training images.
        test_count: number of test images, which scores are measured against.
    """

    def __init__(self, *, count: PositiveInt, test_count: PositiveInt, **options: Any) -> None:
        super().__init__(**options)
        if self.channels != 1 or self.num_classes != len(CLASSES):
            raise ValueError(f"shapes are grey and of {len(CLASSES)} classes: data.channels=1, data.num_classes=3")
        self.counts = {"train": count, "validation": test_count, "test": test_count}

    def load(self, split: str) -> LabelledImages:
        """Draw a split: images uint8 (n, 1, height, width) and labels int64 (n,), the same in every process."""
        count, (height, width) = self.counts[split], self.image_size
        generator = torch.Generator().manual_seed(SEEDS[split])
        labels = torch.randint(len(CLASSES), (count,), generator=generator)
        radius, x, y, light = torch.rand(4, count, 1, 1, generator=generator)
        radius = min(height, width) * (0.15 + 0.15 * radius)
        # Distances from the middle of the shape.
        across = (torch.arange(width)[None, None, :] + 0.5 - width * (0.35 + 0.3 * x)).abs()
        down = (torch.arange(height)[None, :, None] + 0.5 - height * (0.35 + 0.3 * y)).abs()
        square = torch.maximum(across, down) < radius
        drawings = (
            across**2 + down**2 < radius**2,
            square,
            square & (torch.minimum(across, down) < radius / 3),
        )
        shape = torch.stack(drawings)[labels, torch.arange(count)]
        images = (shape * (155 + 100 * light)).to(torch.uint8)
        return LabelledImages(images[:, None], labels)

    def describe(self) -> dict[str, object]:
        """The origin of the images, for the run's record."""
        counts = {f"{split}_images": len(labels) for split, (_, labels) in self.splits.items()}
        return {"name": "shapes", "source": "drawn", "substitute": False, **counts}
