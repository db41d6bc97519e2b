"""Dropout that leaves an image its mask, however a batch is divided."""

import torch.nn.functional as F
from torch import Tensor, nn

from gan_lab.utils import per_image


class Dropout(nn.Dropout):
    """Torch's dropout, with the same bits, whose mask of each image follows `gan_lab.utils.per_image`."""

    def forward(self, activations: Tensor) -> Tensor:
        """Drop activations (batch, ...) while training, and scale up the others."""
        if not self.training or not per_image.is_divided():
            return super().forward(activations)
        shape = activations.shape[1:]
        mask = per_image.own(lambda count: F.dropout(activations.new_ones(count, *shape), self.p), len(activations))
        return activations * mask
