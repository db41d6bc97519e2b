"""The all-convolutional players of DCGAN (Radford et al. 2016, arXiv:1511.06434)."""

import itertools

from torch import Tensor, nn

from gan_lab.networks.init import dcgan_init
from gan_lab.networks.norms import Norm, needs_bias, norm_2d, normalise_weights
from gan_lab.networks.sizes import doublings, halved
from gan_lab.utils.types import ImageSize, PositiveInt


def stage_widths(width: int, max_width: int | None, image_size: ImageSize) -> list[int]:
    """Feature maps of each layer from the largest map to the smallest, 4x4 of squares."""
    return [min(width * 2**stage, max_width or width * 2**stage) for stage in range(doublings(image_size))]


class Generator(nn.Module):
    """Latents (batch, latent_dim) to images (batch, channels, height, width) in [-1, 1].

    Args:
        width: feature maps before the last layer; each layer before has twice as many as the next. 128 at
            32x32 is 512-256-128.
        max_width: the most feature maps that a layer has; None sets no limit.
    """

    def __init__(
        self,
        *,
        latent_dim: PositiveInt,
        width: PositiveInt,
        max_width: PositiveInt | None = None,
        image_size: ImageSize,
        channels: PositiveInt,
    ) -> None:
        super().__init__()
        widths = list(reversed(stage_widths(width, max_width, image_size)))
        layers: list[nn.Module] = []
        smallest = halved(image_size, len(widths))
        inputs, kernel, stride, padding = latent_dim, smallest, 1, 0
        for outputs in widths:
            layers += [
                nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]
            inputs, kernel, stride, padding = outputs, (4, 4), 2, 1
        layers += [nn.ConvTranspose2d(inputs, channels, 4, 2, 1, bias=False), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(dcgan_init)

    def forward(self, latents: Tensor) -> Tensor:
        """Images (batch, channels, height, width), one for each latent (batch, latent_dim)."""
        images: Tensor = self.layers(latents[:, :, None, None])
        return images


class Discriminator(nn.Module):
    """Images (batch, channels, height, width) to logits (batch, 1).

    Args:
        width: feature maps after the first layer; doubled by each further one. 128 at 32x32 is 128-256-512.
        max_width: the most feature maps that a layer has; None sets no limit.
        norm: of every convolution but the first and the last; spectral norm is on these, too.
    """

    def __init__(
        self,
        *,
        width: PositiveInt,
        max_width: PositiveInt | None = None,
        norm: Norm,
        image_size: ImageSize,
        channels: PositiveInt,
    ) -> None:
        super().__init__()
        self.batch_independent = norm != "batch"
        widths = stage_widths(width, max_width, image_size)
        layers: list[nn.Module] = [
            nn.Conv2d(channels, widths[0], 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for inputs, outputs in itertools.pairwise(widths):
            layers += [
                nn.Conv2d(inputs, outputs, 4, 2, 1, bias=needs_bias(norm)),
                *norm_2d(norm, outputs),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        self.features = nn.Sequential(*layers)
        self.output = nn.Sequential(
            nn.Conv2d(widths[-1], 1, halved(image_size, len(widths)), 1, 0, bias=False), nn.Flatten()
        )
        self.apply(dcgan_init)
        normalise_weights(self, norm)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, 1) of images (batch, channels, height, width)."""
        logits: Tensor = self.output(self.features(images))
        return logits
