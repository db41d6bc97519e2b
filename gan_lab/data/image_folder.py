"""A folder or archive of the user's images, whose classes are subfolders, or columns of a table."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from gan_lab.data import grouped, listing, places, survey, threads
from gan_lab.data.decoded import Decoder
from gan_lab.data.image_files import BACKGROUND, Fit
from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.data.label_table import CLASS, LabelTable
from gan_lab.data.sources import Axis
from gan_lab.utils import categories
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.categories import MOST_CLASSES, Categories
from gan_lab.utils.depth import Depth, Kind, Limits
from gan_lab.utils.errors import UserError
from gan_lab.utils.terminal import bar
from gan_lab.utils.types import CachePath, InputPath, Share

SPLITS = ("train", "test")


class Listing(NamedTuple):
    """The content of a folder: for each split its files and their labels, and the class names by label.

    Where a table has several attributes, `attributes` has the names of their categories.
    """

    files: dict[str, list[Path]]
    labels: dict[str, list[int]]
    names: list[str]
    attributes: dict[str, list[str]]


class Classes(NamedTuple):
    """The names of all classes, in their order, and of each file's class; "" for one that has none."""

    names: list[str]
    of: dict[Path, str]
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
        files = self.source.find(self._note)
        found = listing.find_splits(self.root, files, self.test_fraction, self._note)
        used = found.train + (found.test or [])
        classes = self._classes(files, used, found.base)
        group_of = self._group_of(used, found.base)
        groups = {"train": by_class(found.train, classes)}
        if found.test is not None:
            groups["test"] = by_class(found.test, classes)
            if group_of:
                trained, tested = ([group_of[path] for path in side] for side in (found.train, found.test))
                grouped.refuse_shared(trained, tested, f"data.groups={self.groups}")
        elif group_of:
            share = listing.TEST_FRACTION if self.test_fraction is None else self.test_fraction
            strata = [classes.of[path] for path in found.train]
            kept = grouped.held_out([group_of[path] for path in found.train], share, "test", strata)
            sides = (
                [path for path, out in zip(found.train, kept, strict=True) if out == test] for test in (False, True)
            )
            groups = {split: by_class(side, classes) for split, side in zip(SPLITS, sides, strict=True)}
        else:
            parts = {name: self._split(files) for name, files in groups["train"].items()}
            # Split by folder also without labels, so that all models share their test images.
            groups = {split: {name: both[i] for name, both in parts.items()} for i, split in enumerate(SPLITS)}
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

    def _classes(self, files: list[Path], used: list[Path], base: int) -> Classes:
        """The classes that folders make, or a table; errors as of `LabelTable`.

        Args:
            files: all image files.
            used: those of the splits that are used.
            base: number of leading parts of a path above the class folders.
        """
        if self.table is None:
            of = {path: name for name, paths in listing.by_folder(used, base).items() for path in paths}
            # Files beside the class folders belong to no class.
            return Classes(listing.in_natural_order({*of.values()} - {""}) or [""], of, {})
        self.table.refuse_strangers(self.source.volume(path) for path in files)
        named = [self.source.volume(path) for path in used]  # one line stands for all slices of a file
        if self.attributes is None:
            column = self._class_column(self.table)
            if column is None:  # the table is there for its groups alone
                return Classes([""], dict.fromkeys(used, ""), {})
            cells = self.table.cells("data.labels", column, named)
            return Classes(listing.in_natural_order({*cells}), dict(zip(used, cells, strict=True)), {})
        option = f"data.attributes={self.attributes}"
        columns = {name: self.table.cells(option, name, named) for name in self.attributes}
        found = {name: listing.in_natural_order({*cells}) for name, cells in columns.items()}
        count = categories.combinations([len(names) for names in found.values()])
        if count > MOST_CLASSES:
            raise UserError(
                f"data.attributes={self.attributes}: their categories have {count:,} combinations, too many to draw "
                f"and to count; choose attributes with {MOST_CLASSES:,} at most"
            )
        names = [combination(self.attributes, chosen) for chosen in product(*found.values())]
        cells = [combination(self.attributes, chosen) for chosen in zip(*columns.values(), strict=True)]
        return Classes(names, dict(zip(used, cells, strict=True)), found)

    def _class_column(self, table: LabelTable) -> str | None:
        """The column of the classes; None where classes are not wanted and it isn't clear.

        Raises:
            UserError: there are several that might be it, or none.
        """
        others = [name for name in table.columns if name != self.groups]
        if CLASS in others or len(others) == 1:
            return CLASS if CLASS in others else others[0]
        if self.num_classes == 1:
            return None
        choose = f"several others; choose: data.attributes=[{','.join(others)}]"
        raise UserError(f"{table.option}: has no column {CLASS}, and {choose if others else 'no other one'}")

    def _group_of(self, used: list[Path], base: int) -> dict[Path, str]:
        """The group of each file; nothing without the option. Errors as of `grouped.by_rule`."""
        if self.groups is None:
            return {}
        named = [self.source.volume(path) for path in used]  # all slices of a file are of one group
        if self.table is not None and self.groups in self.table.columns:
            found = self.table.cells("data.groups", self.groups, named)
        else:
            in_classes = self.groups == grouped.FOLDER and self.table is None and self.num_classes > 1
            names = ["/".join(path.with_suffix("").parts[base + in_classes :]) or path.stem for path in named]
            found = self._copies(used) if self.groups == grouped.COPIES else grouped.by_rule(self.groups, names)
        return dict(zip(used, found, strict=True))

    def _copies(self, used: list[Path]) -> list[str]:
        """The group of each file by its pixels; slices of a volume stay together, whatever they show."""

        def content(path: Path) -> object:
            volume = self.source.volume(path)
            return survey.look(path, source=self.source).content if volume == path else volume

        contents = threads.attempts(used, content)
        names = [str(path.relative_to(self.root)) for path in used]
        return grouped.by_content([*bar(contents, "Comparing", len(used), "images")], names)

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


def by_class(files: Iterable[Path], classes: Classes) -> dict[str, list[Path]]:
    """Files by the name of their class, in their order."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        found[classes.of[path]].append(path)
    return dict(found)


def combination(attributes: Iterable[str], chosen: Iterable[str]) -> str:
    """The class of an image with these categories of its attributes: "smiling=yes,glasses=no"."""
    return ",".join(f"{name}={category}" for name, category in zip(attributes, chosen, strict=True))
