"""Many files at once, some of which may be damaged."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from PIL import UnidentifiedImageError

Result = TypeVar("Result")
NAMED = 5  # number of damaged files that a warning names
CHUNK = 1024  # number of files in the threads' queue at once, at most


def unreadable(files: Sequence[Path], damaged: Mapping[int, Exception]) -> str:
    """Count damaged files, by their index among all, and name the first with their reasons; a line without its end."""
    named = [f"{files[index]} ({reason_of(error)})" for index, error in list(damaged.items())[:NAMED]]
    more = [f"and {len(damaged) - NAMED:,} more"] if len(damaged) > NAMED else []
    return f"{len(damaged):,} of {len(files):,} images can't be read: {', '.join(named + more)}"


def attempts(
    files: Sequence[Path], action: Callable[[Path], Result], chunk: int = CHUNK
) -> Iterator[Result | Exception]:
    """Yield what an action makes of each file, in their order, or the error; up to `chunk` are under way at a time."""

    def attempt(path: Path) -> Result | Exception:
        try:
            return action(path)
        except Exception as error:  # see `image_files.read`
            return error

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow releases the GIL while it decodes and resizes
        for start in range(0, len(files), chunk):
            yield from pool.map(attempt, files[start : start + chunk])


def reason_of(error: Exception) -> str:
    """The reason of an error, without the path of the file, which Pillow often repeats."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0] or type(error).__name__
