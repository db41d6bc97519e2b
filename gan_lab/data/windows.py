"""The range of pixel values that becomes black to white, or -1 to 1."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan_lab.data.formats import alone_if_large, formats, is_wide
from gan_lab.data.sources import OWN, Source
from gan_lab.data.threads import attempts
from gan_lab.utils import depth
from gan_lab.utils.depth import Depth, Kind, Limits

Pixels = NDArray[np.uint8]
FAINT = 32  # of 255: a smaller range of values shows next to nothing
STRAY = 0.0005  # of the pixels, at either end of the range, that don't count


class Window:
    """The range of pixel values that is stretched from black to white, or kept and given to networks as -1 to 1.

    Pixels of 8 bits have a range of their own, and keep it unless limits are given. Those of 16 or 32 bits and floating
    points have none that is known: a scan may fill 12 of 16 bits. The range of all of some files together is theirs, so
    that images stay comparable.

    Args:
        limits: lowest and highest value, of all images; None finds those of wide pixels when the first is met.
        files: that hold the range, the training files say.
        kind: of the depth that images are kept at: 8 bits, 16, or "float", which have one range for all files.
        source: of the files.
        of_all: take the range of files that Pillow cuts to 8 bits, too: those are decoded otherwise.

    Raises:
        ValueError: the limits are in the wrong order, or none that the depth holds.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        files: Sequence[Path] = (),
        *,
        kind: Kind = 8,
        source: Source = OWN,
        of_all: bool = False,
    ) -> None:
        if limits and not limits[0] < limits[1]:
            raise ValueError(f"data.window={list(limits)}: the first value must be below the second")
        self.fixed = limits is not None
        self.limits = (float(limits[0]), float(limits[1])) if limits else None
        self.files = files
        self.kind: Kind = kind
        self.source = source
        self.of_all = of_all or kind != 8
        self._lock = Lock()
        depth.of(kind, self.limits)

    @property
    def depth(self) -> Depth:
        """The depth of the images; errors as of `depth.of`."""
        return depth.EIGHT if self.kind == 8 else depth.of(self.kind, self.known())

    def of(self, image: Image.Image) -> Limits | None:
        """The limits for an image that is opened and not loaded; None where its pixels stay as they are."""
        return self.of_values(not is_wide(image))

    def of_values(self, is_narrow: bool) -> Limits | None:
        """The limits for an image whose values have 8 bits, or more; None where they stay as they are."""
        if not self.fixed and is_narrow and self.kind == 8:
            return None
        return self.known()

    def known(self) -> Limits:
        """The limits, found in the files where none were given; at a depth other than 8, those of 8 bits by default."""
        with self._lock:
            if self.limits is None:
                found = value_range(self.files, self.source, of_all=self.of_all)
                self.limits = depth.EIGHT.window if self.kind != 8 and found == (0.0, 0.0) else found
            return self.limits


def value_range(files: Sequence[Path], source: Source = OWN, *, of_all: bool = False) -> Limits:
    """The lowest and highest value of all wide pixels in files; damaged files have none, nor have NaN and infinity.

    Args:
        files: by their names in the source.
        source: that holds them.
        of_all: as of `Window`.
    """

    def extremes(path: Path) -> Limits | None:
        array: Any = source.array(path) if of_all or source.holds_array(path) else None
        if array is None:
            with source.open(path) as file, Image.open(file, formats=formats()) as image:
                if not is_wide(image):
                    return None
                with alone_if_large(image):
                    array = np.asarray(image)
        if array.dtype == np.uint8:
            return None
        values = array[np.isfinite(array)]
        return (float(values.min()), float(values.max())) if values.size else None

    found = [limits for limits in attempts(files, extremes) if limits and not isinstance(limits, Exception)]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else (0.0, 0.0)


def stretched(values: NDArray[np.float64], limits: Limits) -> Pixels:
    """Map the first limit to 0 and the second to 255; what has no value is black."""
    low, high = limits
    scaled = (np.nan_to_num(values, nan=low) - low) * (255 / (high - low or 1))
    pixels: Pixels = np.rint(scaled.clip(0, 255)).astype(np.uint8)
    return pixels


def faint(histogram: NDArray[np.int64], limits: Limits | None) -> str | None:
    """A warning where nearly all pixels of all images have nearly the same value."""
    shares = histogram.cumsum() / histogram.sum()
    low, high = int(np.searchsorted(shares, STRAY)), int(np.searchsorted(shares, 1 - STRAY))
    if high - low >= FAINT:
        return None
    black, white = limits or (0, 255)
    ends = [f"{black + value * (white - black) / 255:g}" for value in (low, high if high > low else high + 1)]
    return (
        f"nearly all pixels of the images lie between {low} and {high} of 255, where next to nothing can be seen; "
        f"data.window=[{','.join(ends)}] stretches this range from black to white"
    )
