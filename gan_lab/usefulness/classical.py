"""Classical augmentation of a classifier's training images: crop, affine, mirror."""

from math import pi

import torch
import torch.nn.functional as F
from torch import Tensor

TURN = 10 * pi / 180  # radians, at most, either way
ZOOM = 0.1  # larger or smaller, at most
SHEAR = 0.1  # at most, either way
CROP = 0.1  # of the side, by which the part that is seen moves at most


def augmented(images: Tensor, generator: torch.Generator, *, mirror: bool) -> Tensor:
    """Turn, zoom, shear, crop and, where that makes sense, mirror each image at random.

    Args:
        images: float32 (n, channels, height, width).
        generator: of the random numbers, on the CPU.
        mirror: whether the mirror image of an image is one of its class: not so of digits and letters.

    Returns:
        Images of the same shape; pixels at an edge go on beyond it.
    """
    count = len(images)
    turn, zoom, shear, down, right, side = torch.rand(6, count, generator=generator).mul(2).sub(1)
    angle, scale = TURN * turn, 1 + ZOOM * zoom
    flip = torch.where(side < 0, -1.0, 1.0) if mirror else torch.ones(count)
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    slant = SHEAR * shear
    across = torch.stack((flip * cosine, flip * (slant * cosine - sine), 2 * CROP * right), 1)
    along = torch.stack((sine, slant * sine + cosine, 2 * CROP * down), 1)
    theta = torch.stack((across, along), 1).to(images.device)
    places = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, places, padding_mode="border", align_corners=False)
