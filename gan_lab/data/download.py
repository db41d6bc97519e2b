"""Files from the network: over https, no larger than announced, believed by their checksum, whole or not there."""

from hashlib import md5
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.request import Request, urlopen

from tqdm import tqdm

from gan_lab.utils.files import atomic_write

SECONDS = 15  # without a byte from the server
CHUNK = 1 << 18  # bytes
ERRORS = (OSError, HTTPException, ValueError)  # what `fetch` raises


def fetch(url: str, target: Path, *, checksum: str, largest: int) -> None:
    """Fetch a file, and let it appear as `target` when it is known to be the right one.

    Args:
        url: https only, also where the server sends us on.
        target: folders above it are made when the server has answered.
        checksum: md5, as the datasets' authors publish it.
        largest: bytes; more is not read.

    Raises:
        OSError: no answer, a full disk; ValueError: http, too large a file, another checksum.
    """
    if not url.startswith("https://"):
        raise ValueError(f"{url}: not https")
    with urlopen(Request(url, headers={"User-Agent": "gan_lab"}), timeout=SECONDS) as answer:
        if not answer.url.startswith("https://"):
            raise ValueError(f"{url} leads to {answer.url}: not https")
        with atomic_write(target) as file:
            found = _copy(answer, file, url, largest)
            if found != checksum:
                raise ValueError(f"{url}: the checksum is {found} instead of {checksum}")


def _copy(answer: BinaryIO, file: BinaryIO, url: str, largest: int) -> str:
    """Copy in chunks; returns the md5 of what was copied."""
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
