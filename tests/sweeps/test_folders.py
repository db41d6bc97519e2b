from pathlib import Path

import pytest
from omegaconf import OmegaConf

from gan_lab.runs.run import Run
from gan_lab.sweeps.folders import Plan, hydra_folder, identity, job_folder, jobs, join
from gan_lab.utils.errors import UserError


def begun(sweep: Path, name: str, *overrides: str, status: str | None = "finished") -> None:
    """A job's folder, as Hydra and the job leave it."""
    hydra = sweep / name / ".hydra"
    hydra.mkdir(parents=True)
    OmegaConf.save(list(overrides), hydra / "overrides.yaml")
    if status:
        Run(sweep / name).update_record(status=status)


def test_a_job_is_its_overrides_in_any_order_but_not_where_it_lies() -> None:
    assert identity(["b=1", "a=2", "sweep.dir=x"]) == identity(["a=2", "sweep.dir=y", "b=1", "sweep.jobs_per_device=2"])
    assert identity(["sweep=variants"]) != identity([])


def test_a_job_finds_its_folder_wherever_it_lies(tmp_path: Path) -> None:
    assert job_folder(str(tmp_path / "new"), 3, ["seed=1"]) == "3"
    begun(tmp_path, "0", "seed=1")
    begun(tmp_path, "1", "seed=2", status=None)
    assert job_folder(str(tmp_path), 0, ["seed=1"]) == "0"
    assert job_folder(str(tmp_path), 5, ["seed=2", "sweep.dir=elsewhere"]) == "1"
    assert job_folder(str(tmp_path), 2, ["seed=3"]) == "2"
    assert job_folder(str(tmp_path), 0, ["seed=3"]) == "0_2"
    begun(tmp_path, "0_2", "seed=4")
    assert job_folder(str(tmp_path), 0, ["seed=3"]) == "0_3"
    assert [folder.name for folder in jobs(tmp_path).values()] == ["0", "0_2", "1"]


def test_what_hydra_wrote_of_a_run_that_has_begun_stays(tmp_path: Path) -> None:
    begun(tmp_path, "0", "seed=1", status=None)
    begun(tmp_path, "1", "seed=2", status="failed")
    assert hydra_folder(str(tmp_path / "0")) == ".hydra"
    assert hydra_folder(str(tmp_path / "1")) is None


def test_the_same_sweep_goes_on_and_may_grow(tmp_path: Path) -> None:
    plan = Plan.new(["seed=1,2"], [["seed=1"], ["seed=2"]])
    assert join(tmp_path, plan) == (plan, None)
    plan.save(tmp_path)
    assert Plan.load(tmp_path) == plan
    begun(tmp_path, "0", "seed=1")
    assert join(tmp_path, plan)[1] == f"Going on in {tmp_path}: 1 of 2 jobs are finished"
    grown, notice = join(tmp_path, Plan.new(["seed=2,3"], [["seed=2"], ["seed=3"]]))
    assert grown.jobs == (("seed=2",), ("seed=3",), ("seed=1",))
    expected = "0 of 2 jobs are finished, 1 are new; 1 that are not asked for now stay as they are"
    assert notice == f"Going on in {tmp_path}: {expected}"


def test_another_sweep_is_refused(tmp_path: Path) -> None:
    Plan.new(["seed=1,2"], [["seed=1"], ["seed=2"]]).save(tmp_path)
    with pytest.raises(UserError, match="holds another sweep, none of its jobs is asked for now"):
        join(tmp_path, Plan.new(["seed=3,4"], [["seed=3"], ["seed=4"]]))
    with pytest.raises(UserError, match="holds another sweep, of seed=1,2"):
        join(tmp_path, Plan.new(["seed=interval(0,1)"], None))
    (tmp_path / "sweep.json").write_text("{")
    with pytest.raises(UserError, match=r"sweep.json can't be read"):
        join(tmp_path, Plan.new(["seed=1"], [["seed=1"]]))
    (tmp_path / "sweep.json").unlink()
    (tmp_path / "sweep.json").mkdir()
    with pytest.raises(UserError, match=r"sweep.json can't be read: Is a directory"):
        Plan.load(tmp_path)


def test_a_sweeper_that_decides_as_it_goes_goes_on_with_the_same_question(tmp_path: Path) -> None:
    plan = Plan.new(["lr=interval(0,1)"], None)
    plan.save(tmp_path)
    assert "trials that were finished there are not run again" in str(join(tmp_path, plan)[1])
