"""Errors are part of the interface: one message that names what is wrong and what to do."""

import sys
from collections.abc import Iterable
from difflib import get_close_matches
from typing import NoReturn

from gan_lab.utils.terminal import visible


class UserError(Exception):
    """A mistake that the user can correct; shown as its message, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """The lines that a notebook shows."""
        return [f"Error: {visible(str(self))}"]


class DamagedFileError(Exception):
    """A file with the wrong content; the message names the file and the reason."""


def nearest(name: str, names: Iterable[object]) -> str:
    """A hint: the known names most similar to the one that was typed, or all of them."""
    known = {str(other).lower(): str(other) for other in sorted(map(str, names))}
    close = [known[other] for other in get_close_matches(name.lower(), known, n=3, cutoff=0.6)]
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"Available: {', '.join(known.values())}." if known else "None is available."


def reason(error: Exception) -> str:
    """The cause why a file can't be read, in a few words."""
    if isinstance(error, EOFError):
        return "it is empty or ends too early"
    if "Weights only load failed" in str(error):
        return "it holds more than tensors and plain values, and such a file could run code"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0] or type(error).__name__


def fail(message: str) -> NoReturn:
    """End the program with a message."""
    sys.exit(f"Error: {visible(message)}")
