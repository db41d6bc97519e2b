"""SIGKILL at any moment costs the batches since the last checkpoint, and no bit of what comes out."""

import signal
from pathlib import Path

import pytest

from tests.training.kills import kills


@pytest.mark.slow
@pytest.mark.parametrize(("number", "moments"), [(signal.SIGKILL, 20), (signal.SIGHUP, 6), (signal.SIGQUIT, 6)])
def test_a_run_that_is_killed_anywhere_ends_as_if_it_had_not_been(
    number: signal.Signals, moments: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trials = list(kills(moments, seed=0, number=number))
    assert [kill.differing for kill in trials] == [[]] * moments
    assert not all(kill.ended for kill in trials), "how many end first depends on what else the machine does"
