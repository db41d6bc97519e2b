"""Images from elsewhere, to be evaluated."""

import logging
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_lab.data import image_files, listing
from gan_lab.runs.checkpoint_io import tensor_in_memory
from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.files import open_regular

log = logging.getLogger(__name__)

FORM = "uint8 (n, 1 or 3, height, width)"


def load(source: Path, channels: int) -> Tensor:
    """Load images uint8 (n, channels, height, width) from a folder of images, or from a .pt or .npy file.

    Loading executes no code from the file. The images in a .pt or .npy file stay as they are.

    Args:
        source: the folder or file.
        channels: of the dataset; image files are read as grey or RGB accordingly.

    Raises:
        UserError: the source is missing, or holds anything else.
    """
    if source.is_dir():
        return _folder(source, channels)
    if not source.exists():
        raise UserError(f"{source}: no such file or folder")
    readers = {".pt": _tensor, ".npy": _array}
    if source.suffix not in readers:
        raise UserError(f"{source}: not a run folder, a folder of images, or a .pt or .npy file")
    try:
        images = readers[source.suffix](source)
    except Exception as error:  # readers raise almost any type
        raise UserError(f"{source} can't be read as images {FORM}: {reason(error)}") from error
    if not isinstance(images, Tensor):
        raise UserError(f"{source} must hold images {FORM}, not {type(images).__name__}")
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] not in (1, 3) or not images.numel():
        kind = str(images.dtype).removeprefix("torch.")
        raise UserError(f"{source} must hold images {FORM}, not {kind} {tuple(images.shape)}")
    if channels == 3 and images.shape[1] == 1:
        raise UserError(f"{source} holds grey images, but the dataset is RGB")
    return images


def _tensor(source: Path) -> object:
    with open_regular(source) as file:
        content: object = torch.load(file, map_location="cpu", weights_only=True)
    return tensor_in_memory(content) if isinstance(content, Tensor) else content


def _array(source: Path) -> object:
    with open_regular(source) as file:
        if file.read(6) != b"\x93NUMPY":
            raise ValueError("not a .npy file")
        file.seek(0)
        return torch.from_numpy(np.load(file, allow_pickle=False))


def _folder(source: Path, channels: int) -> Tensor:
    """Load all images at any depth; they must be of one size, as resizing would change their scores."""
    files = listing.find(source)
    sizes: dict[tuple[int, int], Path] = {}
    for path in files:
        try:
            with open_regular(path) as file, Image.open(file, formats=image_files.formats()) as image:
                sizes.setdefault(image.size, path)
        except Exception:  # damaged: `decode` warns, and leaves the file out
            continue
    if len(sizes) > 1:
        first, second = (f"{path.relative_to(source)} has {size[0]}x{size[1]}" for size, path in [*sizes.items()][:2])
        raise UserError(f"{source}: the images must be of one size, but {first} pixels and {second}")
    width, height = next(iter(sizes), (1, 1))
    out = image_files.allocate(len(files), channels, (height, width), of=str(source))
    outcome = image_files.decode(files, out)
    for warning in outcome.warnings:
        log.warning("%s: %s", source, warning)
    return torch.from_numpy(out[: len(files) - len(outcome.damaged)])
