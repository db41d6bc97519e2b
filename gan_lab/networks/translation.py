"""The players of CycleGAN (Zhu et al. 2017, section 7.2, arXiv:1703.10593): two of each, one for each direction.

Both domains travel in one tensor, the first half of the batch in domain A and the second in domain B, so that a pair
of players is used like a single one.
"""

import torch
from torch import Tensor, nn

from gan_lab.networks.init import dcgan_init
from gan_lab.networks.norms import Norm
from gan_lab.networks.patchgan import PatchGAN
from gan_lab.networks.sizes import quarter
from gan_lab.utils.types import ImageSize, PositiveInt


class Residual(nn.Module):
    """Two 3x3 convolutions around which the input is carried (batch, width, height, height)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(width),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the same shape, the layers' output added."""
        added: Tensor = self.layers(maps)
        return maps + added


class Translator(nn.Sequential):
    """Images (batch, channels, height, width), sides multiples of four, to images of the same shape in [-1, 1].

    Args:
        channels: of the images.
        width: feature maps at full size; twice as many at half, four times as many at a quarter of it.
        blocks: residual blocks at a quarter of the size.
    """

    multiple = 4  # of which both sides must be
    least = 8  # pixels of a side, two at a quarter of it, without which there is nothing to reflect

    def __init__(self, *, channels: int, width: int, blocks: int) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(channels, width, 7, padding=3, padding_mode="reflect"),
            nn.InstanceNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        for inputs in (width, 2 * width):
            layers += [
                nn.Conv2d(inputs, 2 * inputs, 3, 2, 1),
                nn.InstanceNorm2d(2 * inputs),
                nn.ReLU(inplace=True),
            ]
        layers += [Residual(4 * width) for _ in range(blocks)]
        for inputs in (4 * width, 2 * width):
            layers += [
                nn.ConvTranspose2d(inputs, inputs // 2, 3, 2, 1, output_padding=1),
                nn.InstanceNorm2d(inputs // 2),
                nn.ReLU(inplace=True),
            ]
        layers += [nn.Conv2d(width, channels, 7, padding=3, padding_mode="reflect"), nn.Tanh()]
        super().__init__(*layers)


class Translators(nn.Module):
    """One translator for each direction.

    Args:
        width: feature maps of each at full size.
        blocks: residual blocks of each.
        image_size: multiples of 4.
        channels: of both domains.
    """

    def __init__(
        self, *, width: PositiveInt, blocks: PositiveInt, image_size: ImageSize, channels: PositiveInt
    ) -> None:
        super().__init__()
        quarter(image_size)  # refuses what doesn't halve twice
        self.a2b, self.b2a = (Translator(channels=channels, width=width, blocks=blocks) for _ in range(2))
        self.apply(dcgan_init)

    def forward(self, images: Tensor) -> Tensor:
        """Images of A, then as many of B, each to the other domain: (2n, ...) to images of A (from B), then of B."""
        a, b = images.chunk(2)
        return torch.cat((self.b2a(b), self.a2b(a)))


class PatchGANs(nn.Module):
    """One discriminator for each domain: (2n, ...), images of A, then of B, to their patches' logits (2n, 1, ...).

    Args:
        width: feature maps of each after the first convolution.
        layers: of each, that halve the size.
        norm: of each.
        image_size: large enough that something is left after the last layer.
        channels: of both domains.

    Raises:
        ValueError: nothing is left.
    """

    def __init__(
        self, *, width: PositiveInt, layers: PositiveInt, norm: Norm, image_size: ImageSize, channels: PositiveInt
    ) -> None:
        super().__init__()
        self.a, self.b = (
            PatchGAN(width=width, layers=layers, norm=norm, image_size=image_size, channels=channels) for _ in range(2)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits (2n, 1, height, width): of the images of A by one discriminator, of B by the other."""
        a, b = images.chunk(2)
        return torch.cat((self.a(a), self.b(b)))
