"""Errors of the command line as exceptions of a Python program, each still one line."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gan_lab.callbacks.graceful_stop import Interrupted as EndOfProgram
from gan_lab.config.command_line import in_a_line
from gan_lab.runs.run import Run as RunFolder
from gan_lab.utils.errors import UserError
from gan_lab.utils.terminal import visible

SAME = "classes count device direction format fps layer licence method out seed seeds space to truncation"
FLAGS = {"class": "label", "latent": "latents", **{name: name for name in SAME.split()}}


class Interrupted(KeyboardInterrupt):
    """A training that Ctrl+C, a notebook's button or another signal has stopped between two batches, its state saved.

    Attributes:
        folder: of the run, which goes on with `gan_lab.train(resume=folder)`.
    """

    def __init__(self, message: str, folder: Path) -> None:
        super().__init__(message)
        self.folder = folder

    def _render_traceback_(self) -> list[str]:
        """The lines that a notebook shows."""
        return [f"Interrupted: {visible(str(self))}"]


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Raise whatever the command line would end the program with; a defect stays what it is.

    Raises:
        UserError: with the command line's message.
    """
    try:
        yield
    except UserError as error:
        line = in_python(str(error))
        if line == str(error):
            raise
        raise type(error)(line) from error
    except SystemExit as ending:
        raise UserError(in_python(str(ending.code).removeprefix("Error: "))) from ending
    except Exception as error:
        line_of_it = in_a_line(error)
        if line_of_it is None:
            raise
        raise UserError(in_python(line_of_it)) from error


@contextmanager
def interruptions(folder: Path) -> Iterator[None]:
    """Raise the signal that has stopped a training as an exception that says how to go on.

    Raises:
        Interrupted: a signal came.
    """
    try:
        yield
    except SystemExit as ending:
        signal = ending.signal.name if isinstance(ending, EndOfProgram) else None
        if signal is None and not (isinstance(ending.code, int) and ending.code > 128):
            raise
        run = RunFolder(folder)
        batches = run.record().get("batches", 0) if run.record_file.exists() else 0
        what = f"stopped by {signal or 'a signal'} after {batches:,} batches"
        raise Interrupted(f"{what}; gan_lab.train(resume={str(folder)!r}) goes on", folder) from ending


def in_python(line: str) -> str:
    """A message of a command in the words of Python: `--class 7` is `label=7`."""
    names = "|".join(FLAGS)
    line = re.sub(rf"--({names}) (\S)", lambda found: f"{FLAGS[found[1]]}={found[2]}", line)
    line = re.sub(rf"^--({names}): ", lambda found: f"{FLAGS[found[1]]}: ", line)
    return re.sub(r"^--out (\S.*) with --force", r"out=\1 with force=True", line)
