"""Three changes of every image: its colours, its place, and a hole in it."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from gan_lab.augment import Augment
from gan_lab.augment.resampling import gathered
from gan_lab.utils import per_image

Change = Literal["colour", "translation", "cutout"]
LARGEST_SHIFT = 1 / 8  # of a side
HOLE = 1 / 2  # of a side


class DiffAugment(Augment):
    """Changes that every image gets, real or generated, at all times.

    Zhao et al. 2020, section 4 and appendix (arXiv:2006.10738), with the strengths of the authors' code:

    - colour: adds to all values one number uniform in [-0.5, 0.5]; then multiplies the differences between a pixel's
      channels and their mean by one uniform in [0, 2]; then those between all values and the image's mean by one
      uniform in [0.5, 1.5]. The second is left out of images of one channel, where it does nothing.
    - translation: moves the image by whole pixels, up to an eighth of each side in each direction.
    - cutout: fills a rectangle of half the height and half the width; its centre may be anywhere, so it may reach
      beyond the image.

    Args:
        policy: the changes, in their order.
        fill: the value in the hole and where an image has moved away; the authors' zero is grey in [-1, 1].
    """

    def __init__(self, *, policy: Sequence[Change], fill: float) -> None:
        super().__init__()
        self.policy = policy
        self.fill = fill

    def forward(self, images: Tensor) -> Tensor:
        """Apply the changes of the policy; half precision is changed in float32, and given back."""
        half = images.dtype in (torch.bfloat16, torch.float16)
        changed = images.float() if half else images
        for name in self.policy:
            if name == "colour":
                changed = recoloured(changed)
            elif name == "translation":
                changed = translated(changed, self.fill)
            else:
                changed = cut(changed, self.fill)
        return changed.to(images.dtype)


def recoloured(images: Tensor) -> Tensor:
    """Change brightness, saturation and contrast of images (n, channels, height, width), in this order."""
    brightness, saturation, contrast = per_image.rand(len(images), 3, 1, 1, 1, like=images).unbind(1)
    images = images + (brightness - 0.5)
    if images.shape[1] > 1:
        images = torch.lerp(images.mean(1, keepdim=True), images, 2 * saturation)
    return torch.lerp(images.mean((1, 2, 3), keepdim=True), images, contrast + 0.5)


def translated(images: Tensor, fill: float) -> Tensor:
    """Move images (n, channels, height, width) by whole pixels; `fill` comes in from outside."""
    for dim in (2, 3):
        size = images.shape[dim]
        shift = round_half_up(LARGEST_SHIFT * size)
        moved = per_image.randint(2 * shift + 1, len(images), 1, like=images) - shift
        source = torch.arange(size, device=images.device) - moved
        inside = along(dim, (source >= 0) & (source < size))
        index = along(dim, source.clamp(0, size - 1)).expand_as(images)
        images = torch.where(inside, gathered(images, dim, index), fill)
    return images


def cut(images: Tensor, fill: float) -> Tensor:
    """Fill a rectangle in each of the images (n, channels, height, width)."""
    hole = None
    for dim in (2, 3):
        size = images.shape[dim]
        length = round_half_up(HOLE * size)
        # An even length has its centre between two pixels, of which there is one more place than there are pixels.
        first = per_image.randint(size + 1 - length % 2, len(images), 1, like=images) - length // 2
        place = torch.arange(size, device=images.device)
        side = along(dim, (place >= first) & (place < first + length))
        hole = side if hole is None else hole & side
    assert hole is not None
    return images.masked_fill(hole, fill)


def along(dim: int, values: Tensor) -> Tensor:
    """Values (n, size) of each image's rows (dim 2) or columns (dim 3), shaped to fit images."""
    return values[:, None, :, None] if dim == 2 else values[:, None, None, :]


def round_half_up(number: float) -> int:
    """The nearest whole number, as the authors round."""
    return int(number + 0.5)
