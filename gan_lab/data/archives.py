"""Zip and tar archives, and shards of a webdataset, as sources of images. Nothing is unpacked to the disk.

`unpacking` reads those of published datasets instead, from their beginning to their end.
"""

import io
import itertools
import re
import tarfile
import zipfile
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from stat import S_ISLNK
from threading import Lock
from typing import Any, BinaryIO, NamedTuple

from gan_lab.data import listing
from gan_lab.data.listing import Say
from gan_lab.data.sources import Axis, Source
from gan_lab.data.unpacking import ERRORS
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import open_regular

LARGEST = 1 << 30  # bytes of a file in an archive; a picture has millions
PACKED_BY = 1032  # times that zip's usual method, deflate, makes a file smaller at most
BLOCK = 512  # bytes of a tar archive, of which empty ones mark its end
LABEL = ".cls"  # of a sample in a webdataset: a file with its class


class Archive(Source):
    """Files in one or several archives; a subclass lists their members and reads one.

    Folders that all images lie in are left out of the names: an archive of one folder is like that folder.
    """

    @abstractmethod
    def _members(self) -> dict[str, Any]:
        """Arguments of `_read`, by the names of all members that are files; errors as of `find`."""

    @abstractmethod
    def _read(self, member: Any) -> bytes:
        """The content of a member; errors as of `open`."""

    @abstractmethod
    def _state(self, member: Any) -> tuple[int, int]:
        """As `state`."""

    @cached_property
    def _known(self) -> dict[str, Any]:
        return self._members()

    def _files(self, say: Say) -> list[Path]:
        known = self._known
        names = listing.choose(self.root, known, say)
        shared = _shared_folder(names)
        self._by_path = {self.root / name[len(shared) :]: known[name] for name in names}
        return sorted(self._by_path)

    def open(self, path: Path) -> BinaryIO:
        """Read a member into memory."""
        return io.BytesIO(self._read(self._by_path[path]))

    def state(self, path: Path) -> tuple[int, int]:
        """Size and checksum, or time, of a member."""
        return self._state(self._by_path[self.volume(path)])


class Zip(Archive):
    """A zip archive, read in place by any number of threads."""

    def __init__(self, root: Path, axis: Axis = 2) -> None:
        super().__init__(root, axis)
        self._lock = Lock()  # zipfile counts its open members without one

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(open_regular(self.root))
        except ERRORS as error:
            raise damaged(self.root, "zip", error) from error
        except OSError as error:
            raise UserError(f"{self.root} can't be read: {error.strerror or error}") from error

    def _members(self) -> dict[str, zipfile.ZipInfo]:
        members = {}
        for info in self._archive.infolist():
            if info.is_dir() or S_ISLNK(info.external_attr >> 16):
                continue
            refuse_ways_out(self.root, info.filename)
            if info.flag_bits & 1:
                raise UserError(f"{self.root}: {info.filename} is encrypted; unpack the archive, and use the folder")
            if info.file_size > LARGEST or info.file_size > PACKED_BY * (info.compress_size + 1):
                raise UserError(
                    f"{self.root}: {info.filename} claims to unpack {info.compress_size:,} bytes to "
                    f"{info.file_size:,}, which no image does; remove it from the archive"
                )
            members[info.filename] = info
        return members

    def _read(self, member: zipfile.ZipInfo) -> bytes:
        try:
            with self._lock:
                opened = self._archive.open(member)
            try:
                return opened.read(LARGEST)
            finally:
                with self._lock:
                    opened.close()
        except ERRORS as error:
            raise OSError(str(error)) from error

    def _state(self, member: zipfile.ZipInfo) -> tuple[int, int]:
        return member.file_size, member.CRC


class TarMember(NamedTuple):
    """A file in a tar archive: the archive's number, and where its bytes lie."""

    archive: int
    offset: int
    size: int
    time: int


