"""Wasserstein GAN (Arjovsky et al. 2017, arXiv:1701.07875)."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.parametrize import is_parametrized

from gan_lab.models.vanilla import VanillaGAN
from gan_lab.utils.types import PositiveFloat


class WGAN(VanillaGAN):
    """A critic that is kept Lipschitz by clipping its weights after each of its steps (algorithm 1, line 7).

    Args:
        clip: the critic's parameters are cut off at [-clip, clip]; None leaves them, where spectral norm does it, say.

    Raises:
        ValueError: clipped weights under spectral norm, which would scale them up again, or of a critic that is
            `equalised`, scaling down where it uses them weights that start from N(0, 1).
    """

    def __init__(self, *, clip: PositiveFloat | None, **options: Any) -> None:
        super().__init__(**options)
        self.clip = clip
        if clip and any(is_parametrized(layer) for layer in self.discriminator.modules()):
            raise ValueError(
                "spectral norm scales clipped weights up again: set model.clip=null, or "
                "model.network.discriminator.norm=none"
            )
        if clip and getattr(self.discriminator, "equalised", False):
            raise ValueError(
                "clipped weights leave this critic, which scales its weights down itself, next to no gradient: choose "
                "model=wgan_gp, or another model/network"
            )

    def after_discriminator_step(self) -> None:
        """Clip the critic's weights."""
        super().after_discriminator_step()
        if self.clip is not None:
            with torch.no_grad():
                parameters: list[Tensor] = [each for each in self.discriminator.parameters() if each.requires_grad]
                torch._foreach_clamp_min_(parameters, -self.clip)
                torch._foreach_clamp_max_(parameters, self.clip)
