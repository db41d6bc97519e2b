"""Contrastive Unpaired Translation, CUT (Park et al. 2020, arXiv:2007.15651): one direction, without pairs."""

from typing import Any, Literal, Protocol, cast, overload

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lab.models.player import Terms
from gan_lab.models.translation import TranslationGAN
from gan_lab.models.turns import Condition
from gan_lab.models.two_players import Outputs
from gan_lab.utils import per_image
from gan_lab.utils.batches import AnyBatch, TwoDomains
from gan_lab.utils.types import NonNegativeFloat, PositiveFloat, PositiveInt

Maps = list[Tensor]


class PatchEncoder(Protocol):
    """A generator that describes patches of images, as `gan_lab.networks.contrastive.ContrastiveGenerator` does."""

    @overload
    def __call__(self, images: Tensor) -> Tensor: ...
    @overload
    def __call__(self, images: Tensor, with_maps: Literal[True]) -> tuple[Tensor, Maps]: ...

    def encode(self, images: Tensor) -> Maps:
        """Maps at each depth, each (batch, features, height, width)."""

    def patches(self, source: Maps, translated: Maps, count: int) -> list[tuple[Tensor, Tensor]]:
        """Vectors of the same patches of translations and of their sources, at each depth."""


class CUT(TranslationGAN):
    """A translation of A into B whose patches must say which patch of the source they were made from.

    It has one generator and one discriminator, half of what CycleGAN trains.

    Args:
        contrast_weight: of the patches of A's images and of their translations (equation 3; lambda_X of equation 5).
        identity_weight: of those of B's images, which should be left alone (lambda_Y).
        patches: compared at each of the encoder's depths.
        temperature: of the contrast.
        flip_equivariance: whether half of the images are mirrored before they are translated, and the maps of their
            translations mirrored back before they are held against those of the images as they are (FastCUT,
            as in the authors' code). Chance decides for each image of a batch, there for the batch, which is of one.
    """

    def __init__(
        self,
        *,
        contrast_weight: NonNegativeFloat,
        identity_weight: NonNegativeFloat,
        patches: PositiveInt,
        temperature: PositiveFloat,
        flip_equivariance: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not hasattr(self.generator, "patches"):
            raise ValueError("CUT needs a generator that describes patches: choose model/network=contrastive_patchgan")
        self.contrast_weight = contrast_weight
        self.identity_weight = identity_weight
        self.patches = patches
        self.temperature = temperature
        self.flip_equivariance = flip_equivariance
        self.latest: tuple[Maps, Tensor | None] = [], None  # of `generate`: the sources' maps, which were mirrored

    def unpack_batch(self, batch: AnyBatch) -> tuple[Tensor, Condition]:
        """Images of B, and images of A to translate.

        Raises:
            ValueError: the batch is not of two domains.
        """
        if not isinstance(batch, TwoDomains):
            raise ValueError("CUT needs images of two domains: choose data=mnist_colors or data=unpaired_folders")
        return batch.b, (batch.a,)

    def generate(self, real: Tensor, condition: Condition) -> Tensor:
        """Each image of A translated; some mirrored, with `flip_equivariance`."""
        (source,) = condition
        translated, maps, mirrored = self.translated(source)
        self.latest = maps, mirrored
        return translated

    def translated(self, source: Tensor) -> tuple[Tensor, Maps, Tensor | None]:
        """Translations, the maps that their patches are held against, and which were mirrored: (batch, 1, 1, 1)."""
        network = cast(PatchEncoder, self.generator)
        if not self.flip_equivariance:
            # The generator learns nothing between this pass and the contrast: the maps would be the same once more.
            translated, maps = network(source, with_maps=True)
            return translated, [at.detach() for at in maps], None
        mirrored = per_image.rand(len(source), 1, 1, 1, like=source) < 0.5
        with torch.no_grad():
            maps = network.encode(source)
        return network(flipped(source, mirrored)), maps, mirrored

    def outputs(self, images: Tensor, condition: Condition) -> Outputs:
        """Logits of images alone: the discriminator doesn't know what they were made from."""
        return super().outputs(images, ())

    def generator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """To convince, to keep every patch recognisable, and to leave alone what is in B already."""
        terms = {"adversarial": self.generator_loss(real, fake, condition)}
        if self.contrast_weight:
            terms["contrast"] = self.contrast_weight * self.contrast(fake, *self.latest)
        if self.identity_weight:
            terms["identity"] = self.identity_weight * self.contrast(*self.translated(real))
        return terms

    def contrast(self, translated: Tensor, source: Maps, mirrored: Tensor | None = None) -> Tensor:
        """The mean over depths of `patch_loss`: does each patch find its own among those of its source?

        Args:
            translated: images (batch, channels, height, width).
            source: maps of what they were made from, not mirrored.
            mirrored: which of the translations are, (batch, 1, 1, 1).
        """
        network = cast(PatchEncoder, self.generator)
        maps = network.encode(translated)
        if mirrored is not None:
            maps = [flipped(at, mirrored) for at in maps]
        vectors = network.patches(source, maps, self.patches)
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


def flipped(maps: Tensor, which: Tensor) -> Tensor:
    """Maps (batch, features, height, width) of which some, (batch, 1, 1, 1), are mirrored from left to right."""
    return torch.where(which, maps.flip(3), maps)
