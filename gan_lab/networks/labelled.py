"""Conditional players, made from players without labels.

Any generator and discriminator of this package will do; labels are int64 (batch,) in [0, num_classes). Players that
take labels themselves say so by `takes_labels`.

Where `num_classes` is a list, labels are combinations of attributes (`utils.categories`). Then each attribute has
one-hots, planes or vectors of its own, so that what is learned of it holds in all combinations, rare ones, too.
"""

import math
from collections.abc import Sequence
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

from gan_lab.utils.categories import Categories, parts, sizes
from gan_lab.utils.sizes import height_and_width
from gan_lab.utils.types import ImageSize, PositiveInt


class Native(nn.Module):
    """A player that takes labels itself, as it is.

    Args:
        player: takes latents or images, and labels (batch,).

    Raises:
        ValueError: the player takes none.
    """

    def __init__(self, player: nn.Module) -> None:
        super().__init__()
        self.blends_labels = getattr(player, "blends_labels", False)
        if not getattr(player, "takes_labels", False):
            raise ValueError(
                "model/conditioning=native is for players that take labels themselves: set model/network=biggan, or "
                "model/conditioning=concat or projection"
            )
        self.player = player
        self.batch_independent = getattr(player, "batch_independent", False)

    def forward(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Output of the player, of labels (batch,), or of shares where it blends them."""
        outputs: Tensor = self.player(inputs, labels)
        return outputs


class Embedding(nn.Embedding):
    """Labels (batch,) to vectors (batch, dim), of several attributes the sum of a vector for each: (sum of sizes, dim).

    Args:
        num_classes: how many labels there are, or categories of each attribute.
        dim: size of a vector.
    """

    def __init__(self, num_classes: Categories, dim: int) -> None:
        super().__init__(sum(sizes(num_classes)), dim)
        self.num_classes = num_classes

    def forward(self, labels: Tensor) -> Tensor:
        """The vectors; of shares of the labels, float (batch, labels), a blend of them."""
        if labels.is_floating_point():
            return one_hot(labels, self.num_classes) @ self.weight
        if isinstance(self.num_classes, int):
            return super().forward(labels)
        found: Tensor = super().forward(places(labels, self.num_classes))
        return found.sum(1)


def places(labels: Tensor, num_classes: Sequence[int]) -> Tensor:
    """The category of each attribute in a row of all categories, int64 (batch, attributes), of labels (batch,)."""
    starts = accumulate(num_classes, initial=0)
    return torch.stack([start + part for start, part in zip(starts, parts(labels, num_classes), strict=False)], 1)


def one_hot(labels: Tensor, num_classes: Categories) -> Tensor:
    """One-hots of labels (batch,), those of attributes behind each other: int64 (batch, sum of sizes).

    Shares of the labels, float (batch, labels), become those of each attribute's categories.
    """
    if labels.is_floating_point():
        if isinstance(num_classes, int):
            return labels
        return labels @ one_hot(torch.arange(labels.shape[1], device=labels.device), num_classes).to(labels)
    if isinstance(num_classes, int):
        return F.one_hot(labels, num_classes)
    return F.one_hot(places(labels, num_classes), sum(num_classes)).sum(1)


class LabelledGenerator(nn.Module):
    """Latents (batch, latent_dim) and labels (batch,) to images: the label is appended to the latent, one-hot.

    Mirza and Osindero 2014, section 3.2 (arXiv:1411.1784). Shares of the classes, float (batch, num_classes), take the
    place of labels for images between classes: a blend of the one-hot vectors.

    Args:
        generator: takes latents of size latent_dim + num_classes.
        num_classes: how many labels there are, or categories of each attribute, whose one-hots follow each other.

    Raises:
        ValueError: the generator takes labels itself, or mixes styles, of latents without a label.
    """

    blends_labels = True

    def __init__(self, generator: nn.Module, *, num_classes: Categories) -> None:
        super().__init__()
        if getattr(generator, "takes_labels", False):
            raise ValueError(
                "the players of model/network=biggan take labels themselves: set model/conditioning=native of "
                "model=cgan"
            )
        if getattr(generator, "mixing", 0):
            raise ValueError(
                "a second latent has no label, so a conditional generator can't mix styles: set "
                "model.network.generator.mixing=0"
            )
        self.generator = generator
        self.num_classes = num_classes

    def forward(self, latents: Tensor, labels: Tensor, truncation: float | None = None) -> Tensor:
        """Images (batch, channels, height, width), one for each latent (batch, latent_dim) and label (batch,).

        Args:
            latents: (batch, latent_dim).
            labels: (batch,).
            truncation: of the styles of the generator inside, where it has some; None takes them as they are.
        """
        options = {} if truncation is None else {"truncation": truncation}
        images: Tensor = self.generator(self.joined(latents, labels), **options)
        return images

    def joined(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Vectors (batch, latent_dim + num_classes) that the generator inside gets."""
        return torch.cat((latents, one_hot(labels, self.num_classes).to(latents.dtype)), dim=1)


class ConcatDiscriminator(nn.Module):
    """Images (batch, channels, height, width) and labels (batch,) to logits: the label is one more channel.

    The channel is a learned plane for each class.

    Mirza and Osindero 2014, section 3.2 (arXiv:1411.1784), with the plane in place of the label's own hidden layer.

    Args:
        discriminator: takes images with one channel more than the data has.
        num_classes: how many labels there are, or categories of each attribute, whose planes are added.
        image_size: of the plane.
    """

    def __init__(self, discriminator: nn.Module, *, num_classes: Categories, image_size: ImageSize) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.planes = Embedding(num_classes, math.prod(height_and_width(image_size)))
        self.batch_independent = getattr(discriminator, "batch_independent", False)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Logits of images (batch, channels, height, width) as images of their labels (batch,)."""
        planes = self.planes(labels).to(images.dtype).view(-1, 1, *images.shape[2:])
        logits: Tensor = self.discriminator(torch.cat((images, planes), dim=1))
        return logits


class ProjectionDiscriminator(nn.Module):
    """Images (batch, channels, height, width) and labels (batch,) to logits (batch, 1), by projection.

    The inner product of the image's features with a learned vector of the label's class is added to the logit.

    Miyato and Koyama 2018, equation 8 (arXiv:1802.05637): C(x, y) = output(features(x)) + <v_y, features(x)>.

    Args:
        discriminator: has `features`, images to anything (batch, ...), and `output`, features to logits (batch, 1).
        num_classes: how many labels there are, or categories of each attribute, whose vectors are added.
        image_size: of the images.
        channels: of the images; the number of features follows from both.

    Raises:
        ValueError: the discriminator has no `features` and `output`.
    """

    def __init__(
        self, discriminator: nn.Module, *, num_classes: Categories, image_size: ImageSize, channels: PositiveInt
    ) -> None:
        super().__init__()
        if not (hasattr(discriminator, "features") and hasattr(discriminator, "output")):
            raise ValueError(
                f"projection needs a discriminator with `features` and `output`, which {type(discriminator).__name__} "
                "lacks: set model/conditioning=concat"
            )
        self.discriminator = discriminator
        self.vectors = Embedding(num_classes, count_features(discriminator, image_size, channels))
        nn.init.normal_(self.vectors.weight, 0.0, 0.02)
        if any(is_parametrized(layer) for layer in discriminator.modules()):
            # The label's part is bounded like the rest.
            spectral_norm(self.vectors)
        self.batch_independent = getattr(discriminator, "batch_independent", False)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Logits (batch, 1) of images (batch, channels, height, width) as images of their labels (batch,)."""
        features: Tensor = self.discriminator.features(images)  # type: ignore[operator]
        logits: Tensor = self.discriminator.output(features)  # type: ignore[operator]
        vectors: Tensor = self.vectors(labels)
        return logits + (vectors * features.flatten(1)).sum(1, keepdim=True)


def count_features(discriminator: nn.Module, image_size: ImageSize, channels: int) -> int:
    """The number of features of an image, counted on a black one."""
    training = discriminator.training
    images = torch.zeros(1, channels, *height_and_width(image_size))
    with torch.no_grad():
        features: Tensor = discriminator.eval().features(images)  # type: ignore[operator]
    discriminator.train(training)
    return features.numel()
