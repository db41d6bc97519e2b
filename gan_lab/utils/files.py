"""Files that are whole or not there, whatever happens while they are written."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(target: Path) -> Iterator[BinaryIO]:
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
    fsync_dir(target.parent)


def fsync_dir(folder: Path) -> None:
    """Have the folder's names on disk: a rename is only remembered once its folder is written."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def link_or_copy(source: Path, target: Path) -> None:
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


def remove_partial_files(folder: Path) -> list[Path]:
    """Remove what a killed program had half written, and tell which files that were.

    Only for who has the folder to himself.
    """
    stale = sorted(folder.rglob(".*.partial"))
    for path in stale:
        path.unlink(missing_ok=True)
    return stale


STALE_SECONDS = 60.0  # seconds in which who has made a folder says that he uses it


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Show others that this process is at work in a folder; the kernel stops showing it when the process ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def remove_abandoned_folders(place: Path, pattern: str) -> list[Path]:
    """Remove the folders of this name that killed programs have left, and tell which; those in use stay."""
    stale = [folder for folder in sorted(place.glob(pattern)) if _is_abandoned(folder)]
    for folder in stale:
        shutil.rmtree(folder, ignore_errors=True)
    return stale


def _is_abandoned(folder: Path) -> bool:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return time.time() - os.fstat(handle).st_mtime > STALE_SECONDS
    except OSError:
        return False
    finally:
        os.close(handle)
