"""SVHN, cropped digits of house numbers, from its MATLAB files."""

from typing import Any, ClassVar

import numpy as np
import torch
import torchvision.datasets
from torch import Tensor

from gan_lab.data import matlab
from gan_lab.data.named import NamedImages
from gan_lab.data.published_files import PublishedFile
from gan_lab.utils.errors import DamagedFileError

SIDE = 32
LARGEST = 1 << 31  # bytes; the largest file, of extra images, has 1.3 billion


def _published(split: str) -> PublishedFile:
    """A file by torchvision's list; the server answers https as well."""
    url, name, checksum = torchvision.datasets.SVHN.split_list[split]
    return PublishedFile(name, url.replace("http:", "https:"), checksum, LARGEST)


class SVHN(NamedImages):
    """32x32 photos of digits: 73,257 training and 26,032 test images, and 531,131 easier ones (Netzer et al. 2011).

    The files call the digit 0 class 10; here it is 0.

    Args:
        extra: True trains on the extra images as well.
    """

    key = "svhn"
    title = "SVHN"
    page = "http://ufldl.stanford.edu/housenumbers/"
    classes = 10
    published: ClassVar = {split: _published(split) for split in ("train", "test", "extra")}

    def __init__(self, *, extra: bool, **options: Any) -> None:
        super().__init__(**options)
        self.extra = extra

    def files(self) -> list[PublishedFile]:
        """The files of both splits, and of the extra images where they are wanted."""
        return [file for split, file in self.published.items() if split != "extra" or self.extra]

    def arrays(self, split: str) -> tuple[Tensor, Tensor]:
        """Load images uint8 (n, 3, 32, 32) and labels int64 (n,)."""
        self.class_names = [str(digit) for digit in range(self.classes)]
        parts = [self._read(part) for part in (split, *(("extra",) if split == "train" and self.extra else ()))]
        pixels, labels = (np.concatenate(kind) for kind in zip(*parts, strict=True))
        return torch.from_numpy(pixels), torch.from_numpy(labels) % self.classes

    def _read(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        path = self.path(self.published[split])
        values = matlab.read(path, "X", "y")
        images, labels = values["X"], values["y"].reshape(-1)
        if images.dtype != np.uint8 or images.shape != (SIDE, SIDE, 3, len(labels)):
            raise DamagedFileError(
                f"{path} is another file: X is {images.dtype} {images.shape}, and y has {len(labels)} labels"
            )
        return np.ascontiguousarray(images.transpose(3, 2, 0, 1)), labels.astype(np.int64)
