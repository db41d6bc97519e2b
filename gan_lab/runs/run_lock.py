"""Lock of a run folder: one program at a time trains a run.

The kernel's lock ends with its process, however that ends. Not every file system carries locks over to other machines;
there the holder's heartbeat shows, the lock file's time of change. Nobody compares clocks: whoever wants the folder
watches the file for a while.
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
from gan_lab.utils import disk
from gan_lab.utils.errors import UserError
from gan_lab.utils.locks import Busy, held, is_held
from gan_lab.utils.terminal import say

HEARTBEAT_SECONDS = 10.0  # between two beats
BEGINNING = 1 << 16  # bytes that a run takes before its first checkpoint, at least
HEARTBEAT_TIMEOUT = 60.0  # seconds without a beat after which a program on another machine is gone


@contextmanager
def hold_run_lock(run: Run) -> Iterator[None]:
    """Keep others from training the same run, and let them see that somebody does.

    Raises:
        UserError: another program trains the run already.
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
    """Refuse, before anything is changed, a run that another program on this machine trains.

    Raises:
        UserError: one does, or the folder can't be written to.
    """
    if is_held(run.lock_file):
        raise locked_error(run)
    for folder in filter(Path.is_dir, (run.folder, run.checkpoint.parent)):
        refuse_if_read_only(folder)


def refuse_if_read_only(folder: Path) -> None:
    """Refuse a folder in which no file can be written; the one that tries has no name and is gone again.

    Raises:
        UserError: naming the folder, its disk and the reason.
    """
    try:
        with TemporaryFile(dir=folder) as file:
            file.write(bytes(BEGINNING))
            file.flush()
    except OSError as error:
        raise UserError(disk.problem(folder, error)) from error


def locked_error(run: Run) -> UserError:
    """The error that names who trains the run."""
    record = run.record() if run.record_file.exists() else {}
    who = f"process {record['pid']} on {record['host']}" if {"pid", "host"} <= record.keys() else "another process"
    return UserError(f"{run.folder}: is being trained at this moment, by {who}; wait until it has ended, or stop it")


def is_recorded_elsewhere(run: Run) -> bool:
    """Tell if the record says that the run is being trained on another machine."""
    record = run.record() if run.record_file.exists() else {"status": "waiting"}
    return record["status"] == "running" and record.get("host", platform.node()) != platform.node()


def has_heartbeat(file: Path) -> bool:
    """Tell if somebody touches a file within `HEARTBEAT_TIMEOUT` seconds."""
    say(f"{file.parent}: the record says that it is being trained on another machine; watching if it still is")
    first, end = file.stat().st_mtime_ns, time.monotonic() + HEARTBEAT_TIMEOUT
    while time.monotonic() < end:
        time.sleep(min(HEARTBEAT_SECONDS / 2, HEARTBEAT_TIMEOUT / 10))
        with file.open("rb") as opened:  # network file systems look anew when a file is opened
            if os.fstat(opened.fileno()).st_mtime_ns != first:
                return True
    return False


def heartbeat(file: Path, over: threading.Event) -> None:
    """Touch the file every `HEARTBEAT_SECONDS` until the event is set."""
    while not over.wait(HEARTBEAT_SECONDS):
        with suppress(OSError):
            os.utime(file)
