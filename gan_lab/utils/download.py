"""Downloads over https, of limited size, verified by checksum, complete or absent."""

import hashlib
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO, Literal
from urllib.request import Request, urlopen

from tqdm import tqdm

from gan_lab.utils.files import atomic_write
from gan_lab.utils.terminal import no_bars

SECONDS = 15  # without a byte from the server
CHUNK = 1 << 18  # bytes
ERRORS = (OSError, HTTPException, ValueError)  # raised by `fetch`
Algorithm = Literal["md5", "sha256"]


def fetch(url: str, target: Path, *, checksum: str, algorithm: Algorithm, largest: int) -> None:
    """Download a file, which appears as `target` once its checksum is right.

    Args:
        url: must be https, also after redirects.
        target: its parent folders are created once the server has answered.
        checksum: as its authors publish it, in hex digits.
        algorithm: of the checksum.
        largest: limit of the size in bytes; no more is read.

    Raises:
        OSError: there is no answer, or the disk is full.
        HTTPException: the answer is not HTTP.
        ValueError: the address is not https, the file too large or cut off, or its checksum another.
    """
    if not url.startswith("https://"):
        raise ValueError(f"{url}: not https")
    with urlopen(Request(url, headers={"User-Agent": "gan_lab"}), timeout=SECONDS) as answer:
        if not answer.url.startswith("https://"):
            raise ValueError(f"{url} redirects to {answer.url}: not https")
        with atomic_write(target) as file:
            actual = _copy(answer, file, url, algorithm, largest)
            if actual != checksum:
                raise ValueError(f"{url}: the checksum is {actual} instead of {checksum}")


def _copy(answer: BinaryIO, file: BinaryIO, url: str, algorithm: Algorithm, largest: int) -> str:
    """Copy in chunks, and return the checksum of the content."""
    digest, size = hashlib.new(algorithm, usedforsecurity=algorithm != "md5"), 0
    promised: int | None = getattr(answer, "length", None)  # http.client counts it down
    name = url.rpartition("/")[2]
    with tqdm(desc=name, total=promised, unit="B", unit_scale=True, disable=no_bars()) as bar:
        while chunk := answer.read(CHUNK):
            size += len(chunk)
            if size > largest:
                raise ValueError(f"{url}: more than {largest:,} bytes")
            digest.update(chunk)
            file.write(chunk)
            bar.update(len(chunk))
    if promised is not None and size < promised:
        raise ValueError(f"{url}: cut off after {size:,} of {promised:,} bytes")
    return digest.hexdigest()
