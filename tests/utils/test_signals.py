import os
import signal
import subprocess
import sys
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


def test_under_nohup_a_closed_terminal_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handled(lambda number, frame: pytest.fail("nohup wins")):
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_is_printed_to_a_terminal_that_is_gone_goes_nowhere() -> None:
    program = "from gan_lab.utils.signals import leave_terminal; input(); leave_terminal(); print('lost', flush=True)"
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    process.communicate(b"\n")
    assert process.returncode == 0


def test_an_interrupt_while_importing_ends_without_a_word() -> None:
    program = (
        "import atexit, os, signal\nfrom gan_lab.utils.signals import importing\natexit.register(print, 'statistics')\n"
        "with importing():\n    os.kill(os.getpid(), signal.SIGINT)\n    input()"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
