"""Image sizes that a network reaches."""

from collections.abc import Mapping
from typing import TypeVar

Layout = TypeVar("Layout")


def quarter(image_size: int) -> int:
    """The side of the map that two doublings turn into the image.

    Raises:
        ValueError: the image is not a multiple of four pixels wide.
    """
    if image_size < 4 or image_size % 4:
        raise ValueError(
            f"this network doubles its map twice, so the image size must be a multiple of 4, not {image_size}"
        )
    return image_size // 4


def further_doublings(side: int, max_side: int | None) -> int:
    """The number of even halvings of a map, beyond those of `quarter`, until it is no wider than `max_side`.

    A linear layer to or from a map has a weight for each of its places, so it grows with the square of the image size.

    Args:
        side: of the map.
        max_side: the widest map that is wanted; None wants the map as it is, and so does a map of odd side.
    """
    count = 0
    while max_side is not None and side > max_side and side % 2 == 0:
        side, count = side // 2, count + 1
    return count


def doublings(image_size: int) -> int:
    """The number of doublings from a 4x4 map to the image.

    Raises:
        ValueError: no number of doublings makes a map of this size.
    """
    count = (image_size // 4).bit_length() - 1
    if count < 1 or 4 * 2**count != image_size:
        raise ValueError(
            f"this network doubles a 4x4 map, so the image size must be 8, 16, 32, 64, ..., not {image_size}"
        )
    return count


def halvings(image_size: int) -> int:
    """The number of even halvings until the side is between 4 and 7: 28 twice to 7, 32 three times to 4.

    Raises:
        ValueError: there is no such number, or it is 0.
    """
    side, count = image_size, 0
    while side >= 8 and side % 2 == 0:
        side, count = side // 2, count + 1
    if not 4 <= side <= 7 or count == 0:
        raise ValueError(
            "this network halves the image until 4 to 7 pixels are left, so the image size must be 4, 5, 6 or 7 "
            f"doubled once or more (28, 32, 64, ...), not {image_size}"
        )
    return count


def layout_for(image_size: int, layouts: Mapping[int, Layout]) -> Layout:
    """The layout for this image size.

    Args:
        image_size: of the images.
        layouts: by image size, in ascending order.

    Raises:
        ValueError: there is none.
    """
    if image_size not in layouts:
        *smaller, largest = layouts
        sizes = f"{', '.join(map(str, smaller))} or {largest}"
        raise ValueError(
            f"this network is laid out for some sizes, so the image size must be {sizes}, not {image_size}"
        )
    return layouts[image_size]
