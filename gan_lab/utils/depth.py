"""The values of pixels: as files and memory hold them, and as a network sees them, in [-1, 1].

`data.depth` says how many values a pixel can have, and `data.window` which of them become -1 and 1. What lies outside
the window is cut to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Kind = Literal[8, 16, "float"]
Limits = tuple[float, float]
ARRAYS: dict[torch.dtype, type[np.generic]] = {
    torch.uint8: np.uint8,
    torch.uint16: np.uint16,
    torch.int16: np.int16,
    torch.float32: np.float32,
}


@dataclass(frozen=True)
class Depth:
    """The type of pixel values in memory and files, and their range.

    Args:
        dtype: uint8; uint16, or int16 where values may be negative; or float32.
        window: the values that become -1 and 1. Those of uint8 are 0 and 255: what a window makes of a file's values is
            decided when these become 8 bits.
    """

    dtype: torch.dtype = torch.uint8
    window: Limits = (0.0, 255.0)

    @property
    def array(self) -> type[np.generic]:
        """The type of values in numpy."""
        return ARRAYS[self.dtype]

    @property
    def is_whole(self) -> bool:
        """True where values are whole numbers."""
        return not self.dtype.is_floating_point

    @property
    def span(self) -> float:
        """The width of the window; 1 where all values are one."""
        low, high = self.window
        return high - low or 1.0

    def to_float(self, codes: Tensor) -> Tensor:
        """Map values of this depth to float32 in [-1, 1], the range of a generator's tanh."""
        low, high = self.window
        return codes.to(torch.float32, copy=True).sub_((low + high) / 2).mul_(2 / self.span)

    def to_codes(self, images: Tensor) -> Tensor:
        """Map float images in [-1, 1] to values of this depth, the inverse of `to_float`.

        Whole numbers are rounded to the nearest, so that each comes back as it was. Floating points come back to the
        precision of float32 in [-1, 1], about a 16-millionth of the window.
        """
        low, high = self.window
        values = images.float().add(1).mul_(self.span / 2).add_(low)
        if not self.is_whole:
            return values.clamp_(low, high)
        return values.round_().clamp_(low, high).to(torch.int32).to(self.dtype)

    def to_uint8(self, codes: Tensor) -> Tensor:
        """Map values of this depth to uint8 in [0, 255], to look at and to be scored; those of uint8 stay."""
        if self.dtype == torch.uint8:
            return codes
        return EIGHT.to_codes(self.to_float(codes))


EIGHT = Depth()


def of(kind: Kind, limits: Limits | None) -> Depth:
    """The depth that `data.depth` chooses.

    Args:
        kind: 8; 16, for unsigned values, or signed ones where the window begins below 0; or "float".
        limits: the window; None is 0 to 255.

    Raises:
        ValueError: 16 bits don't hold the window, or hold no values between.
    """
    if kind == 8:
        return EIGHT
    low, high = limits or EIGHT.window
    if kind == "float":
        return Depth(torch.float32, (low, high))
    dtype = torch.int16 if low < 0 else torch.uint16
    info = torch.iinfo(dtype)
    if low < info.min or high > info.max or low != int(low) or high != int(high):
        raise ValueError(
            f"data.depth=16 holds whole numbers from 0 to 65,535, or from -32,768 to 32,767, and the window is "
            f"[{low:g},{high:g}]; set data.window, or take data.depth=float"
        )
    return Depth(dtype, (low, high))


def shown(images: Tensor, display: Sequence[int] | None = None) -> Tensor:
    """The channels of images (n, channels, height, width) that are looked at and scored: one, grey, or three, RGB.

    Args:
        images: of any type.
        display: numbers of one or three channels, from 1 on; None takes grey and RGB as they are, of two channels the
            first, and of more than three the first three.

    Raises:
        ValueError: there is no such channel.
    """
    count = images.shape[1]
    if display is None:
        return images if count in (1, 3) else images[:, : 3 if count > 3 else 1]
    check_display(display, count)
    return images[:, [number - 1 for number in display]]


def check_display(display: Sequence[int] | None, channels: int) -> None:
    """Refuse numbers of channels that there are not, or of which no picture can be made.

    Raises:
        ValueError: naming them.
    """
    if display is not None and (len(display) not in (1, 3) or not all(1 <= number <= channels for number in display)):
        raise ValueError(
            f"data.display={list(display)}: must be the numbers of one channel or of three, each from 1 to {channels}"
        )