class Tar(Archive):
    """Tar archives that aren't compressed, read in place: one, or the shards of a webdataset.

    The members of a webdataset that share a name up to its first dot are one sample. Where samples have a class in a
    file that ends in .cls, it is the folder of their images. Files of several shards carry their shard's name.

    Args:
        root: what names begin with.
        archives: the tar files.
        axis: as of `Source`.
    """

    def __init__(self, root: Path, archives: Sequence[Path], axis: Axis = 2) -> None:
        super().__init__(root, axis)
        self.archives = archives
        self._locks = [Lock() for _ in archives]

    @cached_property
    def _opened(self) -> list[BinaryIO]:
        try:
            return [open_regular(path) for path in self.archives]
        except OSError as error:
            raise UserError(f"{error.filename} can't be read: {error.strerror or error}") from error

    def _members(self) -> dict[str, TarMember]:
        members: dict[str, TarMember] = {}
        for number, path in enumerate(self.archives):
            own = dict(self._listed(number, path))
            labels = {
                name.removesuffix(LABEL): self._read(place).decode("utf-8", "replace").strip()
                for name, place in own.items()
                if name.endswith(LABEL) and place.size < 1000
            }
            for name, place in own.items():
                if name.endswith(LABEL):  # it is used, and no image
                    continue
                folder, _, file = name.rpartition("/")
                label = labels.get(f"{folder}/{file.split('.')[0]}".lstrip("/"))
                parts = [folder, "" if label is None else label.replace("/", "_")]
                named = file if len(self.archives) == 1 else f"{path.stem}_{file}"
                members["/".join([*filter(None, parts), named])] = place
        return members

    def _listed(self, number: int, path: Path) -> Iterator[tuple[str, TarMember]]:
        file = self._opened[number]
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - BLOCK))
        is_whole = file.read() == bytes(BLOCK)
        file.seek(0)
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:
                for info in archive:
                    archive.members = []  # type: ignore[attr-defined]  # else it keeps them all, a kilobyte each
                    if not info.isreg() or info.issparse():
                        continue
                    refuse_ways_out(path, info.name)
                    if info.offset_data + info.size > size:
                        raise tarfile.ReadError(f"{info.name} goes on behind its end")
                    if info.size > LARGEST:
                        raise UserError(f"{path}: {info.name} has {info.size:,} bytes, which no image has; remove it")
                    name = info.name.removeprefix("./")
                    yield name, TarMember(number, info.offset_data, info.size, int(info.mtime))
            if not is_whole:
                raise tarfile.ReadError("what marks its end is missing")
        except ERRORS as error:
            raise damaged(path, "tar", error) from error

    def _read(self, member: TarMember) -> bytes:
        file = self._opened[member.archive]
        with self._locks[member.archive]:
            file.seek(member.offset)
            content = file.read(member.size)
        if len(content) < member.size:
            raise OSError("the archive ends within it")
        return content

    def _state(self, member: TarMember) -> tuple[int, int]:
        return member.size, member.time


def refuse_ways_out(archive: Path, name: str) -> None:
    """Refuse an archive with a member that would be unpacked to a place outside; nothing is, but who made it means ill.

    Raises:
        UserError: naming the member.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        raise UserError(f"{archive}: {name} leads out of the archive; make the archive again, with names inside it")


def damaged(archive: Path, kind: str, error: Exception) -> UserError:
    """The refusal of an archive that can't be read, for its reason."""
    reason = str(error).partition("\n")[0] or type(error).__name__
    return UserError(f"{archive}: can't be read as a {kind} file: {reason}; fetch or make it again")


def _shared_folder(names: Sequence[str]) -> str:
    """The folders that all names begin with, with the slash at their end."""
    first, last = min(names), max(names)
    shared = itertools.takewhile(
        lambda pair: pair[0] == pair[1], zip(*(each.split("/")[:-1] for each in (first, last)), strict=False)
    )
    return "".join(f"{one}/" for one, _ in shared)
