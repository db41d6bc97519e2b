"""DCGAN (Radford et al. 2016, arXiv:1511.06434)."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from gan_lab.models.vanilla import VanillaGAN


class DCGAN(VanillaGAN):
    """The plain game between convolutional players (section 3).

    The guidelines on layers, batch norm and first weights, N(0, 0.02), are the networks' own: `networks/dcgan_*.py`.

    Raises:
        ValueError: a player without convolutions.
    """

    def __init__(self, *, network: Mapping[str, nn.Module], **options: Any) -> None:
        for name, player in network.items():
            if not any(isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)) for layer in player.modules()):
                raise ValueError(
                    f"the players of DCGAN are convolutional, and this {name} is not: "
                    "choose model/network=dcgan_small, or model=vanilla"
                )
        super().__init__(network=network, **options)
