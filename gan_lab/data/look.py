"""A look at one image: its shape, its mode, a hash of its pixels, a thumbnail."""

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps
from torch import Tensor

from gan_lab.data import image_files
from gan_lab.data.formats import alone_if_large, formats, is_wide
from gan_lab.data.sources import OWN, Source

THUMBNAIL = 64  # pixels a side


class Picture(NamedTuple):
    """Facts about a readable image.

    Args:
        width: of the upright picture.
        height: of it.
        mode: Pillow's name, such as RGB; of an array its type and number of channels.
        is_transparent: True where some pixels can be.
        content: a hash of all pixels; two images of one content are copies.
        thumbnail: uint8 (3, THUMBNAIL, THUMBNAIL), of those that were asked for.
    """

    width: int
    height: int
    mode: str
    is_transparent: bool
    content: bytes
    thumbnail: Tensor | None


def look(path: Path, *, source: Source = OWN, shown: Iterable[Path] = ()) -> Picture:
    """Decode an image, and note what it is.

    Raises:
        Exception: it is damaged or no image; the type depends on the decoder.
    """
    wanted = path in shown
    if (array := source.array(path)) is not None:
        height, width, channels = array.shape
        mode = f"{array.dtype.name} of {channels} channel{'s' * (channels > 1)}"
        small = _thumbnail(_as_picture(array)) if wanted else None
        return Picture(width, height, mode, False, _content(mode, array), small)
    with source.open(path) as file, Image.open(file, formats=formats()) as image, alone_if_large(image):
        image.load()
        upright = ImageOps.exif_transpose(image) if image.getexif().get(ExifTags.Base.Orientation) else image
        values = upright.convert("RGBA") if upright.mode in ("P", "PA") else upright
        content = _content(values.mode, np.asarray(values))
        small = _thumbnail(upright) if wanted else None
        return Picture(*upright.size, image.mode, image.has_transparency_data, content, small)


def _content(mode: str, values: np.ndarray) -> bytes:
    digest = blake2b(f"{mode} {values.shape}".encode(), digest_size=16)
    digest.update(values.astype(values.dtype.newbyteorder("="), "C", copy=False).tobytes())
    return digest.digest()


def _as_picture(array: np.ndarray) -> Image.Image:
    """The first channel of values (height, width, channels), or the first three, from the lowest to the highest."""
    values = np.nan_to_num(array[:, :, : 3 if array.shape[2] > 2 else 1].astype(np.float64))
    low, high = float(values.min()), float(values.max())
    pixels = np.rint((values - low) * (255 / (high - low or 1))).astype(np.uint8)
    return Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])


def _thumbnail(image: Image.Image) -> Tensor:
    """A small picture of a whole image, uint8 (3, THUMBNAIL, THUMBNAIL), on white."""
    if is_wide(image):
        image = _as_picture(np.asarray(image)[:, :, None])
    flat, _ = image_files.plain(image, "RGB", None, image_files.BACKGROUND)
    small = image_files.fitted(flat, THUMBNAIL, "pad")
    return torch.from_numpy(np.array(small)).permute(2, 0, 1)
