"""Downloads over https, of limited size, verified by checksum, complete or absent."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO, Literal
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tqdm import tqdm

from gan_lab.utils.files import append, atomic_write, fsync_dir, open_regular
from gan_lab.utils.terminal import no_bars

SECONDS = 15  # without a byte from the server
CHUNK = 1 << 18  # bytes
BAR_FROM = 1 << 28  # bytes of a file on disk that are worth a bar
ERRORS = (OSError, HTTPException, ValueError)  # raised by `fetch`
Algorithm = Literal["md5", "sha256"]


def fetch(
    url: str, target: Path, *, checksum: str, algorithm: Algorithm, largest: int, resumable: bool = False
) -> None:
    """Download a file, which appears as `target` once its checksum is right.

    Args:
        url: must be https, also after redirects.
        target: its parent folders are created once the server has answered.
        checksum: as its authors publish it, in hex digits.
        algorithm: of the checksum.
        largest: limit of the size in bytes; no more is read.
        resumable: keep the beginning of a file that is cut off beside the target, and go on from there the next time.

    Raises:
        OSError: there is no answer, or the disk is full.
        HTTPException: the answer is not HTTP.
        ValueError: the address is not https, the file too large or cut off, or its checksum another.
    """
    if not url.startswith("https://"):
        raise ValueError(f"{url}: not https")
    if resumable:
        return _resume(url, target, checksum, algorithm, largest)
    with _answer(url) as answer, atomic_write(target) as file:
        actual = _copy(answer, file, url, target.name, hashlib.new(algorithm, usedforsecurity=False), 0, largest)
        _refuse_other(url, actual, checksum)
    return None


def checksum_of(file: Path, algorithm: Algorithm) -> str:
    """The checksum of a regular file, in hex digits; a terminal shows a bar while that takes a while.

    Raises:
        OSError: it can't be read, or is no regular file.
    """
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with open_regular(file) as opened:
        _feed(opened, digest, f"Checking {file.name}", file.stat().st_size)
    return digest.hexdigest()


def _resume(url: str, target: Path, checksum: str, algorithm: Algorithm, largest: int) -> None:
    """Download by way of a file of what has come so far, named after the checksum that it will have in the end."""
    part = target.with_name(f"{target.name}.{checksum[:8]}.part")
    digest, size = hashlib.new(algorithm, usedforsecurity=False), 0
    with suppress(FileNotFoundError), open_regular(part) as begun:
        size = _feed(begun, digest, f"Checking {part.name}", part.stat().st_size)
    if size and digest.hexdigest() == checksum:  # all has come, and the program ended before it said so
        return _put(part, target)
    with _answer(url, size) as answer:
        if size and getattr(answer, "status", None) != HTTPStatus.PARTIAL_CONTENT:  # it sends the whole file again
            part.unlink()
            digest, size = hashlib.new(algorithm, usedforsecurity=False), 0
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            actual = _copy(answer, _Appended(part), url, target.name, digest, size, largest)
            _refuse_other(url, actual, checksum)
        except _CutOffError:
            raise
        except ValueError:
            part.unlink(missing_ok=True)  # which no further bytes would mend
            raise
    return _put(part, target)


def _put(part: Path, target: Path) -> None:
    part.replace(target)
    fsync_dir(target.parent)


class _CutOffError(ValueError):
    """The server ended before the file did."""


class _Appended:
    """The file that `_copy` writes to: the end of a file, all of a chunk or nothing of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, content: bytes) -> None:
        append(self.path, content)


@contextmanager
def _answer(url: str, begin: int = 0) -> Iterator[BinaryIO]:
    """The bytes that the server sends, from a byte on; all of it where it can't begin there."""
    asked = {"User-Agent": "gan_lab"} | ({"Range": f"bytes={begin}-"} if begin else {})
    try:
        opened = urlopen(Request(url, headers=asked), timeout=SECONDS)
    except HTTPError as error:
        if not begin or error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        opened = urlopen(Request(url, headers={"User-Agent": "gan_lab"}), timeout=SECONDS)
    with opened as answer:
        if not answer.url.startswith("https://"):
            raise ValueError(f"{url} redirects to {answer.url}: not https")
        kind = getattr(answer, "headers", {}).get("Content-Type") or ""
        if kind.startswith("text/html"):
            raise ValueError(f"{url}: the server sent a web page in place of the file")
        yield answer


def _refuse_other(url: str, actual: str, checksum: str) -> None:
    if actual != checksum:
        raise ValueError(f"{url}: the checksum is {actual} instead of {checksum}")


def _feed(file: BinaryIO, digest: "hashlib._Hash", name: str, total: int) -> int:
    """Take a file into a checksum; returns its size."""
    size = 0
    silent = True if total < BAR_FROM else no_bars()
    with tqdm(desc=name, total=total, unit="B", unit_scale=True, leave=False, disable=silent) as bar:
        while chunk := file.read(CHUNK):
            size += len(chunk)
            digest.update(chunk)
            bar.update(len(chunk))
    return size


def _copy(
    answer: BinaryIO,
    file: "BinaryIO | _Appended",
    url: str,
    name: str,
    digest: "hashlib._Hash",
    begun: int,
    largest: int,
) -> str:
    """Copy in chunks, and return the checksum of the content, of which `begun` bytes have come before."""
    size = begun
    promised: int | None = getattr(answer, "length", None)  # http.client counts it down
    if promised is not None:
        promised += begun
    with tqdm(desc=name, total=promised, initial=begun, unit="B", unit_scale=True, disable=no_bars()) as bar:
        while chunk := answer.read(CHUNK):
            size += len(chunk)
            if size > largest:
                raise ValueError(f"{url}: more than {largest:,} bytes")
            digest.update(chunk)
            file.write(chunk)
            bar.update(len(chunk))
    if promised is not None and size < promised:
        raise _CutOffError(f"{url}: cut off after {size:,} of {promised:,} bytes")
    return digest.hexdigest()
