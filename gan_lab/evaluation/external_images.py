"""Images that somebody has drawn elsewhere, to be measured."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_lab.data import image_files
from gan_lab.utils.errors import UserError, reason

FORM = "uint8 (n, 1 or 3, height, width)"


def load(source: Path, channels: int) -> Tensor:
    """Images uint8 (n, channels, height, width) from a folder of images, or as they are in a .pt or .npy file.

    Reading executes nothing from the file.

    Args:
        source: the folder or file.
        channels: of the dataset; image files are read as grey or as RGB accordingly.

    Raises:
        UserError: it is missing, or holds something else.
    """
    if source.is_dir():
        return _folder(source, channels)
    if not source.exists():
        raise UserError(f"{source}: there is no such file or folder")
    readers = {".pt": _tensor, ".npy": _array}
    if source.suffix not in readers:
        raise UserError(f"{source}: neither a run folder, nor a folder of images, nor a .pt or .npy file")
    try:
        found = readers[source.suffix](source)
    except Exception as error:  # of almost any type
        raise UserError(f"{source} can't be read as images {FORM}: {reason(error)}") from error
    if not isinstance(found, Tensor):
        raise UserError(f"{source} must hold images {FORM}, not {type(found).__name__}")
    if found.dtype != torch.uint8 or found.dim() != 4 or found.shape[1] not in (1, 3):
        kind = str(found.dtype).removeprefix("torch.")
        raise UserError(f"{source} must hold images {FORM}, not {kind} {tuple(found.shape)}")
    if channels == 3 and found.shape[1] == 1:
        raise UserError(f"{source} holds grey images, but the dataset is RGB")
    return found


def _tensor(source: Path) -> object:
    found: object = torch.load(source, map_location="cpu", weights_only=True)
    return found


def _array(source: Path) -> object:
    with source.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise ValueError("it is no .npy file")
    return torch.from_numpy(np.load(source, allow_pickle=False))


def _folder(source: Path, channels: int) -> Tensor:
    """All images at any depth, which must be squares of one size: resizing them here would change their scores."""
    files = image_files.find(source)
    sizes: dict[tuple[int, int], Path] = {}
    for path in files:
        try:
            with Image.open(path, formats=image_files.formats()) as image:
                sizes.setdefault(image.size, path)
        except Exception:  # damaged: `decode` says so, and leaves it out
            continue
    if len(sizes) > 1:
        (one, this), (other, that) = ((size, path.relative_to(source)) for size, path in list(sizes.items())[:2])
        raise UserError(
            f"{source}: the images must be of one size, but {this} has {one[0]}x{one[1]} pixels and {that} "
            f"{other[0]}x{other[1]}"
        )
    width, height = next(iter(sizes), (1, 1))
    if width != height:
        raise UserError(f"{source}: the images must be square, not {width}x{height} pixels")
    out = np.empty((len(files), channels, height, width), dtype=np.uint8)
    damaged = image_files.decode(files, out)
    return torch.from_numpy(out[: len(files) - len(damaged)])
