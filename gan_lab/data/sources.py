"""Images by name, and the plainest source of them, a folder; `archives` and `packed` have others, `places` finds one.

A source lists names and opens one. A name is a path below `root`, as if an archive were an unpacked folder, so that
splits and classes follow the same rules everywhere.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from gan_lab.data import array_files, listing, medical
from gan_lab.data.array_files import Array
from gan_lab.data.listing import Say
from gan_lab.utils.files import open_regular

Axis = Literal[0, 1, 2]  # left to right, back to front, below to above


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


def single(path: Path, axis: Axis = 2) -> tuple[Source, Path]:
    """A source of one file, and the name of the one image in it.

    Raises:
        ValueError: it holds several.
    """
    source = Folder(path.parent, axis, path)
    names = source.find(lambda *_: None)
    if len(names) > 1:
        raise ValueError(f"it holds {len(names)} images; one is asked for")
    return source, names[0]


OWN = Folder(Path())  # files by their paths
