"""The loggers of a run: TensorBoard with scalars on two axes, pictures and texts; and a table of scalars."""

import csv
import logging
import os
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only
from typing_extensions import TypedDict

from gan_lab.utils.files import atomic_write, read_regular
from gan_lab.utils.typed_json import Count
from gan_lab.utils.types import OutputPath

log = logging.getLogger(__name__)

LARGEST_TABLE = 1 << 30  # bytes
OVER_IMAGES = ("loss/", "accuracy/", "scores/")


class TensorBoard(TensorBoardLogger):
    """Lightning's logger, which also shows losses, accuracies and scores over images instead of batches.

    They stand under `by_images_seen/`: the axis on which runs of different batch size or number of processes can be
    compared.

    Args:
        folder: where the event files go.
    """

    def __init__(self, *, folder: OutputPath) -> None:
        super().__init__(folder, name="", version="")

    @rank_zero_only
    def save(self) -> None:
        """Flush; the run folder's configuration is the record of the hyperparameters, not another file here."""
        with self._surviving_a_full_disk():
            self.experiment.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Flush and close."""
        with self._surviving_a_full_disk():
            super().finalize(status)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write every metric over `step`, and some over images seen as well."""
        with self._surviving_a_full_disk():
            super().log_metrics(metrics, step)
            if "images_seen" not in metrics:
                return
            for name, value in metrics.items():
                if name.startswith(OVER_IMAGES):
                    self.experiment.add_scalar(f"by_images_seen/{name}", value, int(metrics["images_seen"]))

    @rank_zero_only
    def log_image(self, key: str, images: Sequence[Any], step: int | None = None) -> None:
        """Show pictures, uint8 (channels, height, width) each; several are numbered from zero."""
        with self._surviving_a_full_disk():
            for number, image in enumerate(images):
                self.experiment.add_image(key if len(images) == 1 else f"{key}/{number}", image, step)

    @rank_zero_only
    def log_message(self, key: str, text: str, step: int | None = None) -> None:
        """Show a text."""
        with self._surviving_a_full_disk():
            self.experiment.add_text(key, text, step)

    @contextmanager
    def _surviving_a_full_disk(self) -> Iterator[None]:
        """Lose some points of a curve to a full disk, but not the run; the next ones go to another file."""
        try:
            yield
        except (OSError, ValueError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__  # Lightning raises ValueErrors
            if not isinstance(cause, OSError):
                raise
            log.warning("%s can't be written: %s", self.log_dir, cause.strerror or cause)
            self._experiment = None


class TableState(TypedDict):
    """What checkpoints keep; they are held against this type before they are loaded."""

    rows: Count


class MetricsCSV(Logger):
    """Appends a row per logging point: `step` first, then every metric seen so far.

    Lightning's CSVLogger deletes the table of the run that is resumed. This one keeps as many rows as there were when
    the checkpoint was saved: what came later comes again. Without being told how many (`load_state_dict`), it keeps
    those before the first step that it is given.

    Where the disk is full, rows wait until there is room, and training goes on.

    Args:
        file: the table.
    """

    def __init__(self, *, file: OutputPath) -> None:
        super().__init__()
        self.file = Path(file)
        self.columns: list[str] | None = None
        self.rows = 0  # in the table
        self.expected: int | None = None  # rows that a checkpoint knows of
        self.waiting: list[dict[str, object]] = []

    @property
    def name(self) -> str:
        """The table's name."""
        return self.file.stem

    @property
    def version(self) -> str:
        """Empty: a run has one table."""
        return ""

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the run folder's configuration is the record of hyperparameters."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append a row."""
        self.waiting.append({"step": step, **{name: f"{value:.9g}" for name, value in metrics.items()}})
        try:
            self._write()
        except OSError as error:
            if len(self.waiting) == 1:
                log.warning("%s can't be written: %s. Rows wait until it can", self.file, error.strerror)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Prepare for a run that goes on, perhaps from an earlier step."""
        self.columns = None

    def state_dict(self) -> TableState:
        """Number of rows, for a checkpoint."""
        return {"rows": self.rows}

    @rank_zero_only
    def load_state_dict(self, state: TableState) -> None:
        """Cut the table, before the next row, to the rows that the checkpoint knew."""
        self.expected = self.rows = state["rows"]
        self.columns = None

    def _write(self) -> None:
        """Write the waiting rows, or leave the table as it is."""
        if self.columns is None:
            first, rows = int(str(self.waiting[0]["step"] or 0)), self._rows()
            kept = [row for row in rows if int(row["step"]) < first] if self.expected is None else rows[: self.expected]
            columns = list(dict.fromkeys([*(kept[-1] if kept else []), *self.waiting[0]]))
            self._rewrite(kept, columns)
            self.rows, self.expected = len(kept), None
        known = self.columns or []
        columns = list(dict.fromkeys([*known, *(name for row in self.waiting for name in row)]))
        if columns != known:
            self._rewrite(self._rows(), columns)
        size = self.file.stat().st_size
        try:
            with self.file.open("a", newline="") as file:
                csv.DictWriter(file, columns).writerows(self.waiting)
        except OSError:
            os.truncate(self.file, size)  # half a row is worse than none
            raise
        self.rows += len(self.waiting)
        self.waiting = []

    def _rows(self) -> list[dict[str, str]]:
        if not self.file.exists():
            return []
        text = read_regular(self.file, LARGEST_TABLE).decode(errors="replace").replace("\0", "")
        return [row for row in csv.DictReader(StringIO(text, newline="")) if is_whole(row)]

    def _rewrite(self, rows: list[dict[str, str]], columns: list[str]) -> None:
        with atomic_write(self.file) as file:
            text = TextIOWrapper(file, encoding="utf-8", newline="")
            writer = csv.DictWriter(text, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
            text.detach()  # flushed, and left to its owner
        self.columns = columns


def is_whole(row: dict[str | None, Any]) -> bool:
    """Tell a row with a value for each column and a step from one that was cut short, or is none of ours."""
    return None not in row and None not in row.values() and str(row.get("step")).isdecimal()
