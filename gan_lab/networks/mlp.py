"""Fully connected players, after the first GAN (Goodfellow et al. 2014)."""

import itertools
import math
from collections.abc import Sequence

from torch import Tensor, nn

from gan_lab.networks.norms import Norm, norm_1d, normalise_weights
from gan_lab.utils.sizes import height_and_width
from gan_lab.utils.types import ImageSize, PositiveInt


def hidden_layers(sizes: Sequence[int], norm: Norm = "none") -> nn.Sequential:
    """Linear layers from size to size, each followed by its norm and LeakyReLU 0.2."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), *norm_1d(norm, outputs), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers)


class Generator(nn.Module):
    """Latents (batch, latent_dim) to images (batch, channels, height, width) in [-1, 1]."""

    def __init__(
        self,
        *,
        latent_dim: PositiveInt,
        hidden: Sequence[PositiveInt],
        image_size: ImageSize,
        channels: PositiveInt,
    ) -> None:
        super().__init__()
        shape = channels, *height_and_width(image_size)
        self.hidden = hidden_layers([latent_dim, *hidden])
        self.output = nn.Sequential(
            nn.Linear([latent_dim, *hidden][-1], math.prod(shape)),
            nn.Tanh(),
            nn.Unflatten(1, shape),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Images (batch, channels, height, width), one for each latent (batch, latent_dim)."""
        images: Tensor = self.output(self.hidden(latents))
        return images


class Discriminator(nn.Module):
    """Images (batch, channels, height, width) to logits (batch, 1)."""

    def __init__(
        self, *, hidden: Sequence[PositiveInt], norm: Norm, image_size: ImageSize, channels: PositiveInt
    ) -> None:
        super().__init__()
        self.batch_independent = norm != "batch"
        sizes = [channels * math.prod(height_and_width(image_size)), *hidden]
        self.features = nn.Sequential(nn.Flatten(), *hidden_layers(sizes, norm))
        self.output = nn.Linear(sizes[-1], 1)
        normalise_weights(self, norm)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, 1) of images (batch, channels, height, width)."""
        logits: Tensor = self.output(self.features(images))
        return logits
