"""Wasserstein GAN (Arjovsky et al. 2017, arXiv:1701.07875)."""

from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from gan_lab.models.latent import LatentGAN


class WGAN(LatentGAN):
    """A critic kept Lipschitz by clipping its weights (algorithm 1); everything else is chosen in conf/model/wgan.yaml.

    Args:
        clip: after each of the critic's steps its parameters are cut off at [-clip, clip].
    """

    def __init__(self, *, clip: Annotated[float, Field(gt=0.0)], **options: Any) -> None:
        super().__init__(**options)
        self.clip = clip

    @torch.no_grad()
    def after_discriminator_step(self) -> None:
        """Clip all of the critic's parameters at once."""
        parameters: list[Tensor] = list(self.discriminator.parameters())
        torch._foreach_clamp_min_(parameters, -self.clip)
        torch._foreach_clamp_max_(parameters, self.clip)
