"""Files of published datasets: found, held against their checksums, fetched where they are missing or damaged."""

import logging
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from gan_lab.data import unpacking
from gan_lab.utils import download
from gan_lab.utils.download import Algorithm
from gan_lab.utils.errors import DamagedFileError, UserError
from gan_lab.utils.locks import held

log = logging.getLogger(__name__)

_right: set[tuple[str, int, int, str]] = set()  # path, size, time and checksum of what this program has read and found


class PublishedFile(NamedTuple):
    """A file as its authors publish it.

    Args:
        name: of the file, also on this machine.
        url: the address, https.
        checksum: in hex digits.
        largest: limit of the size in bytes.
        algorithm: of the checksum.
    """

    name: str
    url: str
    checksum: str
    largest: int
    algorithm: Algorithm = "md5"


class Shelf:
    """The folder of a dataset's files, `<root>/<folder>`; files that lie in `<root>` are found as well.

    Args:
        root: the folder of all datasets.
        folder: name of this dataset's own folder, to which files are downloaded.
        title: of the dataset, for messages.
        page: the address where people find the files.
        download: fetch what is missing or damaged.
        advice: a sentence for who has to bring the files, or nothing.
    """

    def __init__(self, root: Path, folder: str, *, title: str, page: str, download: bool, advice: str = "") -> None:
        self.root = root
        self.place = root / folder
        self.title = title
        self.page = page
        self.download = download
        self.advice = advice

    def find(self, name: str) -> Path | None:
        """A file or folder of this name, in the dataset's own folder or beside it; None where there is none."""
        places = (self.place / name, self.root / name)  # the second may be the dataset's own folder
        return next((path for path in places if path.exists() and path != self.place), None)

    def provide(self, files: Sequence[PublishedFile]) -> dict[str, Path]:
        """Find files, and fetch those that are missing or damaged, one program at a time.

        Returns:
            The path of each file by its name; its content has the published checksum.

        Raises:
            UserError: a file is missing or damaged, and can't be downloaded.
        """
        paths, wrong = self._look(files)
        if len(paths) == len(files):
            return paths
        if not self.download:
            raise self._lacking(files, paths, wrong, "data.download=false")
        try:
            self.place.mkdir(parents=True, exist_ok=True)
            with held(self.place / ".lock", patience=-1):
                paths, wrong = self._look(files)  # another program may have been at work
                for file in files:
                    if file.name not in paths:
                        if file.name in wrong:
                            log.warning("%s. Downloading the file again.", wrong[file.name])
                        paths[file.name] = self._fetch(file)
        except download.ERRORS as error:
            raise self._lacking(files, paths, wrong, str(error)) from error
        return paths

    def unpack(self, archive: PublishedFile, inside: str, *, largest: int, count: int) -> Path:
        """Unpack what lies below a folder of an archive, once; one program at a time. The archive may go afterwards.

        Args:
            archive: of the dataset.
            inside: the folder in it; the unpacked one, in the dataset's own folder, has its last name.
            largest: limit of all files' sizes together, in bytes.
            count: number of files that are expected.

        Returns:
            The unpacked folder.

        Raises:
            UserError: the archive is missing or damaged and can't be downloaded, or the files can't be written.
        """
        name = PurePosixPath(inside).name
        if found := self.find(name):
            return found
        source = self.provide([archive])[archive.name]
        target = self.place / name
        try:
            self.place.mkdir(parents=True, exist_ok=True)
            with held(self.place / ".lock", patience=-1):
                if not target.exists():  # else another program was first
                    unpacking.unpack(source, inside, target, largest=largest, count=count)
        except DamagedFileError as error:
            raise UserError(f"{error}. Replace or remove it.") from error
        except OSError as error:
            raise UserError(f"{source} can't be unpacked into {target}: {error.strerror or error}") from error
        return target

    def member(self, folder: Path, file: PublishedFile) -> Path:
        """A file of an unpacked folder, once its content has the published checksum.

        Raises:
            UserError: it is missing, damaged or another file.
        """
        path = folder / file.name
        damage = _damage(path, file) if path.is_file() else f"{folder} lacks {file.name}"
        if damage:
            raise UserError(f"{damage}. Remove the folder {folder}; the next run unpacks it again.")
        return path

    def _look(self, files: Sequence[PublishedFile]) -> tuple[dict[str, Path], dict[str, str]]:
        """Paths of the files that are right, and messages about those of which all copies are wrong, by name."""
        paths: dict[str, Path] = {}
        wrong: dict[str, str] = {}
        for file in files:
            for path in (self.place / file.name, self.root / file.name):
                if path.exists() and file.name not in paths:
                    if (damage := _damage(path, file)) is None:
                        paths[file.name] = path
                    else:
                        wrong.setdefault(file.name, damage)
        return paths, {name: damage for name, damage in wrong.items() if name not in paths}

    def _fetch(self, file: PublishedFile) -> Path:
        """Download one file; errors as of `download.fetch`."""
        target = self.place / file.name
        kind = {"checksum": file.checksum, "algorithm": file.algorithm, "largest": file.largest}
        try:
            download.fetch(file.url, target, **kind, resumable=True)  # type: ignore[arg-type]
        except download.ERRORS as error:
            raise OSError(f"the download failed ({error})") from error
        return target

    def _lacking(
        self, files: Sequence[PublishedFile], paths: dict[str, Path], wrong: dict[str, str], reason: str
    ) -> UserError:
        """The error for files that are missing or damaged."""
        if wrong:
            return UserError(
                f"{next(iter(wrong.values()))}. It can't be downloaded again: {reason}. Replace or remove it."
            )
        missing = [file.name for file in files if file.name not in paths]
        names = " and ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
        pronoun = "it" if len(missing) == 1 else "them"
        return UserError(
            f"{self.place} lacks {names} of {self.title}, and {reason}. Put {pronoun} there, from {self.page}"
            + (f". {self.advice}" if self.advice else "")
        )


def _damage(path: Path, file: PublishedFile) -> str | None:
    """A message about a file that is not the published one; None for the right one.

    Raises:
        UserError: it can't be read.
    """
    try:
        status = path.stat()
        known = (str(path.absolute()), status.st_size, status.st_mtime_ns, file.checksum)
        if known in _right:
            return None
        if status.st_size > file.largest:
            return f"{path} is another file: {status.st_size:,} bytes, and {file.largest:,} at most are published"
        actual = download.checksum_of(path, file.algorithm)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from error
    if actual != file.checksum:
        return (
            f"{path} is damaged or another file: {status.st_size:,} bytes with {file.algorithm} {actual} in place of "
            f"{file.checksum}"
        )
    _right.add(known)
    return None
