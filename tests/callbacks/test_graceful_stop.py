import signal
from typing import Any

import pytest
from lightning import Trainer
from lightning.pytorch.callbacks import Callback

from gan_lab.callbacks.graceful_stop import GracefulStop, Interrupted
from tests.conftest import fit, tiny_gan


class Raise(Callback):
    """Sends a signal in the middle of the third step, between the two players' turns."""

    def __init__(self, number: int, times: int = 1) -> None:
        self.number = number
        self.times = times
        self.turns = 0

    def on_before_optimizer_step(self, *_: Any) -> None:
        self.turns += 1
        if self.turns == 2 * 2 + 2:
            for _ in range(self.times):
                signal.raise_signal(self.number)


@pytest.mark.parametrize(
    ("number", "exit_code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)],
)
def test_a_signal_ends_training_after_the_batch(number: int, exit_code: int) -> None:
    model = tiny_gan()
    handlers = [signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(Interrupted) as ending:
        fit(model, max_steps=10, callbacks=[Raise(number), GracefulStop()])
    assert ending.value.code == exit_code
    assert model.images_seen == 3 * 8
    assert model.global_step == 3
    assert [signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_a_second_interrupt_stops_at_once() -> None:
    model = tiny_gan()
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        fit(model, max_steps=10, callbacks=[Raise(signal.SIGINT, times=2), GracefulStop()])
    assert model.global_step == 2


def test_who_listens_already_leaves_in_the_end_what_was_there_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    ending = GracefulStop()
    ending.on_train_start(None, None)  # type: ignore[arg-type]
    fit(tiny_gan(), max_steps=1, callbacks=[ending])  # as after a rollback
    assert signal.getsignal(signal.SIGINT) is before


def test_without_a_signal_nothing_happens() -> None:
    trainer: Trainer = fit(tiny_gan(), max_steps=3, callbacks=[GracefulStop()])
    assert trainer.global_step == 3


def test_a_failure_leaves_the_signals_as_they_were() -> None:
    class Fail(Callback):
        def on_train_batch_start(self, *_: Any) -> None:
            raise RuntimeError("boom")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RuntimeError, match="boom"):
        fit(tiny_gan(), max_steps=1, callbacks=[GracefulStop(), Fail()])
    assert signal.getsignal(signal.SIGINT) is before
