from pathlib import Path

import pytest
from omegaconf import OmegaConf

from gan_lab.runs.run import Run
from gan_lab.sweeps.folders import LONGEST, Plan, hydra_folder, identity, job_folder, jobs, join, label
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
    assert identity(["seed=1", "tags=[a]", "notes=why"]) == identity(["seed=1"])


def test_a_job_finds_its_folder_wherever_it_lies(tmp_path: Path) -> None:
    assert job_folder(str(tmp_path / "new"), 3, ["seed=1"]) == "3_seed=1"
    begun(tmp_path, "0", "seed=1")
    begun(tmp_path, "1", "seed=2", status=None)
    assert job_folder(str(tmp_path), 0, ["seed=1"]) == "0"
    assert job_folder(str(tmp_path), 5, ["seed=2", "sweep.dir=elsewhere"]) == "1"
    assert job_folder(str(tmp_path), 2, ["seed=3"]) == "2_seed=3"
    assert job_folder(str(tmp_path), 0, ["seed=3"]) == "0_2_seed=3"
    begun(tmp_path, "0_2", "seed=4")
    assert job_folder(str(tmp_path), 0, ["seed=3"]) == "0_3_seed=3"
    begun(tmp_path, "10_seed=5", "seed=5")
    assert job_folder(str(tmp_path), 10, ["seed=5"]) == job_folder(str(tmp_path), 0, ["seed=5"]) == "10_seed=5"
    assert [folder.name for folder in jobs(tmp_path).values()] == ["0", "0_2", "1", "10_seed=5"]


def test_a_jobs_folder_says_what_makes_it_differ(tmp_path: Path) -> None:
    every = [["data.root=/x", f"model={model}", f"seed={seed}"] for model in ("wgan", "dcgan") for seed in (1, 2)]
    Plan.new([], every).save(tmp_path)
    names = [job_folder(str(tmp_path), number, job) for number, job in enumerate(every)]
    assert names == ["0_model=wgan,seed=1", "1_model=wgan,seed=2", "2_model=dcgan,seed=1", "3_model=dcgan,seed=2"]
    Plan.new([], every[:1]).save(tmp_path)
    assert job_folder(str(tmp_path), 0, every[0]) == "0", "nothing differs from nothing"


def test_where_jobs_are_not_known_beforehand_their_folders_say_what_is_searched(tmp_path: Path) -> None:
    Plan.new(["data.root=/x", "lr=tag(log,interval(1e-4,1e-2))"], None).save(tmp_path)
    parameters = {"experiment": "mnist_dcgan", "data.batch_size": "choice(32,64)"}
    job = ["experiment=mnist_dcgan", "data.batch_size=32", "lr=0.00123", "data.root=/x", "sweep.dir=y"]
    assert job_folder(str(tmp_path), 7, job, parameters) == "7_batch_size=32,lr=0.00123"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["model=wgan_gp", "seed=1"], "model=wgan_gp,seed=1"),
        (["model.optimizer.generator.lr=1e-05"], "lr=1e-05"),
        (["model.optimizer.generator.lr=1", "model.optimizer.discriminator.lr=2"], "generator.lr=1,discriminator.lr=2"),
        (["model/penalty=[r1,r2]", "+trainer.x=-1"], "penalty=_r1,r2_,x=-1"),
        (["data.root=C:\\a/b <c>|d?*\"e'é$(f)"], "root=C_a_b_c_d_e_f"),
        (["~logger"], "logger"),
        (["notes=."], "notes"),
        ([], ""),
    ],
)
def test_a_label_is_short_and_can_name_a_folder_everywhere(overrides: list[str], expected: str) -> None:
    assert label(overrides) == expected


def test_a_long_label_is_cut() -> None:
    found = label([f"trainer.option_{number}={'x' * 31}" for number in range(9)])
    assert found.startswith("option_0=xxx")
    assert len(found) == LONGEST


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
