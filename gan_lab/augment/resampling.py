"""Images looked up between their pixels, and filtered, without aliases: all by constant matrices.

A filter along a row of pixels is a matrix that the row is multiplied by. The reflections of the image outside of its
edges are in that matrix, so nothing is padded.
"""

import math
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

# Low-pass filters of the orthogonal wavelets that Daubechies calls least asymmetric ("Ten lectures on wavelets", 1992,
# section 8.1), with 6 and 2 vanishing moments. Each has length 1, and is orthogonal to itself moved by 2, 4, ...
SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
SYM2 = tuple((a + b * math.sqrt(3)) / math.sqrt(32) for a, b in ((1, 1), (3, 1), (3, -1), (1, -1)))
CENTRE = 5  # the tap of SYM6 with most of its weight; its low frequencies are delayed by 5.1 taps
BANDS = 4


def resampled(images: Tensor, places: Tensor) -> Tensor:
    """Look up in images (n, channels, height, width) what they show at places, outside of them their reflections.

    Images are upsampled to twice their size with the wavelet sym6, looked up linearly, and downsampled with the same
    filter. Because that filter is orthogonal, a move by whole pixels is exact, up to an eighth of the sides.

    Args:
        images: float32 or float64.
        places: (n or 1, 3, 3) that say of a place (x, y, 1) of the result where to look, in pixels from the middle.
    """
    kind = images.device, images.dtype
    sides = images.shape[3], images.shape[2]
    wide, tall = (upsampling(side, *kind) for side in sides)
    finer = tall @ (images @ wide.mT)
    across, down = (
        (torch.arange(2 * (side + CENTRE), device=kind[0], dtype=kind[1]) - CENTRE - (side - 1)) / 2 for side in sides
    )
    by_x, by_y, moved = places[:, :2, :, None, None].unbind(2)  # each (n, 2, 1, 1)
    x, y = (by_x * across + by_y * down[:, None] + moved).unbind(1)
    x, y = (reflected(place, side) / reach(side) for place, side in zip((x, y), sides, strict=True))
    if in_fixed_order(images):
        found = looked_up(finer, x, y)  # torch refuses the gradient of the other one
    else:
        grid = torch.stack((x, y), -1).expand(len(images), -1, -1, -1)
        found = F.grid_sample(finer, grid, mode="bilinear", padding_mode="border", align_corners=True)
    wide, tall = (downsampling(side, *kind) for side in sides)
    return tall @ (found @ wide.mT)


