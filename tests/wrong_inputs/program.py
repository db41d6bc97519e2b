"""Types a command line in this process, and listens."""

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from gan_lab.cli import main as gan_lab
from gan_lab.cli import train
from tests.conftest import as_a_program


@dataclass(frozen=True)
class Ending:
    """How a program ended.

    Args:
        code: for the shell.
        said: what it ended with, a message, or what was printed where there is none.
        made: files that weren't there before, and those that were and are not.
    """

    code: int
    said: str
    made: set[Path]


def everything() -> set[Path]:
    """What lies in the working directory."""
    return set(Path().rglob("*"))


def end(typed: str, monkeypatch: pytest.MonkeyPatch) -> Ending:
    """Type a command line in the working directory; an exception that is no way to end a program comes out."""
    program, *arguments = shlex.split(typed)
    before = everything()
    code: object = 0
    try:
        if program == "gan-lab":
            monkeypatch.setattr(sys, "argv", ["gan-lab", *arguments])
            gan_lab(arguments)
        else:
            monkeypatch.setattr(sys, "argv", arguments)
            with as_a_program():
                train.main()
    except SystemExit as ending:
        code = ending.code
    made = everything() ^ before
    return Ending(code, "", made) if isinstance(code, int) else Ending(1, str(code), made)


def matches(said: str, expected: str) -> bool:
    """Whether a message is the expected one, of which "…" stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, expected.split("…"))), said, re.DOTALL) is not None
