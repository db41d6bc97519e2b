"""Members of published archives, zip or tar: read at once, or unpacked into a folder that is whole or not there."""

import gzip
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from gan_lab.utils.errors import DamagedFileError
from gan_lab.utils.files import open_regular, remove_unfinished, unfinished
from gan_lab.utils.terminal import bar

# Raised by Python's modules about archives that are damaged. Of a zip, `NotImplementedError` is of a compression or a
# version that they don't know, and `RuntimeError` of a password.
ERRORS = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


class Member(NamedTuple):
    """A file in an archive: its name, its size in bytes, and what opens it."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def _of_zip(packed: zipfile.ZipFile) -> Iterator[Member]:
    for info in packed.infolist():
        if not info.is_dir():
            yield Member(info.filename, info.file_size, partial(packed.open, info))


def _of_tar(taped: tarfile.TarFile) -> Iterator[Member]:
    for info in taped:
        if info.isreg():
            yield Member(info.name, info.size, partial(_extracted, taped, info))


def _extracted(taped: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = taped.extractfile(info)
    assert file is not None  # of a regular file
    return file


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[Member]]:
    """Yield the regular files of an archive in their order; links and devices are none.

    Raises:
        DamagedFileError: it is damaged, no archive, or locked by a password.
    """
    try:
        with open_regular(archive) as file:
            if archive.suffix == ".zip":
                with zipfile.ZipFile(file) as packed:
                    yield _of_zip(packed)
            else:
                with tarfile.open(fileobj=file) as taped:
                    yield _of_tar(taped)
    except ERRORS as error:
        raise DamagedFileError(f"{archive} is damaged: {error or type(error).__name__}") from error


def read(archive: Path, names: Sequence[str], *, largest: int) -> dict[str, bytes]:
    """Read members of an archive.

    Args:
        archive: a zip file, or a tar file, plain or compressed.
        names: of the members.
        largest: limit of a member's size in bytes.

    Returns:
        Their contents by name.

    Raises:
        DamagedFileError: the archive is damaged, a member is missing or too large.
        OSError: it can't be read.
    """
    contents: dict[str, bytes] = {}
    with _members(archive) as members:
        for member in members:
            name = member.name.removeprefix("./")
            if name in names:
                if member.size > largest:
                    raise DamagedFileError(f"{archive}: {name} has {member.size:,} bytes, more than {largest:,}")
                with member.open() as file:
                    contents[name] = file.read(member.size + 1)
            if len(contents) == len(names):
                break
    lacking = [name for name in names if name not in contents]
    if lacking:
        more = f" and {len(lacking) - 1} more files" if lacking[1:] else ""
        raise DamagedFileError(f"{archive} lacks {lacking[0]}{more}")
    return contents


def gunzipped(content: bytes, name: object, *, largest: int) -> bytes:
    """The content of a gzipped file, at most `largest` bytes and one more, which tells that there are too many.

    Raises:
        DamagedFileError: it is damaged or not gzipped; the message begins with `name`.
    """
    try:
        with gzip.open(BytesIO(content)) as packed:
            return packed.read(largest + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedFileError(f"{name} is damaged: {error}") from error


def unpack(archive: Path, inside: str, target: Path, *, largest: int, count: int) -> None:
    """Unpack the files below a folder of an archive as a folder, whole or not at all.

    Args:
        archive: a zip file, or a tar file, plain or compressed.
        inside: the folder in the archive.
        target: the folder that appears; its parent exists, and nobody else unpacks into it.
        largest: limit of all files' sizes together, in bytes.
        count: number of files that are expected, for the progress bar.

    Raises:
        DamagedFileError: the archive is damaged or too large, or has no such folder.
        OSError: it can't be read, or the files can't be written.
    """
    remove_unfinished(target.parent)
    total = found = 0
    with unfinished(target.parent) as folder:
        whole = folder / target.name
        whole.mkdir()
        with _members(archive) as members:
            for member in bar(members, f"Unpacking {archive.name}", count, "files"):
                path = PurePosixPath(member.name)
                if not path.is_relative_to(inside) or path.name.startswith("."):
                    continue
                place = path.relative_to(inside)
                if ".." in place.parts:
                    raise DamagedFileError(f"{archive}: {member.name} leads out of its folder")
                total, found = total + member.size, found + 1
                if total > largest:
                    raise DamagedFileError(f"{archive}: more than {largest:,} bytes unpacked")
                (whole / place).parent.mkdir(parents=True, exist_ok=True)
                with member.open() as source, (whole / place).open("wb") as file:
                    shutil.copyfileobj(source, file)
        if not found:
            raise DamagedFileError(f"{archive} lacks the folder {inside}")
        whole.rename(target)


def put(path: Path, content: bytes) -> None:
    """Write a file into a folder of `unfinished`, or one below it that is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
