"""Contrastive Unpaired Translation, CUT (Park et al. 2020, arXiv:2007.15651): one direction, without pairs."""

from typing import Any, Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lab.models.adversarial import Outputs
from gan_lab.models.player import Terms
from gan_lab.models.translation import TranslationGAN
from gan_lab.models.turns import Condition
from gan_lab.utils.batches import AnyBatch, TwoDomains
from gan_lab.utils.types import NonNegativeFloat, PositiveFloat, PositiveInt


class PatchEncoder(Protocol):
    """A generator that describes patches of images, as `gan_lab.networks.contrastive.ContrastiveGenerator` does."""

    def patches(self, source: Tensor, translated: Tensor, count: int) -> list[tuple[Tensor, Tensor]]:
        """Vectors of the same patches of translations and of their sources, at each depth."""


class CUT(TranslationGAN):
    """A translation of A into B whose patches must say which patch of the source they were made from.

    It has one generator and one discriminator, half of what CycleGAN trains.

    Args:
        contrast_weight: of the patches of A's images and of their translations (equation 3; lambda_X of equation 5).
        identity_weight: of those of B's images, which should be left alone (lambda_Y).
        patches: compared at each of the encoder's depths.
        temperature: of the contrast.
    """

    def __init__(
        self,
        *,
        contrast_weight: NonNegativeFloat,
        identity_weight: NonNegativeFloat,
        patches: PositiveInt,
        temperature: PositiveFloat,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not hasattr(self.generator, "patches"):
            raise ValueError("CUT needs a generator that describes patches: choose model/network=contrastive_patchgan")
        self.contrast_weight = contrast_weight
        self.identity_weight = identity_weight
        self.patches = patches
        self.temperature = temperature

    def unpack_batch(self, batch: AnyBatch) -> tuple[Tensor, Condition]:
        """Images of B, and images of A to translate.

        Raises:
            ValueError: the batch is not of two domains.
        """
        if not isinstance(batch, TwoDomains):
            raise ValueError("CUT needs images of two domains: choose data=mnist_colors or data=unpaired_folders")
        return batch.b, (batch.a,)

    def generate(self, real: Tensor, condition: Condition) -> Tensor:
        """Each image of A translated."""
        return cast(Tensor, self.generator(*condition))

    def outputs(self, images: Tensor, condition: Condition) -> Outputs:
        """Logits of images alone: the discriminator doesn't know what they were made from."""
        return super().outputs(images, ())

    def generator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """To convince, to keep every patch recognisable, and to leave alone what is in B already."""
        (source,) = condition
        terms = {"adversarial": self.generator_loss(real, fake, condition)}
        if self.contrast_weight:
            terms["contrast"] = self.contrast_weight * self.contrast(source, fake)
        if self.identity_weight:
            terms["identity"] = self.identity_weight * self.contrast(real, self.generator(real))
        return terms

    def contrast(self, source: Tensor, translated: Tensor) -> Tensor:
        """The mean over depths of `patch_loss`: does each patch find its own among those of its source?"""
        vectors = cast(PatchEncoder, self.generator).patches(source, translated, self.patches)
        return torch.stack([patch_loss(*pair, self.temperature) for pair in vectors]).mean()

    def sample_grid(self, rows: int, columns: int, seed: int, ema: bool = True) -> tuple[Tensor, int]:
        """A row for each of `rows` held-out images of A: the image, its translation, and beside them one of B."""
        real, (source,) = self.unpack_batch(self.held_out(rows))
        count = min(len(real), len(source))
        pictures = [source, self.shown(source, self.translate(source, ema=ema)), real]
        return torch.stack([picture[:count] for picture in pictures], 1).flatten(0, 1), len(pictures)


def patch_loss(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """The cross-entropy with which each query picks its own key among all keys of its image (equation 2).

    Args:
        queries: unit vectors (batch, patches, features).
        keys: likewise, the i-th belongs to the i-th query.
        temperature: by which similarities are divided.
    """
    similarities = (queries @ keys.transpose(1, 2)).float() / temperature
    own = torch.arange(similarities.shape[1], device=similarities.device).expand(len(similarities), -1)
    return F.cross_entropy(similarities.flatten(0, 1), own.flatten())
