"""Extractors: the interface from images to the features that scores are computed on, and its preprocessing."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.utils import chunks, hashes
from gan_lab.utils import images as conversions
from gan_lab.utils.precision import reproducible_precision
from gan_lab.utils.sizes import by, height_and_width
from gan_lab.utils.types import ImageSize

Plain = str | int | float | bool | None
EXTRACTED_AT_ONCE = 500  # images, at most
VALUES_AT_ONCE = 1 << 28  # of their pixels, which become floats of four bytes
BORDER = 8  # pixels that `gan_lab.utils.images.fit` adds to a side at most, both edges together
GREY = "G + 0.299 (R - G) + 0.114 (B - G)"  # ITU-R BT.601's luma, in a form that leaves grey pixels as they are
OTHER_SIZES = f"up to {BORDER} pixels more: border cropped, else bilinear"


class Extractor(nn.Module, ABC):
    """Maps uint8 images (n, channels, height, width), grey or RGB of any size, to float features (n, num_features).

    Frozen, and always in evaluation mode: no score depends on earlier images, or on others of the batch.

    Attributes:
        num_features: values for each image.
        num_classes: number of the dataset's classes that `predicted_class` returns; 0 where it returns none of them.
        one_label: True where the logits are of one label, as the Inception Score takes them.
        has_neighbours: True where precision to coverage search for neighbours among the features. False where counted
            modes are more precise and the images so many that a search takes minutes.
        identity: all that decides the features, in plain values: name, sha256 of the weights, input size, antialias,
            dtype. Extractors of equal identity give equal features.
    """

    num_features: int
    num_classes: int
    one_label = True
    has_neighbours = True
    identity: dict[str, Plain]

    @abstractmethod
    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (n, num_features) and logits (n, classes) in one pass; (n, 0) where there are no logits."""

    def forward(self, images: Tensor) -> Tensor:
        """Compute features (n, num_features) alone."""
        return self.features_and_logits(images)[0]

    def classify(self, images: Tensor) -> Tensor:
        """Compute logits (n, classes) alone."""
        return self.features_and_logits(images)[1]

    def predicted_class(self, logits: Tensor) -> Tensor:
        """Predict the class of each image, int64 (n,), from its logits."""
        return logits.argmax(1)

    def class_histogram(self, logits: Tensor) -> Tensor:
        """Count the predicted classes of real images, shape (num_classes,), from their logits."""
        return torch.bincount(self.predicted_class(logits), minlength=self.num_classes)

    def freeze(self) -> None:
        """Freeze all weights; constructors call it last."""
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode, whatever mode a surrounding module takes."""
        return super().train(False)

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return next(self.parameters()).device


def extract(extractor: Extractor, images: Tensor) -> tuple[Tensor, Tensor]:
    """Compute features (n, num_features) and logits (n, classes or 0) of any number of uint8 images on any device."""
    most = max(1, min(EXTRACTED_AT_ONCE, VALUES_AT_ONCE // max(1, images[:1].numel())))

    def found(part: Tensor) -> tuple[Tensor, Tensor]:
        return extractor.features_and_logits(part.to(extractor.device))

    features, logits = chunks.applied(extractor, images, by=found, most=most)
    return features, logits


class Custom(Extractor):
    """An extractor made of any module.

    Args:
        module: maps float images (n, channels, height, width) in [-1, 1] to features of shape (n, ...).
        size: of the module's input images, (height, width) or the side of squares.
        channels: channels of the module's input images.
        antialias: True smooths larger images before they are reduced.
    """

    def __init__(self, *, module: nn.Module, size: ImageSize, channels: Literal[1, 3], antialias: bool) -> None:
        super().__init__()
        self.module = module
        self.size = height_and_width(size)
        self.channels = channels
        self.antialias = antialias
        self.freeze()
        state = dict(sorted(module.state_dict().items()))
        kind = type(module)
        self.identity = {
            "name": f"{kind.__module__}.{kind.__qualname__}",
            "sha256": hashes.of_values({name: hashes.of_tensors(value) for name, value in state.items()}),
            "input_size": plain_size(self.size),
            "other_sizes": "bilinear",
            "channels": channels,
            "grey": GREY,
            "antialias": antialias,
            "dtype": "float32",
        }
        self.num_classes = 0
        self.num_features = self(torch.zeros(1, channels, *self.size, dtype=torch.uint8)).shape[1]

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Compute features; there are no logits."""
        pixels = resized(with_channels(images, self.channels), self.size, self.antialias)
        with reproducible_precision(pixels.device):
            features = self.module(conversions.to_float(pixels)).flatten(1)
        return features, features.new_empty(len(features), 0)

    @property
    def device(self) -> torch.device:
        """Device of the weights; the CPU for a module without weights."""
        return next((weight.device for weight in self.module.parameters()), torch.device("cpu"))


def with_channels(images: Tensor, channels: int) -> Tensor:
    """Convert uint8 images (n, 1 or 3, height, width) to float32 (n, channels, height, width) in [0, 255], unrounded.

    Grey becomes RGB by repetition, RGB becomes grey by ITU-R BT.601's luma, 0.299 R + 0.587 G + 0.114 B.

    Raises:
        ValueError: images of another type or shape.
    """
    if images.dtype != torch.uint8:
        raise ValueError(f"images must be uint8 in [0, 255], not {str(images.dtype).removeprefix('torch.')}")
    if images.dim() != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"images must have the shape (n, 1 or 3, height, width), not {tuple(images.shape)}")
    return converted(images.float(), channels)


def converted(pixels: Tensor, channels: int) -> Tensor:
    """Convert float32 pixels (n, 1 or 3, height, width) of any range to (n, channels, height, width)."""
    if pixels.shape[1] == channels:
        return pixels
    if channels == 3:
        return pixels.repeat(1, 3, 1, 1)
    red, green, blue = torch.split(pixels, 1, dim=1)
    return green + 0.299 * (red - green) + 0.114 * (blue - green)


def without_border(images: Tensor, size: int | Sequence[int]) -> Tensor:
    """Crop the black border with which `gan_lab.utils.images.fit` enlarges images of `size` by up to 8 pixels.

    A generator's pixels in the border do not count: the dataset has nothing there.
    """
    added = [now - before for now, before in zip(images.shape[-2:], height_and_width(size), strict=True)]
    return conversions.centre(images, size) if all(0 <= length <= BORDER for length in added) else images


def resized(images: Tensor, size: int | Sequence[int], antialias: bool) -> Tensor:
    """Resize float images in [0, 255] to a size, (height, width) or the side of a square, bilinear, unrounded."""
    wanted = height_and_width(size)
    if images.shape[-2:] == wanted:
        return images
    return F.interpolate(images, wanted, mode="bilinear", antialias=antialias).clamp(0, 255)


def plain_size(size: int | Sequence[int]) -> int | str:
    """A size in an extractor's identity: the side of a square, or height and width, 48x96."""
    height, width = height_and_width(size)
    return height if height == width else by(size)
