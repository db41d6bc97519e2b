"""The places that images come from: a folder, a zip or tar archive, shards of a webdataset, arrays in one file.

A source lists names and opens one. A name is a path below `root`, as if the archive were an unpacked folder, so that
splits and classes follow the same rules everywhere. Nothing is unpacked to the disk.
"""

import glob
import io
import itertools
import re
import tarfile
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from stat import S_ISLNK
from threading import Lock
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np

from gan_lab.data import array_files, listing, medical
from gan_lab.data.array_files import Array
from gan_lab.data.listing import Say
from gan_lab.data.unpacking import ERRORS
from gan_lab.utils import memory
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import open_regular

LARGEST = 1 << 30  # bytes of a file in an archive; a picture has millions
PACKED_BY = 1032  # times that zip's usual method, deflate, makes a file smaller at most
ARCHIVES = (".zip", ".tar", ".npy", ".npz")
BLOCK = 512  # bytes of a tar archive, of which empty ones mark its end
COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")
LABEL = ".cls"  # of a sample in a webdataset: a file with its class


Axis = Literal[0, 1, 2]


class Slice(NamedTuple):
    """One of several images in a file."""

    file: Path
    place: int


class Source(ABC):
    """Images by name; a subclass says which there are, and opens the file of one.

    Args:
        root: the folder or archive, or what stands for it in names.
        axis: of volumes in medical files, along which they are cut into images.
    """

    classes: Sequence[str] = ()  # names by label, where the source has an order of its own

    def __init__(self, root: Path, axis: Axis = 2) -> None:
        self.root = root
        self.axis = axis
        self.slices: dict[Path, Slice] = {}  # by name, of files that hold several images

    def find(self, say: Say) -> list[Path]:
        """The names of all images, sorted; a file with several has one for each, `scan.nii` becomes `scan#012.nii`.

        Raises:
            UserError: there are none, or the archive is damaged.
        """
        found = []
        for path in self._files(say):
            found += self._cut(path) if medical.is_medical(path.name) else [path]
        return found

    @abstractmethod
    def _files(self, say: Say) -> list[Path]:
        """The names of all files with images, sorted; errors as of `find`."""

    @abstractmethod
    def open(self, path: Path) -> BinaryIO:
        """Open a file to read; several threads may at a time.

        Raises:
            OSError: it can't be opened.
        """

    @abstractmethod
    def state(self, path: Path) -> tuple[int, int]:
        """The size of a file and the time of its last change, or what else tells that its content is another."""

    def array(self, path: Path, background: str = "white") -> Array | None:
        """The values of an image that Pillow doesn't keep, (height, width, channels); None where it does.

        Args:
            path: its name.
            background: colour under transparent pixels.

        Raises:
            Exception: the file is damaged; the type depends on the library that reads it.
        """
        file, index = self.slices.get(path, Slice(path, 0))
        if medical.is_medical(file.name):
            return medical.read(file, self.open, index, self.axis)
        with self.open(file) as opened:
            return array_files.read(opened, path.name, background)

    def holds_array(self, path: Path) -> bool:
        """True for an image whose values no decoder of pictures knows, by its name."""
        file = self.slices.get(path, Slice(path, 0)).file
        return medical.is_medical(file.name) or file.suffix.lower() == array_files.ENDING

    def volume(self, path: Path) -> Path:
        """The file that an image is in; for all but a slice, its own name."""
        return self.slices[path].file if path in self.slices else path

    def release(self) -> None:
        """Let go of what is kept for the next images of a file, now that all are read."""
        medical.forget()

    def _cut(self, path: Path) -> list[Path]:
        """The names of the images in a medical file; the file's own where it has one, or can't be read."""
        try:
            count = medical.count(path, self.open, self.axis)
        except Exception:  # see `array`; decoding will report it
            return [path]
        if count == 1:
            return [path]
        stem, ending = medical.parted(path.name)
        digits = max(3, len(str(count - 1)))
        names = [path.with_name(f"{stem}#{index:0{digits}}{ending}") for index in range(count)]
        self.slices |= {name: Slice(path, index) for index, name in enumerate(names)}
        return names


class Folder(Source):
    """A folder, or a single file, with images in files of their own.

    Args:
        root: the folder.
        only: the one file in it that counts; None takes all, at any depth.
        axis: as of `Source`.
    """

    def __init__(self, root: Path, axis: Axis = 2, only: Path | None = None) -> None:
        super().__init__(root, axis)
        self.only = only

    def _files(self, say: Say) -> list[Path]:
        return listing.find(self.root, say) if self.only is None else [self.only]

    def open(self, path: Path) -> BinaryIO:
        """Open a regular file."""
        return open_regular(path)

    def state(self, path: Path) -> tuple[int, int]:
        """Size and time of the last change; zeros where there is no file, which decoding will report."""
        try:
            status = self.volume(path).stat()
        except OSError:
            return 0, 0
        return status.st_size, status.st_mtime_ns


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


