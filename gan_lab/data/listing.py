"""The image files in a folder: which there are, which splits and classes the folder makes of them."""

import logging
import mimetypes
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from gan_lab.data import medical
from gan_lab.data.formats import extensions
from gan_lab.utils import seeding
from gan_lab.utils.errors import UserError
from gan_lab.utils.shell import install

log = logging.getLogger(__name__)

TEST_FRACTION = 0.1  # of the files, where data.test_fraction is null and the folder has no test split of its own
NAMED = 10  # kinds of unused files, or classes, that a message names
# A folder's name that says what its images are for: "Train", "testing", "val2017", "test_images".
SPLIT = re.compile(
    r"(?:(train(?:ing)?)|(val(?:id|idation)?)|(test(?:ing)?))(?:[-_ ]?(?:set|split|data|images|20\d\d))?"
)
Say = Callable[[int, str], None]


class Splits(NamedTuple):
    """The files of a folder by what they are for.

    Args:
        train: files to train on.
        test: files of the folder's own test split; None where it has none.
        base: number of leading parts of each path that lie above the class folders.
    """

    train: list[Path]
    test: list[Path] | None
    base: int


def find(folder: Path, say: Say = log.log) -> list[Path]:
    """Find all image files at any depth below a folder by their extensions, sorted by path.

    One line says how many of the files these are, and why the others are not used. Hidden files and folders
    are skipped without a word: macOS leaves a hidden `._photo.jpg` beside a `photo.jpg`. Links are followed, and each
    folder is visited once.

    Args:
        folder: that is searched.
        say: takes the level and the text of a line for the log.

    Raises:
        UserError: the folder holds no image files.
    """
    endings, visited, found, unused, closed = extensions(), set(), [], Counter[str](), []
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        if (here := os.path.realpath(folder / inside)) in visited:
            continue
        visited.add(here)
        try:
            with os.scandir(here) as scan:
                entries = [entry for entry in scan if not entry.name.startswith(".")]
        except OSError as error:
            closed.append(f"{inside or folder} ({error.strerror})")
            continue
        subfolders = []
        for entry in entries:
            ending = _ending(entry.name)
            if (kind := _kind(entry)) == "folder":
                subfolders.append(f"{inside}{entry.name}/")
            elif ending not in endings:
                unused[ending or "without an ending"] += 1
            elif kind == "file":
                found.append(inside + entry.name)
            else:
                unused["broken links or devices"] += 1
        waiting += sorted(subfolders, reverse=True)
    _report(folder, len(found), unused, closed, say)
    return [folder / name for name in sorted(found)]


def choose(archive: Path, names: Iterable[str], say: Say = log.log) -> list[str]:
    """Choose the image files among the members of an archive, sorted; the rest is as `find` has it."""
    endings, found, unused = extensions(), [], Counter[str]()
    for name in names:
        if name.startswith(".") or "/." in name or name.startswith("__MACOSX/"):  # macOS leaves such beside each file
            continue
        if (ending := _ending(name.rpartition("/")[2])) in endings:
            found.append(name)
        else:
            unused[ending or "without an ending"] += 1
    _report(archive, len(found), unused, [], say)
    return sorted(found)


def _ending(name: str) -> str:
    """The ending of a file's name in lower case, with the dot."""
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a million of them take seconds in pathlib
    return (medical.parted(name)[1].lower() or ending) if ending == ".gz" else ending


def _report(place: Path, found: int, unused: Counter[str], closed: list[str], say: Say) -> None:
    """Say how many files are images and why others are not.

    Raises:
        UserError: none is.
    """
    summary = _summary(found, unused, closed)
    if not found:
        more = f"; {summary}" if unused or closed else ""
        raise UserError(f"{place}: contains no images (no files named .png, .jpg, .webp or similar){more}")
    missed = closed or any(_is_picture(kind) for kind in unused)
    say(logging.WARNING if missed else logging.INFO, f"{place}: {summary}")


def _kind(entry: os.DirEntry[str]) -> str:
    try:
        return "folder" if entry.is_dir() else "file" if entry.is_file() else "neither"
    except OSError:  # a link to itself, say
        return "neither"


def _is_picture(ending: str) -> bool:
    return ending in medical.ENDINGS or (mimetypes.guess_type(f"a{ending}")[0] or "").startswith(("image/", "video/"))


def _advice(ending: str) -> str:
    return install(medical.EXTRA) if ending in medical.ENDINGS else "convert to .png or .jpg"


