"""Maps of twice the size, in the precision in which they come."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.utils.precision import full_precision


def double(maps: Tensor, mode: Literal["nearest", "bilinear"] = "nearest") -> Tensor:
    """Maps (batch, features, 2 height, 2 width) of maps (batch, features, height, width).

    Left to itself, CUDA's autocast turns maps of 16 bits into float32 here, and with them whatever is added to them.
    """
    with full_precision(maps.device):
        return F.interpolate(maps, scale_factor=2, mode=mode)


class Double(nn.Module):
    """Maps of twice the size, by nearest neighbours."""

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (batch, features, 2 height, 2 width) of maps (batch, features, height, width)."""
        return double(maps)
