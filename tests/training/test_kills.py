"""SIGKILL at any moment costs the batches since the last checkpoint, and no bit of what comes out."""

import signal
import sys
from pathlib import Path

import pytest

from tests.training.kills import kills
from tests.training.worker_kills import VICTIMS, worker_kills


@pytest.mark.slow
@pytest.mark.parametrize(("number", "moments"), [(signal.SIGKILL, 20), (signal.SIGHUP, 6), (signal.SIGQUIT, 6)])
def test_a_run_that_is_killed_anywhere_ends_as_if_it_had_not_been(
    number: signal.Signals, moments: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trials = list(kills(moments, seed=0, number=number))
    assert [kill.differing for kill in trials] == [[]] * moments
    assert not all(kill.ended for kill in trials), "how many end first depends on what else the machine does"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the files of another process")
def test_a_run_that_is_killed_on_a_full_disk_ends_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trials = list(kills(8, seed=0, full_disk=True))
    assert [kill.differing for kill in trials] == [[]] * len(trials)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends workers whose program is gone, and has /proc")
def test_a_run_of_two_processes_ends_as_if_neither_they_nor_their_program_had_been_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a random moment, or while a grid is written; workers are gone once their program is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUN_OF", "")
    trials = list(worker_kills(len(VICTIMS), seed=0))
    assert [kill.differing for kill in trials] == [[]] * len(trials)
    assert {kill.victim for kill in trials} == {*VICTIMS}
