"""Files whose pixels Pillow doesn't hold: arrays, and PNG and TIFF of several channels of more than 8 bits."""

import struct
from pathlib import PurePath
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

Array = NDArray[Any]  # (height, width, channels)
ENDING = ".npy"
PNG = b"\x89PNG\r\n\x1a\n"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
DEEP_COLOUR = (2, 6)  # PNG's colour types of three channels: RGB, and with alpha
OF_PILLOW = ("bool", "uint8", "uint16", "int32", "float32")  # types of a single channel that Pillow keeps
GREY = (0, 1)  # TIFF's photometric interpretations of channels that are no colours
LARGEST = 1 << 32  # bytes of an image


def read(file: BinaryIO, name: str, background: str = "white") -> Array | None:
    """The values of an image, (height, width, channels), where Pillow would lose some; None where it keeps all.

    Args:
        file: opened, at its beginning, where it is again if the result is None.
        name: of the file.
        background: colour under transparent pixels.

    Raises:
        Exception: the file is damaged, or its compression is not known; the type depends on the library.
    """
    if PurePath(name).suffix.lower() == ENDING:
        return _of_npy(file)
    head = file.read(26)
    file.seek(0)
    if head.startswith(PNG) and len(head) == 26 and head[24] == 16 and head[25] in DEEP_COLOUR:
        return _of_png(file, background)
    if head.startswith(TIFF):
        array = _of_tiff(file)
        file.seek(0)
        return array
    return None


def _of_npy(file: BinaryIO) -> Array:
    array = np.lib.format.read_array(file, allow_pickle=False, max_header_size=10_000)
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    if array.ndim not in (2, 3) or not array.size or array.dtype.kind not in "uif":
        raise ValueError(f"{array.dtype} {array.shape} is no image; (height, width) or (height, width, channels) is")
    return array if array.ndim == 3 else array[:, :, None]


def _of_png(file: BinaryIO, background: str) -> Array:
    """A PNG of 16 bits, uint16 (height, width, 3), laid over a background where it has alpha.

    Pillow unpacks 8 of the 16 bits: the upper ones of each pair of bytes, and the lower ones where it is told that
    these come first.
    """
    halves = []
    for order in "BL":
        file.seek(0)
        with Image.open(file, formats=["PNG"]) as image:
            mode = image.mode
            image.tile = [part._replace(args=f"{mode};16{order}") for part in image.tile]
            halves.append(np.array(image, np.uint16))
    upper, lower = halves
    pixels = upper * np.uint16(256) + lower
    if mode == "RGB":
        return pixels
    alpha = pixels[:, :, 3:] / 65535
    behind = np.array(ImageColor.getrgb(background)[:3]) * 257
    return np.rint(pixels[:, :, :3] * alpha + behind * (1 - alpha)).astype(np.uint16)


def _of_tiff(file: BinaryIO) -> Array | None:
    """The first page of a TIFF; None where Pillow keeps its values."""
    import tifffile  # most runs have no TIFF, and every program imports this module

    try:
        tiff = tifffile.TiffFile(file)
        page = tiff.pages.first
    except (tifffile.TiffFileError, IndexError, struct.error):
        return None  # Pillow says what is wrong
    samples, dtype = page.samplesperpixel, str(page.dtype)
    is_colour = samples in (3, 4) and dtype == "uint8" and page.photometric not in GREY
    if is_colour or (samples == 1 and dtype in OF_PILLOW) or page.dtype is None:
        return None
    if page.size * page.dtype.itemsize > LARGEST:
        raise ValueError(f"it promises {page.size:,} values, more than an image has")
    array = page.asarray()
    if page.axes == "SYX":
        array = array.transpose(1, 2, 0)
    if array.ndim not in (2, 3) or array.dtype.kind not in "uif":
        raise ValueError(f"a TIFF of {array.dtype} with the axes {page.axes} is no image")
    return array if array.ndim == 3 else array[:, :, None]
