"""The record while a run trains, and after each kind of ending."""

import shlex
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from gan_lab.callbacks.graceful_stop import Interrupted
from gan_lab.callbacks.health import Health, Stopped
from gan_lab.runs.run import Run
from gan_lab.training.build import Parts
from gan_lab.training.loggers import TensorBoard
from gan_lab.training.track_run import RunTracker, alarms_of, barrier_on_exit, save_traceback, track_run
from gan_lab.training.validate import validate
from gan_lab.utils.errors import UserError
from gan_lab.utils.run_layout import EVENTS
from tests.conftest import OFFLINE, QUICK, Command, composed, full_disk


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parts:
    """A run that hasn't trained yet, its folder made."""
    folder = tmp_path / "my run"
    built = validate(composed(*OFFLINE, "model=vanilla", "callbacks.scores=null"), folder)
    folder.mkdir()
    monkeypatch.setattr(type(built.data), "describe", lambda self: {"name": "tiny", "substitute": False})
    return built


def track(parts: Parts, error: BaseException | None = None, **options: Any) -> dict[str, Any]:
    """Track a run whose training only raises an error, if any; the record as it is meanwhile."""
    defaults: dict[str, Any] = {"facts": {}, "discard_refused": False, "debug": False}
    with track_run(parts, **defaults | options):
        within = parts.run.record()
        if error is not None:
            raise error
    return within


def test_a_run_is_running_then_finished(parts: Parts) -> None:
    within = track(parts, facts={"init_from": {"generator": "old"}})
    assert (within["status"], within["seed"], within["init_from"]) == ("running", 1, {"generator": "old"})
    record = parts.run.record()
    assert (record["status"], record["error"], record["data"]["name"]) == ("finished", None, "tiny")
    assert record.keys() >= {"started", "ended", "versions", "command", "images_per_second", "threads"}


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (Interrupted(signal.SIGTERM), "interrupted", "SIGTERM"),
        (Stopped("stopped at batch 2: nan"), "stopped", "stopped at batch 2: nan"),
        (UserError("no images"), "failed", "UserError: no images"),
        (KeyboardInterrupt(), "failed", "KeyboardInterrupt"),
    ],
)
def test_each_ending_is_recorded_and_comes_out(error: BaseException, status: str, reason: str, parts: Parts) -> None:
    with pytest.raises(type(error)):
        track(parts, error)
    record = parts.run.record()
    assert (record["status"], record["error"]) == (status, reason)


