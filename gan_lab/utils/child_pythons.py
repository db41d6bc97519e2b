"""Python programs that this one starts: they look for modules where it does, and nowhere else."""

import os
import sys
from pathlib import Path


def environment() -> dict[str, str]:
    """The variables that have another Python look for modules in the folders of this one, not in the current folder.

    `python -m` and `python -c`, which worker processes are started with, put the current folder first. It may be a
    stranger's, with a `socket.py` in it.
    """
    folders = dict.fromkeys(str(Path(folder).absolute()) for folder in sys.path)
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(folders)}
