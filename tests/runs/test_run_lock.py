"""One program at a time at a run, and none that has long been gone."""

import os
import platform
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gan_lab.runs import run_lock
from gan_lab.runs.run import Run
from gan_lab.runs.run_lock import hold_run_lock, refuse_if_locked, refuse_if_read_only
from gan_lab.utils.errors import UserError
from gan_lab.utils.locks import is_held, take
from tests.conftest import QUICK, Command


@pytest.fixture
def elsewhere(tmp_path: Path) -> Run:
    """A run that another machine was at when it was last heard of."""
    run = Run(tmp_path)
    run.update_record(status="running", host="elsewhere", pid=7)
    return run


@contextmanager
def another_process(run: Run) -> Iterator[int]:
    """It is at the run, and is killed in the end; yields its number."""
    ready, write = os.pipe()
    child = os.fork()
    if not child:
        lock = take(run.lock_file)  # let go of when it is forgotten
        os.write(write, b"!" if lock else b"?")
        time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(write)


def test_a_run_that_another_program_trains_is_refused_until_that_is_killed(command: Command) -> None:
    assert command(*QUICK, "trainer.max_steps=2") is None
    run = Run("run")
    with another_process(run) as number:
        run.update_record(pid=number)
        before = {path: path.stat().st_mtime_ns for path in Path("run").rglob("*") if path.name != ".lock"}
        message = str(command("resume=run", "trainer.max_steps=4"))
        after = {path: path.stat().st_mtime_ns for path in Path("run").rglob("*") if path.name != ".lock"}
    assert f"run: is being trained at this moment, by process {number} on {platform.node()}" in message
    assert before == after
    assert run.lock_file.exists(), "killed, it could not tidy up"
    assert command("resume=run", "trainer.max_steps=4") is None
    assert not run.lock_file.exists()


def test_one_machine_needs_no_patience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_lock, "has_heartbeat", lambda _: pytest.fail("the lock says it all"))
    run = Run(tmp_path)
    run.update_record(status="running", host=platform.node(), pid=7)  # killed
    with hold_run_lock(run):
        assert is_held(run.lock_file)
    assert not run.lock_file.exists()


def test_a_program_on_another_machine_that_shows_life_is_respected(
    elsewhere: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_lock, "HEARTBEAT_SECONDS", 0.02)
    monkeypatch.setattr(run_lock, "HEARTBEAT_TIMEOUT", 30.0)
    over = threading.Event()

    def live() -> None:
        while not over.wait(0.02):
            if elsewhere.lock_file.exists():
                os.utime(elsewhere.lock_file)

    living = threading.Thread(target=live)
    living.start()
    try:
        with pytest.raises(UserError, match="by process 7 on elsewhere"), hold_run_lock(elsewhere):
            pass
    finally:
        over.set()
        living.join()


def test_a_program_on_another_machine_that_shows_none_is_gone(
    elsewhere: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_lock, "HEARTBEAT_TIMEOUT", 0.1)
    with hold_run_lock(elsewhere):
        assert "watching if it still is" in capsys.readouterr().out


def test_who_is_at_a_run_shows_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_lock, "HEARTBEAT_SECONDS", 0.01)
    run = Run(tmp_path)
    with hold_run_lock(run):
        os.utime(run.lock_file, (0, 0))
        end = time.monotonic() + 30
        while run.lock_file.stat().st_mtime == 0:
            assert time.monotonic() < end
            time.sleep(0.01)


def test_a_folder_that_can_not_be_written_to_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(run_lock, "TemporaryFile", refuse)
    with pytest.raises(UserError, match=f"{tmp_path} can't be written: Permission denied"):
        refuse_if_read_only(tmp_path)
    with pytest.raises(UserError, match="can't be written: Permission denied"):
        refuse_if_locked(Run(tmp_path))
