"""R3GAN (Huang et al. 2024, The GAN is dead; long live the GAN!, arXiv:2501.05441)."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from gan_lab.models.player import Terms
from gan_lab.models.turns import Condition
from gan_lab.models.vanilla import VanillaGAN
from gan_lab.penalties import Penalty


class R3GAN(VanillaGAN):
    """A relativistic loss with zero-centred penalties on real and on generated images, R1 and R2 (section 2).

    conf/model/r3gan.yaml chooses relativistic pairing and residual players without any norm.

    Args:
        penalty: `r1` and `r2`.

    Raises:
        ValueError: other penalties.
    """

    def __init__(self, *, penalty: Mapping[str, Penalty], **options: Any) -> None:
        if set(penalty) != {"r1", "r2"}:
            raise ValueError(
                "the loss of R3GAN has R1 and R2: choose model/penalty=r1_r2, or for others model=dcgan "
                "model/objective=relativistic_pairing"
            )
        super().__init__(penalty=penalty, **options)

    def discriminator_terms(self, real: Tensor, fake: Tensor, condition: Condition) -> Terms:
        """The loss, R1 and R2 from one forward of each kind: the loss needs the logits, the penalties the gradients."""
        if any(penalty.every > 1 for penalty in self.penalty.values()):
            return super().discriminator_terms(real, fake, condition)
        real_logits, real_gradients = self.logits_and_gradients(real, condition)
        fake_logits, fake_gradients = self.logits_and_gradients(fake, condition)
        self.latest_logits = {"real": real_logits.detach(), "fake": fake_logits.detach()}
        return {
            "adversarial": self.objective.discriminator(real_logits, fake_logits),
            "r1": self.penalty["r1"].penalty(real_gradients),
            "r2": self.penalty["r2"].penalty(fake_gradients),
        }
