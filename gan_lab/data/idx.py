"""The idx format of the MNIST family, plain or gzipped, verified before use."""

import math
from hashlib import md5
from pathlib import Path

import torch
from torch import Tensor

from gan_lab.data import unpacking
from gan_lab.utils.errors import DamagedFileError
from gan_lab.utils.files import read_regular

UNSIGNED_BYTE = 8
LARGEST = 1 << 26  # bytes; the largest files, of 60,000 images, have 47 million


def read(path: Path, checksums: frozenset[str]) -> Tensor:
    """Read the uint8 tensor in an idx file.

    Args:
        path: the file; gzipped if its name ends in .gz.
        checksums: accepted md5 sums, of the published file or of its unpacked content. Where no sum of the unpacked
            content is published, a plain file only needs the right format.

    Raises:
        DamagedFileError: the content has another checksum, or is not an idx file.
        OSError: the file can't be read, is no regular file, or too large.
    """
    content = read_regular(path, LARGEST)
    trusted = md5(content).hexdigest() in checksums
    if path.suffix == ".gz":
        content = unpacking.gunzipped(content, path, largest=LARGEST)  # a larger one has another checksum
    trusted = trusted or md5(content).hexdigest() in checksums
    if not trusted and (path.suffix == ".gz" or len(checksums) > 1):
        raise DamagedFileError(
            f"{path} is damaged or another file: {len(content):,} bytes with md5 {md5(content).hexdigest()}"
        )
    return parse(content, path)


def parse(content: bytes, path: Path) -> Tensor:
    """Decode idx bytes: two zeros, the type, the number of dimensions, their sizes, the values."""
    if len(content) < 4 or content[:3] != bytes([0, 0, UNSIGNED_BYTE]):
        raise DamagedFileError(f"{path} is not an idx file of unsigned bytes (it starts with {content[:4].hex()})")
    start = 4 + 4 * content[3]
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    if len(content) - start != math.prod(shape):
        raise DamagedFileError(f"{path} is truncated: {len(content) - start:,} values instead of {math.prod(shape):,}")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=start).reshape(shape)
