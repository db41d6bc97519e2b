"""The residual players of R3GAN (Huang et al. 2024, section 3 and appendix, arXiv:2501.05441), for small images.

Both are mirror images of each other: a learned constant map at the smallest size, stages of residual blocks, and
bilinear resampling between stages. Blocks are inverted bottlenecks with a grouped convolution. Nothing is normalised:
variance is kept by initialisation alone, each block starting as the identity.

Resampling is `filtered` in the paper's code (github.com/brownvc/R3GAN, Networks.py and Resamplers.py): both ways by
[1, 3, 3, 1] along each axis, with zeros around the map. `mean` is the same filter upwards except that the map goes on
at its edges, and the plain mean of 2x2 places downwards. A 1x1 convolution stands at every resampling with
`shortcut="always"`, and in the paper's code only `where_widths_differ`.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.networks import grouped
from gan_lab.networks.norms import Norm, needs_bias, norm_2d, normalise_weights
from gan_lab.networks.sizes import halved, halvings
from gan_lab.networks.upsampling import double
from gan_lab.utils.types import ImageSize, PositiveInt

SLOPE = 0.2
ACTIVATION_GAIN = math.sqrt(2 / (1 + SLOPE**2))  # keeps the variance over a leaky ReLU (He et al. 2015, equation 15)
EXPANSION = 2
FILTER = (1.0, 3.0, 3.0, 1.0)

Resampling = Literal["mean", "filtered"]
Shortcut = Literal["always", "where_widths_differ"]
Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


def initialised(layer: Layer, gain: float = 1.0) -> Layer:
    """A layer whose output has gain^2 times the variance of its input; biases zero."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Block(nn.Module):
    """x + f(x): to twice the width, a grouped 3x3 convolution, and back (batch, width, height, height).

    Args:
        width: feature maps in and out.
        group_size: feature maps that a group of the 3x3 convolution sees; more where the width does not divide.
        blocks: in the whole network; the more there are, the less each adds at first (Fixup, Zhang et al. 2019,
            arXiv:1901.09321).
        norm: of what the activations get.
    """

    def __init__(self, *, width: int, group_size: int, blocks: int, norm: Norm) -> None:
        super().__init__()
        inner, gain, bias = EXPANSION * width, ACTIVATION_GAIN * blocks**-0.25, needs_bias(norm)
        groups = next(count for count in range(max(1, inner // group_size), 0, -1) if inner % count == 0)
        self.layers = nn.Sequential(
            initialised(nn.Conv2d(width, inner, 1, bias=bias), gain),
            *norm_2d(norm, inner),
            nn.LeakyReLU(SLOPE, inplace=True),
            initialised(grouped.GroupedConv2d(inner, inner, 3, padding=1, groups=groups, bias=bias), gain),
            *norm_2d(norm, inner),
            nn.LeakyReLU(SLOPE, inplace=True),
            initialised(nn.Conv2d(inner, width, 1, bias=False), 0.0 if norm != "spectral" else gain),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the same shape, the layers' output added."""
        added: Tensor = self.layers(maps)
        return maps + added


class Resample(nn.Sequential):
    """The 1x1 convolution to another width that goes with a resampling, or nothing, and the resampling's filter."""

    kernel: Tensor

    def __init__(
        self, inputs: int, outputs: int, *, resampling: Resampling = "mean", shortcut: Shortcut = "always"
    ) -> None:
        wanted = shortcut == "always" or inputs != outputs
        super().__init__(*[initialised(nn.Conv2d(inputs, outputs, 1, bias=False)) for _ in range(wanted)])
        self.filtered = resampling == "filtered"
        if self.filtered:
            taps = torch.tensor(FILTER) / sum(FILTER)
            self.register_buffer("kernel", torch.outer(taps, taps)[None, None], persistent=False)

    def to_width(self, maps: Tensor) -> Tensor:
        """(batch, inputs, height, width) to (batch, outputs, height, width)."""
        for layer in self:
            maps = layer(maps)
        return maps

    def kernels(self, maps: Tensor) -> Tensor:
        """The filter for each of the feature maps (batch, features, height, width): (features, 1, 4, 4)."""
        return self.kernel.expand(maps.shape[1], -1, -1, -1)


class Upsample(Resample):
    """A 1x1 convolution to another width, then bilinear interpolation to twice the size."""

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, inputs, height, height) to (batch, outputs, 2 height, 2 height)."""
        wider = self.to_width(maps)
        if not self.filtered:
            return double(wider, "bilinear")
        # A quarter of the places are not the zeros in between, so 4 keeps the mean.
        return F.conv_transpose2d(wider, 4 * self.kernels(wider), stride=2, padding=1, groups=wider.shape[1])


class Downsample(Resample):
    """Half the size by the mean of 2x2 places, or filtered, then a 1x1 convolution to another width."""

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, inputs, height, height) to (batch, outputs, height / 2, height / 2)."""
        if self.filtered:
            maps = grouped.conv2d(maps, self.kernels(maps), stride=2, padding=1, groups=maps.shape[1])
        else:
            maps = F.avg_pool2d(maps, 2)
        return self.to_width(maps)


class Constant(nn.Module):
    """A learned map, each feature scaled by a linear function of the latent."""

    def __init__(self, *, latent_dim: int, width: int, sides: Sequence[int]) -> None:
        super().__init__()
        self.map = nn.Parameter(torch.randn(width, *sides))
        self.scale = initialised(nn.Linear(latent_dim, width, bias=False))

    def forward(self, latents: Tensor) -> Tensor:
        """(batch, latent_dim) to (batch, width, *sides)."""
        scales: Tensor = self.scale(latents)
        return self.map * scales[:, :, None, None]


def stage_widths(width: int, max_width: int, image_size: ImageSize) -> tuple[list[int], tuple[int, int]]:
    """Feature maps of each stage from the largest image to the smallest, and the height and width of the smallest."""
    count = halvings(image_size)
    return [min(width * 2**stage, max_width) for stage in range(count + 1)], halved(image_size, count)


class Generator(nn.Module):
    """Latents (batch, latent_dim) to images (batch, channels, height, width); data lie in [-1, 1].

    As in the paper nothing bounds the output: what leaves [-1, 1] is clipped where pixels are made.

    Args:
        width: feature maps at the size of the image; twice as many with each halving.
        max_width: the most feature maps that a stage has.
        blocks: residual blocks a stage.
        group_size: feature maps a group of the 3x3 convolutions; 16 in the paper's code, 32 for ImageNet.
        resampling: filtered as in the paper's code, or mean.
        shortcut: where a 1x1 convolution goes with a resampling.
    """

    def __init__(
        self,
        *,
        latent_dim: PositiveInt,
        width: PositiveInt,
        max_width: PositiveInt,
        blocks: PositiveInt,
        group_size: PositiveInt,
        image_size: ImageSize,
        channels: PositiveInt,
        resampling: Resampling = "mean",
        shortcut: Shortcut = "always",
    ) -> None:
        super().__init__()
        widths, sides = stage_widths(width, max_width, image_size)
        block: dict[str, Any] = {"group_size": group_size, "blocks": blocks * len(widths), "norm": "none"}
        layers: list[nn.Module] = [Constant(latent_dim=latent_dim, width=widths[-1], sides=sides)]
        layers += [Block(width=widths[-1], **block) for _ in range(blocks)]
        for inputs, outputs in itertools.pairwise(reversed(widths)):
            layers.append(Upsample(inputs, outputs, resampling=resampling, shortcut=shortcut))
            layers += [Block(width=outputs, **block) for _ in range(blocks)]
        self.layers = nn.Sequential(*layers, initialised(nn.Conv2d(width, channels, 1, bias=False)))

    def forward(self, latents: Tensor) -> Tensor:
        """Images (batch, channels, height, width), one for each latent (batch, latent_dim)."""
        images: Tensor = self.layers(latents)
        return images


class Discriminator(nn.Module):
    """Images (batch, channels, height, width) to logits (batch, 1).

    Args:
        width: feature maps at the size of the image; twice as many with each halving.
        max_width: the most feature maps that a stage has.
        blocks: residual blocks a stage.
        group_size: feature maps a group of the 3x3 convolutions; 16 in the paper's code, 32 for ImageNet.
        norm: of the blocks; the paper's is none.
        resampling: filtered as in the paper's code, or mean.
        shortcut: where a 1x1 convolution goes with a resampling.
    """

    def __init__(
        self,
        *,
        width: PositiveInt,
        max_width: PositiveInt,
        blocks: PositiveInt,
        group_size: PositiveInt,
        norm: Norm,
        image_size: ImageSize,
        channels: PositiveInt,
        resampling: Resampling = "mean",
        shortcut: Shortcut = "always",
    ) -> None:
        super().__init__()
        self.batch_independent = norm != "batch"
        widths, sides = stage_widths(width, max_width, image_size)
        block: dict[str, Any] = {"group_size": group_size, "blocks": blocks * len(widths), "norm": norm}
        layers: list[nn.Module] = [initialised(nn.Conv2d(channels, width, 1, bias=False))]
        layers += [Block(width=width, **block) for _ in range(blocks)]
        for inputs, outputs in itertools.pairwise(widths):
            layers.append(Downsample(inputs, outputs, resampling=resampling, shortcut=shortcut))
            layers += [Block(width=outputs, **block) for _ in range(blocks)]
        last = widths[-1]
        self.features = nn.Sequential(
            *layers, initialised(grouped.GroupedConv2d(last, last, sides, groups=last, bias=False)), nn.Flatten()
        )
        self.output = initialised(nn.Linear(last, 1, bias=False))
        normalise_weights(self, norm)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, 1) of images (batch, channels, height, width)."""
        logits: Tensor = self.output(self.features(images))
        return logits
