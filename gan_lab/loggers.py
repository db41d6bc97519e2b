"""Where the scalars of a run go: TensorBoard on two axes, and a table that grows with the run."""

import csv
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

OVER_IMAGES = ("loss/", "accuracy/", "quality/")


class TensorBoard(TensorBoardLogger):
    """Lightning's logger, which also shows losses, accuracies and scores over images instead of batches.

    They stand under `by_images_seen/`: the axis on which runs of different batch size or number of processes can be
    compared.

    Args:
        folder: where the event files go.
    """

    def __init__(self, *, folder: str) -> None:
        super().__init__(folder, name="", version="")

    @rank_zero_only
    def save(self) -> None:
        """Flush; the run folder's configuration is the record of the hyperparameters, not another file here."""
        self.experiment.flush()

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write every metric over `step`, and some over images seen as well."""
        super().log_metrics(metrics, step)
        if "images_seen" not in metrics:
            return
        for name, value in metrics.items():
            if name.startswith(OVER_IMAGES):
                self.experiment.add_scalar(f"by_images_seen/{name}", value, int(metrics["images_seen"]))


class MetricsCSV(Logger):
    """Appends a row per logging point: `step` first, then every metric seen so far.

    Lightning's CSVLogger deletes the table of the run that is resumed. This one keeps it, but for the rows at or
    after the step at which the resumed run first logs: those steps are trained again. It is the same where a run goes
    back to an earlier step by itself.

    Args:
        file: the table.
    """

    def __init__(self, *, file: str) -> None:
        super().__init__()
        self.file = Path(file)
        self.columns: list[str] | None = None

    @property
    def name(self) -> str:
        """The table's name."""
        return self.file.stem

    @property
    def version(self) -> str:
        """There is one table a run."""
        return ""

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """The run folder's configuration is their record."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append a row."""
        row: dict[str, object] = {
            "step": step,
            **{name: f"{value:.9g}" for name, value in metrics.items()},
        }
        if self.columns is None:
            kept = [old for old in self._rows() if int(old["step"]) < (step or 0)]
            self.columns = list(dict.fromkeys([*(kept[-1] if kept else []), *row]))
            self._rewrite(kept)
        elif not row.keys() <= set(self.columns):
            self.columns = list(dict.fromkeys([*self.columns, *row]))
            self._rewrite(self._rows())
        with self.file.open("a", newline="") as file:
            csv.DictWriter(file, self.columns).writerow(row)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Be ready for a run that goes on, perhaps from an earlier step."""
        self.columns = None

    def _rows(self) -> list[dict[str, str]]:
        if not self.file.exists():
            return []
        with self.file.open(newline="") as file:
            return [row for row in csv.DictReader(file) if None not in row.values()]

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        assert self.columns is not None
        self.file.parent.mkdir(parents=True, exist_ok=True)
        partial = self.file.with_name(f".{self.file.name}.partial")
        with partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        partial.replace(self.file)
