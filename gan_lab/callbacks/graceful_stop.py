"""Signals end a run between two batches, never between the two players' steps."""

import signal
from contextlib import ExitStack
from types import FrameType
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gan_lab.callbacks.rollback import RolledBack
from gan_lab.distributed import collectives
from gan_lab.utils.signals import handled, leave_terminal

AGREED_EVERY = 10  # batches


class Interrupted(SystemExit):
    """The run has stopped because of a signal; the program ends with the exit code that shells give the signal.

    Args:
        number: of the signal.
        between_batches: True where the state can be saved; else a run goes on from the checkpoint before it.
    """

    def __init__(self, number: int, between_batches: bool = True) -> None:
        super().__init__(128 + number)
        self.signal = signal.Signals(number)
        self.between_batches = between_batches


class Signals:
    """Receives signals while the context is entered, where Python allows it: in the main thread.

    A handler runs between any two instructions, so while there is something to finish it only records the signal.
    Before and after that it raises `Interrupted` at once, and so does a second SIGINT. Nothing is damaged by that:
    files are replaced as a whole. With several processes each only records the signal, so that they end together. The
    program that waits for them receives a second signal as well, and ends them at once.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.patient = False  # while there is something to finish
        self.listening = ExitStack()
        self.entered = False

    def __enter__(self) -> "Signals":
        if not self.entered:
            self.listening.enter_context(handled(self._receive))
        self.entered = True
        return self

    def __exit__(self, *_: object) -> None:
        self.listening.close()
        self.entered = False

    def _receive(self, number: int, frame: FrameType | None) -> None:
        leave_terminal()
        first, self.received = self.received is None, self.received or number
        at_once = number == signal.SIGINT if not first else not self.patient
        if at_once and not collectives.is_distributed():
            raise Interrupted(number, between_batches=False)


class GracefulStop(Callback):
    """Stops a run on a signal, when the current batch and its callbacks are done.

    The callback has to stand before those that score a trained model, so that a stop does not wait for them. Scores
    come when the run goes on.

    Attributes:
        signals: the receiver of signals; entered when training starts, unless it has been entered earlier.
    """

    def __init__(self) -> None:
        self.signals = Signals()
        self.listens = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Receive signals; after a rollback they have been received all along."""
        if not self.signals.entered:
            self.signals.__enter__()
            self.listens = True
        self.signals.patient = True

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Stop before the batch if a signal came: all callbacks are done with the one before it.

        Raises:
            Interrupted: a signal came.
        """
        if trainer.world_size == 1 or trainer.global_step % AGREED_EVERY == 0:
            self._stop_if_asked()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop if a signal came during the last batch; from now on there is nothing to finish.

        Raises:
            Interrupted: a signal came.
        """
        self.signals.patient = collectives.is_distributed()  # which have to end together
        self._stop_if_asked()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Restore the signal handlers, because Lightning calls no teardown now; but a rollback goes on."""
        if not isinstance(exception, RolledBack):
            self._leave()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Restore the signal handlers."""
        self._leave()

    def _stop_if_asked(self) -> None:
        """Stop all processes at the same batch: a signal may have reached only some of them, or some later.

        While training, they agree on every tenth batch only, because each waits until all have come so far.
        """
        number = collectives.all_reduce_max(self.signals.received or 0)
        if number:
            raise Interrupted(number)

    def _leave(self) -> None:
        if self.listens:
            self.signals.__exit__()
            self.listens = False
