"""Files that are whole or not there, whatever happens while they are written; and what a stranger's folder may hold."""

import errno
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG
from tempfile import TemporaryDirectory
from typing import BinaryIO

from gan_lab.utils.errors import UserError

LARGEST_TEXT = 1 << 24  # bytes of a record or a table; ours have thousands
UNFINISHED = ".gan_lab-"  # what the names of folders begin with whose content is not finished
MARKER = "unfinished"  # in each of them, with this text, which proves that the folder is ours to remove
TEXT = "gan_lab was writing here. Once it has ended, this folder may be removed.\n"


@contextmanager
def unfinished(parent: Path) -> Iterator[Path]:
    """Yield a folder in `parent` for what isn't finished, from where a rename puts it in place; it is gone at the end.

    A kill leaves it behind, see `remove_unfinished`.
    """
    with TemporaryDirectory(prefix=UNFINISHED, dir=parent, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / MARKER).write_bytes(TEXT.encode())
        yield folder


def remove_unfinished(*folders: Path) -> list[Path]:
    """Remove what killed programs have left half written in folders that nobody writes to now.

    Returns:
        The folders of `unfinished` that were removed: those whose marker proves that they are.
    """
    stale = [path for folder in folders for path in sorted(folder.glob(f"{UNFINISHED}*")) if _is_marked(path)]
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
    return stale


def _is_marked(folder: Path) -> bool:
    marker = folder / MARKER
    if folder.is_symlink() or marker.is_symlink() or not marker.is_file():
        return False
    return marker.stat().st_size == len(TEXT) and marker.read_bytes() == TEXT.encode()


def refuse_ways_out(folder: Path) -> None:
    """Refuse a folder, perhaps a stranger's, in which writing to a name could reach anything outside.

    Raises:
        UserError: naming a symbolic or hard link that leads out, or what is neither a file nor a folder.
    """
    inside = os.path.realpath(folder)
    names: Counter[tuple[int, int]] = Counter()
    linked: dict[tuple[int, int], tuple[Path, int]] = {}
    for place, folders, files in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *files)):
            try:
                status = path.lstat()
            except FileNotFoundError:  # by another program, since
                continue
            if S_ISLNK(status.st_mode):
                if not Path(os.path.realpath(path)).is_relative_to(inside) or _is_circle(path):
                    raise UserError(
                        f"{path} leads out of {folder}; put what it leads to in its place, or remove the link"
                    )
            elif S_ISREG(status.st_mode) and status.st_nlink > 1:
                file = (status.st_dev, status.st_ino)
                names[file] += 1
                linked[file] = path, status.st_nlink
            elif not S_ISREG(status.st_mode) and not S_ISDIR(status.st_mode):
                raise UserError(f"{path} is neither a file nor a folder; remove it")
    for file, (path, count) in linked.items():
        if names[file] < count:
            raise UserError(
                f"{path} is also a file outside of {folder} (a hard link); copy the folder, and use the copy"
            )


def _is_circle(link: Path) -> bool:
    try:
        link.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


@contextmanager
def atomic_write(target: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the target's place at the end, on disk; if writing fails, the old content stays.

    The file is written beside the target: a rename within a file system happens or doesn't. The new name is on disk
    once the folder is. Several processes may write the same target: one of their files is there in the end, whole.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with unfinished(target.parent) as folder:
        partial = folder / target.name
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    fsync_dir(target.parent)


def write_atomically(target: Path, content: str | bytes) -> None:
    """Replace a file as a whole: a reader, or a crash, sees the old content or the new. Text is written as UTF-8."""
    with atomic_write(target) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def append(file: Path, content: bytes | bytearray) -> None:
    """Append to a file, which is made where there is none: all of the content, or nothing of it.

    Raises:
        OSError: it can't be written to, or its name is a link, symbolic or hard, to a file that has other names.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):  # the last for Windows, which lacks the others
        flags |= getattr(os, name, 0)
    if not hasattr(os, "O_NOFOLLOW") and file.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(file))
    with os.fdopen(os.open(file, flags, 0o666), "ab", buffering=0) as opened:
        if os.fstat(opened.fileno()).st_nlink > 1:
            raise OSError(errno.EMLINK, "is a link to a file that has other names", str(file))
        size, rest = opened.tell(), memoryview(content)
        try:
            while rest:
                rest = rest[opened.write(rest) :]
        except OSError:
            opened.truncate(size)
            raise


def fsync_dir(folder: Path) -> None:
    """Have the folder's names on disk: a rename is only remembered once its folder is written.

    Windows opens no folders, and what it does is all that there is.
    """
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def link_or_copy(source: Path, target: Path) -> None:
    """Have `target` name the same content; replacing either leaves the other. Copied where links aren't supported."""
    with unfinished(target.parent) as folder:
        partial = folder / target.name
        try:
            os.link(source, partial)
        except (OSError, AttributeError):  # some systems have no links at all
            shutil.copyfile(source, partial)
        partial.replace(target)


def open_regular(file: Path) -> BufferedReader:
    """Open a file to read, and nothing else: reading a pipe or a device need never end.

    Raises:
        OSError: it can't be opened, or is no regular file.
    """
    wait_for_nobody = getattr(os, "O_NONBLOCK", 0)  # Windows has no pipes among its files
    opened = open(file, "rb", opener=lambda name, flags: os.open(name, flags | wait_for_nobody))  # noqa: SIM115
    if not S_ISREG(os.fstat(opened.fileno()).st_mode):
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
