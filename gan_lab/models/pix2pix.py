"""pix2pix (Isola et al. 2017, arXiv:1611.07004): translation learned from pairs."""

from typing import Any, cast

import torch
from torch import Tensor

from gan_lab.models.player import Terms
from gan_lab.models.translation import TranslationGAN
from gan_lab.models.turns import Condition
from gan_lab.utils.batches import AnyBatch, Pairs
from gan_lab.utils.depth import shown
from gan_lab.utils.types import NonNegativeFloat


class Pix2Pix(TranslationGAN):
    """A conditional GAN whose condition is an image: both players get the source.

    The i-th generated image is made from the source of the i-th real one. So relativistic objectives and penalties
    between images compare translations of one source.

    Args:
        adversarial_weight: of the objective's loss of the generator; 0 leaves pixels alone to teach it.
        l1_weight: of |G(x) - y|, the mean absolute difference of pixels (equation 3).

    Raises:
        ValueError: both weights are 0, or images are to be changed.
    """

    def __init__(self, *, adversarial_weight: NonNegativeFloat, l1_weight: NonNegativeFloat, **options: Any) -> None:
        super().__init__(**options)
        if not adversarial_weight and not l1_weight:
            raise ValueError("the generator has nothing to learn from: set model.l1_weight or model.adversarial_weight")
        if self.augment is not None:
            raise ValueError(
                "model/augment would change images and not the sources that the discriminator compares them with: set "
                "model/augment=none; data.mirror and crops change both"
            )
        if changing := [name for name, stabiliser in self.stabilisers() if stabiliser.changes_images]:
            raise ValueError(
                f"model/stabiliser={changing[0]} would change images and not the sources that the discriminator "
                "compares them with: choose model/stabiliser=lecam or none"
            )
        self.adversarial_weight = adversarial_weight
        self.l1_weight = l1_weight

    def unpack_batch(self, batch: AnyBatch) -> tuple[Tensor, Condition]:
        """Target images, and their sources for both players.

        Raises:
            ValueError: the batch is not of pairs.
        """
        if not isinstance(batch, Pairs):
            raise ValueError("pix2pix needs pairs of images: choose data=mnist_paired, paired_folders or colourise")
        return batch.target, (batch.source,)

    def generate(self, real: Tensor, condition: Condition) -> Tensor:
        """Each source translated."""
        return cast(Tensor, self.generator(*condition))

    def generator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """To convince, and to be near the target."""
        terms: Terms = {}
        if self.adversarial_weight:
            terms["adversarial"] = self.adversarial_weight * self.generator_loss(real, fake, condition)
        if self.l1_weight:
            terms["l1"] = self.l1_weight * (fake - real).abs().mean()
        return terms

    def sample_grid(self, rows: int, columns: int, seed: int, ema: bool = True) -> tuple[Tensor, int]:
        """A row for each of `rows` held-out pairs: source, translation, target."""
        target, (source,) = self.unpack_batch(self.held_out(rows))
        translated = self.translate(source, ema=ema)
        pictures = [source, self.shown(source, translated), self.shown(source, target)]
        if len({picture.shape[1] for picture in pictures}) > 1:
            pictures = [shown(picture) for picture in pictures]
        channels = max(picture.shape[1] for picture in pictures)
        return torch.stack([one.expand(-1, channels, -1, -1) for one in pictures], 1).flatten(0, 1), len(pictures)
