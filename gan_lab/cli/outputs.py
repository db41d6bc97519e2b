"""Output files and folders of commands: nothing is overwritten by accident, nothing stays half-written."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from gan_lab.utils.errors import UserError
from gan_lab.utils.files import unfinished, write_atomically

ENDINGS = (".png", ".tif", ".npy")  # of the images that commands write
PAGES = (".html", ".htm")


def check_output(out: Path, force: bool) -> None:
    """Refuse, before any work is done, an output that may not be replaced: a file, or a folder of images.

    Raises:
        UserError: the output exists without `force`, holds more than images, or is the current folder.
    """
    if out.exists() and not force:
        raise UserError(f"--out {out}: exists already; choose another name, or replace it with --force")
    if out.is_dir() and Path.cwd().is_relative_to(out.resolve()):
        raise UserError(f"--out {out}: is the current folder or above it; choose another folder")
    if out.is_dir() and not all(path.suffix in ENDINGS or _is_folder(path) for path in out.rglob("*")):
        raise UserError(f"--out {out}: holds more than images, so --force won't replace it; choose another name")


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def refuse_existing(option: str, path: Path | None, force: bool) -> None:
    """Refuse, before any work is done, to replace a file without `force`.

    Raises:
        UserError: the file exists, or the path is a folder.
    """
    if path is None:
        return
    if path.is_dir():
        raise UserError(f"{option} {path}: is a folder; name a file")
    if path.exists() and not force:
        raise UserError(f"{option} {path}: exists already; choose another name, or replace it with --force")


def check_ending(option: str, path: Path | None, endings: Sequence[str], what: str) -> None:
    """Refuse, before any work is done, a file whose ending says another format.

    Args:
        option: that named it.
        path: None for none.
        endings: that will do, in lower case.
        what: the end of the message, such as "a grid is a .png".

    Raises:
        UserError: it has another ending.
    """
    if path is not None and path.suffix.lower() not in endings:
        wrong = f"unknown format {path.suffix}" if path.suffix else "has no ending"
        raise UserError(f"{option} {path}: {wrong}; {what}")


@contextmanager
def replacing(out: Path, option: str = "--out") -> Iterator[Path]:
    """Give a temporary path beside the output, which is renamed to the output once its file or folder is complete.

    Raises:
        UserError: the output can't be written.
    """
    out = out.absolute()
    with naming(option, out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with unfinished(out.parent) as folder:
            yield folder / out.name
            remove(out)
            (folder / out.name).replace(out)


def put(option: str, path: Path, content: str | bytes) -> None:
    """Write a file completely or not at all.

    Raises:
        UserError: the file can't be written.
    """
    with naming(option, path.absolute()):
        write_atomically(path, content)


def put_folder(option: str, out: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of files completely or not at all, in place of the one that may be there.

    Raises:
        UserError: it can't be written.
    """
    with replacing(out, option) as partial:
        for name, content in files.items():
            write_atomically(partial / name, content)


@contextmanager
def naming(option: str, path: Path) -> Iterator[None]:
    """Name the option and the path where writing fails.

    Raises:
        UserError: writing failed.
    """
    try:
        yield
    except FileExistsError as error:
        raise UserError(f"{option} {path}: can't be written: {error.filename} is a file, not a folder") from error
    except OSError as error:
        raise UserError(f"{option} {path}: can't be written: {error.strerror}") from error


def remove(path: Path) -> None:
    """Remove a file or folder, if it exists."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
