"""A folder of the user's images, whose subfolders are the classes."""

import logging
from collections import defaultdict
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch

from gan_lab.data import image_files
from gan_lab.data.decoded import Decoder
from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError
from gan_lab.utils.types import CachePath, InputPath, Share

log = logging.getLogger(__name__)


class Listing(NamedTuple):
    """The content of a folder: for each split its files and their labels, and the class names by label."""

    files: dict[str, list[Path]]
    labels: dict[str, list[int]]
    names: list[str]


class ImageFolder(InMemoryDataModule):
    """Images of any format and size, resized and cropped by `image_files.read`.

    Each immediate subfolder of `root` that holds images, at any depth, is a class; labels follow the sorted names.
    Without subfolders, or with `num_classes=1`, every image has label 0.

    Args:
        root: the folder.
        test_fraction: fraction of each class's files that forms the test split; 0.1 is every tenth.
        cache: folder for decoded images that don't fit into memory.
    """

    def __init__(self, *, root: InputPath, test_fraction: Share, cache: CachePath, **options: Any) -> None:
        super().__init__(**options)
        self.root = image_files.existing_folder(root, "data.root")
        self.test_fraction = test_fraction
        self.decoder = Decoder(cache=cache, size=self.image_size, channels=self.channels)
        self.damaged: dict[str, int] = {}  # number of files by split

    @cached_property
    def listing(self) -> Listing:
        """The files and labels of each split.

        Raises:
            UserError: the folder holds no images, or another number of classes than `num_classes`.
        """
        groups = defaultdict(list)
        for path in image_files.find(self.root):
            inside = path.relative_to(self.root).parts
            groups[inside[0] if len(inside) > 1 else ""].append(path)
        # Files beside the class folders belong to no class.
        names = sorted(name for name in groups if name) or [""]
        if self.num_classes not in (1, len(names)):
            actual = f"{len(names)} class folders" if len(names) > 1 else "no class folders"
            ignoring = ", or data.num_classes=1 to ignore them" if len(names) > 1 else ""
            raise UserError(f"data.root={self.root} has {actual}: set data.num_classes={len(names)}{ignoring}")
        labelled = self.num_classes > 1
        listing = Listing({"train": [], "test": []}, {"train": [], "test": []}, names if labelled else [])
        for label, name in enumerate(names if labelled else sorted(groups)):
            # Split by folder also without labels, so that all models share their test images.
            for split, files in zip(
                listing.files, image_files.split_files(groups[name], self.test_fraction), strict=True
            ):
                listing.files[split] += files
                listing.labels[split] += [label if labelled else 0] * len(files)
        if self.validation_count:
            files, labels = listing.files["train"], listing.labels["train"]
            for split, indices in self.split_indices(len(files)).items():
                listing.files[split] = [files[index] for index in indices]
                listing.labels[split] = [labels[index] for index in indices]
        if self._rank == 0:
            self._report(names, beside=len(groups[""]))
        return listing

    def prepare_data(self) -> None:
        """List the folder, and decode images that don't fit into memory; once per machine."""
        self.decoder.prepare(self.root, self.listing.files["train"], processes=self._processes_here)

    def load(self, split: str) -> LabelledImages:
        """Load images uint8 (n, channels, image_size, image_size) and labels int64 (n,), without damaged files.

        Raises:
            UserError: the split has no files, or only damaged ones.
        """
        files, labels = self.listing.files[split], self.listing.labels[split]
        if not files:
            raise UserError(
                f"data.test_fraction={self.test_fraction} leaves no image of {self.root} for the test split"
            )
        decoded = self.decoder.load(self.root, files, processes=self._processes_here, quiet=self._rank > 0)
        self.damaged[split] = len(decoded.damaged)
        readable = torch.ones(len(files), dtype=torch.bool)
        readable[decoded.damaged] = False
        return LabelledImages(decoded.images, torch.tensor(labels)[readable])

    def load_stage(self, stage: str) -> dict[str, LabelledImages]:
        """Load the splits of a stage; validation files are chosen before decoding, as cached images stay in place."""
        splits = [split for split in self.listing.files if (split == "test") == (stage == "test")]
        return {split: self.load(split) for split in splits}

    def describe(self) -> dict[str, object]:
        """The folder, the class names, and the numbers of images and damaged files of each loaded split."""
        counts = {f"{split}_images": len(labels) for split, (_, labels) in self.splits.items()}
        damaged = {f"{split}_damaged": count for split, count in self.damaged.items()}
        described = {"name": "image_folder", "source": str(self.root), "substitute": False, **counts, **damaged}
        return described | {"classes": self.listing.names}

    def _report(self, names: list[str], beside: int) -> None:
        """Log that images have no class, or that class folders are ignored."""
        if self.num_classes > 1 and beside:
            log.warning("%s: images beside the class folders are left out (%d)", self.root, beside)
        elif self.num_classes == 1 and len(names) > 1:
            log.info("The %d class folders are ignored; data.num_classes=%d makes them labels", len(names), len(names))
