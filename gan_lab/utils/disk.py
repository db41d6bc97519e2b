"""Files that can't be written for a while: training goes on, and what could not be written is written later.

Whoever writes while a run trains keeps what it has until it is on disk, tries again at its next occasion, and writes
within `surviving`.
"""

import errno
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

from gan_lab.utils.errors import UserError

log = logging.getLogger(__name__)

# What ends when somebody does something about it, and what that is.
REMEDIES = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room within your quota",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "have it mounted for writing",
    errno.EACCES: "see to the permissions",
    errno.EPERM: "see to the permissions",
    errno.EIO: "see to the disk",
}

_waiting: dict[Path, Path] = {}  # files that could not be written, and their disks


@contextmanager
def surviving(file: Path) -> Iterator[None]:
    """Survive that a file can't be written, as `failed` and `written` say it."""
    try:
        yield
    except OSError as error:
        failed(file, problem(file, error))
    else:
        written(file)


def failed(file: Path, line: str) -> None:
    """Note that a file waits to be written; the first of its disk is a warning."""
    disk = disk_of(file)
    is_first = disk not in _waiting.values()
    _waiting[file] = disk
    if is_first:
        log.warning("%s. Training goes on; what can't be written there waits", line)


def written(file: Path) -> None:
    """Note that a file is written; after the last one that waited for its disk a line says so."""
    disk = _waiting.pop(file, None)
    if disk is not None and disk not in _waiting.values():
        log.warning("The disk %s takes files again, and what waited is written", disk)


@runtime_checkable
class Writer(Protocol):
    """One whose files wait while they can't be written, and are tried once more when training ends."""

    @property
    def unwritten(self) -> Path | None:
        """A file that waits; None where all is on disk."""


def check_all_written(parts: Iterable[object]) -> None:
    """Make sure that nothing waits any more at a run's end, of those parts of it that write.

    Raises:
        UserError: something does.
    """
    files = [part.unwritten for part in parts if isinstance(part, Writer) and part.unwritten]
    if files:
        listed = ", ".join(map(str, files))
        raise UserError(
            f"{listed} could not be written to the end (disk {disk_of(files[0])}); see to the disk, and resume the "
            "run: all that is left to do is to write what waits"
        )


def forget() -> None:
    """Forget what waited in another run."""
    _waiting.clear()


def problem(file: Path, error: OSError) -> str:
    """A line that names a file, the disk that it lies on, why it can't be written, and what to do."""
    remedy = f"; {REMEDIES[error.errno]}" if error.errno in REMEDIES else ""
    return f"{file} can't be written: {error.strerror or error} (disk {disk_of(file)}){remedy}"


def in_words(error: OSError) -> str:
    """A line for an error whose file need not be known."""
    if error.errno not in REMEDIES:
        return str(error)
    return f"{error.filename or 'a file can not be written'}: {error.strerror}; {REMEDIES[error.errno]}"


def disk_of(file: Path) -> Path:
    """The folder where the file's disk is mounted."""
    place = Path(os.path.realpath(file))
    return next(folder for folder in (place, *place.parents) if os.path.ismount(folder) or folder == folder.parent)


def os_error_in(error: BaseException | None) -> OSError | None:
    """The operating system's error behind one that a library has made of it; None if it is no such error."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error
