"""The residual players of SNGAN (Miyato et al. 2018, tables 4 and 6, arXiv:1802.05957) and their blocks.

The generator has batch norm, the discriminator spectral norm. Of these sizes the paper has 32 and 128 pixels; the
players for 64 are those of the authors' code.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.networks.norms import Norm, needs_bias, norm_2d, normalise_weights
from gan_lab.networks.sizes import halved, layout_for
from gan_lab.networks.upsampling import double
from gan_lab.utils.types import ImageSize, PositiveInt

# By image size, feature maps in multiples of the width: of the generator from the 4x4 map on; of the discriminator's
# blocks, with the number of those that halve.
GENERATOR = {32: (1, 1, 1, 1), 64: (16, 8, 4, 2, 1), 128: (16, 16, 8, 4, 2, 1)}
DISCRIMINATOR = {32: ((1, 1, 1, 1), 2), 64: ((1, 2, 4, 8, 16), 5), 128: ((1, 2, 4, 8, 16, 16), 5)}

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


def glorot(layer: Layer, gain: float = 1.0) -> Layer:
    """A layer with Glorot's uniform weights, as in the authors' code, and without bias at first."""
    nn.init.xavier_uniform_(layer.weight, gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def conv3x3(inputs: int, outputs: int, *, bias: bool = True) -> nn.Conv2d:
    """A convolution in a block, which keeps the size of its maps."""
    return glorot(nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias), math.sqrt(2))


class Up(nn.Module):
    """A residual block of a generator: maps (batch, inputs, side, side) to (batch, outputs, 2 side, 2 side).

    Args:
        inputs: feature maps that come in.
        outputs: feature maps that go out.
        norm: makes the norm of so many feature maps, which gets the maps and what else the block is given.
    """

    def __init__(self, inputs: int, outputs: int, norm: Callable[[int], nn.Module] = nn.BatchNorm2d) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = norm(inputs), norm(outputs)
        self.conv_1, self.conv_2 = conv3x3(inputs, outputs), conv3x3(outputs, outputs)
        self.shortcut = glorot(nn.Conv2d(inputs, outputs, 1))

    def forward(self, maps: Tensor, *condition: Tensor) -> Tensor:
        """The shortcut and the two convolutions, added."""
        inner = self.conv_1(double(F.relu(self.norm_1(maps, *condition))))
        added: Tensor = self.conv_2(F.relu(self.norm_2(inner, *condition)))
        # A 1x1 convolution looks at each place alone, so it may come before the doubling, at a quarter of the cost.
        carried = double(self.shortcut(maps))
        return added + carried


class Down(nn.Module):
    """A residual block of a discriminator: maps (batch, inputs, side, side) to (batch, outputs, ...).

    Args:
        inputs: feature maps that come in.
        outputs: feature maps that go out.
        hidden: feature maps between the two convolutions.
        first: the block gets images, which have no norm and no ReLU before the first convolution.
        halves: the block takes means of 2x2 places at its end; others keep the size.
        norm: before each ReLU.
    """

    def __init__(self, inputs: int, outputs: int, *, hidden: int, first: bool, halves: bool, norm: Norm) -> None:
        super().__init__()
        mean = [nn.AvgPool2d(2)] if halves else []
        self.layers = nn.Sequential(
            *([] if first else [*norm_2d(norm, inputs), nn.ReLU()]),
            conv3x3(inputs, hidden, bias=needs_bias(norm)),
            *norm_2d(norm, hidden),
            nn.ReLU(inplace=True),
            conv3x3(hidden, outputs),
            *mean,
        )
        changes = halves or inputs != outputs
        # The mean of what a 1x1 convolution makes is what it makes of the mean, at a quarter of the cost.
        self.shortcut = nn.Sequential(*mean, *([glorot(nn.Conv2d(inputs, outputs, 1))] if changes else []))

    def forward(self, maps: Tensor) -> Tensor:
        """The shortcut and the two convolutions, added."""
        added: Tensor = self.layers(maps)
        carried: Tensor = self.shortcut(maps)
        return added + carried


class SumPool(nn.Module):
    """ReLU and the sum over all places: maps (batch, width, height, height) to features (batch, width)."""

    def forward(self, maps: Tensor) -> Tensor:
        """Features (batch, width)."""
        return F.relu(maps).sum((2, 3))


def down_blocks(widths: Sequence[int], *, channels: int, halvings: int, wide: bool, norm: Norm) -> list[nn.Module]:
    """Blocks of a discriminator from images to the last maps.

    Args:
        widths: feature maps of each block.
        channels: of the images.
        halvings: blocks that halve the size, the first ones.
        wide: a block has as many feature maps inside as it makes, and not as it gets (Brock et al. 2019, appendix B).
        norm: before each ReLU.
    """
    return [
        Down(
            inputs,
            outputs,
            hidden=outputs if wide or index == 0 else inputs,
            first=index == 0,
            halves=index < halvings,
            norm=norm,
        )
        for index, (inputs, outputs) in enumerate(zip([channels, *widths], widths, strict=False))
    ]


class Generator(nn.Module):
    """Latents (batch, latent_dim) to images (batch, channels, height, width) in [-1, 1].

    Args:
        width: feature maps before the last layer; None takes the paper's, 256 at 32 pixels and 64 above. At 64 and 128
            pixels the 4x4 map has 16 times as many.
        image_size: 32, 64 or 128, or oblong: as `layout_for` has it.

    Raises:
        ValueError: another image size.
    """

    def __init__(
        self,
        *,
        latent_dim: PositiveInt,
        width: PositiveInt | None = None,
        image_size: ImageSize,
        channels: PositiveInt,
    ) -> None:
        super().__init__()
        square, multiples = layout_for(image_size, GENERATOR)
        width = width or (256 if square == 32 else 64)
        widths = [width * multiple for multiple in multiples]
        smallest = halved(image_size, len(widths) - 1)
        self.layers = nn.Sequential(
            glorot(nn.Linear(latent_dim, widths[0] * math.prod(smallest))),
            nn.Unflatten(1, (widths[0], *smallest)),
            *(Up(inputs, outputs) for inputs, outputs in itertools.pairwise(widths)),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            glorot(nn.Conv2d(width, channels, 3, padding=1)),
            nn.Tanh(),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Images (batch, channels, height, width), one for each latent (batch, latent_dim)."""
        images: Tensor = self.layers(latents)
        return images


class Discriminator(nn.Module):
    """Images (batch, channels, height, width) to logits (batch, 1).

    Args:
        width: feature maps of the first block; None takes the paper's, 128 at 32 pixels and 64 above. At 64 and 128
            pixels the last block has 16 times as many.
        norm: of the blocks; the paper's is spectral, which is on every layer.
        image_size: 32, 64 or 128, or oblong: as `layout_for` has it.

    Raises:
        ValueError: another image size.
    """

    def __init__(
        self,
        *,
        width: PositiveInt | None = None,
        norm: Norm,
        image_size: ImageSize,
        channels: PositiveInt,
    ) -> None:
        super().__init__()
        self.batch_independent = norm != "batch"
        square, (multiples, halvings) = layout_for(image_size, DISCRIMINATOR)
        width = width or (128 if square == 32 else 64)
        widths = [width * multiple for multiple in multiples]
        blocks = down_blocks(widths, channels=channels, halvings=halvings, wide=False, norm=norm)
        self.features = nn.Sequential(*blocks, SumPool())
        self.output = glorot(nn.Linear(widths[-1], 1))
        normalise_weights(self, norm)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, 1) of images (batch, channels, height, width)."""
        logits: Tensor = self.output(self.features(images))
        return logits
