"""Signals that ask a program to stop, and who handles them."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ASKING_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)  # the last is how SLURM announces that time is up


@contextmanager
def handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have a handler take these signals, where Python allows it: in the main thread. Elsewhere nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in ASKING_TO_STOP}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
