"""Images of any size for networks that take only some sizes, or not so many pixels at once."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]


def fitted(network: Function, images: Tensor, multiple: int, least: int = 1) -> Tensor:
    """Apply a network to images that are extended by reflection, and cut the result to their size.

    Args:
        network: (n, channels, height, width) to as many images of the same size, perhaps of other channels.
        images: of any size from one pixel on, extended alike on all sides.
        multiple: what the network's sides must be multiples of,
        least: and the smallest of them.
    """
    sides = images.shape[-2:]
    padded = [multiple * math.ceil(max(side, least) / multiple) for side in sides]
    rows, columns = (_reflected(*lengths).to(images.device) for lengths in zip(sides, padded, strict=True))
    top, left = ((long - short) // 2 for short, long in zip(sides, padded, strict=True))
    return network(images[..., rows[:, None], columns])[..., top : top + sides[0], left : left + sides[1]]


def _reflected(length: int, padded: int) -> Tensor:
    """Indices (padded,) into a side, reflected at its ends, again and again where it is short."""
    period = max(1, 2 * (length - 1))
    places = (torch.arange(padded) - (padded - length) // 2) % period
    return torch.minimum(places, period - places)


def stripes(function: Function, image: Tensor, tile: int, overlap: int, at_once: int = 1) -> Iterator[Tensor]:
    """Apply a function to overlapping tiles of an image, and yield the result by rows, from top to bottom.

    Where tiles overlap, they fade linearly into each other. No more than a row of tiles is in memory.

    Args:
        function: tiles (n, channels, height, width) to float tiles of the same size, perhaps of other channels.
        image: (channels, height, width) of any type.
        tile: side of the tiles, which are smaller where the image is.
        overlap: pixels that neighbours have in common, at least; less than `tile`.
        at_once: number of tiles that the function gets at a time, at most.
    """
    height, width = image.shape[1:]
    rows, columns = (list(_weighted(side, tile, overlap)) for side in (height, width))
    carried = torch.zeros(1, 0, width)
    for number, (top, down) in enumerate(rows):
        row = image[:, top : top + len(down)]
        tiles = torch.stack([row[:, :, left : left + len(across)] for left, across in columns])
        results = torch.cat([function(part) for part in torch.split(tiles, at_once)])
        stripe = torch.zeros(results.shape[1], len(down), width)
        for (left, across), result in zip(columns, results, strict=True):
            stripe[:, :, left : left + len(across)] += result * across * down[:, None]
        stripe[:, : carried.shape[1]] += carried
        done = rows[number + 1][0] - top if number + 1 < len(rows) else len(down)
        yield stripe[:, :done]
        carried = stripe[:, done:]


def _weighted(length: int, tile: int, overlap: int) -> Iterator[tuple[int, Tensor]]:
    """Yield starts of evenly spread tiles, and weights (tile,), which add up to one in each place of the length."""
    side = min(tile, length)
    count = math.ceil((length - side) / (side - overlap)) if length > side else 0
    starts = [round(number * (length - side) / max(1, count)) for number in range(count + 1)]
    distance = torch.arange(1, side + 1)  # from the nearer end
    ramp = torch.minimum(distance, distance.flip(0)).clamp(max=max(1, overlap)).float()
    total = torch.zeros(length)
    for start in starts:
        total[start : start + side] += ramp
    for start in starts:
        yield start, ramp / total[start : start + side]
