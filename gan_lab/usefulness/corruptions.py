"""Test images made harder in four ways, always alike, to see how robust a classifier is."""

from collections.abc import Callable
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from gan_lab.utils import seeding

SEED = 0  # of the noise: the same for every classifier
NOISE = 0.2  # standard deviation, where black is 0 and white is 1
BLUR = 1 / 28  # standard deviation, of the image's side
SHIFT = 3 / 28  # of the image's side
CONTRAST = 0.3  # of what it was


def noise(images: Tensor) -> Tensor:
    """Add Gaussian noise, and cut off what lies below 0 or above 1."""
    generator = torch.Generator().manual_seed(seeding.derive(SEED, "noise"))
    return (images + NOISE * torch.randn(images.shape, generator=generator).to(images.device)).clamp(0, 1)


def blur(images: Tensor) -> Tensor:
    """Smooth by a Gaussian; pixels at the edge are mirrored beyond it."""
    sigma = BLUR * images.shape[-1]
    reach = min(ceil(3 * sigma), min(images.shape[-2:]) - 1)
    blurred: Tensor = gaussian_blur(images, [2 * reach + 1] * 2, [sigma] * 2)
    return blurred


def shift(images: Tensor) -> Tensor:
    """Shift along a diagonal: each image in turn up left, up right, down left, down right."""
    step = max(1, round(SHIFT * images.shape[-1]))
    height, width = images.shape[-2:]
    padded = F.pad(images, (step,) * 4, mode="replicate")
    moved = torch.empty_like(images)
    for turn, (top, left) in enumerate([(0, 0), (0, 2 * step), (2 * step, 0), (2 * step, 2 * step)]):
        moved[turn::4] = padded[turn::4, :, top : top + height, left : left + width]
    return moved


def contrast(images: Tensor) -> Tensor:
    """Draw the values of each image nearer to their mean (Hendrycks and Dietterich 2019, arXiv:1903.12261)."""
    middle = images.mean((1, 2, 3), keepdim=True)
    return middle + CONTRAST * (images - middle)


CORRUPTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "noise": noise,
    "blur": blur,
    "shift": shift,
    "contrast": contrast,
}  # images float32 (n, channels, height, width) from 0 to 1 become such images
