"""Downloads over https, of limited size, verified by checksum, complete or absent."""

from hashlib import md5
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.request import Request, urlopen

from tqdm import tqdm

from gan_lab.utils.files import atomic_write

SECONDS = 15  # without a byte from the server
CHUNK = 1 << 18  # bytes
ERRORS = (OSError, HTTPException, ValueError)  # raised by `fetch`


def fetch(url: str, target: Path, *, checksum: str, largest: int) -> None:
    """Download a file, which appears as `target` once its checksum is right.

    Args:
        url: must be https, also after redirects.
        target: its parent folders are created once the server has answered.
        checksum: md5, as the datasets' authors publish it.
        largest: limit of the size in bytes; no more is read.

    Raises:
        OSError: there is no answer, or the disk is full.
        HTTPException: the answer is not HTTP.
        ValueError: the address is not https, the file too large, or its checksum another.
    """
    if not url.startswith("https://"):
        raise ValueError(f"{url}: not https")
    with urlopen(Request(url, headers={"User-Agent": "gan_lab"}), timeout=SECONDS) as answer:
        if not answer.url.startswith("https://"):
            raise ValueError(f"{url} redirects to {answer.url}: not https")
        with atomic_write(target) as file:
            actual = _copy(answer, file, url, largest)
            if actual != checksum:
                raise ValueError(f"{url}: the checksum is {actual} instead of {checksum}")


def _copy(answer: BinaryIO, file: BinaryIO, url: str, largest: int) -> str:
    """Copy in chunks, and return the md5 of the content."""
    digest, size = md5(usedforsecurity=False), 0
    with tqdm(desc=url.rpartition("/")[2], unit="B", unit_scale=True, disable=None) as bar:
        while chunk := answer.read(CHUNK):
            size += len(chunk)
            if size > largest:
                raise ValueError(f"{url}: more than {largest:,} bytes")
            digest.update(chunk)
            file.write(chunk)
            bar.update(len(chunk))
    return digest.hexdigest()
