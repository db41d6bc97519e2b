"""What ends the command line's programs is an exception in Python, of one line."""

import errno
import os
import signal
from pathlib import Path

import pytest
from hydra.errors import HydraException

from gan_lab.api.errors import Interrupted, in_python, interruptions, one_line_errors
from gan_lab.callbacks.graceful_stop import Interrupted as EndOfProgram
from gan_lab.utils.errors import UserError, fail


class SpecialError(UserError):
    pass


@pytest.mark.parametrize(
    ("error", "kind", "line"),
    [
        (UserError("--class 7: there is none"), UserError, "label=7: there is none"),
        (SpecialError("--count 1: too few"), SpecialError, "count=1: too few"),
        (HydraException("two\n  lines"), UserError, "two lines"),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "file"),
            UserError,
            "file: No space left on device; make room",
        ),
        (RuntimeError("DefaultCPUAllocator: not enough memory: tried to allocate 8 bytes"), UserError, "memory"),
        (SystemExit(1), UserError, "1"),
    ],
)
def test_it_is_raised_as_a_line_with_its_cause(error: BaseException, kind: type[UserError], line: str) -> None:
    with pytest.raises(kind) as raised, one_line_errors():
        raise error
    assert type(raised.value) is kind
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is error


def test_the_end_of_a_program_is_no_end_of_this_one() -> None:
    with pytest.raises(UserError, match="^no such thing$"), one_line_errors():
        fail("no such thing")


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), FileNotFoundError("x"), KeyboardInterrupt()])
def test_a_defect_stays_what_it_is(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised, one_line_errors():
        raise error
    assert raised.value is error


@pytest.mark.parametrize(
    ("ending", "said"), [(EndOfProgram(signal.SIGINT), "stopped by SIGINT"), (SystemExit(130), "stopped by a signal")]
)
def test_a_signal_is_an_interruption_that_says_how_to_go_on(ending: SystemExit, said: str) -> None:
    line = rf"^{said} after 0 batches; gan_lab.train\(resume='run'\) goes on$"
    with pytest.raises(Interrupted, match=line) as stop, one_line_errors(), interruptions(Path("run")):
        raise ending
    assert stop.value.folder == Path("run")


def test_other_ends_are_no_interruptions() -> None:
    with pytest.raises(UserError, match="^no such thing$"), one_line_errors(), interruptions(Path("run")):
        fail("no such thing")


def test_a_notebook_shows_one_line() -> None:
    for error, shown in (
        (UserError("no such\x1b thing"), "Error: no such\\x1b thing"),
        (Interrupted("stopped", Path()), "Interrupted: stopped"),
    ):
        assert error._render_traceback_() == [shown]


def test_flags_are_arguments() -> None:
    assert in_python("--class 3: none; --count 5 is enough, --force x stays") == (
        "label=3: none; count=5 is enough, --force x stays"
    )
