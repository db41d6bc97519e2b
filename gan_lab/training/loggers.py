"""The loggers of a run: TensorBoard with scalars on two axes, pictures and texts; and a table of scalars."""

import csv
from argparse import Namespace
from collections.abc import Mapping, Sequence
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only
from typing_extensions import TypedDict

from gan_lab.utils.disk import surviving
from gan_lab.utils.files import append, atomic_write, read_regular
from gan_lab.utils.loggers import Plain, Setup
from gan_lab.utils.typed_json import Count
from gan_lab.utils.types import OutputPath

if TYPE_CHECKING:
    from gan_lab.training.event_files import EventWriter

LARGEST_TABLE = 1 << 30  # bytes
OVER_IMAGES = ("loss/", "accuracy/", "scores/")
FINAL = "final/"  # of a metric of the run's end
FIRST = {
    "scores": "Scores",
    "samples": "Snapshots/samples",
    "samples_raw": "Snapshots/samples_raw",
}
ABBREVIATIONS = ("fid", "kid", "lpips", "psnr", "ssim")


def tag(name: str) -> str:
    """The tag that TensorBoard shows a number or picture under: "Scores/FID" for "scores/fid".

    It sorts tags by their characters, capitals first, and opens the first two groups. So what one looks at first has
    capitals.
    """
    group, slash, rest = name.partition("/")
    if group == "scores":
        rest = "/".join(part.upper() if part in ABBREVIATIONS else part for part in rest.split("/"))
    return f"{FIRST.get(group, group)}{slash}{rest}"


class TensorBoard(TensorBoardLogger):
    """Lightning's logger, which shows scores first, and losses, accuracies and scores also over images seen.

    They stand under `by_images_seen/`: the axis on which runs of different batch size or number of processes can be
    compared. The tab HPARAMS lists runs with their choices and final scores.

    Args:
        folder: where the event files go.
    """

    def __init__(self, *, folder: OutputPath) -> None:
        super().__init__(folder, name="", version="")
        self.choices: dict[str, Plain] = {}  # of the run, once it has begun
        self.shown: set[str] = set()  # parts of the tab that this process has written

    @property
    @rank_zero_experiment
    def experiment(self) -> "EventWriter":
        """torch's writer, to an event file of ours."""
        if self._experiment is None:
            from gan_lab.training.event_files import EventWriter  # it brings TensorBoard, which takes a second

            self._experiment = EventWriter(self.log_dir)
        return self._experiment  # type: ignore[return-value]  # made above

    def begin(self, setup: Setup, run_id: str | None) -> None:
        """Note the run's choices, for the first scalars to write: a checkpoint's events come before them."""
        self.choices = dict(setup.choices)

    def end(self, status: str) -> None:
        """Do nothing: `finalize` has noted the end, before the run's record says that it has nothing left to do."""

    @rank_zero_only
    def save(self) -> None:
        """Flush; the run folder's configuration is the record of the hyperparameters, not another file here."""
        self.experiment.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Note in the tab HPARAMS that the run has reached its end, and flush."""
        if status == "success" and self.choices:
            self._list_in_hparams([])
            self._show("end", self._hparams([])[2])
        self.experiment.flush()

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write every metric over `step`, and some over images seen as well."""
        super().log_metrics({tag(name): value for name, value in metrics.items()}, step)
        self._list_in_hparams([tag(name) for name in metrics if name.startswith(FINAL)])
        if "images_seen" in metrics:
            for name, value in metrics.items():
                if name.startswith(OVER_IMAGES):
                    self.experiment.add_scalar(f"by_images_seen/{name}", value, int(metrics["images_seen"]))
        self.experiment.flush()

    @rank_zero_only
    def log_image(self, key: str, images: Sequence[Any], step: int | None = None) -> None:
        """Show pictures, uint8 (channels, height, width) each; several are numbered from zero."""
        for number, image in enumerate(images):
            self.experiment.add_image(tag(key) if len(images) == 1 else f"{tag(key)}/{number}", image, step)
        self.experiment.flush()

    @rank_zero_only
    def log_message(self, key: str, text: str, step: int | None = None) -> None:
        """Show a text."""
        self.experiment.add_text(key, text, step)
        self.experiment.flush()

    def state_dict(self) -> dict[str, str]:
        """Events that could not be written yet, for a checkpoint: bytes as a text, which may stand in one."""
        return {"waiting": self.experiment.waiting.decode("latin-1") if self._experiment else ""}

    @rank_zero_only
    def load_state_dict(self, state: dict[str, str]) -> None:
        """Have a checkpoint's events written."""
        self.experiment.add_earlier(state["waiting"].encode("latin-1"))

    @property
    def unwritten(self) -> Path | None:
        """The event file, where events wait."""
        writer = self.experiment._get_file_writer() if self._experiment else None
        return writer.file if writer and writer.waiting else None

    def _list_in_hparams(self, final: Sequence[str]) -> None:
        """Write the run's row of the tab HPARAMS; and, once there are final scores, the tab's columns.

        TensorBoard takes all runs' columns from one run that has them, so every run has the same main choices.
        """
        if self.choices and "start" not in self.shown:
            self._show("start", self._hparams([])[1])
        if self.choices and final and "columns" not in self.shown:
            self._show("columns", self._hparams(final)[0])

    def _hparams(self, final: Sequence[str]) -> tuple[Any, Any, Any]:
        """The tab's columns, the run's row, and its end, for these final scores."""
        from torch.utils.tensorboard.summary import hparams  # it brings TensorBoard

        made: tuple[Any, Any, Any] = hparams(self.choices, dict.fromkeys(final, 0.0))  # type: ignore[no-untyped-call]
        return made

    def _show(self, part: str, summary: Any) -> None:
        self.shown.add(part)
        self.experiment._get_file_writer().add_summary(summary)


class TableState(TypedDict):
    """State in checkpoints; these are held against this type before they are loaded."""

    rows: Count
    waiting: list[dict[str, object]]  # rows that could not be written yet


class MetricsCSV(Logger):
    """Appends a row per logging point: `step` first, then every metric seen so far.

    Lightning's CSVLogger deletes the table of the run that is resumed. This one keeps as many rows as there were when
    the checkpoint was saved: what came later comes again. Without being told how many (`load_state_dict`), it keeps
    those before the first step that it is given.

    Where the disk is full, rows wait until there is room, in memory and in checkpoints, and training goes on.

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
        with surviving(self.file):
            self._write()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what waits, and prepare for a run that goes on, perhaps from an earlier step."""
        if self.waiting:
            with surviving(self.file):
                self._write()
        self.columns = None

    @property
    def unwritten(self) -> Path | None:
        """The table, where rows wait."""
        return self.file if self.waiting else None

    def state_dict(self) -> TableState:
        """Number of rows in the table and the rows that wait, for a checkpoint."""
        return {"rows": self.rows, "waiting": [*self.waiting]}

    @rank_zero_only
    def load_state_dict(self, state: TableState) -> None:
        """Cut the table, before the next row, to the rows that the checkpoint knew."""
        self.expected = self.rows = state["rows"]
        self.waiting = state["waiting"]
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
        text = StringIO(newline="")
        csv.DictWriter(text, columns).writerows(self.waiting)
        append(self.file, text.getvalue().encode())
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
