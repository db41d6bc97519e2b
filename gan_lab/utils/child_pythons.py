"""Python programs that this one starts: they look for modules where it does, and nowhere else."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path


def environment() -> dict[str, str]:
    """The variables that have another Python look for modules in the folders of this one, not in the current folder.

    `python -m` and `python -c`, which worker processes are started with, put the current folder first. It may be a
    stranger's, with a `socket.py` in it.
    """
    folders = dict.fromkeys(str(Path(folder).absolute()) for folder in sys.path)
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(folders)}


def current_folder_last(path: Sequence[str]) -> list[str]:
    """Folders of modules with the current one behind all others: an interactive Python and a notebook have it, as "".

    There modules of one's own are still found, and none takes the place of one that is installed. torch hands the list
    on to the Pythons that it starts.
    """
    return [*filter(None, path), *(folder for folder in path if not folder)]
