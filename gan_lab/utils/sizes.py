"""Sizes of images: one number for squares or two for rectangles in YAML, (height, width) in code."""

from collections.abc import Sequence

FORM = "a whole number from 1 on, for squares, or two, [height,width]"


def checked(value: object) -> int | tuple[int, int]:
    """Take a value of an option for a size: a positive number, or a list of two.

    Raises:
        ValueError: it is neither.
    """
    lengths = value if isinstance(value, (list, tuple)) else [value, value]
    whole = [length for length in lengths if isinstance(length, int) and not isinstance(length, bool) and length > 0]
    if len(whole) != 2 or len(lengths) != 2:
        raise ValueError(FORM)
    return (whole[0], whole[1]) if isinstance(value, (list, tuple)) else whole[0]


def height_and_width(size: int | Sequence[int]) -> tuple[int, int]:
    """The normal form of a size, (height, width); one number is the side of a square.

    Raises:
        ValueError: these are no two positive numbers.
    """
    whole = checked(size)
    return (whole, whole) if isinstance(whole, int) else whole


def as_option(size: int | Sequence[int]) -> str:
    """A size as one writes it on a command line: 64 or [48,96]."""
    height, width = height_and_width(size)
    return str(height) if height == width else f"[{height},{width}]"


def by(size: int | Sequence[int]) -> str:
    """A size in a sentence, height first: 48x96."""
    return "x".join(map(str, height_and_width(size)))
