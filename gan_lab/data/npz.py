"""Arrays in .npz files, of which nothing is unpickled."""

from pathlib import Path

import numpy as np

from gan_lab.data.unpacking import ERRORS
from gan_lab.utils.errors import DamagedFileError
from gan_lab.utils.files import open_regular


def read(path: Path, *names: str) -> list[np.ndarray]:
    """Read arrays by their names.

    Raises:
        DamagedFileError: the file is damaged or no .npz file, lacks one of the names, or holds Python's objects.
        OSError: it can't be read, or is no regular file.
    """
    with open_regular(path) as file:
        try:
            content = np.load(file, allow_pickle=False)
            if not isinstance(content, np.lib.npyio.NpzFile):
                raise ValueError("it is a single array")
            return [content[name] for name in names]
        except KeyError as error:
            lacking = next(name for name in names if name not in content.files)
            raise DamagedFileError(f"{path} lacks the array {lacking}") from error
        except ERRORS as error:
            raise DamagedFileError(f"{path} is damaged or no .npz file: {error}") from error
