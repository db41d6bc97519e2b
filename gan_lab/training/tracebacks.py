"""Keep the traceback of a crash in the run folder, and describe the crash in one line for the terminal."""

import traceback
from pathlib import Path

from gan_lab.utils import memory
from gan_lab.utils.files import write_atomically
from gan_lab.utils.run_layout import RunLayout

PACKAGE = Path(__file__).parents[1]


def record(folder: Path, error: BaseException, rank: int | None = None) -> str:
    """Write the traceback to a file in the run's folder, and return a line that says what happened and where."""
    file = RunLayout(folder).crash_file(rank)
    content = "".join(traceback.format_exception(error))
    try:
        write_atomically(file, content.encode(errors="replace"))
        kept = f"the traceback is in {file}"
    except OSError as failure:
        kept = f"the traceback can't be written to {file}: {failure.strerror}"
    return f"{in_a_line(error)} ({place(error)}); {kept}"


def in_a_line(error: BaseException) -> str:
    """Kind and message of an error, without what follows the message's first line; a want of memory, and what helps."""
    if short := memory.shortage(error):
        return short
    message = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def place(error: BaseException) -> str:
    """The line that raised an error: the innermost of this package, or else of any."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)]
    if not frames:
        return "nowhere"
    frame = (ours or frames)[-1]
    name = Path(frame.filename)
    shown = name.relative_to(PACKAGE.parent) if ours else name
    return f"{shown}:{frame.lineno} in {frame.name}"
