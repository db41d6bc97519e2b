"""The log file of a run."""

import logging
from pathlib import Path

from gan_lab.utils.disk import surviving
from gan_lab.utils.files import append


class LogFile(logging.FileHandler):
    """A log file whose lines wait while they can't be written; `logging`'s own prints a traceback for each.

    Args:
        filename: of the log, which lines are added to.
    """

    def __init__(self, filename: str | Path) -> None:
        super().__init__(filename, encoding="utf-8", delay=True)  # never opened: each line is written as a whole
        self.waiting = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Add a line."""
        self.waiting += self.format(record) + "\n"
        file = Path(self.baseFilename)
        with surviving(file):
            append(file, self.waiting.encode(errors="replace"))
            self.waiting = ""
