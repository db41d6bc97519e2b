"""Checkpoint files: written as a whole, and checked for damage when they are read."""

import zipfile
from errno import EINVAL, EIO
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH
from torch import Tensor

from gan_lab.utils.disk import os_error_in
from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.files import atomic_write, open_regular

DAMAGE = (None, EIO, EINVAL)  # errors of a damaged disk, and of a place before the beginning of half a file


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoint writer that replaces a file as a whole.

    Lightning's own writes to the temporary directory and moves: where that is another file system, a kill in
    between leaves half a file under the checkpoint's name.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None) -> None:
        """Replace the checkpoint at `path` as a whole.

        Raises:
            OSError: it can't be written; torch then complains of a position in its archive.
        """
        try:
            with atomic_write(Path(path)) as file:
                torch.save(checkpoint, file)
        except RuntimeError as error:
            raise os_error_in(error) or error from None

    def load_checkpoint(self, path: _PATH, *_: Any, **__: Any) -> dict[str, Any]:
        """Load a checkpoint as `read` does."""
        return read(Path(path))


class DamagedCheckpointError(UserError):
    """A checkpoint with the wrong content."""


def read(file: Path) -> dict[str, Any]:
    """Load a checkpoint to the CPU; reading executes nothing from the file.

    Raises:
        DamagedCheckpointError: the file is damaged.
        UserError: it can't be read, for want of permission, say.
    """
    try:
        with open_regular(file) as opened:
            checkpoint = torch.load(opened, map_location="cpu", weights_only=True)
            with zipfile.ZipFile(opened) as archive:
                damaged = archive.testzip()  # torch does not look at the checksums that it writes
        if damaged:
            raise ValueError(f"the checksum of {damaged} is wrong")
        checkpoint = _laid_out(checkpoint, {})
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in DAMAGE:
            raise UserError(f"{file} can't be read: {error.strerror}") from error
        raise DamagedCheckpointError(f"{file} is damaged: {reason(error)}") from error
    return checkpoint if isinstance(checkpoint, dict) else {}


def _laid_out(value: Any, seen: dict[int, Any]) -> Any:
    """Plain containers with the same values, and tensors that lie in memory as a kernel expects them to.

    A file may describe any view of its bytes: one float behind a million places, say. Kernels trust a tensor's shape.

    Args:
        value: a tensor, a container, or a plain value.
        seen: what has been laid out, by its id: containers may share members.

    Raises:
        ValueError: a tensor is sparse, quantised, without values, or larger than what the file holds.
    """
    if id(value) in seen:
        return seen[id(value)]
    if isinstance(value, Tensor):
        laid_out: Any = tensor_in_memory(value)
    elif isinstance(value, dict):
        if unreadable := [key for key in value if isinstance(key, str) and not key.isprintable()]:
            raise ValueError(f"a name in it has control characters: {unreadable[0]!r}")
        laid_out = {key: _laid_out(child, seen) for key, child in value.items()}
    elif isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        laid_out = type(value)(_laid_out(child, seen) for child in value)
    else:
        return value
    seen[id(value)] = laid_out
    return laid_out


def tensor_in_memory(tensor: Tensor) -> Tensor:
    """A contiguous tensor with the same values.

    Raises:
        ValueError: it is sparse, quantised, without values, or larger than what lies behind it.
    """
    if tensor.layout is not torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
        raise ValueError(f"it holds a tensor that is no plain array ({tensor.layout}, {tensor.device})")
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise ValueError(f"it holds a tensor {tuple(tensor.shape)}, but not as many values")
    return tensor.detach().contiguous()
