"""A folder or archive of the user's images, whose classes are subfolders, or columns of a table."""

import logging
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from gan_lab.data import listing, places
from gan_lab.data.decoded import Decoder
from gan_lab.data.image_files import BACKGROUND, Fit
from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.data.label_table import LabelTable
from gan_lab.data.sorted_folder import Classes, SortedFolder
from gan_lab.data.sources import Axis
from gan_lab.utils import categories
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.categories import MOST_CLASSES, Categories
from gan_lab.utils.depth import Depth, Kind, Limits
from gan_lab.utils.errors import UserError
from gan_lab.utils.types import CachePath, InputPath, Share


class Listing(NamedTuple):
    """The content of a folder: for each split its files and their labels, and the class names by label.

    Where a table has several attributes, `attributes` has the names of their categories.
    """

    files: dict[str, list[Path]]
    labels: dict[str, list[int]]
    names: list[str]
    attributes: dict[str, list[str]]


class ImageFolder(InMemoryDataModule):
    """Images of any format and size, brought to one size by `image_files.read`.

    Each immediate subfolder of `root` that holds images, at any depth, is a class; labels follow the names in natural
    order, 2 before 10. Without subfolders, or with `num_classes=1`, every image has label 0. Where `root` has splits of
    its own (`listing.find_splits`), the classes lie inside these. With a table its columns are the classes.

    Args:
        root: the folder, or an archive or file of arrays (`sources`).
        num_classes: number of classes, or of the categories of each attribute; 1 ignores them.
        test_fraction: fraction of each class's files that forms the test split; 0.1 is every tenth. None is that where
            `root` has no test split of its own, and must be None where it has.
        cache: folder for decoded images that don't fit into memory.
        window: pixel values that become black and white; None keeps 8 bits as they are, and stretches the range that
            all training files with wider pixels have together.
        background: colour that transparent pixels are laid over, and of what `fit="pad"` adds.
        fit: how pictures get the shape of `image_size`: "crop", "pad" or "stretch", as of `image_files.read`.
        depth: 8 bits, 16, or "float": the values that images are kept with.
        axis: of volumes in medical files, along which they are cut into images.
        labels: a table of labels (`LabelTable`); None where subfolders are classes.
        attributes: columns of the table, each of which is an attribute; None takes the column `class`, or the only one
            that there is. The classes are the combinations of the attributes' categories, "smiling=yes,glasses=no".
        groups: a column of the table, "folder", or a regular expression (`grouped.by_rule`): images of a group are all
            for training, or for validation, or for testing. Names are paths below the folder, without the class folder
            where that is the label, and without their ending. "copies" has images with the same pixels as a group, for
            which all are decoded once more. None takes each image alone.
    """

    def __init__(
        self,
        *,
        root: InputPath,
        num_classes: Categories,
        test_fraction: Share | None,
        cache: CachePath,
        window: Limits | None = None,
        background: str = BACKGROUND,
        fit: Fit = "crop",
        depth: Kind = 8,
        axis: Axis = 2,
        labels: InputPath | None = None,
        attributes: list[str] | None = None,
        groups: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(num_classes=categories.combinations(num_classes), **options)
        if self.num_classes > MOST_CLASSES:
            raise ValueError(
                f"data.num_classes={num_classes}: {self.num_classes:,} combinations are too many to draw and to count; "
                f"take attributes with {MOST_CLASSES:,} at most"
            )
        if attributes is not None and labels is None:
            raise ValueError(f"data.attributes={attributes}: are columns of a table; set data.labels to its file")
        if attributes is not None and len({*attributes}) != len(attributes or [""]):
            raise ValueError(f"data.attributes={attributes}: name each column once, and one at least")
        if not isinstance(num_classes, int) and len(attributes or []) != len(num_classes):
            raise ValueError(
                f"data.num_classes={[*num_classes]}: has a number for each of data.attributes, of which there are "
                f"{len(attributes or [])}"
            )
        self.categories = categories.sizes(num_classes)
        self.source = places.at(root, "data.root", axis)
        self.root = self.source.root
        self.table = None if labels is None else LabelTable(labels, self.root)
        self.attributes = attributes
        self.groups = groups
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
        sorting = SortedFolder(
            self.source,
            self._note,
            table=self.table,
            attributes=self.attributes,
            groups=self.groups,
            test_fraction=self.test_fraction,
            labelled=self.num_classes > 1,
        )
        classes, groups, group_of = sorting.classes, sorting.splits, sorting.group_of
        names = classes.names
        for known in (self.source.classes, self.known_classes):
            if sorted(known) == sorted(names):
                names = [*known]
        sizes = {name: sum(len(group.get(name, [])) for group in groups.values()) for name in names}
        self._check_number(classes, sizes)
        labelled = self.num_classes > 1
        attributes = classes.attributes if labelled else {}
        result = Listing({"train": [], "test": []}, {"train": [], "test": []}, names if labelled else [], attributes)
        for split, group in groups.items():
            for label, name in enumerate(names if labelled else sorted(group)):
                files = group.get(name, [])
                result.files[split] += files
                result.labels[split] += [label if labelled else 0] * len(files)
        if self.validation_count or self.train_count is not None:
            files, labels = result.files["train"], result.labels["train"]
            of_files = [group_of[path] for path in files] if group_of else None
            for split, indices in self.split_indices(len(files), of_files).items():
                result.files[split] = [files[index] for index in indices]
                result.labels[split] = [labels[index] for index in indices]
        self.decoder.window.files = result.files["train"]
        self._report(sizes, beside=sum(len(group.get("", [])) for group in groups.values()))
        return result

    def _check_number(self, classes: Classes, images: dict[str, int]) -> None:
        """Refuse another number of classes than there are.

        Raises:
            UserError: saying what to set.
        """
        of_each = [len(names) for names in classes.attributes.values()]
        if self.num_classes == 1 or (
            self.num_classes == len(images) and self.categories in ([self.num_classes], of_each)
        ):
            return
        if of_each:
            actual = "; ".join(f"{name}: {', '.join(names)}" for name, names in classes.attributes.items())
            numbers = f"[{','.join(map(str, of_each))}]"
            raise UserError(f"data.attributes has {actual}: set data.num_classes={numbers}, or 1 to ignore them")
        where = f"data.root={self.root}" if self.table is None else self.table.option
        kind = "class folders" if self.table is None else "classes"
        actual = f"{len(images)} {kind}, {listing.counts(images)}" if len(images) > 1 else f"no {kind}"
        ignoring = ", or data.num_classes=1 to ignore them" if len(images) > 1 else ""
        raise UserError(f"{where} has {actual}: set data.num_classes={len(images)}{ignoring}")

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
        return decoded.labelled(labels)

    def load_stage(self, stage: str) -> dict[str, LabelledImages]:
        """Load the splits of a stage; validation files are chosen before decoding, as cached images stay in place."""
        splits = [split for split in self.listing.files if (split == "test") == (stage == "test")]
        return {split: self.load(split) for split in splits}

    def describe(self) -> dict[str, object]:
        """The folder, the class names, and the numbers of images and damaged files of each loaded split."""
        damaged = {f"{split}_damaged": count for split, count in self.damaged.items()}
        described = {"name": "image_folder", "source": str(self.root), "substitute": False, **self._counts(), **damaged}
        sizes = Counter(self.listing.labels["train"])
        described["classes"] = self.listing.names
        if self.listing.attributes:
            described["attributes"] = self.listing.attributes
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
            kind = "class folders" if self.table is None else "classes"
            self._note(
                logging.INFO,
                f"The {len(classes)} {kind} are ignored, {listing.counts(classes)}; "
                f"data.num_classes={len(classes)} makes them labels",
            )
