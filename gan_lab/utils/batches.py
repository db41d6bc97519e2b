"""Batches by what they hold: the types that data modules deliver and models take apart."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from torch import Tensor


class LabelledImages(NamedTuple):
    """Images (n, channels, height, width), and the label of each, int64 (n,)."""

    images: Tensor
    labels: Tensor


class TwoDomains(NamedTuple):
    """Images (n, channels, height, width) of domain A and as many of domain B; nothing pairs them."""

    a: Tensor
    b: Tensor


class Pairs(NamedTuple):
    """Source images (n, channels, height, width), and the image that each is to become; channels may differ."""

    source: Tensor
    target: Tensor


AnyBatch = LabelledImages | TwoDomains | Pairs
Batch = TypeVar("Batch", LabelledImages, TwoDomains, Pairs)
Sides = TypeVar("Sides", TwoDomains, Pairs)


def map_tensors(function: Callable[[Tensor], Tensor], batch: Batch) -> Batch:
    """A batch of the same type, each of its tensors replaced by what the function makes of it."""
    return type(batch)(*map(function, batch))
