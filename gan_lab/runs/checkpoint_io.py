"""Checkpoints that are whole or not there, and found out where they are damaged all the same."""

import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH

from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.files import atomic_write


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the target, then renames.

    Lightning's own writes to the temporary directory and moves: where that is another file system, a kill in
    between leaves half a file under the checkpoint's name.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None) -> None:
        """Replace the checkpoint at `path` as a whole."""
        with atomic_write(Path(path)) as file:
            torch.save(checkpoint, file)


def read(file: Path) -> dict[str, Any]:
    """A checkpoint, on the CPU; reading executes nothing from the file.

    Raises:
        UserError: it is damaged.
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
