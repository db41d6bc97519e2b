"""Text for a terminal and a log file, which text from files can't steer.

File names, configurations and records may be a stranger's. A control character in them could clear the screen, set the
window's title or turn a line round. So all that is printed or logged passes here.
"""

import logging
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

STEERING = {
    "Cc",
    "Cf",
    "Cs",
    "Zl",
    "Zp",
}  # controls, formats such as overrides of direction, half characters, separators


def visible(text: str) -> str:
    """A text with escapes in place of what steers a terminal; line ends and tabs stay."""
    if text.isprintable():
        return text
    return "".join(_escaped(mark) if unicodedata.category(mark) in STEERING else mark for mark in text)


def say(text: str, end: str = "\n") -> None:
    """Print a text, at once."""
    print(visible(text), end=end, flush=True)


def reader_is_gone() -> bool:
    """Tell that whoever read what is printed has left, as `| head` does; what is still to be printed is dropped."""
    try:
        print(flush=True)  # nothing but writing tells
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


Item = TypeVar("Item")

_bars_wanted = True


@contextmanager
def bars_if(wanted: bool) -> Iterator[None]:
    """Show the bars of `bar` in this part of the program, or not."""
    global _bars_wanted
    before, _bars_wanted = _bars_wanted, wanted
    try:
        yield
    finally:
        _bars_wanted = before


def no_bars() -> bool | None:
    """The switch `disable` of tqdm: True where no bar is wanted, None where one is shown on a terminal only."""
    return None if _bars_wanted else True


def bar(items: Iterable[Item], description: str, total: int, unit: str, each: int = 1) -> Iterable[Item]:
    """Show a progress bar over items that take a while, on a terminal only; each item stands for so many units."""
    from tqdm import tqdm  # not needed by those who only print

    shown: Iterable[Item] = tqdm(
        items, description, total, unit=f" {unit}", unit_scale=each, leave=False, disable=no_bars()
    )
    return shown


class VisibleFormatter(logging.Formatter):
    """Log lines as `visible` has them."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return visible(super().format(record))


if logging.lastResort is not None:  # which shows warnings where a program has not set logging up
    logging.lastResort.setFormatter(VisibleFormatter())


def _escaped(mark: str) -> str:
    return mark if mark in "\n\t" else mark.encode("unicode_escape").decode()
