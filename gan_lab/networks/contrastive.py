"""The generator of Contrastive Unpaired Translation (Park et al. 2020, arXiv:2007.15651)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.networks.init import dcgan_init
from gan_lab.networks.sizes import quarter
from gan_lab.networks.translation import Residual, Translator
from gan_lab.utils.types import ImageSize, PositiveInt

Maps = list[Tensor]


class ContrastiveGenerator(nn.Module):
    """A translator whose encoder describes patches of an image, so that a translation's can be held against its source.

    Patches are described at five depths: pixels, the two layers that halve the size, the first residual block and the
    middle one (appendix C.1). At each depth a head of two layers maps a patch to a unit vector.

    Args:
        width: feature maps at full size.
        blocks: residual blocks.
        features: length of a patch's vector.
        image_size: multiples of 4.
        channels: of both domains.
    """

    multiple, least = Translator.multiple, Translator.least

    def __init__(
        self,
        *,
        width: PositiveInt,
        blocks: PositiveInt,
        features: PositiveInt,
        image_size: ImageSize,
        channels: PositiveInt,
    ) -> None:
        super().__init__()
        quarter(image_size)  # refuses what doesn't halve twice
        self.translator = Translator(channels=channels, width=width, blocks=blocks)
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(inputs, features), nn.ReLU(), nn.Linear(features, features))
            for inputs in (channels, 2 * width, 4 * width, 4 * width, 4 * width)
        )
        self.apply(dcgan_init)

    def forward(self, images: Tensor, with_maps: bool = False) -> Tensor | tuple[Tensor, Maps]:
        """Images (batch, channels, height, width) in the other domain, of the same shape.

        Args:
            images: to translate.
            with_maps: whether the maps of `encode` are wanted beside them, which the translation needs anyway.
        """
        if not with_maps:
            translated: Tensor = self.translator(images)
            return translated
        maps, rest = self._encoded(images)
        decoded = maps[-1]
        for layer in rest:
            decoded = layer(decoded)
        return decoded, maps

    def encode(self, images: Tensor) -> Maps:
        """Maps of the encoder at its five depths, each (batch, features, height, width)."""
        return self._encoded(images)[0]

    def _encoded(self, images: Tensor) -> tuple[Maps, list[nn.Module]]:
        """Maps of the encoder, and the layers that turn the deepest ones into a translation."""
        layers = list(self.translator)
        halving = [at for at, layer in enumerate(layers) if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2)]
        residual = [at for at, layer in enumerate(layers) if isinstance(layer, Residual)]
        depths = [*halving, residual[0], residual[len(residual) // 2]]
        taken, maps = [images], images
        for at, layer in enumerate(layers[: depths[-1] + 1]):
            maps = layer(maps)
            taken += [maps] * depths.count(at)
        return taken, layers[depths[-1] + 1 :]

    def describe(self, maps: Maps, places: list[Tensor]) -> list[Tensor]:
        """Unit vectors (batch, patches, features) of some patches at each depth.

        Args:
            maps: of `encode`.
            places: at each depth, indices (patches,) of patches, counted row by row.
        """
        return [
            F.normalize(head(at_depth.flatten(2)[:, :, chosen].transpose(1, 2)), dim=2)
            for head, at_depth, chosen in zip(self.heads, maps, places, strict=True)
        ]

    def patches(self, source: Maps, translated: Maps, count: int) -> list[tuple[Tensor, Tensor]]:
        """Describe the same random patches of translated images and of their sources.

        Args:
            source: maps of `encode`; no gradients flow through the vectors made of them.
            translated: maps of the same shapes.
            count: patches at each depth; all where there are fewer.

        Returns:
            At each depth, vectors (batch, patches, features) of the translations and of the sources.
        """
        places = [torch.randperm(at.shape[2] * at.shape[3], device=at.device)[:count] for at in source]
        with torch.no_grad():
            keys = self.describe(source, places)
        return list(zip(self.describe(translated, places), keys, strict=True))
