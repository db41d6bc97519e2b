"""The first GAN (Goodfellow et al. 2014, arXiv:1406.2661)."""

from torch import Tensor

from gan_lab.models.latent import LatentGAN
from gan_lab.models.player import Terms
from gan_lab.models.turns import Condition


class VanillaGAN(LatentGAN):
    """The plain game (algorithm 1), which the other variants that draw from noise change in one place each.

    conf/model/vanilla.yaml chooses the non-saturating objective and fully connected players.
    """

    def generator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """The objective's loss on generated images."""
        return {"adversarial": self.generator_loss(real, fake, condition)}
