"""Content hashes of tensors, plain values and files."""

import json
from collections.abc import Mapping
from hashlib import file_digest, sha256
from pathlib import Path

from torch import Tensor

from gan_lab.utils.files import open_regular


def of_tensors(*tensors: Tensor) -> str:
    """Hash the types, shapes and values of tensors: sha256, in hex."""
    digest = sha256()
    for tensor in tensors:
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def of_values(values: Mapping[str, object]) -> str:
    """Hash plain values by name, in any order: sha256, in hex."""
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def of_file(file: Path) -> str:
    """Hash a regular file: sha256, in hex.

    Raises:
        OSError: it can't be read, or is no regular file.
    """
    with open_regular(file) as opened:
        return file_digest(opened, "sha256").hexdigest()
