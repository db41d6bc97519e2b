"""SIGKILL at any moment costs the batches since the last checkpoint, and no bit of what comes out."""

from pathlib import Path

import pytest

from tests.training.kills import kills


@pytest.mark.slow
def test_a_run_that_is_killed_anywhere_ends_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trials = list(kills(20, seed=0))
    assert [kill.differing for kill in trials] == [[]] * 20
    assert not all(kill.ended for kill in trials), "how many end first depends on what else the machine does"
