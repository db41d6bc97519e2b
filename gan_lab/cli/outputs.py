"""Files that a command writes where it is told to."""

from pathlib import Path

from gan_lab.errors import UserError


def refuse_existing(option: str, path: Path | None, force: bool) -> None:
    """Before the work begins: nothing is replaced without being asked.

    Raises:
        UserError: there is something already, or a folder where a file is to be.
    """
    if path is None:
        return
    if path.is_dir():
        raise UserError(f"{option} {path}: is a folder; say a file's name")
    if path.exists() and not force:
        raise UserError(f"{option} {path}: exists already; choose another name, or replace it with --force")


def put(option: str, path: Path, content: str | bytes) -> None:
    """Write a file beside its place, then move it there as a whole.

    Raises:
        UserError: it can't be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        partial.replace(path)
    except OSError as error:
        raise UserError(f"{option} {path}: can't be written: {error.strerror}") from error
