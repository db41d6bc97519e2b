"""What makes two things the same: hashes of tensors and of plain values."""

import json
from collections.abc import Mapping
from hashlib import sha256

from torch import Tensor


def of_tensors(*tensors: Tensor) -> str:
    """The sha256, in hex, of the tensors' types, shapes and values."""
    digest = sha256()
    for tensor in tensors:
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def of_values(values: Mapping[str, object]) -> str:
    """The sha256, in hex, of plain values by name, whatever their order."""
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
