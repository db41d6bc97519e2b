"""Where a command writes: nothing is lost that was there, nothing half-written stays."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gan_lab.utils.errors import UserError
from gan_lab.utils.files import write_atomically


def check_output(out: Path, force: bool) -> None:
    """Refuse, before any work is done, to replace what was not to be replaced: a file, or a folder of images.

    Raises:
        UserError: the output exists, without `force` or holding more than images.
    """
    if out.exists() and not force:
        raise UserError(f"--out {out}: exists already; choose another name, or replace it with --force")
    if out.is_dir() and Path.cwd().is_relative_to(out.resolve()):
        raise UserError(f"--out {out}: is where you are; choose a folder of its own")
    if out.is_dir() and not all(path.suffix == ".png" for path in out.iterdir()):
        raise UserError(f"--out {out}: holds more than images, so --force won't replace it; choose another name")


def refuse_existing(option: str, path: Path | None, force: bool) -> None:
    """Refuse, before any work is done, to replace a file without being asked.

    Raises:
        UserError: there is something already, or a folder where a file is to be.
    """
    if path is None:
        return
    if path.is_dir():
        raise UserError(f"{option} {path}: is a folder; say a file's name")
    if path.exists() and not force:
        raise UserError(f"{option} {path}: exists already; choose another name, or replace it with --force")


@contextmanager
def replacing(out: Path, option: str = "--out") -> Iterator[Path]:
    """A place beside the output to write a file or folder to, which takes the output's name once it is whole.

    Raises:
        UserError: it can't be written.
    """
    out = out.absolute()
    partial = out.with_name(f".{out.name}.partial")
    with blamed_on(option, out):
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            remove(partial)
            yield partial
            remove(out)
            partial.replace(out)
        finally:
            with suppress(OSError):  # its folder may be what can't be written to
                remove(partial)


def put(option: str, path: Path, content: str | bytes) -> None:
    """Write a file as a whole.

    Raises:
        UserError: it can't be written.
    """
    with blamed_on(option, path.absolute()):
        write_atomically(path, content)


@contextmanager
def blamed_on(option: str, path: Path) -> Iterator[None]:
    """Say of an output that can't be written which option named it."""
    try:
        yield
    except FileExistsError as error:
        raise UserError(f"{option} {path}: can't be written: {error.filename} is a file, not a folder") from error
    except OSError as error:
        raise UserError(f"{option} {path}: can't be written: {error.strerror}") from error


def remove(path: Path) -> None:
    """Remove what stands in the way, file or folder."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
