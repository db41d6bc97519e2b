"""Files that are whole or not there, whatever happens while they are written."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(target: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the target's place at the end, on disk; if writing fails, the old content stays.

    The file is written beside the target: a rename within a file system happens or doesn't. The new name is on disk
    once the folder is. A kill leaves `.<name>.<random>.partial`, see `remove_partial_files`. Several processes may
    write the same target: one of their files is there in the end, whole.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(target)
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        with suppress(OSError):  # of a disk that has become read-only; the error above says so
            partial.unlink(missing_ok=True)  # a full disk needs the room
    fsync_dir(target.parent)


def write_atomically(target: Path, content: str | bytes) -> None:
    """Replace a file as a whole: a reader, or a crash, sees the old content or the new. Text is written as UTF-8."""
    with atomic_write(target) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def append(file: Path, content: bytes | bytearray) -> None:
    """Append to a file, which is made where there is none: all of the content, or nothing of it."""
    with file.open("ab", buffering=0) as opened:
        size, rest = opened.tell(), memoryview(content)
        try:
            while rest:
                rest = rest[opened.write(rest) :]
        except OSError:
            opened.truncate(size)
            raise


def fsync_dir(folder: Path) -> None:
    """Have the folder's names on disk: a rename is only remembered once its folder is written."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def link_or_copy(source: Path, target: Path) -> None:
    """Have `target` name the same content; replacing either leaves the other. Copied where links aren't supported."""
    partial = _partial(target)
    try:
        try:
            os.link(source, partial)
        except OSError:
            shutil.copyfile(source, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def remove_partial_files(folder: Path) -> list[Path]:
    """Remove what killed programs had half written below a folder that nobody writes to now.

    Returns:
        The files that were removed.
    """
    stale = sorted(folder.rglob(".*.partial"))
    for path in stale:
        path.unlink(missing_ok=True)
    return stale


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
