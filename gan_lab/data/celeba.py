"""CelebA: aligned and cropped faces of celebrities, with forty attributes."""

from typing import Any, ClassVar

import torchvision.datasets

from gan_lab.data.named_files import Listed, NamedFiles
from gan_lab.data.published_files import PublishedFile
from gan_lab.utils.categories import MOST_CLASSES, Categories, combinations
from gan_lab.utils.errors import DamagedFileError, UserError, nearest
from gan_lab.utils.files import read_regular

DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="  # of a file, in place of a page
SPLITS = {"train": 0, "test": 2}  # as list_eval_partition.txt numbers them; 1 is for validation
LARGEST_TABLE = 1 << 26  # bytes; that of the attributes has 27 million
LARGEST = 1 << 31  # bytes; the images have 1.4 billion


def _published(name: str, largest: int) -> PublishedFile:
    """A file by torchvision's list."""
    file, checksum, _ = next(entry for entry in torchvision.datasets.CelebA.file_list if entry[2] == name)
    return PublishedFile(name, f"{DRIVE}{file}", checksum, largest)


class CelebA(NamedFiles):
    """Photos of 178x218 pixels: 162,770 for training and 19,962 for testing, as published (Liu et al. 2015).

    Args:
        attributes: names of attributes, such as Male and Smiling. Each combination is a class: with two of them 0 is
            neither, 1 the first, 2 the second, 3 both. Without any there are no classes.
        num_classes: number of combinations; or a 2 for each attribute, for networks that see each for itself; 1
            ignores them.

    Raises:
        ValueError: there are too many attributes, or one twice, or another number of classes.
    """

    key = "celeba"
    title = "CelebA"
    page = "http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (Align&Cropped Images)"
    advice = "Google Drive, where its authors keep it, often refuses programs, and rarely people with a browser"
    archive = _published("img_align_celeba.zip", LARGEST)
    inside = "img_align_celeba"
    largest = LARGEST
    count = 202_599
    partition: ClassVar = _published("list_eval_partition.txt", LARGEST_TABLE)
    table: ClassVar = _published("list_attr_celeba.txt", LARGEST_TABLE)

    def __init__(self, *, attributes: list[str], num_classes: Categories, **options: Any) -> None:
        self.attributes = list(attributes)
        if len({*attributes}) != len(attributes):
            raise ValueError(f"data.attributes={self.attributes}: name each attribute once")
        if 2 ** len(attributes) > MOST_CLASSES:
            raise ValueError(
                f"data.attributes: {len(attributes)} attributes have {2 ** len(attributes):,} combinations, too many "
                f"to draw and to count; choose {MOST_CLASSES.bit_length() - 1} at most"
            )
        if not isinstance(num_classes, int) and [*num_classes] != [2] * len(attributes):
            raise ValueError(
                f"data.num_classes={[*num_classes]}: each of CelebA's attributes has two values, and data.attributes "
                f"has {len(attributes)}: set data.num_classes=[{','.join('2' * len(attributes))}]"
            )
        self.classes = 2 ** len(self.attributes)
        self.title = "CelebA" + (f" with data.attributes={self.attributes}" if self.attributes else "")
        super().__init__(num_classes=combinations(num_classes), **options)

    def tables(self) -> list[PublishedFile]:
        """The partition, and the attributes where some are wanted."""
        return [self.partition, *([self.table] if self.attributes else [])]

    def listed(self) -> dict[str, Listed]:
        """The images of both splits, with the combination of their attributes as label."""
        splits: dict[str, Listed] = {split: Listed([], []) for split in SPLITS}
        labels = self._labels()
        for line, row in enumerate(self._rows(self.partition), 1):
            if len(row) != 2 or row[1] not in ("0", "1", "2"):
                raise DamagedFileError(f"{self.path(self.partition)}: line {line} is no file name and number")
            for split, number in SPLITS.items():
                if int(row[1]) == number:
                    if labels and row[0] not in labels:
                        raise DamagedFileError(f"{self.path(self.table)} lacks {row[0]}")
                    splits[split].files.append(self.folder / row[0])
                    splits[split].labels.append(labels.get(row[0], 0))
        return splits

    def _labels(self) -> dict[str, int]:
        """The label of each file by its name; nothing where no attributes are wanted."""
        if not self.attributes:
            return {}
        names, *rows = self._rows(self.table)[1:]  # the first line counts the images
        if unknown := [name for name in self.attributes if name not in names]:
            raise UserError(f"data.attributes: CelebA has no {unknown[0]}. {nearest(unknown[0], names)}")
        columns = [1 + names.index(name) for name in self.attributes]
        self.class_names = [self._class_name(label) for label in range(self.classes)]
        labels = {}
        for line, row in enumerate(rows, 3):
            if len(row) != 1 + len(names) or not set(row[1:]) <= {"1", "-1"}:
                raise DamagedFileError(
                    f"{self.path(self.table)}: line {line} is no file name with {len(names)} numbers, 1 or -1"
                )
            labels[row[0]] = sum((row[column] == "1") << bit for bit, column in enumerate(columns))
        return labels

    def _class_name(self, label: int) -> str:
        """The attributes with + or -: "+Male -Smiling"."""
        return " ".join(f"{'+' if label >> bit & 1 else '-'}{name}" for bit, name in enumerate(self.attributes))

    def _rows(self, file: PublishedFile) -> list[list[str]]:
        content = read_regular(self.path(file), LARGEST_TABLE).decode("utf-8", "replace")
        return [line.split() for line in content.splitlines() if line.strip()]
