"""The numbers of a step on their way off the device.

`LightningModule.log` reads every number by itself, and reads those of the progress bar again on every batch until the
epoch ends: a wait for the device each time. Here a logging point costs one wait for all its numbers, and a step
between two logging points none.
"""

from time import perf_counter

import torch
from lightning import Trainer
from torch import Tensor

from gan_lab.distributed import collectives
from gan_lab.utils.loggers import log_scalars

IN_PROGRESS_BAR = ("loss/discriminator", "loss/generator", "images_per_second")


class Report:
    """Gathers scalars at logging points and sends them where Lightning's users look for them."""

    def __init__(self) -> None:
        self.scalars: dict[str, Tensor] = {}
        self.numbers: dict[str, float] = {}  # known to the CPU already
        self.last: tuple[float, int] | None = None  # time and images seen at the last logging point

    def add(self, name: str, scalar: Tensor | float) -> None:
        """Take a number that may still be computing; it is read when the report is sent."""
        if isinstance(scalar, Tensor):
            self.scalars[name] = scalar.detach().float().reshape(())
        else:
            self.numbers[name] = scalar

    def take_over(self, other: "Report") -> None:
        """Copy the numbers of another report, whose tensors the next replay of a CUDA graph writes over."""
        self.scalars |= {name: scalar.clone() for name, scalar in other.scalars.items()}

    def start(self, images_seen: int) -> None:
        """Start the clock for images/s."""
        self.last = (perf_counter(), images_seen)

    def state_dict(self) -> dict[str, float]:
        """Scalars that wait to be sent, for a checkpoint: those of a player's earlier turn, say.

        They are the mean of the processes, as they will be sent: one checkpoint serves them all.
        """
        if not self.scalars:
            return {}
        scalars = torch.stack(list(self.scalars.values()))
        collectives.all_reduce_mean([scalars])
        return dict(zip(self.scalars, scalars.tolist(), strict=True))

    def load_state_dict(self, state: dict[str, float], device: torch.device) -> None:
        """Go on where the checkpoint stood, on the device that further numbers will lie on."""
        self.scalars = {name: torch.tensor(value, device=device) for name, value in state.items()}
        self.numbers = {}

    def send(self, trainer: Trainer, step: int, images_seen: int) -> None:
        """Read all numbers at once and hand them to the loggers, the progress bar and the callbacks.

        Of several processes, each sends the mean of all.

        Args:
            trainer: whose loggers write and whose `callback_metrics` monitors read.
            step: the loggers' x-axis, batches trained on.
            images_seen: real images trained on, by all processes together.
        """
        scalars = torch.stack(list(self.scalars.values()))
        collectives.all_reduce_mean([scalars])
        values = scalars.tolist()
        metrics = dict(zip(self.scalars, values, strict=True)) | self.numbers | {"images_seen": float(images_seen)}
        if self.last is not None:
            seconds = perf_counter() - self.last[0]
            metrics["images_per_second"] = (images_seen - self.last[1]) / seconds
        self.start(images_seen)
        self.scalars, self.numbers = {}, {}
        log_scalars(trainer, metrics, step)
        trainer.progress_bar_metrics.update({name: metrics[name] for name in IN_PROGRESS_BAR if name in metrics})
