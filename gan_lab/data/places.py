"""The source of images at a path that a user gives."""

import glob
import itertools
import re
from pathlib import Path

from gan_lab.data import medical
from gan_lab.data.archives import Tar, Zip
from gan_lab.data.packed import Arrays
from gan_lab.data.sources import Axis, Folder, Source
from gan_lab.utils.errors import UserError
from gan_lab.utils.shell import argument

ARCHIVES = (".zip", ".tar", ".npy", ".npz")
COMPRESSED = {  # with the programs that make a .tar of them
    ".tar.gz": "gunzip",
    ".tgz": "gunzip",
    ".tar.bz2": "bunzip2",
    ".tbz2": "bunzip2",
    ".tar.xz": "unxz",
    ".txz": "unxz",
    ".tar.zst": "unzstd",
}
BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")


def at(path: str, option: str, axis: Axis = 2) -> Source:
    """The source at a path: a folder, an archive, a file, or tar files as a pattern with `*` or `{000..123}`.

    Args:
        path: as the user gives it.
        option: that it is the value of.
        axis: as of `Source`.

    Raises:
        UserError: nothing is there, or nothing that images are read from.
    """
    place = Path(path).expanduser()
    ending = place.suffix.lower()
    if place.is_dir():
        return Folder(place, axis)
    unpacks = _unpacks(place)
    if not place.exists():
        shards = _matching(place)
        if shards is None:
            is_file = ending in ARCHIVES or unpacks or medical.is_medical(place.name)
            raise UserError(f"{option}={path}: no such {'file' if is_file else 'folder'}")
        if not shards or not all(shard.is_file() for shard in shards):
            lacking = next((shard.name for shard in shards if not shard.is_file()), "any file")
            raise UserError(f"{option}={path}: there isn't {lacking}")
        if not unpacks:
            return Tar(place.parent, shards, axis)
    if unpacks:
        typed = path if not place.exists() else argument(path)  # a pattern is the shell's, too
        raise UserError(
            f"{option}={path}: is compressed as a whole, and images are read one by one; make it a .tar with "
            f"{unpacks} -k {typed}"
        )
    if ending == ".zip":
        return Zip(place, axis)
    if ending == ".tar":
        return Tar(place, [place], axis)
    if ending in ARCHIVES:
        return Arrays(place, axis)
    if medical.is_medical(place.name):
        return Folder(place.parent, axis, only=place)
    raise UserError(f"{option}={path}: is a file, not a folder, and none of {', '.join(ARCHIVES)}")


def _unpacks(place: Path) -> str | None:
    """The program that unpacks a compressed tar; None for all else."""
    name = place.name.lower()
    return next((program for ending, program in COMPRESSED.items() if name.endswith(ending)), None)


def _matching(pattern: Path) -> list[Path] | None:
    """The files of a pattern, in order; None where the path is none."""
    text = str(pattern)
    if ranges := BRACES.findall(text):
        parts = BRACES.split(text)[::3]
        numbers = [[f"{n:0{len(first)}}" for n in range(int(first), int(last) + 1)] for first, last in ranges]
        chosen = itertools.product(*numbers)
        return [Path("".join(itertools.chain(*zip(parts, [*each, ""], strict=True)))) for each in chosen]
    return [Path(name) for name in sorted(glob.glob(text))] if glob.has_magic(text) else None  # noqa: PTH207
