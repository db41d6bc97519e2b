"""Published datasets of image files: an archive that is unpacked once and decoded as a folder of images is."""

from abc import abstractmethod
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from torch import Tensor

from gan_lab.data.decoded import Decoder
from gan_lab.data.image_files import BACKGROUND, Fit
from gan_lab.data.named import NamedImages
from gan_lab.data.published_files import PublishedFile
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import DamagedFileError, UserError
from gan_lab.utils.types import CachePath


class Listed(NamedTuple):
    """The files of a split, and the label of each."""

    files: list[Path]
    labels: list[int]


class NamedFiles(NamedImages):
    """A published dataset of image files, of any size, which are resized and cropped as `image_files.read` does.

    Args:
        cache: folder for decoded images that don't fit into memory.
        fit: how pictures get the shape of `image_size`: "crop", "pad" on white, or "stretch".
    """

    archive: ClassVar[PublishedFile]
    inside: ClassVar[str]  # the folder in the archive; its last name is that of the unpacked one
    largest: ClassVar[int]  # bytes of the unpacked files together, at most
    count: ClassVar[int]  # of the unpacked files

    def __init__(self, *, cache: CachePath, fit: Fit, **options: Any) -> None:
        super().__init__(**options)
        self.decoder = Decoder(
            cache=cache, size=self.image_size, channels=self.channels, window=None, background=BACKGROUND, fit=fit
        )
        self.damaged: dict[str, int] = {}  # number of files by split

    @abstractmethod
    def tables(self) -> list[PublishedFile]:
        """The files beside the archive."""

    @abstractmethod
    def listed(self) -> dict[str, Listed]:
        """The files and labels of the splits "train" and "test"; sets `class_names`.

        Raises:
            DamagedFileError: a file is not as it is published.
        """

    @cached_property
    def folder(self) -> Path:
        """The folder of the unpacked images; errors as of `Shelf.unpack`."""
        return self.shelf.unpack(self.archive, self.inside, largest=self.largest, count=self.count)

    @cached_property
    def listing(self) -> dict[str, Listed]:
        """The files and labels that each split uses: "train", "test" and, if there is one, "validation".

        Raises:
            UserError: a file is missing or damaged.
        """
        try:
            splits = self.listed()
        except DamagedFileError as error:
            raise UserError(f"{error}. Replace or remove it.") from error
        for files, _ in splits.values():
            if lacking := next((path for path in files if not path.is_file()), None):
                raise UserError(
                    f"{self.folder} lacks {lacking.relative_to(self.folder)} of {self.title}. Remove the folder; the "
                    "next run unpacks it again."
                )
        if self.validation_count or self.train_count is not None:
            files, labels = splits["train"]
            for split, indices in self.split_indices(len(files)).items():
                splits[split] = Listed([files[index] for index in indices], [labels[index] for index in indices])
        return splits

    def files(self) -> list[PublishedFile]:
        """The tables, and the archive unless it has been unpacked."""
        unpacked = self.shelf.find(Path(self.inside).name)
        return [*self.tables(), *([] if unpacked else [self.archive])]

    def prepare_data(self) -> None:
        """Fetch and unpack what is missing, and decode images that don't fit into memory; once per machine.

        Raises:
            UserError: a file is missing or damaged, and can't be had.
        """
        super().prepare_data()
        self.decoder.prepare(self.folder, self.listing["train"].files, processes=self._processes_here)

    def arrays(self, split: str) -> tuple[Tensor, Tensor]:
        """Load images uint8 (n, 3, height, width) and labels int64 (n,), without damaged files."""
        files, labels = self.listing[split]
        if not files:
            raise UserError(f"no image of {self.title} is left for the {split} split")
        decoded = self.decoder.load(
            self.folder, files, processes=self._processes_here, quiet=self._rank > 0, say=self._note
        )
        self.damaged[split] = len(decoded.damaged)
        return decoded.labelled(labels)

    def load_stage(self, stage: str) -> dict[str, LabelledImages]:
        """Load the splits of a stage; validation files are chosen before decoding, as cached images stay in place."""
        return {split: self.load(split) for split in self.listing if (split == "test") == (stage == "test")}

    def describe(self) -> dict[str, object]:
        """As of `NamedImages`, with the number of damaged files of each loaded split, and of images in each class."""
        damaged = {f"{split}_damaged": count for split, count in self.damaged.items()}
        described = super().describe() | damaged
        if described["classes"]:
            sizes = Counter(self.listing["train"].labels)
            described["class_images"] = [sizes[label] for label in range(self.classes)]
        return described
