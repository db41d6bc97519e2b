"""Image sizes that a network reaches, by one number for squares or by height and width."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from gan_lab.utils.sizes import as_option, height_and_width

Layout = TypeVar("Layout")
Size = int | Sequence[int]
LEAST, MOST = 4, 7  # of the smallest map's shorter side


def quarter(image_size: Size) -> tuple[int, int]:
    """The height and width of the map that two doublings turn into the image.

    Raises:
        ValueError: a side of the image is not a multiple of four pixels.
    """
    height, width = height_and_width(image_size)
    if height % 4 or width % 4:
        raise ValueError(
            "this network doubles its map twice, so the image size must be a multiple of 4, not "
            f"{as_option(image_size)}"
        )
    return height // 4, width // 4


def further_doublings(sides: Size, max_side: int | None) -> int:
    """The number of even halvings of a map, beyond those of `quarter`, until it is no wider or higher than `max_side`.

    A linear layer to or from a map has a weight for each of its places, so it grows with the square of the image size.

    Args:
        sides: of the map.
        max_side: the longest side that is wanted; None wants the map as it is, and so does a map of an odd side.
    """
    height, width = height_and_width(sides)
    count = 0
    while max_side is not None and max(height, width) > max_side and height % 2 == width % 2 == 0:
        height, width, count = height // 2, width // 2, count + 1
    return count


def halved(sides: Size, count: int) -> tuple[int, int]:
    """The sides of a map after so many halvings, rounded up where they are odd."""
    height, width = height_and_width(sides)
    return -(-height // 2**count), -(-width // 2**count)


def doublings(image_size: Size) -> int:
    """The number of doublings from the smallest map to the image: from 4x4 to a square, else as `halvings` counts.

    Raises:
        ValueError: no number of doublings makes a map of this size.
    """
    height, width = height_and_width(image_size)
    count = _halvings(height, width)
    if count < 1 or (height == width and height != LEAST * 2**count):
        raise ValueError(
            f"this network doubles a 4x4 map, so the image size must be 8, 16, 32, 64, ..., not {as_option(image_size)}"
            if height == width
            else _of_oblongs("doubles a small map", image_size)
        )
    return count


def halvings(image_size: Size) -> int:
    """The number of even halvings until the shorter side is between 4 and 7: 28 twice to 7, 32 three times to 4.

    Raises:
        ValueError: there is no such number, or it is 0.
    """
    height, width = height_and_width(image_size)
    count = _halvings(height, width)
    if count < 1:
        raise ValueError(
            "this network halves the image until 4 to 7 pixels are left, so the image size must be 4, 5, 6 or 7 "
            f"doubled once or more (28, 32, 64, ...), not {as_option(image_size)}"
            if height == width
            else _of_oblongs("halves the image until 4 to 7 pixels of a side are left", image_size)
        )
    return count


def layout_for(image_size: Size, layouts: Mapping[int, Layout]) -> tuple[int, Layout]:
    """The side of the square that a layout is for, and the layout, for this image size.

    An oblong image takes the layout with as many doublings as it has from its smallest map, as `halvings` counts.

    Args:
        image_size: of the images.
        layouts: by the side of squares, in ascending order.

    Raises:
        ValueError: there is none.
    """
    height, width = height_and_width(image_size)
    side = height if height == width else LEAST * 2 ** halvings(image_size)
    if side not in layouts:
        *smaller, largest = layouts
        sizes = f"{', '.join(map(str, smaller))} or {largest}"
        oblong = "" if height == width else ", or oblongs whose sides halve as often"
        raise ValueError(
            f"this network is laid out for some sizes, so the image size must be {sizes}{oblong}, not "
            f"{as_option(image_size)}"
        )
    return side, layouts[side]


def _halvings(height: int, width: int) -> int:
    """The number of even halvings until the shorter side is small enough; 0 where there is none."""
    count = 0
    while min(height, width) > MOST and height % 2 == width % 2 == 0:
        height, width, count = height // 2, width // 2, count + 1
    return count if LEAST <= min(height, width) <= MOST else 0


def _of_oblongs(what: str, image_size: Size) -> str:
    return (
        f"this network {what}, so both sides of data.image_size must halve evenly until the shorter one is 4, 5, 6 or "
        f"7, as those of [48,96] or [96,128] do, not {as_option(image_size)}"
    )