def looked_up(values: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Look up values (n, channels, height, width) between their places, linearly.

    What `grid_sample` does, more slowly, by operations whose gradients torch can sum in a fixed order on every device.

    Args:
        values: float32 or float64.
        x: (n or 1, rows, columns) from -1, the first column of the values, to 1, the last one.
        y: the same of the rows.
    """
    height, width = values.shape[2:]
    x, y = (x + 1) * ((width - 1) / 2), (y + 1) * ((height - 1) / 2)
    left, top = x.floor().clamp(0, width - 2), y.floor().clamp(0, height - 2)
    index = (top.long() * width + left.long()).flatten(1)[:, None].expand(*values.shape[:2], -1)
    corners = (gathered(values.flatten(2), 2, index + corner) for corner in (0, 1, width, width + 1))
    upper_left, upper_right, lower_left, lower_right = (
        corner.reshape(*values.shape[:2], *x.shape[1:]) for corner in corners
    )
    x, y = (x - left)[:, None], (y - top)[:, None]
    return torch.lerp(torch.lerp(upper_left, upper_right, x), torch.lerp(lower_left, lower_right, x), y)


def gathered(values: Tensor, dim: int, index: Tensor) -> Tensor:
    """`values.gather(dim, index)`, with a gradient that waits for no device.

    Where torch sums that in a fixed order on CUDA, it copies the values' strides from the host first, which no CUDA
    graph can hold. Of a single row it needs none.

    Args:
        values: (n, ...).
        dim: along which is looked up.
        index: int64, of the values' shape but for `dim`.
    """
    if not in_fixed_order(values):
        return values.gather(dim, index)
    first = torch.arange(values.numel(), device=values.device).view(values.shape).narrow(dim, 0, 1)
    places = first + index * math.prod(values.shape[dim + 1 :])
    return values.flatten().gather(0, places.flatten()).view(index.shape)


def in_fixed_order(values: Tensor) -> bool:
    """True on CUDA where gradients are to be summed in a fixed order (`trainer.deterministic`)."""
    return values.is_cuda and torch.are_deterministic_algorithms_enabled()


def reach(size: int) -> float:
    """The distance from the middle of a side to the last value that `upsampling` makes, in pixels."""
    return (size - 1) / 2 + margin(size)


def margin(size: int) -> int:
    """The number of pixels beyond each end of a side that `upsampling` goes: an eighth, and half of the filter."""
    return -(-size // 8) + CENTRE // 2 + 1


def reflected(places: Tensor, size: int) -> Tensor:
    """Places in pixels from the middle of a side; those beyond what is upsampled reflected, as often as needed.

    What is upsampled beyond an edge differs a little from the reflection of what is upsampled before it, because the
    filter is not symmetric.
    """
    half = max(size - 1, 1) / 2
    inner = half - ((places + half).remainder(4 * half) - 2 * half).abs()
    return torch.where(places.abs() <= reach(size), places, inner)


def filtered(images: Tensor, gains: Tensor) -> Tensor:
    """Multiply each band of frequencies of images (n, channels, height, width), along both sides.

    Args:
        images: float32 or float64.
        gains: (n, BANDS), of frequencies up to pi / 8, pi / 4, pi / 2 and pi.
    """
    height, width = (
        torch.einsum("nb,bij->nij", gains, bands(size, images.device, images.dtype))[:, None]
        for size in images.shape[2:]
    )
    return height @ (images @ width.mT)


@lru_cache(maxsize=32)
def upsampling(size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The matrix (2 size - 1 + 4 margin, size) that puts a value between every two, by the filter sym6.

    Kept, so that in later batches nothing is copied to a device.
    """
    first = -2 * margin(size)
    entries = [
        (place - first, (place + CENTRE - tap) // 2, math.sqrt(2) * SYM6[tap])
        for place in range(first, 2 * size - 1 - first)
        for tap in range((place + CENTRE) % 2, len(SYM6), 2)
    ]
    return _matrix(2 * size - 1 - 2 * first, size, entries).to(device, dtype)


@lru_cache(maxsize=32)
def downsampling(size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The matrix (size, 2 size + 10) that undoes `upsampling` of values that begin CENTRE places before the first."""
    entries = [
        (place, 2 * place + tap, weight / math.sqrt(2)) for place in range(size) for tap, weight in enumerate(SYM6)
    ]
    return _matrix(size, 2 * (size + CENTRE), entries).to(device, dtype)


@lru_cache(maxsize=32)
def bands(size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The matrices (BANDS, size, size) that keep one band of frequencies each; their sum changes nothing."""
    kept = []
    for band in band_filters().tolist():
        reach = len(band) // 2
        entries = [
            (place, place + tap - reach, weight) for place in range(size) for tap, weight in enumerate(band) if weight
        ]
        kept.append(_matrix(size, size, entries))
    return torch.stack(kept).to(device, dtype)


def band_filters() -> Tensor:
    """Symmetric filters float64 (BANDS, 43), from low to high frequencies, whose sum is 1 at the middle.

    Karras et al. 2020, appendix B (arXiv:2006.06676). With L(z) = H(z) H(1/z) / 2 of the wavelet sym2, and L(-z), which
    is 1 - L(z), each is what L(-z) takes off the band below, in octaves.
    """
    exact: dict[str, Any] = {"dtype": torch.float64, "device": "cpu"}  # numbers, also where a model is built on meta
    low = convolved(torch.tensor(SYM2, **exact), torch.tensor(SYM2[::-1], **exact)) / 2
    signs = torch.tensor([-1, 1] * len(low), **exact)[: len(low)]
    high = low * signs  # the middle, at an odd place, is positive
    below = torch.ones(1, **exact)
    found: list[Tensor] = []
    for octave in range(BANDS - 1):
        found.insert(0, convolved(below, stretched(high, 2**octave)))
        below = convolved(below, stretched(low, 2**octave))
    found.insert(0, below)
    length = max(map(len, found))
    return torch.stack([F.pad(band, [(length - len(band)) // 2] * 2) for band in found])


def convolved(first: Tensor, second: Tensor) -> Tensor:
    """The filter (n + m - 1,) that does what two of lengths n and m do one after the other."""
    padding = len(second) - 1
    return F.conv1d(first[None, None], second.flip(0)[None, None], padding=padding)[0, 0]


def stretched(taps: Tensor, factor: int) -> Tensor:
    """The filter with factor - 1 zeros between every two taps: F(z^factor)."""
    return F.pad(taps[:, None], (0, factor - 1)).flatten()[: (len(taps) - 1) * factor + 1]


def folded(place: int, size: int) -> int:
    """The pixel of a row of `size` that lies at a place, where outside of the row are its reflections."""
    place %= max(2 * (size - 1), 1)
    return min(place, 2 * (size - 1) - place) if size > 1 else 0


def _matrix(height: int, width: int, entries: list[tuple[int, int, float]]) -> Tensor:
    """Sum the entries (row, column, weight) of a float64 matrix, each column that lies outside of it reflected."""
    with torch.inference_mode(False):  # or what is kept could not be differentiated through later
        matrix = torch.zeros(height, width, dtype=torch.float64, device="cpu")
        for row, column, weight in entries:
            matrix[row, folded(column, width)] += weight
        return matrix
