"""A DCGAN small enough that two CPU cores draw digits within minutes."""

import math

from torch import Tensor, nn

from gan_lab.networks.init import dcgan_init
from gan_lab.networks.norms import Norm, needs_bias, norm_2d, normalise_weights
from gan_lab.networks.sizes import further_doublings, halved, quarter
from gan_lab.utils.types import ImageSize, PositiveInt


class Generator(nn.Module):
    """Latents (batch, latent_dim) to images (batch, channels, height, width) in [-1, 1].

    Args:
        width: feature maps between the last two transposed convolutions; twice as many before them.
        max_side: the longest side of the map that the latent is turned into: larger images are reached by further
            transposed convolutions. None has two for all.
    """

    def __init__(
        self,
        *,
        latent_dim: PositiveInt,
        width: PositiveInt,
        max_side: PositiveInt | None = None,
        image_size: ImageSize,
        channels: PositiveInt,
    ) -> None:
        super().__init__()
        sides = quarter(image_size)
        further = further_doublings(sides, max_side)
        sides = halved(sides, further)
        larger: list[nn.Module] = []
        for _ in range(further):
            larger += [
                nn.ConvTranspose2d(2 * width, 2 * width, 4, 2, 1, bias=False),
                nn.BatchNorm2d(2 * width),
                nn.ReLU(inplace=True),
            ]
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, 2 * width * math.prod(sides), bias=False),
            nn.Unflatten(1, (2 * width, *sides)),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(inplace=True),
            *larger,
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(width, channels, 4, 2, 1),
            nn.Tanh(),
        )
        self.apply(dcgan_init)

    def forward(self, latents: Tensor) -> Tensor:
        """Images (batch, channels, height, width), one for each latent (batch, latent_dim)."""
        images: Tensor = self.layers(latents)
        return images


class Discriminator(nn.Module):
    """Images (batch, channels, height, width) to logits (batch, 1).

    Args:
        width: feature maps after the first convolution; twice as many after the second.
        max_side: the longest side of the map that the logit is made from: further convolutions halve that of larger
            images. None has two for all.
        norm: of every convolution but the first; spectral norm is on every layer.
    """

    def __init__(
        self,
        *,
        width: PositiveInt,
        max_side: PositiveInt | None = None,
        norm: Norm,
        image_size: ImageSize,
        channels: PositiveInt,
    ) -> None:
        super().__init__()
        self.batch_independent = norm != "batch"
        sides = quarter(image_size)
        further = further_doublings(sides, max_side)
        sides = halved(sides, further)
        larger: list[nn.Module] = []
        for _ in range(further):
            larger += [
                nn.Conv2d(2 * width, 2 * width, 4, 2, 1, bias=needs_bias(norm)),
                *norm_2d(norm, 2 * width),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        self.features = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width, 2 * width, 4, 2, 1, bias=needs_bias(norm)),
            *norm_2d(norm, 2 * width),
            nn.LeakyReLU(0.2, inplace=True),
            *larger,
            nn.Flatten(),
        )
        self.output = nn.Linear(2 * width * math.prod(sides), 1)
        self.apply(dcgan_init)
        normalise_weights(self, norm)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, 1) of images (batch, channels, height, width)."""
        logits: Tensor = self.output(self.features(images))
        return logits
