"""Files that are whole or not there, whatever happens while they are written."""

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

LARGEST_TEXT = 1 << 24  # bytes of a record or a table; ours have thousands


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
        partial.unlink(missing_ok=True)  # a full disk needs the room
    fsync_dir(target.parent)


def write_atomically(target: Path, content: str | bytes) -> None:
    """Replace a file as a whole: a reader, or a crash, sees the old content or the new. Text is written as UTF-8."""
    with atomic_write(target) as file:
        file.write(content.encode() if isinstance(content, str) else content)


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


def open_regular(file: Path) -> BinaryIO:
    """Open a file to read, and nothing else: reading a pipe or a device need never end.

    Raises:
        OSError: it can't be opened, or is no regular file.
    """
    opened = open(file, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise OSError(errno.EINVAL, "is not a regular file", str(file))
    return opened


def read_regular(file: Path, limit: int = LARGEST_TEXT) -> bytes:
    """Read a regular file of at most `limit` bytes.

    Raises:
        OSError: it can't be read, is no regular file, or is larger.
    """
    with open_regular(file) as opened:
        content = opened.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it has more than {limit >> 10:,} kB, which none of ours has", str(file))
    return content


def remove_partial_files(folder: Path) -> list[Path]:
    """Remove what killed programs had half written below a folder that nobody writes to now.

    Returns:
        The files that were removed.
    """
    stale = sorted(path for path in folder.rglob(".*.partial") if path.is_symlink() or not path.is_dir())
    for path in stale:
        path.unlink(missing_ok=True)
    return stale


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
