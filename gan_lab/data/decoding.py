"""Image files decoded in bulk, with one thread per core."""

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import UnidentifiedImageError
from tqdm import tqdm

from gan_lab.data import image_files, threads, values
from gan_lab.data.array_files import Array
from gan_lab.data.image_files import BACKGROUND, Fit, Half, Picture, Size
from gan_lab.data.sources import OWN, Source
from gan_lab.data.windows import Window, faint
from gan_lab.utils import memory
from gan_lab.utils.errors import UserError
from gan_lab.utils.sizes import by, height_and_width
from gan_lab.utils.types import ImageSize

MANY = 1000  # number of files from which on a progress bar is shown
WAITING = 1 << 28  # bytes of decoded images that may wait for those before them


class Outcome(NamedTuple):
    """Facts about decoded files.

    Args:
        damaged: the indices of the damaged ones.
        warnings: a line each.
        sizes: of the picture in each file, of those that are not damaged.
    """

    damaged: list[int]
    warnings: list[str]
    sizes: list[Size]


def allocate(count: int, channels: int, size: ImageSize, *, of: str, dtype: type[np.generic] = np.uint8) -> Array:
    """Memory for decoded images (count, channels, height, width) of a type.

    Raises:
        UserError: that much is not available; the message begins with `of`.
    """
    shape = count, channels, *height_and_width(size)
    needed, available = math.prod(shape) * np.dtype(dtype).itemsize, memory.available()
    if needed > available:
        raise UserError(
            f"{of}: {count:,} images of {by(size)} pixels need {needed / 1e9:,.1f} GB of memory, and "
            f"{available / 1e9:.1f} GB are available; take fewer or smaller images"
        )
    return np.empty(shape, dtype)


def decode(
    files: Sequence[Path],
    out: Array,
    *,
    window: Window | None = None,
    background: str = BACKGROUND,
    fit: Fit = "crop",
    half: Half | None = None,
    quiet: bool = False,
    source: Source = OWN,
) -> Outcome:
    """Decode files in their order, with one thread per core.

    Damaged files are left out, and a warning counts them and names the first. Others tell of pages that are not used,
    and of images that show next to nothing. A terminal shows a progress bar for many files.

    Args:
        files: the image files, by their names in the source.
        out: target, (len(files), channels, height, width), of the window's depth; rows left at its end stay as they
            are.
        window: what becomes black and white; None takes the range of these files' wide pixels.
        background: colour under transparent pixels, and of what padding adds.
        fit: how pictures get the shape of the target, as of `fitted`.
        half: of files with two images side by side, the one to decode.
        quiet: show no bar, as another process does.
        source: that holds the files.

    Raises:
        UserError: all files are damaged.
    """
    window = window or Window(files=files, source=source)
    damaged: dict[int, Exception] = {}
    stacks = pages = hidden = 0
    histogram = np.zeros(256, np.int64)
    sizes: list[Size] = []
    form: dict[str, Any] = {"size": out.shape[-2:], "channels": out.shape[1], "fit": fit, "half": half}
    form |= {"window": window, "background": background}
    chunk = max(1, min(threads.CHUNK, WAITING // out[:1].nbytes))
    images = threads.attempts(files, lambda path: _read(path, source, form), chunk)
    bar = tqdm(images, "Decoding", len(files), unit=" images", disable=True if quiet or len(files) < MANY else None)
    with warnings.catch_warnings():
        for module in ("PIL", "pydicom", "nibabel"):
            warnings.filterwarnings("ignore", module=module)  # about oddities in readable files
        for index, image in enumerate(bar):
            if isinstance(image, Exception):
                damaged[index] = image
                continue
            out[index - len(damaged)] = image.pixels
            sizes.append(image.size)
            histogram += np.bincount(_in_256_steps(image.pixels, window).ravel(), minlength=256)
            stacks, pages, hidden = stacks + (image.pages > 1), pages + image.pages, hidden + image.hidden
    sound, told = len(files) - len(damaged), []
    if damaged:
        told.append(threads.unreadable(files, damaged))
        if not sound:
            raise UserError(f"{told[0]}. No image is left.")
        told[0] += ". These files are left out."
    if stacks:
        told.append(
            f"{stacks:,} of {len(files):,} image files have several pages or frames; the first of each is used, and "
            f"{pages - sound:,} are not"
        )
    if hidden:
        other = "white" if background == "black" else "black"
        told.append(
            f"{hidden:,} of {len(files):,} images with transparent pixels can't be seen on {background}; "
            f"data.background={other} lays them on {other}"
        )
    if line := faint(histogram, window.limits):
        told.append(line)
    source.release()
    return Outcome(list(damaged), told, sizes)


def _read(path: Path, source: Source, form: dict[str, Any]) -> Picture:
    """Decode one image, by Pillow to 8 bits or as the values that its file holds."""
    window: Window = form["window"]
    if not values.needed(window.kind, form["channels"]) and not source.holds_array(path):
        try:
            return image_files.read(path, **form, opened=source.open)
        except UnidentifiedImageError:
            if source.array(path) is None:
                raise
    return values.read(path, **form, source=source)


def _in_256_steps(codes: Array, window: Window) -> Array:
    """Values of any depth as 8 bits of the window."""
    if codes.dtype == np.uint8:
        return codes
    low, _ = window.depth.window
    return ((codes - np.float32(low)) * np.float32(255 / window.depth.span)).astype(np.uint8)
