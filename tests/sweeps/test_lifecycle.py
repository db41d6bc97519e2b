"""A sweep is alone in its folder while it is at work, and its end names the jobs that did not finish."""

from pathlib import Path

import pytest

from gan_lab.runs.run import Run
from gan_lab.sweeps import lifecycle
from gan_lab.sweeps.folders import Plan, lock_file
from gan_lab.utils.errors import UserError
from gan_lab.utils.locks import held, is_held
from tests.sweeps.test_folders import begun

SEEDS = [["seed=1"], ["seed=2"]]


def test_a_folder_is_held_from_beginning_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan.new([], SEEDS)
    lifecycle.begin(tmp_path, plan)
    assert is_held(lock_file(tmp_path))
    assert Plan.load(tmp_path) == plan
    for job, (override,) in enumerate(SEEDS):
        begun(tmp_path, str(job), override, status="finished")
    lifecycle.end(tmp_path)
    assert not lock_file(tmp_path).exists()
    assert "2 jobs: 2 finished" in capsys.readouterr().out


def test_a_sweep_at_work_is_named(tmp_path: Path) -> None:
    plan = Plan.new([], SEEDS)
    plan.save(tmp_path)
    with held(lock_file(tmp_path)), pytest.raises(UserError, match=f"at work there, by process {plan.pid} on "):
        lifecycle.begin(tmp_path, plan)


def test_jobs_that_did_not_finish_end_the_program_with_their_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path = tmp_path / "my sweeps"
    tmp_path.mkdir()
    lifecycle.begin(tmp_path, Plan.new([], [*SEEDS, ["seed=3"]]))
    begun(tmp_path, "0", "seed=1", status="finished")
    begun(tmp_path, "1", "seed=2", status="failed")
    Run(tmp_path / "1").update_record(error="data.root: there is nothing")
    with pytest.raises(SystemExit, match="Error: 2 of 3 jobs did not finish") as ending:
        lifecycle.end(tmp_path)
    lines = str(ending.value).splitlines()
    assert lines[2].split(maxsplit=3) == ["1", "failed", "seed=2", "data.root: there is nothing"]
    assert lines[3].split() == ["-", "waiting", "seed=3"]
    assert f"'sweep.dir={tmp_path}'" in lines[-1]  # can be pasted
    assert capsys.readouterr().out.endswith(f"gan-lab compare '{tmp_path}'\n")


def test_a_trial_that_failed_in_an_earlier_call_is_not_one_of_this_call(tmp_path: Path) -> None:
    begun(tmp_path, "0", "lr=1", status="failed")
    begun(tmp_path, "1", "lr=2", status="finished")
    Run(tmp_path / "0").update_record(ended="2020-01-01T00:00:00+00:00")
    lifecycle.begin(tmp_path, Plan.new([], None))
    lifecycle.end(tmp_path)
    lifecycle.begin(tmp_path, Plan.new([], None))
    Run(tmp_path / "0").update_record(ended="2999-01-01T00:00:00+00:00")
    with pytest.raises(SystemExit, match="Error: 1 of 2 jobs did not finish"):
        lifecycle.end(tmp_path)
