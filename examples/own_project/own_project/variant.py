"""Boundary-seeking GAN (Hjelm et al. 2018, arXiv:1702.08431)."""

from torch import Tensor

from gan_lab.models.player import Terms
from gan_lab.models.turns import Condition
from gan_lab.models.vanilla import VanillaGAN


class Mine(VanillaGAN):
    """A generator that looks for the place where the discriminator can't decide."""

    def generator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """Return E[(log D - log(1 - D))^2] / 2 with D = sigmoid(logit), which is half the mean squared logit."""
        return {"adversarial": self.logits(fake, condition).square().mean() / 2}
