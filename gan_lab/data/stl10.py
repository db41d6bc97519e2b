"""STL-10: few labelled photos and many without labels, from its binary files."""

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torchvision.datasets
from torch import Tensor

from gan_lab.data.named import NamedImages
from gan_lab.data.published_files import PublishedFile
from gan_lab.utils.errors import DamagedFileError
from gan_lab.utils.files import open_regular, read_regular

SIDE = 96
PIXELS = 3 * SIDE * SIDE  # bytes of an image, of which each channel is written column by column
LARGEST = 1 << 32  # bytes of the archive, and of all that it holds; they have 2.6 and 3.2 billion
TORCHVISION = torchvision.datasets.STL10
MEMBERS = 8  # files in the archive


class STL10(NamedImages):
    """96x96 photos: 5,000 training and 8,000 test images in ten classes, and 100,000 without (Coates et al. 2011).

    Args:
        images: to train on: "labelled", "unlabelled" or "all" of them. The last two have no classes.
    """

    key = "stl10"
    title = "STL-10"
    page = "https://cs.stanford.edu/~acoates/stl10/"
    archive: ClassVar = PublishedFile("stl10_binary.tar.gz", f"{page}stl10_binary.tar.gz", TORCHVISION.tgz_md5, LARGEST)
    inside: ClassVar[str] = TORCHVISION.base_folder  # the folder in the archive
    checksums: ClassVar = dict((*TORCHVISION.train_list, *TORCHVISION.test_list))  # md5 of the files in it

    def __init__(self, *, images: Literal["labelled", "unlabelled", "all"], **options: Any) -> None:
        self.images = images
        self.classes = 10 if images == "labelled" else 1
        self.title = "STL-10" if images == "labelled" else f"STL-10 with data.images={images}"
        super().__init__(**options)

    @cached_property
    def folder(self) -> Path:
        """The unpacked folder; errors as of `Shelf.unpack`."""
        return self.shelf.unpack(self.archive, self.inside, largest=LARGEST, count=MEMBERS)

    def files(self) -> list[PublishedFile]:
        """The archive, or nothing where it has been unpacked."""
        return [] if self.shelf.find(self.inside) else [self.archive]

    def prepare_data(self) -> None:
        """Fetch and unpack the archive, and hold the unpacked files against their checksums; once per machine.

        Raises:
            UserError: a file is missing or damaged, and can't be had.
        """
        super().prepare_data()
        for split in ("train", "test"):
            for part in self._parts(split):
                self._member(f"{part}_X.bin")
        self._member("train_y.bin")
        self._member("test_y.bin")

    def arrays(self, split: str) -> tuple[Tensor, Tensor]:
        """Load images uint8 (n, 3, 96, 96) and labels int64 (n,), which are 0 where some images have none."""
        self.class_names = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"]
        pixels = torch.from_numpy(np.concatenate([self._images(part) for part in self._parts(split)]))
        if self.classes == 1:
            return pixels, torch.zeros(len(pixels), dtype=torch.long)
        labels = np.frombuffer(read_regular(self._member(f"{split}_y.bin")), np.uint8)
        if len(labels) != len(pixels):
            raise DamagedFileError(f"{self.folder}: {len(pixels):,} {split} images and {len(labels):,} labels")
        return pixels, torch.from_numpy(labels.astype(np.int64)) - 1  # the files count from 1

    def _parts(self, split: str) -> list[str]:
        """The beginnings of the names of the files that hold a split's images."""
        if split == "test":
            return ["test"]
        return {"labelled": ["train"], "unlabelled": ["unlabeled"], "all": ["train", "unlabeled"]}[self.images]

    def _images(self, part: str) -> np.ndarray:
        path = self._member(f"{part}_X.bin")
        open_regular(path).close()  # a pipe would have numpy wait
        values = np.memmap(path, np.uint8, "r")
        if len(values) % PIXELS:
            raise DamagedFileError(f"{path} is truncated: {len(values):,} bytes instead of {PIXELS:,} an image")
        return np.ascontiguousarray(values.reshape(-1, 3, SIDE, SIDE).transpose(0, 1, 3, 2))

    def _member(self, name: str) -> Path:
        return self.shelf.member(self.folder, PublishedFile(name, "", self.checksums[name], LARGEST))
