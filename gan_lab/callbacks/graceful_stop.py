"""Signals end a run between two batches, never between the two players' steps."""

import signal
from contextlib import ExitStack
from types import FrameType
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gan_lab.callbacks.rollback import RolledBack
from gan_lab.distributed import collectives
from gan_lab.utils.signals import handled

AGREED_EVERY = 10  # batches


class Interrupted(SystemExit):
    """A signal asked the run to stop, and it did: the program ends with the exit code that shells give a signal.

    Args:
        number: of the signal.
        between_batches: whether the state can be saved; else the checkpoint before it is the one to go on from.
    """

    def __init__(self, number: int, between_batches: bool = True) -> None:
        super().__init__(128 + number)
        self.signal = signal.Signals(number)
        self.between_batches = between_batches


class Signals:
    """Listens for signals while it is entered, where Python allows it: in the main thread.

    A handler runs between any two instructions, so while there is something to finish it only takes note. Before and
    after that it raises `Interrupted` at once, as does a second SIGINT: files are replaced as a whole, so nothing is
    damaged by that. Of several processes each only takes note, so that they end together; the program that waits for
    them hears of a second signal as well, and ends them at once.
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
        first, self.received = self.received is None, self.received or number
        at_once = number == signal.SIGINT if not first else not self.patient
        if at_once and not collectives.is_distributed():
            raise Interrupted(number, between_batches=False)


class GracefulStop(Callback):
    """Finishes the current batch when a signal asks to stop, and whatever callbacks do after it.

    It has to stand before the callbacks that score a trained model, so that these needn't be waited for. They come
    when the run goes on.

    Attributes:
        signals: what listens; from the start of training on, unless it has been entered earlier.
    """

    def __init__(self) -> None:
        self.signals = Signals()
        self.listens = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen; after a rollback it has never stopped."""
        if not self.signals.entered:
            self.signals.__enter__()
            self.listens = True
        self.signals.patient = True

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Stop here if asked to, before the batch: all callbacks are done with the one before it.

        Raises:
            Interrupted: a signal came.
        """
        if trainer.world_size == 1 or trainer.global_step % AGREED_EVERY == 0:
            self._stop_if_asked(trainer)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop here if a signal came during the last batch; from now on there is nothing to finish.

        Raises:
            Interrupted: a signal came.
        """
        self.signals.patient = collectives.is_distributed()  # which have to end together
        self._stop_if_asked(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the signals as they were, as Lightning tears nothing down now; but a rollback goes on."""
        if not isinstance(exception, RolledBack):
            self._leave()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the signals as they were."""
        self._leave()

    def _stop_if_asked(self, trainer: Trainer) -> None:
        """All processes stop together: a signal may have reached only some, or not all at the same batch.

        While training they ask each other on every tenth batch, for it means waiting for the device.
        """
        number = collectives.all_reduce_max(self.signals.received or 0, trainer.strategy.root_device)
        if number:
            raise Interrupted(number)

    def _leave(self) -> None:
        if self.listens:
            self.signals.__exit__()
            self.listens = False
