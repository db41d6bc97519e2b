"""The players of BigGAN (Brock et al. 2019, appendix B, arXiv:1809.11096), which take labels themselves.

Class-conditional batch norm and a split latent in the generator, a projection discriminator (Miyato and Koyama 2018,
arXiv:1802.05637), self-attention at half the image's size (Zhang et al. 2019, arXiv:1805.08318), spectral norm and
orthogonal first weights in both. The paper's smallest images have 128 pixels; layouts for 32 and 64 are those of the
authors' code.
"""

import itertools
import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gan_lab.networks.init import CONVOLUTIONS
from gan_lab.networks.labelled import Embedding
from gan_lab.networks.norms import normalise_weights
from gan_lab.networks.sizes import halved, layout_for
from gan_lab.networks.sngan_resnet import SumPool, Up, down_blocks
from gan_lab.utils.categories import Categories
from gan_lab.utils.types import ImageSize, PositiveInt

# By image size, feature maps in multiples of the width: of the generator from the 4x4 map on; of the discriminator's
# blocks, with the number of those that halve.
GENERATOR = {32: (4, 4, 4, 4), 64: (16, 16, 8, 4, 2), 128: (16, 16, 8, 4, 2, 1)}
DISCRIMINATOR = {32: ((4, 4, 4, 4), 2), 64: ((1, 2, 4, 8, 16), 4), 128: ((1, 2, 4, 8, 16, 16), 5)}


def orthogonal_init(module: nn.Module) -> None:
    """Weights whose rows or columns are orthonormal, biases zero: `network.apply(orthogonal_init)`."""
    if isinstance(module, (*CONVOLUTIONS, nn.Embedding)):
        nn.init.orthogonal_(module.weight)
    if isinstance(module, CONVOLUTIONS) and module.bias is not None:
        nn.init.zeros_(module.bias)