@pytest.mark.parametrize("breaks", [False, True])
def test_the_end_is_recorded_before_loggers_hear_of_it(
    breaks: bool, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may keep a logger waiting, or fail; neither changes what the record says."""
    told = []

    def end(_: TensorBoard, status: str) -> None:
        told.append((status, Run("run").record()["status"]))
        raise OSError("the server is gone")

    monkeypatch.setattr(TensorBoard, "end", end)
    if breaks:
        monkeypatch.setattr("gan_lab.training.train.fit", Mock(side_effect=RuntimeError("the cable")))
    ending = command(*QUICK)
    status = "failed" if breaks else "finished"
    assert told == [(status, status)]
    assert "RuntimeError: the cable" in str(ending) if breaks else ending is None
    assert Run("run").record()["status"] == status
    assert "did not take the end of this run: the server is gone" in Path("run/train.log").read_text()


def test_loggers_end_before_the_folder_of_a_refused_run_goes(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr(TensorBoard, "end", lambda _, status: told.append((status, Path("run").exists())))
    monkeypatch.setattr("gan_lab.training.train.fit", Mock(side_effect=UserError("no images")))
    assert command(*QUICK) == "Error: no images"
    assert told == [("failed", True), ("failed", False)], "the second time there is nothing left to end"


@pytest.mark.parametrize(
    ("typed", "again"), [("train.py", ["python", "train.py"]), ("/usr/bin/gan-lab", ["gan-lab", "train"])]
)
def test_how_to_go_on_can_be_pasted(
    typed: str, again: list[str], parts: Parts, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [typed])
    parts.run.checkpoint.parent.mkdir()
    parts.run.checkpoint.touch()
    (parts.run.folder / f"{EVENTS}1").touch()
    for error in (Interrupted(signal.SIGTERM), Stopped("nan")):
        with pytest.raises(type(error)):
            track(parts, error)
    printed = capsys.readouterr().out
    pasted = [line.lower().partition("to go on: ")[2] for line in printed.splitlines() if "o go on: " in line]
    assert len(pasted) == 2
    for line in pasted:
        assert shlex.split(line)[:3] == [*again, f"resume={parts.run.folder}".lower()]
    assert f"tensorboard --logdir {shlex.quote(str(parts.run.folder.parent))}\n" in printed


def test_a_refused_run_is_discarded_on_request(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(parts.run.folder.parent)
    with pytest.raises(UserError, match="no images"):
        track(parts, UserError("no images"), discard_refused=True)
    assert not parts.run.folder.exists()


def test_what_nobody_expected_leaves_its_traceback(parts: Parts) -> None:
    with pytest.raises(UserError, match=r"RuntimeError: the cable .*; the traceback is in .*crash.txt"):
        track(parts, RuntimeError("the cable"))
    (parts.run.folder / "crash.txt").unlink()
    with pytest.raises(RuntimeError, match="the cable"):
        track(parts, RuntimeError("the cable"), debug=True)
    assert (parts.run.folder / "crash.txt").exists()


def test_what_is_trained_and_how_long_it_takes_is_said_once(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_lab.callbacks.progress.RegularReport.__init__.__defaults__", (0.0,))
    assert command(*QUICK) is None
    log = Path("run/train.log").read_text()
    assert log.count("Device       cpu") == log.count(" parameters and discriminator with ") == 1
    assert log.count(" to go\n") == 1


def test_a_resumed_run_that_has_not_gone_on_keeps_its_record(parts: Parts) -> None:
    parts.config.resume = str(parts.run.folder)
    before = {
        "status": "interrupted",
        "started": "2026-01-01T00:00Z",
        "seconds": 5.0,
        "images_seen": 0,
        "resumed": [{"batch": 1}],
    }
    parts.run.write_record(before)
    with pytest.raises(UserError):
        track(parts, UserError("other images"), facts={"resumed": {"batch": 2}})
    assert parts.run.record() == before
    within = track(parts, facts={"resumed": {"batch": 2}})
    assert (within["resumed"], within["started"]) == ([{"batch": 1}, {"batch": 2}], before["started"])
    assert parts.run.record()["seconds"] >= 5.0


def test_a_process_that_writes_no_record_keeps_unexpected_tracebacks_only(tmp_path: Path) -> None:
    with pytest.raises(UserError), save_traceback(tmp_path, 3):
        raise UserError("no images")
    assert not list(tmp_path.iterdir())
    with pytest.raises(RuntimeError), save_traceback(tmp_path, 3):
        raise RuntimeError("the cable")
    assert "RuntimeError: the cable" in (tmp_path / "crash_3.txt").read_text()


@pytest.mark.parametrize(
    ("error", "waits"), [(None, 1), (SystemExit(143), 1), (Stopped("nan"), 1), (RuntimeError("the cable"), 0)]
)
def test_processes_wait_for_each_other_where_all_end_alike(
    error: BaseException | None, waits: int, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[None] = []
    monkeypatch.setattr(type(parts.trainer.strategy), "barrier", lambda self, name=None: calls.append(None))
    with pytest.raises(type(error)) if error else nullcontext(), barrier_on_exit(parts.trainer):
        if error is not None:
            raise error
    assert len(calls) == waits


def test_a_full_disk_costs_reports_and_not_the_run(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = RunTracker(parts, {})
    with monkeypatch.context() as full:
        full.setattr(type(parts.run), "write_record", full_disk)
        tracker.report()
    tracker.report()
    assert parts.run.record()["status"] == "running"


@pytest.mark.parametrize(
    ("error", "ending", "message"),
    [
        (None, UserError, "has reached its end: that records it"),
        (Interrupted(signal.SIGTERM), Interrupted, ""),
        (RuntimeError("the cable"), UserError, "RuntimeError: the cable"),
        (OSError(30, "Read-only file system"), UserError, "can't be written: Read-only file system .*mounted for"),
    ],
)
def test_an_end_that_can_not_be_recorded_is_one_line(
    error: BaseException | None,
    ending: type[BaseException],
    message: str,
    parts: Parts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ends() -> None:
        with track_run(parts, {}, discard_refused=False, debug=False):
            monkeypatch.setattr(type(parts.run), "write_record", full_disk)
            if error is not None:
                raise error

    with pytest.raises(ending, match=message) as raised:
        ends()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("status", ["running", "failed", "interrupted"])
def test_alarms_of_batches_that_come_again_are_told_once(status: str) -> None:
    """A run that a kill, also of one of its workers, has ended two alarms after its last checkpoint."""
    saved, first, second, later = (f"batch {batch}: imbalance begins" for batch in (20, 40, 50, 60))
    health = Mock(spec=Health, earlier_messages=[saved], messages=[first, second, later])
    before = {"status": status, "alarms": [saved, first, second]}
    assert alarms_of(Mock(callbacks=[health]), before) == [saved, first, second, later]
