"""Copies of training images among generated ones: images that are nearer to one than real images are to each other.

Distances are those of pixels, of images reduced to at most 16 pixels a side. So a copy is found in spite of some noise,
and no network decides that has seen other images. A copy that was moved or turned is not found.
"""

import torch.nn.functional as F
from torch import Tensor

from gan_lab.metrics import neighbours

SIDE = 16  # pixels, at most
SHARE = 0.01  # of the training images, which lie this near to another one by chance
LEAST = 1e-3  # limit: a distance of zero comes out as a little more


def reduced(images: Tensor) -> Tensor:
    """The values by which images are compared, float32 (n, d), of uint8 images (n, channels, height, width)."""
    height, width = (min(SIDE, side) for side in images.shape[-2:])
    return F.adaptive_avg_pool2d(images.float().div_(255), (height, width)).flatten(1)


class Copies:
    """Finds copies of training images.

    The limit is the distance within which one in a hundred training images has another one. Where a dataset holds
    near-duplicates itself, that is small, and only exact copies are found.

    Args:
        training_images: that the generator has learned from, uint8 (n, channels, height, width), n > 1.
    """

    def __init__(self, training_images: Tensor) -> None:
        self.known = reduced(training_images)
        self.limit = max(LEAST, float(neighbours.radii(self.known, 1)[:, 0].quantile(SHARE)))

    def distances(self, images: Tensor) -> Tensor:
        """The distance from each image to its nearest training image, float64 (n,)."""
        return neighbours.nearest(reduced(images), self.known, 1)[1][:, 0]

    def are(self, images: Tensor) -> Tensor:
        """Tell copies from others, bool (n,): those at most as far away as the limit."""
        return self.distances(images) <= self.limit

    def share(self, images: Tensor) -> float:
        """The share of images that are copies; of unseen real images, what chance alone gives."""
        return float(self.are(images).double().mean())
