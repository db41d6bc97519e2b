"""Discriminators that say more of an image than a logit, made from discriminators without heads."""

from collections.abc import Mapping

from torch import Tensor, nn

from gan_lab.networks.init import dcgan_init
from gan_lab.networks.labelled import count_features
from gan_lab.utils.types import ImageSize, PositiveInt


class WithHeads(nn.Module):
    """Images (batch, channels, height, width) to logits, and a vector for each head: linear maps of the last features.

    All share the discriminator's body (Odena et al. 2017, section 3, arXiv:1610.09585; Chen et al. 2016, section 6,
    arXiv:1606.03657). Spectral norm bounds the logits' way and not the heads: what they say is no critic's logit.

    Args:
        discriminator: has `features`, images to anything (batch, ...), and `output`, features to logits (batch, ...).
        heads: the size of each head's vector by the head's name.
        image_size: of the images.
        channels: of the images; the number of features follows from both.

    Raises:
        ValueError: the discriminator has no `features` and `output`, or takes labels.
    """

    def __init__(
        self,
        discriminator: nn.Module,
        *,
        heads: Mapping[str, PositiveInt],
        image_size: ImageSize,
        channels: PositiveInt,
    ) -> None:
        super().__init__()
        if not (hasattr(discriminator, "features") and hasattr(discriminator, "output")):
            raise ValueError(
                f"heads need a discriminator with `features` and `output`, which {type(discriminator).__name__} lacks: "
                "choose another model/network"
            )
        if getattr(discriminator, "takes_labels", False):
            raise ValueError(
                "the players of model/network=biggan take labels themselves, and heads go with a discriminator of "
                "images alone: choose another model/network"
            )
        self.discriminator = discriminator
        count = count_features(discriminator, image_size, channels)
        self.heads = nn.ModuleDict({name: nn.Linear(count, size) for name, size in heads.items()})
        self.heads.apply(dcgan_init)
        self.batch_independent = getattr(discriminator, "batch_independent", False)

    def forward(self, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits (batch, ...) of images (batch, channels, height, width), and each head's vectors (batch, size)."""
        features: Tensor = self.discriminator.features(images)  # type: ignore[operator]
        logits: Tensor = self.discriminator.output(features)  # type: ignore[operator]
        return logits, {name: head(features.flatten(1)) for name, head in self.heads.items()}
