"""CIFAR-10 and CIFAR-100 in their binary versions, which hold bytes and nothing that could run."""

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from gan_lab.data import unpacking
from gan_lab.data.named import NamedImages
from gan_lab.data.published_files import PublishedFile
from gan_lab.utils.errors import DamagedFileError

SIDE = 32
PIXELS = 3 * SIDE * SIDE  # bytes of an image: all red values, then green, then blue
LARGEST = 1 << 28  # bytes of an archive, and of a file in it; they have 170 million and 154 million
HOME = "https://www.cs.toronto.edu/~kriz/"


class CIFAR10(NamedImages):
    """32x32 photos in ten classes: 50,000 training and 10,000 test images (Krizhevsky 2009)."""

    key = "cifar10"
    title = "CIFAR-10"
    page = f"{HOME}cifar.html"
    classes = 10
    archive: ClassVar = PublishedFile(
        "cifar-10-binary.tar.gz", f"{HOME}cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530", LARGEST
    )
    inside: ClassVar[str] = "cifar-10-batches-bin"  # the folder in the archive
    members: ClassVar[dict[str, tuple[str, ...]]] = {
        "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        "test": ("test_batch.bin",),
    }
    names_file = "batches.meta.txt"
    label_bytes = 1  # before the pixels of an image
    label_at = 0  # the one of them that is used

    def files(self) -> list[PublishedFile]:
        """The archive."""
        return [self.archive]

    def arrays(self, split: str) -> tuple[Tensor, Tensor]:
        """Load images uint8 (n, 3, 32, 32) and labels int64 (n,)."""
        archive = self.path(self.archive)
        members = [f"{self.inside}/{name}" for name in (*self.members[split], self.names_file)]
        contents = unpacking.read(archive, members, largest=LARGEST)
        self.class_names = contents.pop(members[-1]).decode().split()
        parts = []
        for name, content in contents.items():
            if not content or len(content) % (self.label_bytes + PIXELS):
                raise DamagedFileError(
                    f"{archive}: {name} is truncated, {len(content):,} bytes instead of {self.label_bytes + PIXELS:,} "
                    "an image"
                )
            parts.append(np.frombuffer(content, np.uint8).reshape(-1, self.label_bytes + PIXELS))
        records = torch.from_numpy(np.concatenate(parts))
        pixels = records[:, self.label_bytes :].reshape(-1, 3, SIDE, SIDE).contiguous()
        return pixels, records[:, self.label_at].long()


class CIFAR100(CIFAR10):
    """32x32 photos in 100 classes, or in 20 coarse ones of five: 50,000 training and 10,000 test images.

    Args:
        labels: "fine" for 100 classes, "coarse" for 20.
    """

    key = "cifar100"
    title = "CIFAR-100"
    archive = PublishedFile(
        "cifar-100-binary.tar.gz", f"{HOME}cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8", LARGEST
    )
    inside = "cifar-100-binary"
    members: ClassVar = {"train": ("train.bin",), "test": ("test.bin",)}
    label_bytes = 2  # the coarse one, then the fine one

    def __init__(self, *, labels: Literal["fine", "coarse"], **options: Any) -> None:
        self.classes = {"fine": 100, "coarse": 20}[labels]
        self.label_at = {"coarse": 0, "fine": 1}[labels]
        self.names_file = f"{labels}_label_names.txt"
        super().__init__(**options)
