"""Event files of TensorBoard, written at once and without a thread: a kill loses nothing, and a full disk neither.

TensorBoard's own writer keeps events in memory for up to two minutes, and its thread dies where a disk is full.
"""

import os
import platform
import time
from io import BytesIO
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard import FileWriter, SummaryWriter

from gan_lab.utils.disk import surviving
from gan_lab.utils.files import append
from gan_lab.utils.run_layout import EVENTS
from gan_lab.utils.types import OutputPath


class EventFile(FileWriter):
    """A new event file.

    Attributes:
        waiting: events that are not on disk, as the file will have them.
        is_new: whether no event has come but the first, which each file begins with.

    Args:
        folder: where it lies.
    """

    def __init__(self, folder: OutputPath) -> None:
        self.event_writer = self  # torch's own writes through another object
        self.folder = Path(folder)
        # TensorBoard reads files in the order of their names, so the time has what tells two files of a second apart.
        self.file = self.folder / f"{EVENTS}{time.time():017.6f}.{platform.node()}.{os.getpid()}"
        self.waiting = bytearray()
        self.add_event(Event(file_version="brain.Event:2"))
        self.is_new = True

    def get_logdir(self) -> str:
        """The folder."""
        return str(self.folder)

    def add_event(self, event: Event, step: int | None = None, walltime: float | None = None) -> None:
        """Keep an event for the next flush."""
        self.is_new = False
        event.wall_time = time.time() if walltime is None else walltime
        if step is not None:
            event.step = int(step)
        record = BytesIO()
        RecordWriter(record).write(event.SerializeToString())
        self.waiting += record.getvalue()

    def flush(self) -> None:
        """Write what waits, or leave the file as it is."""
        if self.waiting:
            with surviving(self.file):
                self.folder.mkdir(parents=True, exist_ok=True)
                append(self.file, self.waiting)
                self.waiting = bytearray()

    def close(self) -> None:
        """Flush; nothing is open."""
        self.flush()


class EventWriter(SummaryWriter):
    """torch's writer, to an `EventFile`."""

    file_writer: EventFile | None  # type: ignore[assignment]  # torch states None alone
    all_writers: dict[str, EventFile] | None  # type: ignore[assignment]

    def _get_file_writer(self) -> EventFile:
        if self.file_writer is None:
            self.file_writer = EventFile(self.log_dir)
            self.all_writers = {self.log_dir: self.file_writer}
        return self.file_writer

    @property
    def waiting(self) -> bytearray:
        """Events that are not on disk."""
        return self._get_file_writer().waiting

    def add_earlier(self, events: bytes) -> None:
        """Have events of an earlier process written first; this process's own, after a rollback, wait already."""
        file = self._get_file_writer()
        if file.is_new:
            file.waiting += events
