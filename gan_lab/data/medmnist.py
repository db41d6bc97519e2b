"""MedMNIST: small medical images, from its .npz files."""

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from gan_lab.data import npz
from gan_lab.data.medmnist_table import SUBSETS
from gan_lab.data.named import NamedImages
from gan_lab.data.published_files import PublishedFile
from gan_lab.utils.errors import DamagedFileError

HOME = "https://zenodo.org/records/10519652"
LARGEST = 1 << 34  # bytes; the largest files, of 224 pixels, have more than ten billion
Name = Literal[
    "pathmnist",
    "chestmnist",
    "dermamnist",
    "octmnist",
    "pneumoniamnist",
    "retinamnist",
    "breastmnist",
    "bloodmnist",
    "tissuemnist",
    "organamnist",
    "organcmnist",
    "organsmnist",
]


class MedMNIST(NamedImages):
    """A dataset of MedMNIST's images of two dimensions (Yang et al. 2023, arXiv:2110.14795), with its own splits.

    Args:
        subset: which of them. Images of chestmnist have several labels or none, so it has no classes here.
        resolution: side of the published images; they are resized to `image_size`.
    """

    key = "medmnist"
    page = HOME

    def __init__(self, *, subset: Name, resolution: Literal[28, 64, 128, 224], **options: Any) -> None:
        known = SUBSETS[subset]
        self.title = f"MedMNIST with data.subset={subset}"
        self.colours = known.channels
        self.classes = 1 if known.several else len(known.classes)
        self.names = [] if known.several else list(known.classes)
        self.resolution = resolution
        file = f"{subset}.npz" if resolution == 28 else f"{subset}_{resolution}.npz"
        self.file = PublishedFile(file, f"{HOME}/files/{file}?download=1", known.checksums[resolution], LARGEST)
        super().__init__(**options)

    def files(self) -> list[PublishedFile]:
        """The file of the chosen dataset and size."""
        return [self.file]

    def arrays(self, split: str) -> tuple[Tensor, Tensor]:
        """Load images uint8 (n, channels, resolution, resolution) and labels int64 (n,)."""
        self.class_names = self.names
        path, side = self.path(self.file), self.resolution
        images, labels = npz.read(path, f"{split}_images", f"{split}_labels")
        shape = (len(labels), side, side) if self.colours == 1 else (len(labels), side, side, 3)
        if images.dtype != np.uint8 or images.shape != shape:
            raise DamagedFileError(f"{path}: {split}_images is {images.dtype} {images.shape}, not uint8 {shape}")
        pixels = torch.from_numpy(images).reshape(len(labels), side, side, self.colours).permute(0, 3, 1, 2)
        classes = labels.reshape(len(labels), -1)[:, 0]
        return pixels.contiguous(), torch.from_numpy(classes.astype(np.int64))
