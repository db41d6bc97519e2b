"""DCGAN with nearest-neighbour upsampling before each convolution instead of transposed convolutions.

Upsampling avoids the checkerboard of overlapping kernels (Odena et al. 2016, doi:10.23915/distill.00003).
Sizes, dropout and norms are those of the widespread Keras example; its batch norm momentum 0.8 counts the
share of the old value that is kept, torch's the share of the new one: 0.2.
"""

import math

from torch import Tensor, nn

from gan_lab.networks.dropout import Dropout
from gan_lab.networks.init import dcgan_init
from gan_lab.networks.norms import Norm, norm_2d, normalise_weights
from gan_lab.networks.sizes import further_doublings, halved, quarter
from gan_lab.networks.upsampling import Double
from gan_lab.utils.types import ImageSize, PositiveInt, Probability

BATCH_NORM_MOMENTUM = 0.2


class Generator(nn.Module):
    """Latents (batch, latent_dim) to images (batch, channels, height, width) in [-1, 1].

    Args:
        width: feature maps of the last hidden layer; those before have twice as many.
        max_side: the longest side of the map that the latent is turned into: larger images are reached by further
            doublings, each with its convolution. None has two for all.
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
                Double(),
                nn.Conv2d(2 * width, 2 * width, 3, padding=1),
                nn.BatchNorm2d(2 * width, momentum=BATCH_NORM_MOMENTUM),
                nn.ReLU(inplace=True),
            ]
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, 2 * width * math.prod(sides)),
            nn.ReLU(inplace=True),
            nn.Unflatten(1, (2 * width, *sides)),
            *larger,
            Double(),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1),
            nn.BatchNorm2d(2 * width, momentum=BATCH_NORM_MOMENTUM),
            nn.ReLU(inplace=True),
            Double(),
            nn.Conv2d(2 * width, width, 3, padding=1),
            nn.BatchNorm2d(width, momentum=BATCH_NORM_MOMENTUM),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, channels, 3, padding=1),
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
        width: feature maps after the first convolution; doubled by each of the three that follow.
        max_side: the longest side of the map that the third of them gets: further convolutions before the last halve
            that of larger images. None has none.
        dropout: probability with which an activation is dropped after each convolution.
        norm: of every convolution but the first; spectral norm is on every layer.
    """

    def __init__(
        self,
        *,
        width: PositiveInt,
        max_side: PositiveInt | None = None,
        dropout: Probability,
        norm: Norm,
        image_size: ImageSize,
        channels: PositiveInt,
    ) -> None:
        super().__init__()
        self.batch_independent = norm != "batch"
        sides = quarter(image_size)
        further = further_doublings(sides, max_side)
        height, across = sides
        layers: list[nn.Module] = []
        for index, (inputs, outputs, stride) in enumerate(
            [
                (channels, width, 2),
                (width, 2 * width, 2),
                (2 * width, 4 * width, 2),
                *[(4 * width, 4 * width, 2)] * further,
                (4 * width, 8 * width, 1),
            ]
        ):
            layers.append(nn.Conv2d(inputs, outputs, 3, stride, padding=1))
            if index == 1 and (height % 2 or across % 2):  # 7x7 to 8x8, so that the next convolution halves evenly
                layers.append(nn.ZeroPad2d((0, across % 2, 0, height % 2)))
            if index:
                layers += norm_2d(norm, outputs, momentum=BATCH_NORM_MOMENTUM)
            layers += [nn.LeakyReLU(0.2, inplace=True), Dropout(dropout)]
        self.features = nn.Sequential(*layers, nn.Flatten())
        self.output = nn.Linear(8 * width * math.prod(halved(sides, 1 + further)), 1)
        self.apply(dcgan_init)
        normalise_weights(self, norm)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, 1) of images (batch, channels, height, width)."""
        logits: Tensor = self.output(self.features(images))
        return logits
