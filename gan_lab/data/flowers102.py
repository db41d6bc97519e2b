"""Flowers of 102 kinds, photos of any size."""

from typing import ClassVar

import torchvision.datasets

from gan_lab.data import matlab
from gan_lab.data.named_files import Listed, NamedFiles
from gan_lab.data.published_files import PublishedFile
from gan_lab.utils.errors import DamagedFileError

TORCHVISION = torchvision.datasets.Flowers102
HOME: str = TORCHVISION._download_url_prefix
LARGEST = 1 << 30  # bytes; the archive has 345 million


def _published(kind: str) -> PublishedFile:
    """A file by torchvision's list."""
    name, checksum = TORCHVISION._file_dict[kind]
    return PublishedFile(name, f"{HOME}{name}", checksum, LARGEST)


class Flowers102(NamedFiles):
    """Photos of flowers: 2,040 for training and 6,149 for testing, in 102 classes (Nilsback and Zisserman 2008).

    The published splits for training and for validation, ten images a class each, are both trained on.
    """

    key = "flowers102"
    title = "Flowers-102"
    page = HOME
    classes = 102
    archive = _published("image")
    inside = "jpg"
    largest = LARGEST
    count = 8189
    labels: ClassVar = _published("label")
    sets: ClassVar = _published("setid")
    parts: ClassVar = {"train": ("trnid", "valid"), "test": ("tstid",)}

    def tables(self) -> list[PublishedFile]:
        """The labels and the splits."""
        return [self.labels, self.sets]

    def listed(self) -> dict[str, Listed]:
        """The images of both splits in the order of their numbers."""
        self.class_names = list(TORCHVISION.classes)
        labels = matlab.read(self.path(self.labels), "labels")["labels"].reshape(-1)
        found = matlab.read(self.path(self.sets), *(name for names in self.parts.values() for name in names))
        splits = {}
        for split, names in self.parts.items():
            numbers = sorted(int(number) for name in names for number in found[name].reshape(-1))
            if numbers and not 1 <= numbers[0] <= numbers[-1] <= len(labels):
                raise DamagedFileError(f"{self.path(self.sets)} has images without a label")
            splits[split] = Listed(
                [self.folder / f"image_{number:05d}.jpg" for number in numbers],
                [int(labels[number - 1]) - 1 for number in numbers],  # the files count from 1
            )
        return splits
