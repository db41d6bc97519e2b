import os
import signal
import threading

import pytest

from gan_lab.utils.signals import ASKING_TO_STOP, handled


@pytest.mark.parametrize("number", ASKING_TO_STOP)
def test_a_handler_takes_a_signal_for_as_long_as_it_is_wanted(number: signal.Signals) -> None:
    before, received = signal.getsignal(number), []
    with handled(lambda number, frame: received.append(number)):
        os.kill(os.getpid(), number)
    assert received == [number]
    assert signal.getsignal(number) is before


def test_an_error_restores_the_handlers_too() -> None:
    before = [signal.getsignal(number) for number in ASKING_TO_STOP]
    with pytest.raises(ValueError, match="inside"), handled(lambda number, frame: None):
        raise ValueError("inside")
    assert [signal.getsignal(number) for number in ASKING_TO_STOP] == before


def test_outside_the_main_thread_nothing_changes() -> None:
    def handler(number: int, frame: object) -> None:
        """Never called."""

    inside = []

    def work() -> None:
        with handled(handler):
            inside.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [signal.getsignal(signal.SIGTERM)]
    assert inside != [handler]
