"""Images packed into one array as a source: a `.npy` file, or an `.npz` as `gan-lab dataset pack` writes it."""

import zipfile
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gan_lab.data.archives import damaged
from gan_lab.data.array_files import Array
from gan_lab.data.listing import Say
from gan_lab.data.sources import Source
from gan_lab.data.unpacking import ERRORS
from gan_lab.utils import memory
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import open_regular


class Arrays(Source):
    """Images in one array.

    A name is the number of an image, inside a folder of its class where an `.npz` has labels.

    `.npy`: images (n, height, width) or (n, height, width, channels).
    `.npz`: `images` like that, and perhaps `labels`, whole numbers (n,), and `classes`, the names by label.
    """

    @cached_property
    def _content(self) -> tuple[Array, Array | None, list[str]]:
        try:
            loaded = self._load()
        except (OSError, KeyError, *ERRORS) as error:
            raise damaged(self.root, self.root.suffix[1:], error) from error
        images, labels, classes = loaded
        if images.ndim not in (3, 4) or not len(images) or images.dtype.kind not in "uif":
            raise UserError(
                f"{self.root}: its images are {images.dtype} {images.shape}, and must be numbers of the shape "
                "(n, height, width) or (n, height, width, channels)"
            )
        if labels is not None:
            if labels.shape != images.shape[:1] or labels.dtype.kind not in "ui" or labels.min() < 0:
                raise UserError(
                    f"{self.root}: its labels are {labels.dtype} {labels.shape}, and must be {len(images):,} whole "
                    "numbers from 0 on, one for each image"
                )
            highest = int(labels.max())
            if classes and highest >= len(classes):
                raise UserError(f"{self.root}: has labels up to {highest}, and names for {len(classes)} classes only")
        return images, labels, classes

    def _load(self) -> tuple[Array, Array | None, list[str]]:
        with open_regular(self.root) as file:  # a pipe would have numpy wait
            if self.root.suffix.lower() == ".npy":
                return np.load(self.root, mmap_mode="r", allow_pickle=False), None, []
            with zipfile.ZipFile(file) as archive:
                sizes = {info.filename: info.file_size for info in archive.infolist()}
            if (needed := sizes.get("images.npy", 0)) > memory.available():
                raise UserError(
                    f"{self.root}: its images take {needed / 1e9:,.1f} GB of memory, and "
                    f"{memory.available() / 1e9:.1f} GB are available; save them as a .npy file, which is read in parts"
                )
            file.seek(0)
            with np.load(file, allow_pickle=False) as content:
                labels = content["labels"].reshape(-1) if "labels" in content else None
                names = [str(name) for name in content["classes"]] if "classes" in content else []
                return content["images"], labels, names

    def _files(self, say: Say) -> list[Path]:
        images, labels, names = self._content
        digits = len(str(len(images) - 1))
        numbers = [f"{index:0{digits}}" for index in range(len(images))]
        if labels is None:
            return [self.root / number for number in numbers]
        names = [name.replace("/", "_") for name in names] or [str(label) for label in range(int(labels.max()) + 1)]
        there = set(labels.tolist())
        self.classes = [name for label, name in enumerate(names) if label in there]
        return sorted(self.root / names[label] / number for label, number in zip(labels, numbers, strict=True))

    def open(self, path: Path) -> BinaryIO:
        """Nothing is opened: images are arrays."""
        raise OSError("no file of its own")

    def array(self, path: Path, background: str = "white") -> Array:
        """The values of an image, (height, width, channels)."""
        image = np.asarray(self._content[0][int(path.name)])
        return image if image.ndim == 3 else image[:, :, None]

    def holds_array(self, path: Path) -> bool:
        """True for all."""
        return True

    @cached_property
    def _own_state(self) -> tuple[int, int]:
        status = self.root.stat()
        return status.st_size, status.st_mtime_ns

    def state(self, path: Path) -> tuple[int, int]:
        """Size and time of the whole file."""
        return self._own_state
