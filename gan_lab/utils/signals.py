"""Signals that ask a program to stop, and who handles them."""

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

ASKING_TO_STOP = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGUSR1,  # how SLURM announces that time is up
    signal.SIGHUP,  # the terminal is closed
    signal.SIGQUIT,
)
END_ALL = signal.SIGUSR2  # from the program that waits to the agent: end the workers


@contextmanager
def handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have a handler take these signals, where Python allows it: in the main thread. Elsewhere nothing changes.

    Under nohup, which ignores SIGHUP, that stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ignored = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else set()
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
    with suppress(OSError), open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device
        for output in (1, 2):
            poll = select.poll()
            poll.register(output, 0)
            if poll.poll(0):
                os.dup2(nowhere.fileno(), output)