class ConditionalBatchNorm(nn.Module):
    """Batch norm whose scale and shift are linear functions of a condition.

    Args:
        features: maps that are normalised.
        condition_dim: size of the condition.
    """

    def __init__(self, features: int, *, condition_dim: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(features, affine=False)
        self.gain = nn.Linear(condition_dim, features, bias=False)  # how much the scale differs from 1
        self.shift = nn.Linear(condition_dim, features, bias=False)

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        """Maps (batch, features, height, width) under conditions (batch, condition_dim)."""
        gain: Tensor = self.gain(condition)
        shift: Tensor = self.shift(condition)
        normalised: Tensor = self.norm(maps)
        return normalised * (1 + gain)[:, :, None, None] + shift[:, :, None, None]


class SelfAttention(nn.Module):
    """x + gain * f(x), where each place sees all others, at first with gain 0 (Zhang et al. 2019, section 3).

    As in BigGAN's code keys and values are of half the size, by their maxima over 2x2 places.

    Args:
        width: feature maps in and out.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        inner, values = max(1, width // 8), max(1, width // 2)
        self.query = nn.Conv2d(width, inner, 1, bias=False)
        self.key = nn.Conv2d(width, inner, 1, bias=False)
        self.value = nn.Conv2d(width, values, 1, bias=False)
        self.output = nn.Conv2d(values, width, 1, bias=False)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (batch, width, height, height), whose sides are even, of the same shape."""
        queries = self.query(maps).flatten(2)
        keys, values = (F.max_pool2d(layer(maps), 2).flatten(2) for layer in (self.key, self.value))
        weights = torch.softmax(queries.transpose(1, 2) @ keys, dim=2)  # torch's own attention has no second gradient
        seen: Tensor = self.output((values @ weights.transpose(1, 2)).view(len(maps), -1, *maps.shape[2:]))
        return maps + self.gain * seen


class Generator(nn.Module):
    """Latents (batch, latent_dim) and labels (batch,) to images (batch, channels, height, width) in [-1, 1].

    The latent is cut into one part for the first layer and one for each block, whose norms get it beside the class's
    vector, which all blocks share. Shares of the classes, float (batch, num_classes), take the place of labels for
    images between classes: a blend of the vectors.

    Args:
        latent_dim: any; parts are equal where it is a multiple of 4, 5 or 6 at 32, 64 or 128 pixels.
        width: the paper's ch; at 128 pixels the feature maps before the last layer, and 16 times as many at first.
        embedding_dim: of a class's vector.
        num_classes: labels there are, or categories of each attribute, whose vectors are added.
        image_size: 32, 64 or 128, or oblong: as `layout_for` has it.

    Raises:
        ValueError: another image size.
    """

    takes_labels = True
    blends_labels = True

    def __init__(
        self,
        *,
        latent_dim: PositiveInt,
        width: PositiveInt,
        embedding_dim: PositiveInt,
        num_classes: Categories,
        image_size: ImageSize,
        channels: PositiveInt,
    ) -> None:
        super().__init__()
        _, multiples = layout_for(image_size, GENERATOR)
        widths = [width * multiple for multiple in multiples]
        smallest = halved(image_size, len(widths) - 1)
        # Where the parts can't be equal, the first ones are larger by one.
        self.parts = [(latent_dim + index) // len(widths) for index in reversed(range(len(widths)))]
        self.embedding = Embedding(num_classes, embedding_dim)
        self.first = nn.Sequential(
            nn.Linear(self.parts[0], widths[0] * math.prod(smallest)), nn.Unflatten(1, (widths[0], *smallest))
        )
        self.blocks = nn.ModuleList(
            Up(inputs, outputs, partial(ConditionalBatchNorm, condition_dim=embedding_dim + part))
            for (inputs, outputs), part in zip(itertools.pairwise(widths), self.parts[1:], strict=True)
        )
        self.attention = SelfAttention(widths[-2])
        self.output = nn.Sequential(
            nn.BatchNorm2d(widths[-1]), nn.ReLU(inplace=True), nn.Conv2d(widths[-1], channels, 3, padding=1), nn.Tanh()
        )
        self.apply(orthogonal_init)
        normalise_weights(self, "spectral")

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Images (batch, channels, height, width) of latents (batch, latent_dim) and labels (batch,)."""
        part, *parts = torch.split(latents, self.parts, dim=1)
        maps: Tensor = self.first(part)
        vectors = self.embedding(labels)
        for block, part in zip(self.blocks, parts, strict=True):
            if block is self.blocks[-1]:
                maps = self.attention(maps)
            maps = block(maps, torch.cat((vectors, part), dim=1))
        images: Tensor = self.output(maps)
        return images


class Discriminator(nn.Module):
    """Images (batch, channels, height, width) and labels (batch,) to logits (batch, 1), by projection.

    Args:
        width: the paper's ch; at 64 and 128 pixels the feature maps of the first block, and 16 times as many at last.
        num_classes: labels there are, or categories of each attribute, whose vectors are added.
        image_size: 32, 64 or 128, or oblong: as `layout_for` has it.

    Raises:
        ValueError: another image size.
    """

    takes_labels = True
    batch_independent = True

    def __init__(
        self, *, width: PositiveInt, num_classes: Categories, image_size: ImageSize, channels: PositiveInt
    ) -> None:
        super().__init__()
        _, (multiples, halvings) = layout_for(image_size, DISCRIMINATOR)
        widths = [width * multiple for multiple in multiples]
        first, *blocks = down_blocks(widths, channels=channels, halvings=halvings, wide=True, norm="spectral")
        self.features = nn.Sequential(first, SelfAttention(widths[0]), *blocks, SumPool())
        self.output = nn.Linear(widths[-1], 1)
        self.vectors = Embedding(num_classes, widths[-1])
        self.apply(orthogonal_init)
        normalise_weights(self, "spectral")
        spectral_norm(self.vectors)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Logits (batch, 1) of images (batch, channels, height, width) as images of their labels (batch,)."""
        features: Tensor = self.features(images)
        logits: Tensor = self.output(features)
        vectors: Tensor = self.vectors(labels)
        return logits + (vectors * features).sum(1, keepdim=True)
