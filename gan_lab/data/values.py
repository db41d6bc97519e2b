"""Images of any depth and number of channels, decoded to the values that their files hold.

`image_files` decodes what most people have, 8 bits in grey or RGB. All else comes here: `data.depth=16|float`, other
numbers of channels, arrays, and medical files.
"""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageColor, ImageOps

from gan_lab.data import image_files
from gan_lab.data.array_files import Array
from gan_lab.data.augment import LUMA
from gan_lab.data.formats import GREY, alone_if_large, formats, is_wide
from gan_lab.data.image_files import BACKGROUND, Fit, Half, Picture, Whole
from gan_lab.data.sources import Source
from gan_lab.data.windows import Window, stretched
from gan_lab.utils.depth import Kind
from gan_lab.utils.sizes import height_and_width
from gan_lab.utils.types import ImageSize


def needed(kind: Kind, channels: int) -> bool:
    """True where all images are decoded here, whatever their files are."""
    return kind != 8 or channels not in (1, 3)


def read(
    path: Path,
    size: ImageSize,
    channels: int,
    *,
    source: Source,
    window: Window,
    background: str = BACKGROUND,
    fit: Fit = "crop",
    half: Half | None = None,
) -> Picture:
    """Decode one image to (channels, height, width), of the type of the window's depth.

    Values are cut to the window, then resized channel by channel. An image of the right size keeps every value.

    Args:
        path: its name in the source.
        size: (height, width), or the side of a square.
        channels: any number. Grey becomes RGB and RGB grey; of all else an image must have that many.
        source: that holds it.
        window: what becomes black and white, and the depth.
        background: colour under transparent pixels, and around the image where `fit` pads.
        fit: as of `image_files.fitted`.
        half: of an image with two side by side, the one to decode.

    Raises:
        Exception: the file is damaged or has other channels; the type depends on what decodes it.
    """
    array, pages = _values(path, channels, source, background)
    if half is not None:
        array = _half(array, half)
    height, width = array.shape[:2]
    codes = _coded(array, window)
    wanted = height_and_width(size)
    if (height, width) != wanted:
        fills = _fills(window, channels, background)
        resized = [_fitted(codes[:, :, index], wanted, fit, fills[index]) for index in range(channels)]
        codes = _rounded(np.stack(resized, 2), window)
    return Picture(np.ascontiguousarray(codes.transpose(2, 0, 1)), pages, hidden=False, size=(width, height))


def read_whole(
    path: Path, channels: int, *, source: Source, window: Window, side: int | None = None, background: str = BACKGROUND
) -> Whole:
    """Decode one image at its own size, or with its shorter side resized; the rest is as `read` has it."""
    codes = _coded(_values(path, channels, source, background)[0], window)
    if side:
        height, width = (max(1, round(length * side / min(codes.shape[:2]))) for length in codes.shape[:2])
        planes = [Image.fromarray(_plane(codes[:, :, index])) for index in range(channels)]
        resized = [np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC)) for plane in planes]
        codes = _rounded(np.stack(resized, 2), window)
    return Whole(np.ascontiguousarray(codes.transpose(2, 0, 1)), None, is_wide=codes.dtype != np.uint8)


def _values(path: Path, channels: int, source: Source, background: str) -> tuple[Array, int]:
    """The values of an image, (height, width, channels), and the number of its file's pages."""
    array = source.array(path, background)
    if array is not None:
        return with_channels(array.astype(array.dtype.newbyteorder("="), copy=False), channels), 1
    with source.open(path) as file, Image.open(file, formats=formats()) as image, alone_if_large(image):
        pages = image_files.pages(image)
        ImageOps.exif_transpose(image, in_place=True)
        if is_wide(image):
            return with_channels(np.asarray(image)[:, :, None], channels), pages
        mode = "L" if channels == 1 or (channels != 3 and image.mode in GREY) else "RGB"
        plain, _ = image_files.plain(image, mode, None, background)
        return with_channels(np.atleast_3d(np.asarray(plain)), channels), pages


def with_channels(array: Array, channels: int) -> Array:
    """An image (height, width, any) with a number of channels: grey becomes RGB, and RGB grey.

    Raises:
        ValueError: it has others.
    """
    own = array.shape[2]
    if own == channels:
        return array
    if own == 1 and channels == 3:
        return array.repeat(3, 2)
    if own == 3 and channels == 1:
        grey = np.atleast_3d(array @ LUMA)
        return (np.rint(grey) if array.dtype.kind in "ui" else grey).astype(array.dtype)
    raise ValueError(f"it has {own} channel{'s' * (own > 1)}, and data.channels={channels}")


def _half(array: Array, half: Half) -> Array:
    width = array.shape[1]
    if width % 2:
        raise ValueError(f"a width of {width} pixels, which is odd, has no two halves")
    return array[:, : width // 2] if half == "left" else array[:, width // 2 :]


def _coded(array: Array, window: Window) -> Array:
    """The values in the type of the window's depth, cut to the window; what is no number is at its lower end."""
    limits = window.of_values(array.dtype == np.uint8)
    if limits is None:
        return array
    if window.kind == 8:
        return stretched(array.astype(np.float64), limits)
    return _rounded(np.nan_to_num(array.astype(np.float64), nan=limits[0]), window)


def _rounded(values: Array, window: Window) -> Array:
    """Values of the window's depth of any others."""
    depth = window.depth
    if values.dtype == depth.array:
        return values
    cut = values.clip(*depth.window)
    return (np.rint(cut) if depth.is_whole else cut).astype(depth.array)


def _fills(window: Window, channels: int, background: str) -> list[Any]:
    """The value of the background in each channel."""
    colour = ImageColor.getrgb(background)[:3]
    shares = colour if channels == 3 else [round(float(np.dot(colour, LUMA)))] * channels
    if window.kind == 8:
        return list(shares)
    low, _ = window.depth.window
    return [low + share / 255 * window.depth.span for share in shares]


def _plane(codes: Array) -> Array:
    return codes if codes.dtype == np.uint8 else codes.astype(np.float32)


def _fitted(codes: Array, size: tuple[int, int], fit: Fit, fill: Any) -> Array:
    """One channel (height, width) at another size."""
    return np.asarray(image_files.fitted(Image.fromarray(_plane(codes)), size, fit, fill))
