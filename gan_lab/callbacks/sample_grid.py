"""Grids of generated images."""

from pathlib import Path
from typing import Annotated, Any, Literal

from lightning import Trainer
from lightning.pytorch.callbacks import Callback
from pydantic import Field, InstanceOf
from torch import Tensor
from typing_extensions import TypedDict

from gan_lab.callbacks.trigger import EveryNImages
from gan_lab.utils import images, seeding
from gan_lab.utils.disk import surviving
from gan_lab.utils.files import write_atomically
from gan_lab.utils.loggers import log_picture, log_text
from gan_lab.utils.types import NonNegativeInt, OutputPath, PositiveFloat, PositiveInt

Grid = InstanceOf[Tensor]
GridName = Annotated[str, Field(pattern=r"^\d{9,}(_\w+)?\.png$")]


class GridState(TypedDict):
    """State in checkpoints; these are held against this type before they are loaded."""

    generated_at: Annotated[int, Field(ge=-1, lt=1 << 53)]  # images seen; -1 before the first grid
    waiting: dict[GridName, Grid]  # grids that could not be written yet, by the names of their files


class SampleGrid(Callback):
    """Generates images from the same latents, or translates the same images, at intervals while the generator learns.

    Grids are PNG files named by the images seen so far, and pictures in the loggers, over batches like all numbers.
    The first grid comes before training, the last after it. The model decides what a grid shows: a conditional model
    shows a row for each class, and where these have names the loggers get a text with the rows' names.

    Args:
        folder: where the files go.
        rows: of the grid.
        columns: of the grid.
        every_n_images: images seen between two grids.
        weights: "ema" takes the generator's moving average where there is one, "raw" the generator as it is, "both"
            each in turn; the raw grids' names then end in "_raw".
        seed: of the latents.
        seconds_apart: seconds between two grids, at least, where images come faster; None goes by images alone.
    """

    def __init__(
        self,
        *,
        folder: OutputPath,
        rows: PositiveInt,
        columns: PositiveInt,
        every_n_images: PositiveInt,
        weights: Literal["ema", "raw", "both"],
        seed: NonNegativeInt,
        seconds_apart: PositiveFloat | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.rows = rows
        self.columns = columns
        self.trigger = EveryNImages(every_n_images, last=-1, seconds_apart=seconds_apart)
        self.kinds = {"": weights != "raw"} if weights != "both" else {"": True, "_raw": False}
        self.seed = seed
        self.waiting: dict[str, Tensor] = {}  # grids that could not be written yet, by the names of their files

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Save the grid of an untrained generator."""
        if pl_module.images_seen == 0 and self.trigger.is_due(0):
            self.save_grid(trainer, pl_module)
            if names := self._rows_of(trainer, pl_module):
                rows = (f"{row + 1}. {name}" for row, name in enumerate(names))
                log_text(trainer, "classes", "The rows of the grids:\n\n" + "\n".join(rows), trainer.global_step)

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Save a grid whenever another `every_n_images` images have been seen."""
        if self.trigger.comes(trainer, pl_module.images_seen):
            self.save_grid(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Save the last grid, unless it has just been saved."""
        if pl_module.images_seen > self.trigger.last:
            self.save_grid(trainer, pl_module)

    def teardown(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        """Write what still waits, also of a run that has nothing left to do but this."""
        self._write()

    @property
    def unwritten(self) -> Path | None:
        """The first grid that waits."""
        return self.folder / next(iter(self.waiting)) if self.waiting else None

    def state_dict(self) -> GridState:  # type: ignore[override]
        """Images seen at the last grid, and the grids that wait to be written."""
        return {"generated_at": self.trigger.last, "waiting": {**self.waiting}}

    def load_state_dict(self, state_dict: GridState) -> None:  # type: ignore[override]
        """Restore the state of a checkpoint."""
        self.trigger.last = state_dict["generated_at"]
        self.waiting = state_dict["waiting"]

    def save_grid(self, trainer: Trainer, pl_module: Any) -> None:
        """Save a grid with each of the wanted weights."""
        self.trigger.happened(pl_module.images_seen)
        if not trainer.is_global_zero:
            return
        for suffix, ema in self.kinds.items():
            seed = seeding.derive(self.seed, "grid")
            drawn, columns = pl_module.sample_grid(self.rows, self.columns, seed, ema=ema)
            data = self._data_of(trainer)
            display = data.display if data and drawn.shape[1] == data.channels else None
            grid = images.grid(drawn, columns, display)
            self.waiting[f"{pl_module.images_seen:09d}{suffix}.png"] = grid
            log_picture(trainer, f"samples{suffix}", grid, trainer.global_step)
        self._write()

    @staticmethod
    def _data_of(trainer: Trainer) -> Any:
        """The data module; None where a trainer of somebody's own has loaders alone."""
        return getattr(trainer, "datamodule", None)

    def _rows_of(self, trainer: Trainer, pl_module: Any) -> list[str]:
        """The names of the classes whose rows a grid shows; none where they have no names."""
        data = self._data_of(trainer)
        return list(data.describe().get("classes") or []) if data and hasattr(pl_module, "num_classes") else []

    def _write(self) -> None:
        """Write the waiting grids that can be written."""
        for name in [*self.waiting]:
            with surviving(self.folder / name):
                write_atomically(self.folder / name, images.png(self.waiting[name]))
                del self.waiting[name]
