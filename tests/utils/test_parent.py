"""A process ends with the one that started it, also if that was gone before it could say so."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gan_lab.utils.parent import PARENT, as_parent
from tests.conftest import wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can")
TIED = "from gan_lab.utils.parent import die_with_parent; die_with_parent(); print(flush=True); input()"


def gone(process: int) -> Callable[[], bool]:
    def look() -> bool:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"

    return look


def test_it_ends_with_its_parent() -> None:
    start = f"child = subprocess.Popen([sys.executable, '-c', {TIED!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)"
    program = f"import subprocess, sys; {start}; child.stdout.readline(); print(child.pid, flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    middle = subprocess.Popen([sys.executable, "-c", program], **pipes)
    assert middle.stdout is not None
    child = int(middle.stdout.readline())
    middle.kill()
    middle.communicate()
    wait_for(gone(child), "its end")


def test_it_does_not_outlive_one_that_is_gone_already() -> None:
    program = [sys.executable, "-c", TIED]
    late = subprocess.run(program, env=os.environ | {PARENT: "1"}, input="", text=True)
    assert late.returncode == -signal.SIGKILL
    timely = subprocess.run(program, env=os.environ | as_parent(), input="\n", text=True, stdout=subprocess.DEVNULL)
    assert timely.returncode == 0
