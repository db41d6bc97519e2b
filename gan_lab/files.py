"""Files that are whole or not there, whatever happens while they are written."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replaced(target: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the target's place at the end, on disk; if writing fails, the old one stays.

    It is written beside the target: a rename within a file system happens or doesn't. The name is on disk once the
    folder is. What a kill leaves is called `.<name>.partial`, see `sweep`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)  # a full disk needs the room
    settle(target.parent)


def settle(folder: Path) -> None:
    """Have the folder's names on disk: a rename is only remembered once its folder is written."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def twin(source: Path, target: Path) -> None:
    """Have `target` name the same content; replacing either leaves the other. Copied where links aren't supported."""
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        try:
            os.link(source, partial)
        except OSError:
            shutil.copyfile(source, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def sweep(folder: Path) -> list[Path]:
    """Remove what a killed program had half written, and tell which files that were.

    Only for who has the folder to himself.
    """
    stale = sorted(folder.rglob(".*.partial"))
    for path in stale:
        path.unlink(missing_ok=True)
    return stale
