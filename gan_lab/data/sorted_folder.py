"""The images of a folder or archive, sorted into splits, classes and groups, as a training takes them."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import NamedTuple

from gan_lab.data import grouped, listing, threads
from gan_lab.data.label_table import CLASS, LabelTable
from gan_lab.data.listing import Say, Splits
from gan_lab.data.look import look
from gan_lab.data.sources import Source
from gan_lab.utils import categories
from gan_lab.utils.categories import MOST_CLASSES
from gan_lab.utils.errors import UserError
from gan_lab.utils.terminal import bar

SPLITS = ("train", "test")


class Classes(NamedTuple):
    """The names of all classes, in their order, and of each file's class; "" for one that has none."""

    names: list[str]
    of: dict[Path, str]
    attributes: dict[str, list[str]]


class SortedFolder:
    """The images of a source by split and class, and the group of each.

    Args:
        source: of the images.
        say: takes the level and the text of a line for the log.
        table, attributes, groups, test_fraction: as of `ImageFolder`.
        labelled: whether classes are wanted; None where they are taken if there are any.

    Attributes:
        splits: for "train" and "test" the files of each class by its name; "" for those that have none.
        has_own_test: True where the folder has a split for testing of its own.
        classes: the classes of all files.
        group_of: the group of each file; nothing without groups.

    Raises:
        UserError: the folder holds no images, or a test split while `test_fraction` is given; the table doesn't fit; a
            group is on both sides of the folder's own splits.
    """

    def __init__(
        self,
        source: Source,
        say: Say,
        *,
        table: LabelTable | None = None,
        attributes: list[str] | None = None,
        groups: str | None = None,
        test_fraction: float | None = None,
        labelled: bool | None = None,
    ) -> None:
        self.source = source
        self.say = say
        self.table = table
        self.attributes = attributes
        self.groups = groups
        self.test_fraction = test_fraction
        self.labelled = labelled
        files = source.find(say)
        found = listing.find_splits(source.root, files, test_fraction, say)
        used = found.train + (found.test or [])
        deep = any(len(path.parts) > found.base + 2 for path in used)
        # By the rule "folder" a group is the first folder below that of a class, where there are such.
        self.in_classes = table is None and groups == grouped.FOLDER and (deep if labelled is None else labelled)
        self.classes = self._classes(files, used, found.base)
        self.group_of = self._group_of(used, found.base)
        self.has_own_test = found.test is not None
        self.splits = self._splits(found)

    def _splits(self, found: Splits) -> dict[str, dict[str, list[Path]]]:
        """The files of each split by class: the folder's own splits, or whole groups, or a share of each class.

        Raises:
            UserError: a group is on both sides.
        """
        if found.test is not None:
            if self.group_of:
                trained, tested = ([self.group_of[path] for path in side] for side in (found.train, found.test))
                grouped.refuse_shared(trained, tested, f"data.groups={self.groups}")
            return {"train": by_class(found.train, self.classes), "test": by_class(found.test, self.classes)}
        if self.group_of:
            share = listing.TEST_FRACTION if self.test_fraction is None else self.test_fraction
            strata = [self.classes.of[path] for path in found.train]
            kept = grouped.held_out([self.group_of[path] for path in found.train], share, "test", strata)
            sides = (
                [path for path, out in zip(found.train, kept, strict=True) if out == test] for test in (False, True)
            )
            return {split: by_class(side, self.classes) for split, side in zip(SPLITS, sides, strict=True)}
        parts = {name: self._split(files) for name, files in by_class(found.train, self.classes).items()}
        # Split by folder also without labels, so that all models share their test images.
        return {split: {name: both[i] for name, both in parts.items()} for i, split in enumerate(SPLITS)}

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
        option = f"data.attributes=[{','.join(self.attributes)}]"
        columns = {name: self.table.cells(option, name, named) for name in self.attributes}
        found = {name: listing.in_natural_order({*cells}) for name, cells in columns.items()}
        count = categories.combinations([len(names) for names in found.values()])
        if count > MOST_CLASSES:
            raise UserError(
                f"{option}: their categories have {count:,} combinations, too many to draw "
                f"and to count; choose attributes with {MOST_CLASSES:,} at most"
            )
        names = [combination(self.attributes, chosen) for chosen in product(*found.values())]
        cells = [combination(self.attributes, chosen) for chosen in zip(*columns.values(), strict=True)]
        return Classes(names, dict(zip(used, cells, strict=True)), found)

    def _class_column(self, table: LabelTable) -> str | None:
        """The column of the classes; None where classes are not wanted and it isn't clear, or need not be there.

        Raises:
            UserError: there are several that might be it, or none.
        """
        others = [name for name in table.columns if name != self.groups]
        if CLASS in others or len(others) == 1:
            return CLASS if CLASS in others else others[0]
        if self.labelled is False or (self.labelled is None and not others):
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
            names = ["/".join(path.with_suffix("").parts[base + self.in_classes :]) or path.stem for path in named]
            found = self._copies(used) if self.groups == grouped.COPIES else grouped.by_rule(self.groups, names)
        return dict(zip(used, found, strict=True))

    def _copies(self, used: list[Path]) -> list[str]:
        """The group of each file by its pixels; slices of a volume stay together, whatever they show."""

        def content(path: Path) -> object:
            volume = self.source.volume(path)
            return look(path, source=self.source).content if volume == path else volume

        contents = threads.attempts(used, content)
        names = [str(path.relative_to(self.source.root)) for path in used]
        return grouped.by_content([*bar(contents, "Comparing", len(used), "images")], names)

    def _split(self, files: list[Path]) -> tuple[list[Path], list[Path]]:
        """The training and the test files of a class: of ten files with several slices each, all slices of one test."""
        volumes = [*dict.fromkeys(self.source.volume(path) for path in files)]
        if len(volumes) == len(files):
            return listing.split_files(files, self.test_fraction)
        tests = set(listing.split_files(volumes, self.test_fraction)[1])
        if not tests:
            self.say(
                logging.WARNING,
                f"{self.source.root}: {len(files):,} slices of {len(volumes):,} files are too few to keep whole ones; "
                "slices of one file are on both sides",
            )
            return listing.split_files(files, self.test_fraction)
        train, test = (
            [path for path in files if (self.source.volume(path) in tests) == side] for side in (False, True)
        )
        return train, test


def by_class(files: Iterable[Path], classes: Classes) -> dict[str, list[Path]]:
    """Files by the name of their class, in their order."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        found[classes.of[path]].append(path)
    return dict(found)


def combination(attributes: Iterable[str], chosen: Iterable[str]) -> str:
    """The class of an image with these categories of its attributes: "smiling=yes,glasses=no"."""
    return ",".join(f"{name}={category}" for name, category in zip(attributes, chosen, strict=True))
