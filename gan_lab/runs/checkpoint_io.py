"""Checkpoint files: written as a whole, and checked for damage when they are read."""

import zipfile
from errno import EIO
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH

from gan_lab.utils.disk import os_error_in
from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.files import atomic_write


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


class DamagedCheckpointError(UserError):
    """A checkpoint with the wrong content."""


def read(file: Path) -> dict[str, Any]:
    """Load a checkpoint to the CPU; reading executes nothing from the file.

    Raises:
        DamagedCheckpointError: the file is damaged.
        UserError: it can't be read, for want of permission, say.
    """
    try:
        checkpoint = torch.load(file, map_location="cpu", weights_only=True)
        with zipfile.ZipFile(file) as archive:
            damaged = archive.testzip()  # torch does not look at the checksums that it writes
        if damaged:
            raise ValueError(f"the checksum of {damaged} is wrong")
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, EIO):  # EIO is what a damaged disk says
            raise UserError(f"{file} can't be read: {error.strerror}") from error
        raise DamagedCheckpointError(f"{file} is damaged: {reason(error)}") from error
    return checkpoint if isinstance(checkpoint, dict) else {}
