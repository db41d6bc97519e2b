"""Starting processes and joining those that are there: one run, one folder, one voice."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment

from gan_lab import cli
from gan_lab.cli.hydra_callback import join
from gan_lab.distributed import launcher, slurm
from gan_lab.distributed.launcher import WorldInfo
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from gan_lab.utils.run_layout import EVENTS
from tests.conftest import (
    OFFLINE,
    QUICK,
    REPOSITORY,
    Command,
    composed,
    last_weights,
    metrics_table,
    plant_modules,
    started,
    wait_for,
)

TRAIN = str(REPOSITORY / "train.py")
TWO = (*QUICK, "trainer.devices=2", "data.batch_size=64")  # together 128, as `last_weights` expects


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name in launcher.IDENTITY or name.startswith(("SLURM_", "TORCHELASTIC")):
            monkeypatch.delenv(name)


TORCHRUN = {"TORCHELASTIC_RUN_ID": "7", "RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}
SRUN = {
    "SLURM_NTASKS_PER_NODE": "2",
    "SLURM_STEP_ID": "0",
    "SLURM_PROCID": "3",
    "SLURM_NTASKS": "4",
    "SLURM_NNODES": "2",
    "SLURM_LOCALID": "1",
}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        (TORCHRUN, WorldInfo(rank=5, size=8, here=4)),
        (TORCHRUN | {"WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1", "RANK": "0"}, None),
        (SRUN, WorldInfo(rank=3, size=4, here=2)),
        (SRUN | {"SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_NNODES": "1"}, None),
        (SRUN | {"SLURM_JOB_NAME": "interactive"}, WorldInfo(rank=3, size=4, here=2)),  # srun in a shell of salloc
        (SRUN | {"SLURM_PROCID": "0", "SLURM_STEP_ID": "4294967290"}, None),  # that shell itself
        ({"SLURM_NTASKS": "4", "SLURM_PROCID": "0"}, None),  # a batch script that did not say srun
    ],
)
def test_processes_that_are_there_already(
    variables: dict[str, str], expected: WorldInfo | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert launcher.detect_launcher() == expected
    if expected:
        assert expected.num_nodes == 2


@pytest.mark.parametrize("terminal", [True, False])
def test_a_shell_that_srun_has_opened_is_no_task_of_several(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (SRUN | {"SLURM_PTY_PORT": "40001", "SLURM_JOB_NAME": "bash"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdin", Mock(isatty=lambda: terminal))
    assert (launcher.detect_launcher() is None) is terminal
    assert isinstance(launcher.surroundings(), LightningEnvironment if terminal else SLURMEnvironment)


@pytest.mark.parametrize(("parent", "refused"), [("slurmstepd", True), ("bash", False)])
def test_a_terminal_for_one_of_several_tasks_is_refused(
    parent: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (SRUN | {"SLURM_PTY_PORT": "40001", "SLURM_PROCID": "0"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdin", Mock(isatty=lambda: True))
    monkeypatch.setattr(slurm, "parent_name", lambda: parent)
    if not refused:
        assert launcher.detect_launcher() is None
        return
    with pytest.raises(SystemExit, match="Error: srun: --pty connects a terminal to the first task, .*; leave it out"):
        launcher.detect_launcher()


def test_srun_has_to_say_how_many_tasks_a_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SRUN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE")
    with pytest.raises(SystemExit, match="Error: srun: say how many tasks each machine has, --ntasks-per-node"):
        launcher.detect_launcher()


def test_the_number_of_processes_is_taken_from_those_that_are_there() -> None:
    config = composed()
    join(config, devices=4, num_nodes=2)
    assert (config.trainer.devices, config.trainer.num_nodes) == (4, 2)
    join(config, devices=4, num_nodes=2)
    with pytest.raises(UserError, match="trainer.devices=4: torchrun or srun has started 2; leave it out"):
        join(config, devices=2, num_nodes=2)


def test_workers_share_the_cores_and_forget_who_started_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 9)
    for name in ("RANK", "MASTER_PORT", "TORCHELASTIC_RUN_ID"):
        monkeypatch.setenv(name, "1")
    made = launcher.environment(2)
    assert made["OMP_NUM_THREADS"] == "4"
    assert not {"RANK", "MASTER_PORT", "TORCHELASTIC_RUN_ID"} & made.keys()
    assert launcher.environment(16)["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert launcher.environment(2)["OMP_NUM_THREADS"] == "3"


@pytest.mark.slow
def test_workers_import_nothing_from_the_current_folder(tmp_path: Path) -> None:
    plant_modules(tmp_path)
    program = started(tmp_path, *TWO, "trainer.compile=true", "trainer.max_steps=2", PYTHONSAFEPATH="")
    output, _ = program.communicate(timeout=300)
    assert program.returncode == 0, output
    assert not (tmp_path / "executed").exists()


@pytest.mark.slow
def test_a_run_on_two_devices_is_one_run(command: Command, capfd: pytest.CaptureFixture[str]) -> None:
    scored = ["callbacks.scores.count=40", "callbacks.scores.groups=[fid,classes]"]
    scored += ["callbacks.scores.count_during=20", "callbacks.scores.real_during=200"]
    options = [option for option in TWO if option != "callbacks.scores=null"]
    assert command(*options, *scored) is None
    printed = capfd.readouterr().out
    assert printed.count("Finished after 6 batches, 768 images") == 1
    assert "Batches      of 128 images: 2 processes with 64 each" in printed
    folder = Path("run")
    record = Run(folder).record()
    assert record["status"] == "finished"
    assert record["batch_size"] == {"per_process": 64, "global": 128}
    assert record["processes"] == 2
    assert record["command"].startswith("train.py data.download=false")
    assert [row["step"] for row in metrics_table("run") if row["loss/generator"]] == ["2", "4", "6"]
    assert len(list(folder.glob(f"{EVENTS}*"))) == 1
    log = (folder / "train.log").read_text()
    assert log.count("Scoring 40 images") == 1
    # One process finds the same scores in the checkpoint.
    cli.main(["evaluate", "run", "--count", "40", "--seed", "1"])
    alone = next((folder / "evaluations").glob("*.json"))
    scored = Run(folder).record()["scores"]["values"]
    values = json.loads(alone.read_text())["values"]
    assert {name: values[name] for name in scored} == pytest.approx(scored, rel=1e-6)


@pytest.mark.slow
def test_what_workers_refuse_is_one_message(command: Command, capfd: pytest.CaptureFixture[str]) -> None:
    message = command(*TWO[:-1], "data.batch_size=3000")
    assert message == (
        "Error: data.batch_size=3000 on 2 process(es) is more than the 4500 training images; set it to 2250 or less"
    )
    assert "Traceback" not in "".join(capfd.readouterr())


def workers_of(program: int) -> Iterator[int]:
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_text().split("\0")
            environment = (place / "environ").read_text()
        except OSError:
            continue
        if "gan_lab.training.worker" in words and f"RUN_OF={program}" in environment:
            yield int(place.name)


ENDLESS = ("trainer.max_steps=1000000", "callbacks.checkpoint.every_n_images=1280", "callbacks.health=null")


@pytest.mark.slow
def test_asked_to_end_both_workers_do_and_the_run_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run" / "checkpoints" / "last.ckpt"
    program = started(tmp_path, *TWO, *ENDLESS)
    wait_for(checkpoint.exists, "a checkpoint")
    program.send_signal(signal.SIGTERM)
    output = program.communicate(timeout=300)[0]
    assert program.returncode == 143, output
    assert f"To go on: python {REPOSITORY / 'train.py'} resume=" in output
    assert "Traceback" not in output
    run = Run(tmp_path / "run")
    stopped = run.record()
    assert (stopped["status"], stopped["batches"] % 10) == ("interrupted", 0)
    assert torch.load(checkpoint, weights_only=True)["global_step"] == stopped["batches"]

    later = f"trainer.max_steps={stopped['batches'] + 8}"
    resumed = started(tmp_path, "resume=run", later)
    assert resumed.communicate(timeout=300)[0].count("Finished") == 1
    whole = started(tmp_path, *TWO, *ENDLESS, later, "hydra.run.dir=whole")
    whole.communicate(timeout=300)
    first, second = last_weights(str(tmp_path / "run")), last_weights(str(tmp_path / "whole"))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends workers whose program is gone, and has /proc")
def test_a_killed_worker_ends_the_run_and_a_killed_program_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUN_OF", str(os.getpid()))
    program = started(tmp_path, *TWO, *ENDLESS, "hydra.run.dir=killed")
    wait_for((tmp_path / "killed" / "checkpoints" / "last.ckpt").exists, "a checkpoint")
    os.kill(max(workers_of(os.getpid())), signal.SIGKILL)
    output = program.communicate(timeout=300)[0]
    assert program.returncode == 1
    assert "SIGKILL" in output
    assert Run(tmp_path / "killed").record()["status"] == "failed"

    program = started(tmp_path, *TWO, *ENDLESS, "hydra.run.dir=orphaned")
    wait_for((tmp_path / "orphaned" / "checkpoints" / "last.ckpt").exists, "a checkpoint")
    program.kill()
    program.communicate()
    wait_for(lambda: not list(workers_of(os.getpid())), "the workers' end")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return int(free.getsockname()[1])


JOINING = (*OFFLINE, "model=vanilla", "trainer.max_steps=3", "trainer.log_every_n_steps=1", "callbacks.scores=null")


def check_one_run(tmp_path: Path, outputs: list[str]) -> None:
    (folder,) = (tmp_path / "logs" / "runs").iterdir()
    record = Run(folder).record()
    assert (record["status"], record["processes"], record["batches"]) == ("finished", 2, 3), outputs
    assert sum(output.count("Finished") for output in outputs) == 1
    assert (folder / ".hydra" / "overrides.yaml").exists()
    assert len(list(folder.glob(f"{EVENTS}*"))) == 1


@pytest.mark.slow
def test_two_torchrun_agents_make_one_run(tmp_path: Path) -> None:
    """As on two machines."""
    meeting = ["--nnodes=2", "--nproc_per_node=1", "--rdzv_backend=c10d", f"--rdzv_endpoint=localhost:{free_port()}"]
    command = [sys.executable, "-m", "torch.distributed.run", *meeting, TRAIN, *JOINING]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    agents = [subprocess.Popen(command, cwd=tmp_path, **pipes) for _ in range(2)]
    outputs = [agent.communicate(timeout=300)[0] for agent in agents]
    assert [agent.returncode for agent in agents] == [0, 0], outputs
    check_one_run(tmp_path, outputs)


@pytest.mark.slow
def test_srun_tasks_make_one_run(tmp_path: Path) -> None:
    """With the variables that srun sets in a shell of salloc."""
    common = SRUN | {"SLURM_NTASKS": "2", "SLURM_NNODES": "1", "SLURM_JOB_ID": "77", "SLURM_JOB_NAME": "interactive"}
    common |= {"SLURM_NODELIST": "localhost", "SLURM_NTASKS_PER_NODE": "2", "SLURM_NODEID": "0"}
    common |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free_port())}
    command = [sys.executable, TRAIN, *JOINING]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    tasks = []
    for rank in map(str, range(2)):
        environment = os.environ | common | {"SLURM_PROCID": rank, "SLURM_LOCALID": rank}
        tasks.append(subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes))
    outputs = [task.communicate(timeout=300)[0] for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], outputs
    check_one_run(tmp_path, outputs)


def test_a_sweep_is_not_started_by_torchrun(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value if name != "RANK" else "0")
    assert command("-m", "seed=1,2", *QUICK) == (
        "Error: a sweep starts the processes of its jobs itself: run it without torchrun or srun"
    )
