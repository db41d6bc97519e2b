"""The base of published datasets: files that are fetched once become images and labels."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from gan_lab.data import image_files
from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.data.published_files import PublishedFile, Shelf
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import DamagedFileError, UserError
from gan_lab.utils.types import Download, SharedPath


class NamedImages(InMemoryDataModule):
    """A published dataset of labelled images.

    A subclass says which files there are, and makes arrays of them. What its options say about channels and classes is
    set before this constructor runs, which holds the configuration against it.

    Args:
        root: folder of all datasets. Files are looked for in `<root>/<key>` and in `<root>`, and downloaded to the
            first.
        download: download missing or damaged files.
    """

    key: ClassVar[str]  # the name of its folder below the root, and in records
    title: str  # as people call it
    page: ClassVar[str]  # where people find the files
    advice: ClassVar[str] = ""  # for who has to bring the files
    colours: int = 3  # channels of an image
    classes: int  # number of them

    def __init__(self, *, root: SharedPath, download: Download, **options: Any) -> None:
        super().__init__(**options)
        self.root = Path(root).expanduser()
        self.shelf = Shelf(self.root, self.key, title=self.title, page=self.page, download=download, advice=self.advice)
        self.class_names: list[str] = []  # by label, once a split is loaded
        if self.channels != self.colours:
            kind = "grey" if self.colours == 1 else "RGB"
            raise ValueError(f"{self.title} is {kind}: data.channels must be {self.colours}, not {self.channels}")
        if self.num_classes not in (1, self.classes):
            counted = f"{self.classes} classes" if self.classes > 1 else "no classes"
            other = f"{self.classes}, or 1 to ignore them" if self.classes > 1 else "1"
            raise ValueError(f"{self.title} has {counted}: data.num_classes must be {other}, not {self.num_classes}")

    @abstractmethod
    def files(self) -> Sequence[PublishedFile]:
        """The files that are needed."""

    @abstractmethod
    def arrays(self, split: str) -> tuple[Tensor, Tensor]:
        """Load images uint8 (n, channels, height, width) and labels int64 (n,), and set `class_names`.

        Args:
            split: "train" or "test".

        Raises:
            DamagedFileError: a file is not as it is published.
        """

    def prepare_data(self) -> None:
        """Verify every file, and download missing and damaged ones; once per machine.

        Raises:
            UserError: a file is missing or damaged, and can't be downloaded.
        """
        if self.root.exists():
            image_files.existing_folder(str(self.root), "data.root")
        self.shelf.provide(self.files())

    def load(self, split: str) -> LabelledImages:
        """Load a split, the same on every process; all labels are 0 where classes are ignored.

        Raises:
            UserError: a file is missing or damaged.
        """
        try:
            pixels, labels = self.arrays(split)
        except DamagedFileError as error:
            raise UserError(f"{error}. Replace or remove it.") from error
        except OSError as error:
            raise UserError(f"{error.filename} can't be read: {error.strerror}") from error
        return LabelledImages(pixels, self._known(labels, split))

    def describe(self) -> dict[str, object]:
        """The name, the source, the class names, and the number of images of each loaded split."""
        names = self.class_names if self.num_classes > 1 else []
        return {"name": self.key, "source": str(self.root), "substitute": False, **self._counts(), "classes": names}

    def path(self, file: PublishedFile) -> Path:
        """The path of a file that `prepare_data` has verified.

        Raises:
            UserError: it is gone.
        """
        return self.shelf.provide([file])[file.name]

    def _known(self, labels: Tensor, split: str) -> Tensor:
        """The labels, or zeros where they are ignored.

        Raises:
            UserError: a label is none of the dataset's.
        """
        if self.num_classes == 1:
            return torch.zeros(len(labels), dtype=torch.long)
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < self.classes:
            raise UserError(
                f"The {split} labels of {self.title} below {self.root} go from {int(labels.min())} to "
                f"{int(labels.max())}, and there are {self.classes} classes. Replace or remove its files."
            )
        return labels
