"""Images in a memory-mapped file, of which those of a batch are asked for before they are needed.

A batch is spread over the whole file. Without a word the system reads its images one after the other, each when it is
touched, and with each what lies around it. Told which ones will be needed, it reads them at once, and only these.
"""

import mmap
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor

from gan_lab.data.array_files import Array

_MAPS: WeakValueDictionary[int, mmap.mmap] = WeakValueDictionary()  # by the address of the first image


def as_tensor(pixels: Array) -> Tensor:
    """A tensor in the memory of an array of images (n, ...), of which it stays known where that is a mapped file."""
    opened = getattr(pixels, "_mmap", None)
    if isinstance(pixels, np.memmap) and isinstance(opened, mmap.mmap) and hasattr(opened, "madvise"):  # not on Windows
        _MAPS[pixels.ctypes.data] = opened
    return torch.from_numpy(pixels)


def is_mapped(images: Tensor) -> bool:
    """True for a tensor of `as_tensor` in a mapped file, and for its first images."""
    return bool(_MAPS) and images.device.type == "cpu" and images.data_ptr() in _MAPS


def read_ahead(images: Tensor, chosen: Tensor) -> None:
    """Have the system read some images of a mapped file, and return at once.

    Args:
        images: for which `is_mapped` is true, (n, ...).
        chosen: their indices, int64 (k,).
    """
    opened, each = _MAPS[images.data_ptr()], images[:1].nbytes
    first = images.data_ptr() % mmap.PAGESIZE  # a map begins with a page, in which numpy's header comes first
    for index in chosen.tolist():
        start = first + index * each
        page = start - start % mmap.PAGESIZE
        opened.madvise(mmap.MADV_WILLNEED, page, start + each - page)
