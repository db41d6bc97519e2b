"""Checkpoint files: written as a whole, and checked for damage when they are read."""

import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH

from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.files import atomic_write


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoint writer that replaces a file as a whole.

    Lightning's own writes to the temporary directory and moves: where that is another file system, a kill in
    between leaves half a file under the checkpoint's name.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None) -> None:
        """Replace the checkpoint at `path` as a whole."""
        with atomic_write(Path(path)) as file:
            torch.save(checkpoint, file)


def read(file: Path) -> dict[str, Any]:
    """Load a checkpoint to the CPU; reading executes nothing from the file.

    Raises:
        UserError: the file is damaged.
    """
    try:
        checkpoint = torch.load(file, map_location="cpu", weights_only=True)
        with zipfile.ZipFile(file) as archive:
            damaged = archive.testzip()  # torch does not look at the checksums that it writes
        if damaged:
            raise ValueError(f"the checksum of {damaged} is wrong")
    except Exception as error:
        raise UserError(f"{file} is damaged: {reason(error)}") from error
    return checkpoint if isinstance(checkpoint, dict) else {}
