"""Locks that the operating system lets go of when their holder dies, however it dies."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from gan_lab.utils.errors import UserError


class Busy(Exception):  # noqa: N818 - a state, not an error
    """Somebody else holds the lock."""


@contextmanager
def held(file: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock that a file stands for; the file is gone again after a regular end.

    Args:
        file: in a folder that exists.
        patience: seconds to wait for the holder, who may only be asking `is_held`; negative for as long as it takes.

    Raises:
        Busy: somebody else has the lock.
    """
    lock = take(file, patience)
    try:
        yield
    finally:
        with suppress(OSError):  # a disk that has become read-only keeps the file, which says nothing
            file.unlink(missing_ok=True)  # while the lock is still held, so nobody else's file goes
        lock.release()


def take(file: Path, patience: float = 0.0) -> FileLock:
    """Hold a lock until its `release` or the end of this process.

    Raises:
        Busy: somebody else has the lock.
        UserError: something else has the file's name.
    """
    if file.exists() and not file.is_file():
        raise UserError(f"{file} is not a regular file, so it can't be a lock; remove it")
    lock = FileLock(file)
    try:
        lock.acquire(timeout=patience, poll_interval=0.1)
    except Timeout as error:
        raise Busy(str(file)) from error
    return lock


def is_held(file: Path) -> bool:
    """Tell if anybody holds the lock at this moment; another user's is taken for held.

    Raises:
        UserError: something else has the file's name.
    """
    if file.is_symlink() or not file.exists():  # no lock of ours
        return False
    try:
        take(file).release()
    except (Busy, PermissionError):
        return True
    return False
