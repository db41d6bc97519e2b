"""A folder of anyone's images; its subfolders are the classes."""

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
from gan_lab.utils.types import Share

log = logging.getLogger(__name__)


class Listing(NamedTuple):
    """What a folder holds: for each split its files, in order, and their labels; and what the labels stand for."""

    files: dict[str, list[Path]]
    labels: dict[str, list[int]]
    names: list[str]


class ImageFolder(InMemoryDataModule):
    """Images of any format and size, brought to one size as `image_files.read` says.

    Each immediate subfolder of `root` that holds images, at any depth, is a class; labels follow the order of their
    names. Without subfolders, or with `num_classes=1`, every image has label 0.

    Args:
        root: the folder.
        test_fraction: part of the files of each class that is kept from training: 0.1 is every tenth.
        cache: where decoded images go that don't fit into memory.
    """

    def __init__(self, *, root: str, test_fraction: Share, cache: str, **options: Any) -> None:
        super().__init__(**options)
        self.root = image_files.existing_folder(root, "data.root")
        self.test_fraction = test_fraction
        self.decoder = Decoder(cache=cache, size=self.image_size, channels=self.channels)
        self.damaged: dict[str, int] = {}  # in each split

    @cached_property
    def listing(self) -> Listing:
        """What lies in the folder.

        Raises:
            UserError: no images, or another number of classes than `num_classes`.
        """
        groups = defaultdict(list)
        for path in image_files.find(self.root):
            inside = path.relative_to(self.root).parts
            groups[inside[0] if len(inside) > 1 else ""].append(path)
        # Files beside the class folders belong to none of them.
        names = sorted(name for name in groups if name) or [""]
        if self.num_classes not in (1, len(names)):
            found = f"{len(names)} class folders" if len(names) > 1 else "no class folders"
            ignoring = ", or data.num_classes=1 to ignore them" if len(names) > 1 else ""
            raise UserError(f"data.root={self.root} has {found}: set data.num_classes={len(names)}{ignoring}")
        labelled = self.num_classes > 1
        listing = Listing({"train": [], "test": []}, {"train": [], "test": []}, names if labelled else [])
        for label, name in enumerate(names if labelled else sorted(groups)):
            # Folder by folder also without labels, so that every model is tested on the same images.
            for split, files in zip(listing.files, image_files.hold_out(groups[name], self.test_fraction), strict=True):
                listing.files[split] += files
                listing.labels[split] += [label if labelled else 0] * len(files)
        if self.validation_count:
            files, labels = listing.files["train"], listing.labels["train"]
            for split, places in self.places(len(files)).items():
                listing.files[split] = [files[place] for place in places]
                listing.labels[split] = [labels[place] for place in places]
        if self._rank == 0:
            self._tell(names, beside=len(groups[""]))
        return listing

    def prepare_data(self) -> None:
        """Look into the folder, and decode what does not fit into memory; once per machine."""
        self.decoder.prepare(self.root, self.listing.files["train"], processes=self._processes_here)

    def load(self, split: str) -> LabelledImages:
        """Images uint8 (n, channels, image_size, image_size) and labels int64 (n,), without the damaged files.

        Raises:
            UserError: there are no files in the split, or only damaged ones.
        """
        files, labels = self.listing.files[split], self.listing.labels[split]
        if not files:
            raise UserError(f"data.test_fraction={self.test_fraction} keeps no image of {self.root} for testing")
        decoded = self.decoder.load(self.root, files, processes=self._processes_here, quiet=self._rank > 0)
        self.damaged[split] = len(decoded.damaged)
        sound = torch.ones(len(files), dtype=torch.bool)
        sound[decoded.damaged] = False
        return LabelledImages(decoded.images, torch.tensor(labels)[sound])

    def parts(self, stage: str) -> dict[str, LabelledImages]:
        """As of every dataset, only that files are held out: images that don't fit into memory can't be rearranged."""
        splits = [split for split in self.listing.files if (split == "test") == (stage == "test")]
        return {split: self.load(split) for split in splits}

    def describe(self) -> dict[str, object]:
        """The folder, the names of the classes, and for each split that was loaded its images and damaged files."""
        counts = {f"{split}_images": len(labels) for split, (_, labels) in self.splits.items()}
        damaged = {f"{split}_damaged": count for split, count in self.damaged.items()}
        described = {"name": "image_folder", "source": str(self.root), "substitute": False, **counts, **damaged}
        return described | {"classes": self.listing.names}

    def _tell(self, names: list[str], beside: int) -> None:
        """Say what the labels leave out, or what is left of them."""
        if self.num_classes > 1 and beside:
            log.warning("%s: %d of the images lie beside its class folders, and are left out", self.root, beside)
        elif self.num_classes == 1 and len(names) > 1:
            log.info("The %d class folders are ignored; data.num_classes=%d makes them labels", len(names), len(names))
