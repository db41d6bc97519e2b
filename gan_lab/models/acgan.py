"""AC-GAN (Odena et al. 2017, Conditional image synthesis with auxiliary classifier GANs, arXiv:1610.09585)."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from gan_lab.models.cgan import CGAN
from gan_lab.models.player import Terms
from gan_lab.models.turns import Condition
from gan_lab.models.two_players import Extras, Kind, Outputs
from gan_lab.utils.types import PositiveFloat


class ACGAN(CGAN):
    """A conditional GAN whose discriminator isn't told the label of an image, but says it.

    The discriminator maximises L_S + L_C, the generator L_C - L_S (section 3). L_S (equation 2) is the objective's. L_C
    (equation 3) is the log-likelihood of the right class, of real and of generated images; the generator's share of it
    is that of its own images. So both players descend the same cross-entropy of generated images.

    Args:
        class_weight: of the cross-entropies; 1 in the paper.
        conditioning: that of the discriminator adds a head `classes`, (batch, num_classes).
    """

    def __init__(self, *, class_weight: PositiveFloat, **options: Any) -> None:
        super().__init__(**options)
        self.class_weight = class_weight

    def outputs(self, images: Tensor, condition: Condition) -> Outputs:
        """Logits and class logits of images alone: the discriminator is to find out the label."""
        return super().outputs(images, ())

    def head_terms(self, kind: Kind, extras: Extras, condition: Condition) -> Terms:
        """The cross-entropy of the labels."""
        (labels,) = condition
        return {f"class_{kind}": self.class_weight * F.cross_entropy(extras["classes"], labels)}
