"""Signals that ask a program to stop, and who handles them. Of those that a system lacks, none comes."""

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

TIME_IS_UP: signal.Signals | None = getattr(signal, "SIGUSR1", None)  # how SLURM announces it
HANG_UP: signal.Signals | None = getattr(signal, "SIGHUP", None)  # the terminal is closed
QUIT: signal.Signals | None = getattr(signal, "SIGQUIT", None)
KILL: signal.Signals = getattr(signal, "SIGKILL", signal.SIGTERM)  # which is as strong where there is no other
END_ALL: signal.Signals = getattr(signal, "SIGUSR2", signal.SIGTERM)  # to the agent, from who waits: end the workers
ASKING_TO_STOP = tuple(
    number for number in (signal.SIGINT, signal.SIGTERM, TIME_IS_UP, HANG_UP, QUIT) if number is not None
)


@contextmanager
def handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have a handler take these signals, where Python allows it: in the main thread. Elsewhere nothing changes.

    Under nohup, which ignores SIGHUP, that stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ignored = {HANG_UP} if HANG_UP is not None and signal.getsignal(HANG_UP) == signal.SIG_IGN else set()
    before = {number: signal.signal(number, handler) for number in ASKING_TO_STOP if number not in ignored}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


@contextmanager
def importing() -> Iterator[None]:
    """Have Ctrl+C end the program at once and without a word while it imports libraries, before anything is written.

    An exception in the middle of an import is swallowed by some, and has others print statistics at the exit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: os._exit(128 + signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def leave_terminal() -> None:
    """Have what is printed go nowhere where nobody can read it any more: the terminal, or who read it, is gone."""
    if not hasattr(select, "poll"):
        return  # Windows doesn't tell
    with suppress(OSError), open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device
        for output in (1, 2):
            poll = select.poll()
            poll.register(output, 0)
            if poll.poll(0):
                os.dup2(nowhere.fileno(), output)
