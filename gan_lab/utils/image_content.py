"""The content of image files at the depth that pixels have: PNG where it holds them, TIFF or .npy where it doesn't."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import tifffile
import torch
from torch import Tensor

from gan_lab.utils import images

ENDINGS = (".png", ".tif", ".npy")
RGB = 2  # PNG's colour type


def ending(dtype: torch.dtype, channels: int, *, has_alpha: bool = False) -> str:
    """The ending of a file that holds an image exactly.

    PNG has grey and RGB of 8 and of 16 bits, and alpha. Other numbers of channels and signed values are TIFF, and
    floating points are arrays of numpy.

    Args:
        dtype: of the values.
        channels: all of them.
        has_alpha: the last channel is alpha.
    """
    if dtype.is_floating_point:
        return ".npy"
    is_png = channels - has_alpha in (1, 3) and (dtype == torch.uint8 or (dtype == torch.uint16 and not has_alpha))
    return ".png" if is_png else ".tif"


def of(image: Tensor, form: str) -> bytes:
    """The content of a file.

    Args:
        image: (channels, height, width), uint8, uint16, int16 or float32.
        form: one that `ending` gives.
    """
    if form == ".png" and image.dtype == torch.uint16 and len(image) == 3:
        return _png_of_16_bits(image)
    if form == ".png":
        return images.png(image)
    content = BytesIO()
    if form == ".npy":
        np.save(content, images.pixels(image))
    else:
        tifffile.imwrite(content, images.pixels(image), photometric="minisblack", planarconfig="contig", metadata=None)
    return content.getvalue()


def save(image: Tensor, path: Path, form: str) -> None:
    """Write an image as a file; arguments as of `of`."""
    path.write_bytes(of(image, form))


def _png_of_16_bits(image: Tensor) -> bytes:
    """RGB of 16 bits, which Pillow doesn't write: rows without a filter, compressed (ISO/IEC 15948)."""
    rows = image.permute(1, 2, 0).contiguous().numpy().astype(">u2")
    height, width, _ = rows.shape
    scanlines = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 16, RGB, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(scanlines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
