"""Labels of several attributes in one number: each attribute is a category, and a label is one of their combinations.

The first attribute counts most, as the first digit does: of sizes [2, 3] the label 4 is the combination (1, 1).
"""

import math
from collections.abc import Sequence

from torch import Tensor

from gan_lab.utils.types import PositiveInt

MOST_CLASSES = 4096  # combinations of attributes: a grid has a row for each, and scores count each
Categories = PositiveInt | list[PositiveInt]  # number of classes, or that of the categories of each attribute


def sizes(categories: int | Sequence[int]) -> list[int]:
    """The number of categories of each attribute; of plain classes, one number."""
    return [categories] if isinstance(categories, int) else [int(size) for size in categories]


def combinations(categories: int | Sequence[int]) -> int:
    """The number of labels."""
    return math.prod(sizes(categories))


def parts(labels: Tensor, categories: int | Sequence[int]) -> list[Tensor]:
    """The category of each attribute, int64 (n,) each, of labels, int64 (n,); plain classes are one attribute."""
    found = []
    for size in reversed(sizes(categories)):
        found.append(labels % size)
        labels = labels.div(size, rounding_mode="floor")
    return found[::-1]
