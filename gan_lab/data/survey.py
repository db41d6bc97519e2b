"""A look at a folder of images before it is trained on: what is in it, what is wrong with it, what suits it."""

import logging
import re
import statistics
import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import Tensor

from gan_lab.data import listing, threads
from gan_lab.data.formats import GREY
from gan_lab.data.look import THUMBNAIL, Picture, look
from gan_lab.data.sorted_folder import SortedFolder
from gan_lab.utils import images
from gan_lab.utils.depth import Kind
from gan_lab.utils.terminal import bar

SIDES = (16, 32, 64, 128, 256, 512, 1024)  # that networks are made for
SHARE = 0.95  # of the images that are at least as large as what suits
OBLONG = 1.25  # longer side by shorter, from which on cropping to a square loses much
COLUMNS = 10  # of the contact sheet
ROWS = 20  # of it, at most
CHANNELS = re.compile(r"of (\d+) channels?$")
WHOLE = ("I", "uint16", "int16", "uint32", "int32")  # modes of more than 8 bits begin so
NAMED = 3  # examples that a line names


@dataclass(frozen=True)
class Survey:
    """All that is known of a folder of images.

    Args:
        sorting: its splits, classes and groups.
        pictures: facts about each image that can be read.
        damaged: the error of each that can't.
    """

    sorting: SortedFolder
    pictures: dict[Path, Picture]
    damaged: dict[Path, Exception]

    @cached_property
    def classes(self) -> dict[str, int]:
        """The number of images of each class, in the order of the labels."""
        names = {name for groups in self.sorting.splits.values() for name in groups}
        sizes = {name: sum(len(groups.get(name, [])) for groups in self.sorting.splits.values()) for name in names}
        return {name: sizes[name] for name in listing.in_natural_order(names)}

    @cached_property
    def copies(self) -> list[list[Path]]:
        """Groups of images with the same pixels."""
        groups: dict[bytes, list[Path]] = defaultdict(list)
        for path, picture in self.pictures.items():
            groups[picture.content].append(path)
        return [paths for paths in groups.values() if len(paths) > 1]

    @cached_property
    def leaks(self) -> list[list[Path]]:
        """Those groups of copies with images in both splits."""
        return [paths for paths in self.copies if self._is_leak(paths)]

    def _is_leak(self, paths: Sequence[Path]) -> bool:
        return len({path in self._tests for path in paths}) == 2

    @cached_property
    def _tests(self) -> set[Path]:
        return {path for paths in self.sorting.splits["test"].values() for path in paths}

    @cached_property
    def suits(self) -> int | None:
        """The largest usual side that nearly all images reach; the smallest one where they don't, None without images.

        Larger images are made up from fewer pixels than they show.
        """
        shorter = sorted(min(picture.width, picture.height) for picture in self.pictures.values())
        if not shorter:
            return None
        reached = shorter[int((1 - SHARE) * len(shorter))]
        return max((side for side in SIDES if side <= reached), default=SIDES[0])

    @property
    def channels(self) -> int:
        """1 where all images are grey, as many as most have where all are arrays, else 3."""
        modes = [picture.mode for picture in self.pictures.values()]
        several = [int(match[1]) for mode in modes if (match := CHANNELS.search(mode))]
        if several and len(several) == len(modes):
            return statistics.mode(several)
        grey = all(
            mode in (*GREY, "I", "F") or mode.startswith("I;") or mode.endswith("of 1 channel") for mode in modes
        )
        return 1 if modes and grey else 3

    @property
    def depth(self) -> Kind:
        """The depth that keeps the values of all images, by their types: 8 bits where these have no more."""
        modes = {picture.mode for picture in self.pictures.values()}
        if any(mode == "F" or mode.startswith("float") for mode in modes):
            return "float"
        return 16 if any(mode.startswith(WHOLE) for mode in modes) else 8

    @property
    def options(self) -> str:
        """The options of a training that suit: `image_size`, `channels`, and a `depth` of more than 8 bits."""
        deep = f" data.depth={self.depth}" if self.depth != 8 else ""
        return f"data.image_size={self.suits} data.channels={self.channels}{deep}"

    @property
    def num_classes(self) -> str:
        """The option that takes the classes, after a space; nothing where there are none, or they are groups."""
        if len(self.classes) < 2 or "" in self.classes or {*self.classes} == {*self.sorting.group_of.values()}:
            return ""
        of_each = [len(names) for names in self.sorting.classes.attributes.values()]
        return f" data.num_classes={str(of_each or len(self.classes)).replace(' ', '')}"

    def sheet(self) -> Tensor:
        """The contact sheet, uint8 (3, height, width): a row for each class, or rows of all images."""
        chosen = [path for row in rows(self.sorting.splits) for path in row]
        blank = torch.full((3, THUMBNAIL, THUMBNAIL), 128, dtype=torch.uint8)
        shown = [self.pictures[path].thumbnail if path in self.pictures else None for path in chosen]
        filled = [blank if one is None else one for one in shown]
        return images.tiled(torch.stack(filled), COLUMNS)

    def problems(self) -> list[str]:
        """Lines about what should be put right before training; none where all is well."""
        found = []
        if self.damaged:
            files = [*self.pictures, *self.damaged]
            places = enumerate(self.damaged.values(), len(self.pictures))
            found.append(threads.unreadable(files, dict(places)))
        if self.leaks:
            tests = sum(path in self._tests for paths in self.leaks for path in paths)
            images = "image for testing is a copy" if tests == 1 else "images for testing are copies"
            if self.sorting.has_own_test:
                remedy = "move them to one side"
            elif self.sorting.group_of:
                remedy = "data.groups has another rule: leave one of each out"
            else:
                remedy = "data.groups=copies keeps copies on one side"
            found.append(f"{tests:,} {images} of images to train on: {self._examples(self.leaks[:1])}; {remedy}")
        return found

    def report(self) -> str:
        """Lines for a terminal, each with what it is about."""
        count = len(self.pictures) + len(self.damaged)
        lines = {
            "images": f"{count:,} in {self.sorting.source.root}"
            + (f", {len(self.damaged):,} can't be read" * bool(self.damaged))
        }
        sizes = {split: sum(map(len, groups.values())) for split, groups in self.sorting.splits.items()}
        lines["splits"] = f"{listing.counts(sizes)}; {self._origin()}"
        named = {name or "beside the class folders": number for name, number in self.classes.items()}
        lacking = "none: no class folders" if self.sorting.table is None else "none: no column of the table"
        lines["classes"] = f"{len(named)}: {listing.counts(named)}" if len(named) > 1 else lacking
        if self.sorting.group_of:
            lines["groups"] = self._groups()
        if self.pictures:
            lines["sizes"] = self._sizes()
            lines["modes"] = self._modes()
            lines["copies"] = self._copies()
            lines["suits"] = self._suits()
        return "\n".join(f"{what:<9}{line}" for what, line in lines.items())

    def _origin(self) -> str:
        if self.sorting.has_own_test:
            return "the folder's own"
        what = "whole groups, about a tenth of a class," if self.sorting.group_of else "every tenth of a class"
        return f"{what} kept for testing"

    def _groups(self) -> str:
        sizes = Counter(self.sorting.group_of.values())
        tests = {self.sorting.group_of[path] for path in self._tests}
        smallest, largest = min(sizes.values()), max(sizes.values())
        images = f"{smallest:,} to {largest:,}" if smallest < largest else f"{smallest:,}"
        return f"{len(sizes):,} of {images} images, {len(tests):,} of them for testing; none on both sides"

    def _sizes(self) -> str:
        found = Counter(f"{picture.width}x{picture.height}" for picture in self.pictures.values())
        if len(found) == 1:
            return f"all {next(iter(found))} (width x height)"
        widths, heights = zip(*((picture.width, picture.height) for picture in self.pictures.values()), strict=True)
        middle = f"{statistics.median_low(widths)}x{statistics.median_low(heights)}"
        common = listing.counts(dict(found.most_common(3)))
        return (
            f"{min(widths)} to {max(widths)} wide, {min(heights)} to {max(heights)} high, in the middle {middle}; "
            f"{len(found):,} different, most often {common}"
        )

    def _modes(self) -> str:
        found = listing.counts(dict(Counter(picture.mode for picture in self.pictures.values()).most_common()))
        clear = sum(picture.is_transparent for picture in self.pictures.values())
        return found + (f"; {clear:,} with transparency, which data.background colours" if clear else "")

    def _copies(self) -> str:
        extra = sum(len(paths) - 1 for paths in self.copies)
        if not extra:
            return "none: no two images have the same pixels"
        within = [paths for paths in self.copies if not self._is_leak(paths)]
        parts = [f"{len(self.leaks):,} across the splits, {self._examples(self.leaks)}"] if self.leaks else []
        parts += [f"{len(within):,} within one, {self._examples(within)}"] if within else []
        groups = "group" if len(self.copies) == 1 else "groups"
        return f"{extra:,} of the images, in {len(self.copies):,} {groups}: {'; '.join(parts)}"

    def _suits(self) -> str:
        options = self.options + self.num_classes
        ratios = [
            max(picture.width, picture.height) / min(picture.width, picture.height)
            for picture in self.pictures.values()
        ]
        middle = statistics.median(ratios)
        if middle < OBLONG:
            return options
        return f"{options}; squares keep {1 / middle:.0%} of an image in the middle: or data.fit=pad, or [height,width]"

    def _examples(self, groups: list[list[Path]]) -> str:
        """The first groups by two of their files, one of each split where there are such."""
        named = []
        for paths in groups[:NAMED]:
            first = paths[0]
            other = next((path for path in paths if (path in self._tests) != (first in self._tests)), paths[1])
            named.append(
                f"{first.relative_to(self.sorting.source.root)} = {other.relative_to(self.sorting.source.root)}"
            )
        return ", ".join(named + ([f"and {len(groups) - NAMED:,} more"] if len(groups) > NAMED else []))


