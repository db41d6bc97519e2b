"""Pairs of the user's images: files of the same name in two folders, or files with two images side by side."""

import logging
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gan_lab.data import layouts
from gan_lab.data.decoded import Decoded
from gan_lab.data.folders import FolderImages, existing_sources
from gan_lab.data.image_files import Half, Size
from gan_lab.data.layouts import Domain
from gan_lab.data.paired import PairedDataModule
from gan_lab.utils.batches import LabelledImages, Pairs
from gan_lab.utils.errors import UserError
from gan_lab.utils.types import InputPath, PositiveInt

NAMED = 3  # files that a message names
HALVES: dict[str | None, tuple[Half | None, Half | None]] = {
    "AtoB": ("left", "right"),
    "BtoA": ("right", "left"),
    None: (None, None),
}


class PairFiles(NamedTuple):
    """The name of a pair, and its files; the same one twice where images lie side by side."""

    name: str
    source: Path
    target: Path


class PairedFolders(FolderImages[Pairs], PairedDataModule):
    """Pairs of images of any format, matched by the path in their folder without the extension.

    A pair is left out whole where one of its images is damaged, or has another shape than the other.

    Args:
        source: the folder of the sources.
        target: the folder of the targets.
        root: in place of these, the folder that holds both: in a usual layout (`layouts`), where A is the source, or
            side by side.
        side_by_side: None, or what files of `root` hold: "AtoB" the source on the left and the target on the right,
            "BtoA" the other way round.
        source_channels: 1 for grey, 3 for colour; `channels` are those of the targets.
    """

    def __init__(
        self,
        *,
        source: InputPath | None = None,
        target: InputPath | None = None,
        root: InputPath | None = None,
        side_by_side: Literal["AtoB", "BtoA"] | None = None,
        source_channels: PositiveInt,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.sources = existing_sources(root, {"data.source": source, "data.target": target}, self.axis)
        self.roots = [place.root for place in self.sources]
        self.folders = dict(zip(self.sides, self.roots * 2, strict=False))  # the same one twice where it holds both
        if side_by_side and root is None:
            raise ValueError(f"data.side_by_side={side_by_side} needs data.root, the folder of those images")
        self.side_by_side = side_by_side
        self.source_channels = source_channels
        halves = HALVES[side_by_side]
        both = (source_channels, self.channels)
        for side, place, channels, half in zip(self.sides, self.sources * 2, both, halves, strict=False):
            self._decode_as(side, channels, place, half)
        self.left_out: dict[str, int] = {}  # number of pairs by split

    @cached_property
    def files(self) -> dict[str, list[PairFiles]]:
        """The pairs of each split.

        Raises:
            UserError: there are none, it is unclear which files are a pair, or there is a test split while options ask
                for another.
        """
        if self.side_by_side:
            source = target = layouts.alone(self.sources[0], self._note)
        else:
            source, target = layouts.domains(
                self.sources,
                self._note,
                otherwise="set data.source and data.target, or data.side_by_side=AtoB for images side by side",
            )
        sources, targets = _by_name(source), _by_name(target)
        named = {
            place: PairFiles(name, source.files[place], target.files[targets[name]])
            for name, place in sources.items()
            if name in targets
        }
        if not named:
            raise UserError(
                f"no image of {source.label} has a partner of the same name in {target.label}: one is called "
                f"{next(iter(sources))}, the other {next(iter(targets))}"
            )
        for domain, mine, other, theirs in ((source, sources, target, targets), (target, targets, source, sources)):
            lonely = [name for name in mine if name not in theirs]
            self._tell(lonely, len(mine), f"images of {domain.label} have no partner in {other.label}", "left out")
        train, test = ([named[place] for place in part] for part in self._split(source, [*named]))
        for side in self.sides:
            self.decoders[side].window.files = [getattr(pair, side) for pair in train]
        return {"train": train, "test": test}

    def prepare_data(self) -> None:
        """List the folders, and decode images that don't fit into memory; once per machine."""
        for side in self.sides:
            files = [getattr(pair, side) for pair in self.files["train"]]
            self._decoder(side, "train").prepare(self.folders[side], files, processes=self._processes_here)

    def load(self, split: str) -> tuple[LabelledImages, LabelledImages]:
        """Load sources and targets (n, channels, height, width), of whole pairs of one shape, labelled alike.

        Raises:
            UserError: no pair is left.
        """
        pairs = self.files[split]
        count, (height, width) = len(pairs), self._stored_size(split)
        while True:  # pairs are left out before they are decoded, as cached images stay in place
            source, target = self._decode_both(pairs, split, quiet=len(pairs) < count)
            sizes = zip(pairs, *(_sizes(part, len(pairs)) for part in (source, target)), strict=True)
            whole = {pair: (first, second) for pair, first, second in sizes if first and second}
            damaged = [pair.name for pair in pairs if pair not in whole]
            misshapen = [_sized(pair, both) for pair, both in whole.items() if not _same_shape(*both)]
            if not damaged and not misshapen:
                break
            self._tell(damaged, count, "pairs have an image that can't be read", "left out")
            self._tell(misshapen, count, "pairs have images of different shapes", "left out")
            pairs = [pair for pair, both in whole.items() if _same_shape(*both)]
            if not pairs:
                folders = " and ".join(map(str, self.roots))
                lost = ", ".join((misshapen + damaged)[:NAMED])
                raise UserError(f"no pair of {folders} is left for the {split} split; left out: {lost}")
        unlike = [_sized(pair, both) for pair, both in whole.items() if both[0] != both[1]]
        self._tell(unlike, count, "pairs have images of different sizes", f"all are resized to {width}x{height}")
        self.left_out[split] = count - len(pairs)
        files = [pair.source for pair in pairs]
        return self._labelled(source, files), self._labelled(target, files)

    def _decode_both(self, pairs: list[PairFiles], split: str, *, quiet: bool) -> list[Decoded]:
        """The decoded sources and targets; what is said of a file with both is said once."""
        hushed = {"source": quiet, "target": quiet or self.side_by_side is not None}
        return [
            self._decode(side, self.folders[side], [getattr(pair, side) for pair in pairs], split, quiet=hushed[side])
            for side in self.sides
        ]

    def describe(self) -> dict[str, object]:
        """The folders, and the numbers of pairs, and of those left out, of each loaded split."""
        sources = {side: str(folder) for side, folder in self.folders.items()}
        left_out = {f"{split}_damaged": count for split, count in self.left_out.items()}
        described = {"name": "paired_folders", "source": sources, "substitute": False, **self._counts(), **left_out}
        return described | self._windows()

    def _tell(self, names: list[str], count: int, what: str, then: str) -> None:
        """Warn of some of `count` files or pairs, the first by name, in one line; of none say nothing."""
        if names:
            more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
            line = f"{len(names):,} of {count:,} {what}: {', '.join(names[:NAMED])}{more}; {then}"
            self._note(logging.WARNING, line)


def _by_name(domain: Domain) -> dict[str, Path]:
    """The places of a domain's files by their names.

    Raises:
        UserError: two files have one name.
    """
    places = [*domain.files]
    found: dict[str, Path] = {}
    for name, place in zip(domain.names(places), places, strict=True):
        if (known := found.setdefault(name, place)) is not place:
            raise UserError(
                f"{domain.files[known]} and {domain.files[place].name}: two files of one name, and a pair has room for "
                "one; move one of them out of the folder"
            )
    return found


def _sizes(decoded: Decoded, count: int) -> list[Size | None]:
    """The sizes of all pictures, None of those in damaged files."""
    damaged, sizes = set(decoded.damaged), iter(decoded.sizes)
    return [None if index in damaged else next(sizes) for index in range(count)]


def _same_shape(first: Size, second: Size) -> bool:
    """True where one picture can be laid on the other, but for the rounding of its sides to whole pixels."""
    (width, height), (other_width, other_height) = sorted((first, second), reverse=True)
    return abs(height * other_width / width - other_height) <= 1


def _sized(pair: PairFiles, sizes: tuple[Size, Size]) -> str:
    first, second = (f"{width}x{height}" for width, height in sizes)
    return f"{pair.name} ({first} and {second})"
