"""Who is at work on something: locks that the operating system lets go of when their holder dies, however it dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class Busy(Exception):  # noqa: N818 - a state, not an error
    """Somebody else holds the lock."""


@contextmanager
def held(file: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock that a file stands for; the file is gone again after a regular end.

    Args:
        file: in a folder that exists.
        patience: seconds to wait for whoever holds it: one who only looks holds it for a moment.

    Raises:
        Busy: somebody else has it.
    """
    lock = take(file, patience)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)  # while it is still held, so nobody's lock but this one's goes
        lock.release()


def take(file: Path, patience: float = 0.0) -> FileLock:
    """Hold a lock until it is released or this process ends.

    Raises:
        Busy: somebody else has it.
    """
    lock = FileLock(file)
    try:
        lock.acquire(timeout=patience, poll_interval=0.1)
    except Timeout as error:
        raise Busy(str(file)) from error
    return lock


def is_held(file: Path) -> bool:
    """Whether anybody holds the lock at this moment; another user's is taken for held."""
    if not file.exists():
        return False
    try:
        take(file).release()
    except (Busy, PermissionError):
        return True
    return False
