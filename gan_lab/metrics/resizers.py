"""Pillow's bicubic resize with antialias, to the last bit, on any device that has float64."""

from functools import cache
from math import ceil

import torch
from torch import Tensor

SHARPNESS = -0.5  # of the cubic filter (Keys 1981)
REACH = 2.0  # of the filter, in pixels of the smaller image
PRECISION = 22  # bits behind the point of Pillow's weights for images of 8 bits


def bicubic(x: float) -> float:
    """Keys' cubic filter with a = -0.5 (1981, eq. 4), which Pillow uses."""
    x = abs(x)
    if x < 1:
        return ((SHARPNESS + 2) * x - (SHARPNESS + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * SHARPNESS if x < REACH else 0.0


@cache
def taps(before: int, after: int) -> tuple[Tensor, Tensor]:
    """Pixels that each pixel of a resized side is made of, int64 (after, k), and their weights, float64 (after, k).

    Where an image gets smaller the filter widens with the scale, which is the antialias. At the edges the weights of
    the pixels that are there add up to one.
    """
    scale = before / after
    wide = max(scale, 1.0)
    reach = REACH * wide
    most = ceil(reach) * 2 + 1
    places = torch.zeros(after, most, dtype=torch.long)
    weights = torch.zeros(after, most, dtype=torch.float64)
    for index in range(after):
        centre = (index + 0.5) * scale
        first = max(0, int(centre - reach + 0.5))
        count = min(before, int(centre + reach + 0.5)) - first
        own = [bicubic((tap + first - centre + 0.5) * (1 / wide)) for tap in range(count)]
        total = 0.0
        for weight in own:  # in this order, as the sum is rounded
            total += weight
        places[index, :count] = torch.arange(first, first + count)
        weights[index, :count] = torch.tensor(own, dtype=torch.float64) / total
    return places, weights


def resampled(images: Tensor, size: int, weigh: bool) -> Tensor:
    """One pass along the last side, float64 (..., size); `weigh` takes Pillow's whole weights for images of 8 bits."""
    places, weights = (each.to(images.device) for each in taps(images.shape[-1], size))
    if weigh:
        scaled = weights * (1 << PRECISION)
        weights = (scaled + torch.where(scaled < 0, -0.5, 0.5)).trunc()
    total = torch.zeros(*images.shape[:-1], size, dtype=torch.float64, device=images.device)
    for tap in range(places.shape[1]):  # one after the other: sums of floats depend on their order
        total += images[..., places[:, tap]] * weights[:, tap]
    return total


def pillow_float(images: Tensor, size: int) -> Tensor:
    """Resize to (n, channels, size, size) as Pillow does images of floats (mode "F"), then clip to [0, 255]: float32.

    This is the resize of clean-fid (Parmar et al. 2022, arXiv:2104.11222), which rounds nothing to 8 bits.

    Args:
        images: uint8 or float32 in [0, 255], shape (n, channels, height, width).
    """
    pixels = images.to(torch.float32)
    if pixels.shape[-1] != size:
        pixels = resampled(pixels.double(), size, weigh=False).float()
    if pixels.shape[-2] != size:
        pixels = resampled(pixels.mT.double(), size, weigh=False).float().mT
    return pixels.clamp(0, 255)


def pillow_bytes(images: Tensor, size: int) -> Tensor:
    """Resize uint8 images to uint8 (n, channels, size, size) as Pillow does pictures of 8 bits.

    Each pass is rounded to 8 bits. All sums are of whole numbers, so every device gives the same.

    Args:
        images: uint8, shape (n, channels, height, width).
    """
    pixels = images
    if pixels.shape[-1] != size:
        pixels = _rounded(resampled(pixels.double(), size, weigh=True))
    if pixels.shape[-2] != size:
        pixels = _rounded(resampled(pixels.mT.double(), size, weigh=True)).mT
    return pixels.contiguous()


def where_exact(images: Tensor) -> Tensor:
    """The images themselves, or on the CPU instead of Apple's GPUs, which have no float64."""
    return images.cpu() if images.device.type == "mps" else images


def _rounded(total: Tensor) -> Tensor:
    return ((total + (1 << PRECISION - 1)) / (1 << PRECISION)).floor().clamp(0, 255).byte()
