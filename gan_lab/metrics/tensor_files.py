"""Tensors with a description, in safetensors files that are whole or not there."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from gan_lab.utils.errors import DamagedFileError
from gan_lab.utils.files import open_regular, write_atomically


def write(path: Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """Replace a file as a whole: readers, and whoever looks after a crash, find the old content or the new.

    The same tensors and description make the same bytes: the description is one text, because safetensors writes
    several in no fixed order.
    """
    write_atomically(path, content(tensors, description))


def content(tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> bytes:
    """The content of such a file."""
    metadata = {"description": json.dumps(description, sort_keys=True)}
    return safetensors.torch.save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, metadata)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read tensors, on the CPU, and their description; reading executes nothing from the file.

    Raises:
        DamagedFileError: `write` did not make the file.
        OSError: the file can't be read.
    """
    open_regular(path).close()  # safetensors' own errors don't name what is missing
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            return tensors, json.loads(file.metadata()["description"])
    except (SafetensorError, TypeError, KeyError, ValueError) as error:
        raise DamagedFileError(f"{path} is damaged: {error}") from error
