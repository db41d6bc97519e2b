"""Images between files and networks: uint8 in [0, 255] on disk, float in [-1, 1] in a network."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import torchvision.utils
from PIL import Image
from torch import Tensor

from gan_lab.utils.depth import shown
from gan_lab.utils.sizes import height_and_width

AT_ONCE = 1024  # images that are resized together: as floating points they take four times the memory


def to_float(images: Tensor) -> Tensor:
    """Map uint8 images in [0, 255] to float32 in [-1, 1], the range of a generator's tanh."""
    return images.float().sub_(255 / 2).mul_(2 / 255)


def to_uint8(images: Tensor) -> Tensor:
    """Map float images in [-1, 1] to uint8 in [0, 255], rounding to the nearest; the inverse of `to_float`."""
    return images.float().add(1).mul_(255 / 2).round_().clamp_(0, 255).byte()


def fit(images: Tensor, size: int | Sequence[int]) -> Tensor:
    """Bring uint8 images (n, channels, any height, any width) to a size, (height, width) or the side of a square.

    Up to four pixels a side are added as a black border, which keeps every pixel as it is; any other size is
    a bilinear resize.
    """
    wanted = height_and_width(size)
    down, across = (new - old for new, old in zip(wanted, images.shape[-2:], strict=True))
    if down == across == 0:
        return images
    if 0 <= down <= 8 and 0 <= across <= 8:
        top, left = down // 2, across // 2
        return F.pad(images, (left, across - left, top, down - top))
    resized = [
        F.interpolate(part.float(), wanted, mode="bilinear", antialias=True).round_().clamp_(0, 255).byte()
        for part in torch.split(images, AT_ONCE)
    ]
    return torch.cat(resized)


def centre(images: Tensor, size: int | Sequence[int]) -> Tensor:
    """The parts of a size, (height, width) or the side of a square, in the middle of images (n, channels, ...)."""
    height, width = height_and_width(size)
    top, left = (images.shape[-2] - height) // 2, (images.shape[-1] - width) // 2
    return images[..., top : top + height, left : left + width]


def grid(images: Tensor, columns: int, display: Sequence[int] | None = None) -> Tensor:
    """Tile images in [-1, 1] of shape (n, channels, height, width) into one uint8 (3, height', width').

    Args:
        images: of any number of channels.
        columns: images in a row.
        display: numbers of the channels that are looked at, as of `depth.shown`.
    """
    return tiled(to_uint8(shown(images, display)).cpu(), columns)


def tiled(pixels: Tensor, columns: int) -> Tensor:
    """Tile uint8 images (n, channels, height, width) into one (3, height', width')."""
    whole: Tensor = torchvision.utils.make_grid(pixels, nrow=columns, padding=2, pad_value=128)
    return whole


def save_png(image: Tensor, path: Path) -> None:
    """Write one image as a PNG file, in the form that `png` takes."""
    path.write_bytes(png(image))


def png(image: Tensor) -> bytes:
    """A PNG file's content for one image uint8 (1 to 4, height, width) or uint16 (1, height, width).

    One channel is grey and three are RGB; one more is alpha.
    """
    content = BytesIO()
    Image.fromarray(pixels(image)).save(content, format="PNG")
    return content.getvalue()


def pixels(image: Tensor) -> np.ndarray:
    """An image (channels, height, width) as others have it: (height, width, channels), or (height, width) if grey."""
    array: np.ndarray = image.cpu().permute(1, 2, 0).squeeze(2).contiguous().numpy()
    return array
