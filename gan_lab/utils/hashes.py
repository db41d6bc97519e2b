"""Content hashes of tensors and of plain values."""

import json
from collections.abc import Mapping
from hashlib import sha256

from torch import Tensor


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
