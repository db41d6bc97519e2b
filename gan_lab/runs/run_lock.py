"""One program at a time at a run.

The lock is the kernel's, so it ends with its process, however that ends. Not every file system carries locks over to
other machines; there a program shows by a sign of life, the lock file's time of change. Nobody compares clocks: who
wants the folder watches for a while.
"""

import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from gan_lab.utils.locks import Busy, held, is_held

HEARTBEAT_SECONDS = 10.0  # seconds between two signs of life
HEARTBEAT_TIMEOUT = 60.0  # seconds without one after which a program on another machine is gone


@contextmanager
def hold_run_lock(run: Run) -> Iterator[None]:
    """Keep others from training the same run, and let them see that somebody does.

    Raises:
        UserError: somebody does already, or the folder can't be written to.
    """
    try:
        with held(run.lock_file, patience=2.0):
            if is_recorded_elsewhere(run) and has_heartbeat(run.lock_file):
                raise Busy
            over = threading.Event()
            threading.Thread(target=heartbeat, args=(run.lock_file, over), daemon=True).start()
            try:
                yield
            finally:
                over.set()
    except Busy as error:
        raise locked_error(run) from error


def refuse_if_locked(run: Run) -> None:
    """Say so before anything is changed, where another program on this machine trains the run.

    Raises:
        UserError: one does, or the folder can't be written to.
    """
    if is_held(run.lock_file):
        raise locked_error(run)
    for folder in filter(Path.is_dir, (run.folder, run.checkpoint.parent)):
        refuse_if_read_only(folder)


def refuse_if_read_only(folder: Path) -> None:
    """A file without a name is made in the folder, and gone again.

    Raises:
        UserError: that can't be done.
    """
    try:
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(f"{folder}: can't be written to: {error.strerror}") from error


def locked_error(run: Run) -> UserError:
    """The message."""
    record = run.record() if run.record_file.exists() else {}
    who = f"process {record['pid']} on {record['host']}" if {"pid", "host"} <= record.keys() else "another process"
    return UserError(f"{run.folder}: is being trained at this moment, by {who}; wait until it has ended, or stop it")


def is_recorded_elsewhere(run: Run) -> bool:
    """Whether the record says that it is at work on another machine."""
    record = run.record() if run.record_file.exists() else {"status": "waiting"}
    return record["status"] == "running" and record.get("host", platform.node()) != platform.node()


def has_heartbeat(file: Path) -> bool:
    """Whether somebody touches a file within `HEARTBEAT_TIMEOUT` seconds."""
    print(f"{file.parent}: the record says that it is being trained on another machine; looking whether it still is")
    first, end = file.stat().st_mtime_ns, time.monotonic() + HEARTBEAT_TIMEOUT
    while time.monotonic() < end:
        time.sleep(min(HEARTBEAT_SECONDS / 2, HEARTBEAT_TIMEOUT / 10))
        with file.open("rb") as opened:  # network file systems look anew when a file is opened
            if os.fstat(opened.fileno()).st_mtime_ns != first:
                return True
    return False


def heartbeat(file: Path, over: threading.Event) -> None:
    """Touch the file until it is over."""
    while not over.wait(HEARTBEAT_SECONDS):
        with suppress(OSError):
            os.utime(file)
