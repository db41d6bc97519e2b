"""Ctrl+C and SIGTERM end a run between two batches, never between the two players' steps."""

import signal
import threading
from types import FrameType
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gan_lab import processes
from gan_lab.callbacks.rollback import RolledBack

AGREED_EVERY = 10  # batches
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):  # noqa: N818 - an ending, not an error
    """Training was asked to stop by a signal and did, at a batch boundary."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class GracefulEnding(Callback):
    """Finishes the current batch when a signal asks to stop; a second signal stops at once."""

    def __init__(self) -> None:
        self.received: int | None = None
        self.previous: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen, where Python allows it: in the main thread; after a rollback it has never stopped listening."""
        if not self.previous and threading.current_thread() is threading.main_thread():
            self.previous = {number: signal.signal(number, self._receive) for number in SIGNALS}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop here if asked to.

        Raises:
            Interrupted: a signal came since the last batch.
        """
        if trainer.world_size > 1:
            self.agree(trainer)
        elif self.received is not None:
            raise Interrupted(self.received)

    def agree(self, trainer: Trainer) -> None:
        """Stop together: a signal may have reached only some processes, or not all at the same batch.

        They ask each other on every tenth batch, for it means waiting for the device.
        """
        if trainer.global_step % AGREED_EVERY == 0:
            number = processes.highest(self.received or 0, trainer.strategy.root_device)
            if number:
                raise Interrupted(number)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the signals as they were, as Lightning tears nothing down now; but a rollback goes on."""
        if not isinstance(exception, RolledBack):
            self._restore()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the signals as they were."""
        self._restore()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        if not processes.several():  # of several, some hear it from the batch system and from the waiting program
            self._restore()

    def _restore(self) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)
        self.previous = {}
