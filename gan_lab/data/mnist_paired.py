"""Pairs made of MNIST's digits: a grey digit and the same one in colour, or its outline and the digit."""

from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor

from gan_lab.data.mnist_colors import TranslatedDigits, colour
from gan_lab.data.paired import PairedDataModule
from gan_lab.utils.batches import LabelledImages, Pairs

CHANNELS = {"colour": 3, "edges": 1}  # of the targets; the sources are grey


class MNISTPaired(TranslatedDigits[Pairs], PairedDataModule):
    """Pairs of 28x28 images, made of all digits of MNIST's training and test split.

    Args:
        task: "colour" pairs each grey digit with itself in the hue of its class, as `mnist_colors.colour` makes it;
            "edges" pairs the outline of each digit with the digit.
    """

    dataset = "mnist_paired"

    def __init__(self, *, task: Literal["colour", "edges"], **options: Any) -> None:
        super().__init__(**options)
        if self.channels != CHANNELS[task]:
            raise ValueError(
                f"data.task={task} has targets of {CHANNELS[task]} channel(s): data.channels must be "
                f"{CHANNELS[task]}, not {self.channels}; data=mnist_edges sets both for edges"
            )
        self.task = task
        self.source_channels = 1
        self.known_as = {"a": "MNIST"} if task == "colour" else {"b": "MNIST"}

    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        """Load sources uint8 (n, 1, 28, 28), targets uint8 (n, channels, 28, 28), and their labels int64 (n,)."""
        images, labels = self.digits.load(split)
        if self.task == "edges":
            return LabelledImages(outlines(images), labels), LabelledImages(images, labels)
        return LabelledImages(images, labels), LabelledImages(colour(images, labels, self.colour_seed), labels)


def outlines(images: Tensor) -> Tensor:
    """White lines around the strokes of digits, on black: beside the pixels of at least 128; uint8, same shape."""
    strokes = (images >= 128).float()
    return (F.max_pool2d(strokes, 3, stride=1, padding=1) - strokes).mul_(255).byte()
