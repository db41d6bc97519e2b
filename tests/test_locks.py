"""One program at a time in a run folder, and none that has long been gone."""

import json
import os
import platform
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gan_lab import locks
from gan_lab.errors import UserError
from gan_lab.locks import FolderLock, hold
from tests.conftest import QUICK, Command


@contextmanager
def another_process(folder: Path) -> Iterator[int]:
    """It has the folder, and is killed in the end; yields its number."""
    ready, write = os.pipe()
    child = os.fork()
    if not child:
        FolderLock(folder).take()
        os.write(write, b"!")
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


def test_a_folder_that_is_taken_is_refused_and_free_once_its_holder_is_killed(tmp_path: Path) -> None:
    with another_process(tmp_path) as number, pytest.raises(UserError) as refused:
        hold(tmp_path)
    assert f"process {number} on {platform.node()} is at work there" in str(refused.value)
    assert (tmp_path / "run.lock").exists(), "killed, it could not tidy up"
    with hold(tmp_path):
        assert json.loads((tmp_path / "run.lock").read_text()) == {"host": platform.node(), "pid": os.getpid()}
    assert not list(tmp_path.iterdir())


def test_who_has_a_folder_has_it(tmp_path: Path) -> None:
    with hold(tmp_path) as first:
        assert hold(tmp_path / ".") is first
        with pytest.raises(UserError, match="is at work there"):
            FolderLock(tmp_path).take()
    with hold(tmp_path) as second:
        assert second is not first


def of_another_machine(folder: Path) -> Path:
    file = folder / "run.lock"
    file.write_text(json.dumps({"host": "elsewhere", "pid": 7}))
    return file


def test_a_holder_on_another_machine_that_shows_life_is_respected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "BEAT", 0.02)
    monkeypatch.setattr(locks, "PATIENCE", 30.0)
    file, over = of_another_machine(tmp_path), threading.Event()

    def live() -> None:
        while not over.wait(0.02):
            os.utime(file)

    living = threading.Thread(target=live)
    living.start()
    try:
        with pytest.raises(UserError, match="process 7 on elsewhere is at work there"):
            hold(tmp_path)
    finally:
        over.set()
        living.join()
    assert json.loads(file.read_text())["host"] == "elsewhere"


def test_a_holder_on_another_machine_that_shows_none_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.1)
    of_another_machine(tmp_path)
    with hold(tmp_path):
        assert "is of process 7 on elsewhere: looking whether that still runs" in capsys.readouterr().out


def test_a_holder_shows_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "BEAT", 0.01)
    with hold(tmp_path) as lock:
        os.utime(lock.file, (0, 0))
        end = time.monotonic() + 30
        while lock.file.stat().st_mtime == 0:
            assert time.monotonic() < end
            time.sleep(0.01)


def test_nonsense_in_the_file_is_nobody(tmp_path: Path) -> None:
    (tmp_path / "run.lock").write_text("[")
    with hold(tmp_path):
        pass


def test_a_folder_that_can_not_be_written_to_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(locks.os, "open", refuse)
    with pytest.raises(UserError, match=f"{tmp_path}: can't be written to: Permission denied"):
        hold(tmp_path)


def test_a_second_program_on_a_run_is_refused(command: Command, tmp_path: Path) -> None:
    assert command(*QUICK, "trainer.max_steps=2") is None
    before = {path: path.stat().st_mtime_ns for path in Path("run").rglob("*") if path.is_file()}
    with another_process(tmp_path / "run") as number:
        assert f"run: process {number} on " in str(command("resume=run", "trainer.max_steps=4"))
    (tmp_path / "run/run.lock").unlink()
    assert {path: path.stat().st_mtime_ns for path in Path("run").rglob("*") if path.is_file()} == before
    assert command("resume=run", "trainer.max_steps=4") is None
    assert not (tmp_path / "run/run.lock").exists()
