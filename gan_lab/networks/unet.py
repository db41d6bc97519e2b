"""The players of pix2pix (Isola et al. 2017, section 6.1, arXiv:1611.07004): both get the source image."""

from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from gan_lab.networks.dropout import Dropout
from gan_lab.networks.init import dcgan_init
from gan_lab.networks.norms import Norm, needs_bias, norm_2d
from gan_lab.networks.patchgan import PatchGAN
from gan_lab.utils.sizes import as_option, height_and_width
from gan_lab.utils.types import ImageSize, PositiveInt

WIDEST = 8  # times the width, of the maps from an eighth of the size on
NOISY = 3  # decoder layers with dropout, at most


class UNet(nn.Module):
    """Images (batch, source_channels, height, width) to images (batch, channels, height, width) in [-1, 1].

    An encoder halves the maps until, at the size that it is made for, one pixel is left, or an odd number of them; a
    decoder doubles them again. Each of its layers also gets the encoder's maps of its size. Dropout is the only noise,
    in those decoder layers that are widest, three at most.

    Args:
        width: feature maps at half the size, doubled by each further layer up to eight times as many.
        norm: of every layer but the first, the last and the innermost, whose maps may be single pixels.
        dropout: share of activations that is dropped while training. Outside of training nothing is dropped, so that an
            image has one translation; the paper drops there, too, and finds hardly any variety.
        image_size: even; decides the number of layers: 8 at 256 pixels, 7 at 128, 6 at 64, and 4 at 48x96, which halve
            evenly four times.
        source_channels: of the images that are translated.
        channels: of the images that come out.

    Raises:
        ValueError: a side of the image is no multiple of four, or the norm is one of weights.
    """

    def __init__(
        self,
        *,
        width: PositiveInt,
        norm: Norm,
        dropout: Annotated[float, Field(ge=0.0, lt=1.0)],
        image_size: ImageSize,
        source_channels: PositiveInt,
        channels: PositiveInt,
    ) -> None:
        super().__init__()
        if norm == "spectral":
            raise ValueError("spectral norm is for discriminators: set model.network.generator.norm=instance")
        # The largest power of two in both sides, of which sides must be multiples.
        self.multiple = min(side & -side for side in height_and_width(image_size))
        depth = self.multiple.bit_length() - 1
        if depth < 2:
            raise ValueError(
                f"a U-Net halves the image twice or more, so the size must be a multiple of 4: {as_option(image_size)}"
            )
        widths = [width * min(2**layer, WIDEST) for layer in range(depth)]
        self.encoder = nn.ModuleList()
        for layer, (inputs, outputs) in enumerate(zip([source_channels, *widths], widths, strict=False)):
            plain = layer in (0, depth - 1)
            self.encoder.append(
                nn.Sequential(
                    *([nn.LeakyReLU(0.2)] if layer else []),
                    nn.Conv2d(inputs, outputs, 4, 2, 1, bias=plain or needs_bias(norm)),
                    *([] if plain else norm_2d(norm, outputs)),
                )
            )
        self.decoder = nn.ModuleList()
        for layer in reversed(range(1, depth)):
            inputs, outputs = widths[layer] * (1 if layer == depth - 1 else 2), widths[layer - 1]
            noisy = depth - layer <= NOISY and outputs == WIDEST * width
            self.decoder.append(
                nn.Sequential(
                    nn.ReLU(),
                    nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=needs_bias(norm)),
                    *norm_2d(norm, outputs),
                    *([Dropout(dropout)] if noisy else []),
                )
            )
        self.output = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * width, channels, 4, 2, 1), nn.Tanh())
        self.apply(dcgan_init)

    def forward(self, source: Tensor) -> Tensor:
        """Translated images, of the source's height and width, which are multiples of `multiple`."""
        skips: list[Tensor] = []
        maps = source
        for layer in self.encoder:
            maps = layer(maps)
            skips.append(maps)
        skips.pop()
        for layer in self.decoder:
            maps = torch.cat((layer(maps), skips.pop()), 1)
        images: Tensor = self.output(maps)
        return images


class ConditionalPatchGAN(PatchGAN):
    """Images and their sources to a map of logits (batch, 1, height, width), one for each patch of both.

    The paper's batch norm is instance norm at its batch size of 1.

    Args:
        source_channels: of the sources.
        channels: of the images; this and the other options as of `PatchGAN`.
    """

    def __init__(self, *, source_channels: PositiveInt, channels: PositiveInt, **options: Any) -> None:
        super().__init__(channels=channels + source_channels, **options)

    def forward(self, images: Tensor, source: Tensor) -> Tensor:  # type: ignore[override]
        """Logits (batch, 1, height, width) of images given their sources, both of one size."""
        return super().forward(torch.cat((images, source.to(images.dtype)), 1))