def take(sorting: SortedFolder) -> Survey:
    """Decode all images of a folder or archive once, a few at a time."""
    source, splits = sorting.source, sorting.splits
    used = [path for groups in splits.values() for paths in groups.values() for path in paths]
    shown = {path for row in rows(splits) for path in row}
    pictures: dict[Path, Picture] = {}
    damaged: dict[Path, Exception] = {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # about oddities in readable files
        looks = threads.attempts(used, partial(look, source=source, shown=shown))
        for path, outcome in zip(used, bar(looks, "Looking", len(used), "images"), strict=True):
            if isinstance(outcome, Exception):
                damaged[path] = outcome
            else:
                pictures[path] = outcome
    source.release()
    return Survey(sorting, pictures, damaged)


def rows(splits: dict[str, dict[str, list[Path]]]) -> list[list[Path]]:
    """The images of a contact sheet by row: some of each class, from its beginning to its end, or of all images."""
    groups: dict[str, list[Path]] = defaultdict(list)
    for split in splits.values():
        for name, paths in split.items():
            groups[name] += paths
    if len(groups) == 1:
        (paths,) = groups.values()
        return [spread(paths, COLUMNS * COLUMNS)]
    chosen = [spread(groups[name], COLUMNS) for name in listing.in_natural_order(groups)[:ROWS]]
    return [row + [Path()] * (COLUMNS - len(row)) for row in chosen]


def spread(paths: Sequence[Path], count: int) -> list[Path]:
    """At most `count` of the paths, at equal distances."""
    kept = min(count, len(paths))
    return [paths[index * len(paths) // kept] for index in range(kept)]


def to_log(level: int, text: str) -> None:
    """Log a line if it warns."""
    if level >= logging.WARNING:
        logging.getLogger(__name__).log(level, text)