class Arrays(Source):
    """Images in one array: a `.npy`, or an `.npz` as `gan-lab dataset pack` writes it.

    A name is the number of an image, inside a folder of its class where an `.npz` has labels.

    `.npy`: images (n, height, width) or (n, height, width, channels).
    `.npz`: `images` like that, and perhaps `labels`, whole numbers (n,), and `classes`, the names by label.
    """

    @cached_property
    def _content(self) -> tuple[Array, Array | None, list[str]]:
        try:
            loaded = self._load()
        except (OSError, KeyError, *ERRORS) as error:
            raise damaged(self.root, self.root.suffix[1:], error) from error
        images, labels, classes = loaded
        if images.ndim not in (3, 4) or not len(images) or images.dtype.kind not in "uif":
            raise UserError(
                f"{self.root}: its images are {images.dtype} {images.shape}, and must be numbers of the shape "
                "(n, height, width) or (n, height, width, channels)"
            )
        if labels is not None:
            if labels.shape != images.shape[:1] or labels.dtype.kind not in "ui" or labels.min() < 0:
                raise UserError(
                    f"{self.root}: its labels are {labels.dtype} {labels.shape}, and must be {len(images):,} whole "
                    "numbers from 0 on, one for each image"
                )
            highest = int(labels.max())
            if classes and highest >= len(classes):
                raise UserError(f"{self.root}: has labels up to {highest}, and names for {len(classes)} classes only")
        return images, labels, classes

    def _load(self) -> tuple[Array, Array | None, list[str]]:
        with open_regular(self.root) as file:  # a pipe would have numpy wait
            if self.root.suffix.lower() == ".npy":
                return np.load(self.root, mmap_mode="r", allow_pickle=False), None, []
            with zipfile.ZipFile(file) as archive:
                sizes = {info.filename: info.file_size for info in archive.infolist()}
            if (needed := sizes.get("images.npy", 0)) > memory.available():
                raise UserError(
                    f"{self.root}: its images take {needed / 1e9:,.1f} GB of memory, and "
                    f"{memory.available() / 1e9:.1f} GB are available; save them as a .npy file, which is read in parts"
                )
            file.seek(0)
            with np.load(file, allow_pickle=False) as content:
                labels = content["labels"].reshape(-1) if "labels" in content else None
                names = [str(name) for name in content["classes"]] if "classes" in content else []
                return content["images"], labels, names

    def _files(self, say: Say) -> list[Path]:
        images, labels, names = self._content
        digits = len(str(len(images) - 1))
        numbers = [f"{index:0{digits}}" for index in range(len(images))]
        if labels is None:
            return [self.root / number for number in numbers]
        names = [name.replace("/", "_") for name in names] or [str(label) for label in range(int(labels.max()) + 1)]
        there = set(labels.tolist())
        self.classes = [name for label, name in enumerate(names) if label in there]
        return sorted(self.root / names[label] / number for label, number in zip(labels, numbers, strict=True))

    def open(self, path: Path) -> BinaryIO:
        """Nothing is opened: images are arrays."""
        raise OSError("no file of its own")

    def array(self, path: Path, background: str = "white") -> Array:
        """The values of an image, (height, width, channels)."""
        image = np.asarray(self._content[0][int(path.name)])
        return image if image.ndim == 3 else image[:, :, None]

    def holds_array(self, path: Path) -> bool:
        """True for all."""
        return True

    @cached_property
    def _own_state(self) -> tuple[int, int]:
        status = self.root.stat()
        return status.st_size, status.st_mtime_ns

    def state(self, path: Path) -> tuple[int, int]:
        """Size and time of the whole file."""
        return self._own_state


OWN = Folder(Path())  # files by their paths


def at(path: str, option: str, axis: Axis = 2) -> Source:
    """The source at a path: a folder, an archive, a file, or tar files as a pattern with `*` or `{000..123}`.

    Args:
        path: as the user gives it.
        option: that it is the value of.
        axis: as of `Source`.

    Raises:
        UserError: nothing is there, or nothing that images are read from.
    """
    place = Path(path).expanduser()
    ending = place.suffix.lower()
    if place.is_dir():
        return Folder(place, axis)
    if place.name.lower().endswith(COMPRESSED):
        raise UserError(f"{option}={path}: is compressed, and read in place only without; make it a .tar or a .zip")
    if not place.exists():
        shards = _matching(place)
        if shards is None:
            raise UserError(f"{option}={path}: no such folder")
        if not shards or not all(shard.is_file() for shard in shards):
            lacking = next((shard.name for shard in shards if not shard.is_file()), "any file")
            raise UserError(f"{option}={path}: there isn't {lacking}")
        return Tar(place.parent, shards, axis)
    if ending == ".zip":
        return Zip(place, axis)
    if ending == ".tar":
        return Tar(place, [place], axis)
    if ending in ARCHIVES:
        return Arrays(place, axis)
    if medical.is_medical(place.name):
        return Folder(place.parent, axis, only=place)
    raise UserError(f"{option}={path}: is a file, not a folder, and none of {', '.join(ARCHIVES)}")


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


def _matching(pattern: Path) -> list[Path] | None:
    """The files of a pattern, in order; None where the path is none."""
    text = str(pattern)
    if ranges := BRACES.findall(text):
        parts = BRACES.split(text)[::3]
        numbers = [[f"{n:0{len(first)}}" for n in range(int(first), int(last) + 1)] for first, last in ranges]
        chosen = itertools.product(*numbers)
        return [Path("".join(itertools.chain(*zip(parts, [*each, ""], strict=True)))) for each in chosen]
    return [Path(name) for name in sorted(glob.glob(text))] if glob.has_magic(text) else None  # noqa: PTH207


def _shared_folder(names: Sequence[str]) -> str:
    """The folders that all names begin with, with the slash at their end."""
    first, last = min(names), max(names)
    shared = itertools.takewhile(
        lambda pair: pair[0] == pair[1], zip(*(each.split("/")[:-1] for each in (first, last)), strict=False)
    )
    return "".join(f"{one}/" for one, _ in shared)
