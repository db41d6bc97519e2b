"""MATLAB files, version 5, in which some datasets are published."""

from pathlib import Path

import numpy as np

from gan_lab.utils.errors import DamagedFileError
from gan_lab.utils.files import open_regular


def read(path: Path, *names: str) -> dict[str, np.ndarray]:
    """Read arrays by their names; scipy makes nothing but arrays of the content.

    Raises:
        DamagedFileError: the file is damaged or no MATLAB file, or lacks one of the names.
        OSError: it can't be read, or is no regular file.
    """
    from scipy.io import loadmat

    with open_regular(path) as file:
        try:
            content = loadmat(file, variable_names=list(names))
        except Exception as error:  # scipy has many kinds for this, OSError among them
            raise DamagedFileError(f"{path} is damaged or no MATLAB file: {error}") from error
    for name in names:
        if not isinstance(content.get(name), np.ndarray):
            raise DamagedFileError(f"{path} lacks the array {name}")
    return {name: content[name] for name in names}
