"""Pairs made of MNIST's digits: a grey digit and the same one in colour, or its outline and the digit."""

from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor

from gan_lab.data.mnist_colors import TranslatedDigits, colour
from gan_lab.data.paired import PairedDataModule
from gan_lab.utils.batches import LabelledImages, Pairs
from gan_lab.utils.types import PositiveInt

CHANNELS = {"colour": 3, "edges": 1}  # of the targets; the sources are grey
SIDE = 28  # of MNIST's digits, in pixels
BRIGHT = 128  # from which a pixel is a stroke's
BRIGHT_CELL = 96  # from which the mean of several pixels is: a stroke seldom fills a cell


class MNISTPaired(TranslatedDigits[Pairs], PairedDataModule):
    """Pairs of 28x28 images, made of all digits of MNIST's training and test split.

    Args:
        task: "colour" pairs each grey digit with itself in the hue of its class, as `mnist_colors.colour` makes it;
            "edges" pairs the outline of each digit with the digit.
        coarseness: side of the squares that outlines are made of, in pixels, a divisor of 28; for edges alone.

    Raises:
        ValueError: `channels` or `coarseness` doesn't suit the task.
    """

    dataset = "mnist_paired"

    def __init__(self, *, task: Literal["colour", "edges"], coarseness: PositiveInt = 1, **options: Any) -> None:
        super().__init__(**options)
        if self.channels != CHANNELS[task]:
            raise ValueError(
                f"data.task={task} has targets of {CHANNELS[task]} channel(s): data.channels must be "
                f"{CHANNELS[task]}, not {self.channels}; data=mnist_edges sets both for edges"
            )
        if SIDE % coarseness:
            raise ValueError(
                f"data.coarseness must divide {SIDE}, the side of a digit: 1, 2, 4, 7, 14 or 28, not {coarseness}"
            )
        if coarseness > 1 and task != "edges":
            raise ValueError(f"data.coarseness={coarseness} is for outlines: data=mnist_edges, not data.task={task}")
        self.task = task
        self.coarseness = coarseness
        self.source_channels = 1
        self.known_as = {"a": "MNIST"} if task == "colour" else {"b": "MNIST"}

    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        """Load sources uint8 (n, 1, 28, 28), targets uint8 (n, channels, 28, 28), and their labels int64 (n,)."""
        images, labels = self.digits.load(split)
        if self.task == "edges":
            return LabelledImages(outlines(images, self.coarseness), labels), LabelledImages(images, labels)
        return LabelledImages(images, labels), LabelledImages(colour(images, labels, self.colour_seed), labels)


def outlines(images: Tensor, coarseness: int) -> Tensor:
    """White lines around the strokes of digits, on black.

    A digit is cut into square cells. A cell is a stroke's where its mean is at least `BRIGHT_CELL`, a single pixel
    from `BRIGHT` on. The line is the cells beside strokes, corners included. The coarser the cells, the less an outline
    says about its digit.

    Args:
        images: uint8 (n, 1, height, width).
        coarseness: side of a cell in pixels, a divisor of height and width.

    Returns:
        uint8, 0 or 255, of the same shape.
    """
    cells = F.avg_pool2d(images.float(), coarseness)
    strokes = (cells >= (BRIGHT if coarseness == 1 else BRIGHT_CELL)).float()
    lines = (F.max_pool2d(strokes, 3, stride=1, padding=1) - strokes).mul_(255).byte()
    return lines.repeat_interleave(coarseness, 2).repeat_interleave(coarseness, 3)