def _summary(found: int, unused: Counter[str], closed: list[str]) -> str:
    """The numbers of files that are used and not used, by reason."""
    by_number = sorted(unused.items(), key=lambda item: (-item[1], item[0]))
    kinds = [
        f"{count:,} {kind}" + (f" ({_advice(kind)})" if _is_picture(kind) else "") for kind, count in by_number[:NAMED]
    ]
    if others := sum(count for _, count in by_number[NAMED:]):
        kinds.append(f"{others:,} others")
    if closed:
        kinds.append(f"{len(closed):,} folder{'s' * (len(closed) > 1)} that can't be read: {closed[0]}")
    left_out = f"; not used: {', '.join(kinds)}" if kinds else ""
    return f"{found:,} of {found + sum(unused.values()):,} files are images{left_out}"


def find_splits(root: Path, files: list[Path], test_fraction: float | None, say: Say = log.log) -> Splits:
    """The splits that a folder has of its own: in subfolders named train, test, val and the like, in any case.

    Its test split is `test`, or `val` where there is no `test`. One line says so. Without a `train`, or with
    a `train` beside other names only, the names are those of classes.

    Args:
        root: the folder.
        files: the image files below it.
        test_fraction: None, or the share that the user wants for testing.
        say: takes the level and the text of a line for the log.

    Raises:
        UserError: a share is wanted, and there is a test split.
    """
    depth = len(root.parts)
    groups = by_folder(files, depth)
    names: dict[str, list[str]] = defaultdict(list)
    for name in groups:
        if match := SPLIT.fullmatch(name.casefold()):
            names[("train", "validation", "test")[match.lastindex - 1]].append(name)  # type: ignore[operator]
    others = sorted(groups.keys() - {name for split in names.values() for name in split})
    if "train" not in names or (others and len(names) == 1):
        return Splits(files, None, depth)
    testing = names["test"] or names["validation"]
    if testing and test_fraction is not None:
        raise UserError(
            f"data.test_fraction={test_fraction}: {root} has test images of its own, in {' and '.join(testing)}; "
            "leave the option out"
        )
    train, test = ([path for name in split for path in groups[name]] for split in (names["train"], testing))
    unused = (names["validation"] if names["test"] else []) + others
    say(logging.INFO, f"{root} has splits of its own: {_describe_splits(groups, names['train'], testing, unused)}")
    return Splits(train, test or None, depth + 1)


def _describe_splits(groups: dict[str, list[Path]], train: list[str], test: list[str], unused: list[str]) -> str:
    parts = ((train, "trained on"), (test, "for testing"), (unused, "not used"))
    return "; ".join(
        f"{what} {counts({name or 'beside the folders': len(groups[name]) for name in names})}"
        for names, what in parts
        if names
    )


def split_files(
    files: Sequence[Path], test_fraction: float | None, keys: Sequence[str] | None = None
) -> tuple[list[Path], list[Path]]:
    """Split files into training and test files: with a fraction of 0.1 every tenth is a test file, never the first.

    Args:
        files: in their order.
        test_fraction: None for `TEST_FRACTION`.
        keys: of the files, where those of one key stay together: the key alone then decides, and the fraction is that
            of the keys, about.
    """
    share = TEST_FRACTION if test_fraction is None else test_fraction
    if keys is None:
        tests = [int((index + 1) * share) > int(index * share) for index in range(len(files))]
    else:
        tests = [seeding.derive(0, "test", key) < share * 2**63 for key in keys]
    train = [path for path, test in zip(files, tests, strict=True) if not test]
    return train, [path for path, test in zip(files, tests, strict=True) if test]


def by_folder(files: Iterable[Path], base: int) -> dict[str, list[Path]]:
    """Files by the folder that follows the first `base` parts of their path; "" for those beside such folders."""
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        groups[path.parts[base] if len(path.parts) > base + 1 else ""].append(path)
    return dict(groups)


def in_natural_order(names: Iterable[str]) -> list[str]:
    """Names sorted as people do: 2 before 10."""
    return sorted(names, key=lambda name: ([int(part) if part.isdecimal() else part for part in _parts(name)], name))


def _parts(name: str) -> list[str]:
    return re.split(r"(\d+)", name)  # text and digits in turn, so that like is compared with like


def counts(images: dict[str, int]) -> str:
    """Names with their numbers of images: "cats (20), dogs (20)", and how many more there are."""
    named = [f"{name} ({count:,})" for name, count in list(images.items())[:NAMED]]
    return ", ".join(named + ([f"and {len(images) - NAMED:,} more"] if len(images) > NAMED else []))
