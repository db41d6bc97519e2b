"""The first GAN (Goodfellow et al. 2014, arXiv:1406.2661)."""

from torch import Tensor

from gan_lab.models.adversarial import Condition
from gan_lab.models.latent import LatentGAN
from gan_lab.models.player import Terms


class VanillaGAN(LatentGAN):
    """The plain game (algorithm 1), which the other variants that draw from noise change in one place each.

    conf/model/vanilla.yaml chooses the non-saturating objective and fully connected players.
    """

    def discriminator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """The objective's loss on real and generated images, and the penalties where there are any."""
        penalties = self.penalty_terms(real, fake, condition)
        real_logits, fake_logits = self.real_and_fake_logits(real, fake, condition)
        return {"adversarial": self.objective.discriminator(real_logits, fake_logits), **penalties}

    def generator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """The objective's loss on generated images."""
        return {"adversarial": self.generator_loss(real, fake, condition)}
