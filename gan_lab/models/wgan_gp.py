"""WGAN-GP (Gulrajani et al. 2017, arXiv:1704.00028)."""

from collections.abc import Mapping
from typing import Any

from gan_lab.models.vanilla import VanillaGAN
from gan_lab.penalties import Penalty


class WGANGP(VanillaGAN):
    """A critic that is kept Lipschitz by a penalty on its gradient in place of WGAN's clipping (equation 3).

    conf/model/wgan_gp.yaml chooses the paper's `GradientPenalty`, between real and generated images; others may take
    its place.

    Args:
        penalty: one at least.

    Raises:
        ValueError: there is none.
    """

    def __init__(self, *, penalty: Mapping[str, Penalty], **options: Any) -> None:
        if not penalty:
            raise ValueError(
                "nothing keeps the critic of WGAN-GP Lipschitz: choose model/penalty=gradient_penalty, or model=wgan"
            )
        super().__init__(penalty=penalty, **options)
