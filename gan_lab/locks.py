"""One program at a time in a run folder.

The lock is the kernel's (flock), so it ends with its process, however that ends. The file says who holds it, for the
message and for other machines: not every shared file system carries locks over, so there a holder shows by a sign of
life, the file's time of change. Nobody compares clocks: who wants the folder watches for a while.
"""

import errno
import fcntl
import json
import os
import platform
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from gan_lab.errors import UserError

NAME = "run.lock"
BEAT = 10.0  # seconds between two signs of life
PATIENCE = 60.0  # seconds without one after which a holder on another machine is gone

_held: dict[Path, "FolderLock"] = {}


def hold(folder: Path) -> "FolderLock":
    """Take a folder for this process, or find that it has it already.

    Raises:
        UserError: another process has it, or it can't be written to.
    """
    key = folder.resolve()
    if key not in _held:
        lock = FolderLock(folder)
        lock.take()
        _held[key] = lock
    return _held[key]


class FolderLock:
    """A context manager that gives the folder free at its end.

    Args:
        folder: that is taken.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / NAME
        self.handle = -1
        self.released = threading.Event()

    def take(self) -> None:
        """Take the folder.

        Raises:
            UserError: another process has it, or it can't be written to.
        """
        try:
            self.handle = self._locked()
        except OSError as error:
            raise UserError(f"{self.folder}: can't be written to: {error.strerror}") from error
        holder = self._holder()
        if holder is not None and holder.get("host") != platform.node() and self._shows_life(holder):
            os.close(self.handle)
            raise self._taken(holder)
        os.truncate(self.handle, 0)
        os.pwrite(self.handle, json.dumps({"host": platform.node(), "pid": os.getpid()}).encode(), 0)
        threading.Thread(target=self._live, daemon=True).start()

    def release(self) -> None:
        """Give it free."""
        _held.pop(self.folder.resolve(), None)
        self.released.set()
        with suppress(OSError):
            self.file.unlink()  # while it is ours
        os.close(self.handle)

    def __enter__(self) -> "FolderLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _locked(self) -> int:
        """The lock file, opened and locked."""
        while True:
            handle = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                    os.close(handle)
                    raise self._taken(self._holder() or {}) from error
                if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                    os.close(handle)
                    raise
            # Who held it may have removed the file since we opened it: then it is another's, or nobody's.
            with suppress(FileNotFoundError):
                if os.fstat(handle).st_ino == self.file.stat().st_ino:
                    return handle
            os.close(handle)

    def _holder(self) -> dict[str, Any] | None:
        """Who wrote the file; None for nobody."""
        try:
            holder = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return holder if isinstance(holder, dict) else None

    def _shows_life(self, holder: dict[str, Any]) -> bool:
        print(f"{self.file} is of process {holder.get('pid')} on {holder.get('host')}: looking whether that still runs")
        first, end = self.file.stat().st_mtime_ns, time.monotonic() + PATIENCE
        while time.monotonic() < end:
            time.sleep(min(BEAT / 2, PATIENCE / 10))
            with self.file.open("rb") as file:  # network file systems look anew when a file is opened
                if os.fstat(file.fileno()).st_mtime_ns != first:
                    return True
        return False

    def _taken(self, holder: dict[str, Any]) -> UserError:
        who = f"process {holder['pid']} on {holder['host']}" if {"pid", "host"} <= holder.keys() else "another process"
        return UserError(f"{self.folder}: {who} is at work there; wait until it has ended, or stop it")

    def _live(self) -> None:
        while not self.released.wait(BEAT):
            with suppress(OSError):
                os.utime(self.file)
