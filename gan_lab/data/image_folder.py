"""A folder or archive of the user's images, whose subfolders are the classes."""

import logging
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch

from gan_lab.data import listing, sources
from gan_lab.data.decoded import Decoder
from gan_lab.data.image_files import BACKGROUND, Fit
from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.data.sources import Axis
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.depth import Depth, Kind, Limits
from gan_lab.utils.errors import UserError
from gan_lab.utils.types import CachePath, InputPath, Share

SPLITS = ("train", "test")


class Listing(NamedTuple):
    """The content of a folder: for each split its files and their labels, and the class names by label."""

    files: dict[str, list[Path]]
    labels: dict[str, list[int]]
    names: list[str]


class ImageFolder(InMemoryDataModule):
    """Images of any format and size, brought to one size by `image_files.read`.

    Each immediate subfolder of `root` that holds images, at any depth, is a class; labels follow the names in natural
    order, 2 before 10. Without subfolders, or with `num_classes=1`, every image has label 0. Where `root` has splits of
    its own (`listing.find_splits`), the classes lie inside these.

    Args:
        root: the folder, or an archive or file of arrays (`sources`).
        test_fraction: fraction of each class's files that forms the test split; 0.1 is every tenth. None is that where
            `root` has no test split of its own, and must be None where it has.
        cache: folder for decoded images that don't fit into memory.
        window: pixel values that become black and white; None keeps 8 bits as they are, and stretches the range that
            all training files with wider pixels have together.
        background: colour that transparent pixels are laid over, and of what `fit="pad"` adds.
        fit: how pictures get the shape of `image_size`: "crop", "pad" or "stretch", as of `image_files.read`.
        depth: 8 bits, 16, or "float": the values that images are kept with.
        axis: of volumes in medical files, along which they are cut into images.
    """

    def __init__(
        self,
        *,
        root: InputPath,
        test_fraction: Share | None,
        cache: CachePath,
        window: Limits | None = None,
        background: str = BACKGROUND,
        fit: Fit = "crop",
        depth: Kind = 8,
        axis: Axis = 2,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.source = sources.at(root, "data.root", axis)
        self.root = self.source.root
        self.test_fraction = test_fraction
        self.decoder = Decoder(
            cache=cache,
            size=self.image_size,
            channels=self.channels,
            window=window,
            background=background,
            fit=fit,
            depth=depth,
            source=self.source,
        )
        self.known_classes: list[str] = []  # of a run's record, whose order stays
        self.damaged: dict[str, int] = {}  # number of files by split

    def recall(self, described: Mapping[str, Any]) -> None:
        """Keep the order of the classes that a run began with."""
        self.known_classes = [str(name) for name in described.get("classes") or []]

    @cached_property
    def listing(self) -> Listing:
        """The files and labels of each split.

        Raises:
            UserError: the folder holds no images, or another number of classes than `num_classes`, or a test split
                while `test_fraction` is given.
        """
        files = self.source.find(self._note)
        found = listing.find_splits(self.root, files, self.test_fraction, self._note)
        groups = {"train": listing.by_folder(found.train, found.base)}
        if found.test is None:
            parts = {name: self._split(files) for name, files in groups["train"].items()}
            # Split by folder also without labels, so that all models share their test images.
            groups = {split: {name: both[i] for name, both in parts.items()} for i, split in enumerate(SPLITS)}
        else:
            groups["test"] = listing.by_folder(found.test, found.base)
        # Files beside the class folders belong to no class.
        names = listing.in_natural_order({name for group in groups.values() for name in group if name}) or [""]
        for known in (self.source.classes, self.known_classes):
            if sorted(known) == sorted(names):
                names = [*known]
        sizes = {name: sum(len(group.get(name, [])) for group in groups.values()) for name in names}
        if self.num_classes not in (1, len(names)):
            actual = f"{len(names)} class folders, {listing.counts(sizes)}" if len(names) > 1 else "no class folders"
            ignoring = ", or data.num_classes=1 to ignore them" if len(names) > 1 else ""
            raise UserError(f"data.root={self.root} has {actual}: set data.num_classes={len(names)}{ignoring}")
        labelled = self.num_classes > 1
        result = Listing({"train": [], "test": []}, {"train": [], "test": []}, names if labelled else [])
        for split, group in groups.items():
            for label, name in enumerate(names if labelled else sorted(group)):
                files = group.get(name, [])
                result.files[split] += files
                result.labels[split] += [label if labelled else 0] * len(files)
        if self.validation_count or self.train_count is not None:
            files, labels = result.files["train"], result.labels["train"]
            for split, indices in self.split_indices(len(files)).items():
                result.files[split] = [files[index] for index in indices]
                result.labels[split] = [labels[index] for index in indices]
        self.decoder.window.files = result.files["train"]
        self._report(sizes, beside=sum(len(group.get("", [])) for group in groups.values()))
        return result

    def _split(self, files: list[Path]) -> tuple[list[Path], list[Path]]:
        """The training and the test files of a class: of ten files with several slices each, all slices of one test."""
        volumes = [*dict.fromkeys(self.source.volume(path) for path in files)]
        if len(volumes) == len(files):
            return listing.split_files(files, self.test_fraction)
        tests = set(listing.split_files(volumes, self.test_fraction)[1])
        if not tests:
            self._note(
                logging.WARNING,
                f"{self.root}: {len(files):,} slices of {len(volumes):,} files are too few to keep whole ones; "
                "slices of one file are on both sides",
            )
            return listing.split_files(files, self.test_fraction)
        train, test = (
            [path for path in files if (self.source.volume(path) in tests) == side] for side in (False, True)
        )
        return train, test

    def depth(self, side: int = 0) -> Depth:
        """The depth of the images; errors as of `Decoder.depth`."""
        return self.decoder.depth

    def prepare_data(self) -> None:
        """List the folder, and decode images that don't fit into memory; once per machine."""
        self.decoder.prepare(self.root, self.listing.files["train"], processes=self._processes_here)

    def load(self, split: str) -> LabelledImages:
        """Load images (n, channels, height, width) and labels int64 (n,), without damaged files.

        Raises:
            UserError: the split has no files, or only damaged ones.
        """
        files, labels = self.listing.files[split], self.listing.labels[split]
        if not files:
            share = "" if self.test_fraction is None else f"data.test_fraction={self.test_fraction}: "
            raise UserError(f"{share}no image of {self.root} is left for the {split} split")
        decoded = self.decoder.load(
            self.root, files, processes=self._processes_here, quiet=self._rank > 0, say=self._note
        )
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
        sizes = Counter(self.listing.labels["train"])
        described["classes"] = self.listing.names
        described["class_images"] = [sizes[label] for label in range(len(self.listing.names))]  # to train on
        if self.decoder.window.limits:
            described["window"] = list(self.decoder.window.limits)
        return described

    def _report(self, classes: dict[str, int], beside: int) -> None:
        """Tell the classes with their labels, that images have none, or that class folders are ignored."""
        if self.num_classes > 1:
            numbered = {f"{label} {name}": count for label, (name, count) in enumerate(classes.items())}
            self._note(logging.INFO, f"Classes: {listing.counts(numbered)}")
            if beside:
                self._note(logging.WARNING, f"{self.root}: images beside the class folders are left out ({beside})")
        elif len(classes) > 1:
            self._note(
                logging.INFO,
                f"The {len(classes)} class folders are ignored, {listing.counts(classes)}; "
                f"data.num_classes={len(classes)} makes them labels",
            )
