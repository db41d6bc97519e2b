"""Jobs whose time is up, with a `scontrol` that notes what it is asked."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gan_lab.distributed import slurm
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.runs.run import Run
from tests.conftest import QUICK, REPOSITORY, Command, last_weights, same


@pytest.fixture
def scontrol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SLURM job's environment; the file that its `scontrol` writes to."""
    folder, asked = tmp_path / "bin", tmp_path / "asked"
    folder.mkdir()
    program = folder / "scontrol"
    program.write_text(f'#!/bin/sh\necho "$@" >> {asked}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_NTASKS", "1")
    monkeypatch.setenv("SLURM_NTASKS_PER_NODE", "1")
    monkeypatch.setenv("SLURM_NODEID", "0")
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_LOCALID", "0")
    return asked


@pytest.fixture
def out_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGUSR1 in the middle of the fourth step, the first time that it is taken."""
    after, left = AdversarialModule.after_discriminator_step, [signal.SIGUSR1]

    def signalled(self: Any) -> None:
        after(self)
        if self.global_step == 3 and left:
            signal.raise_signal(left.pop())

    monkeypatch.setattr(AdversarialModule, "after_discriminator_step", signalled)


NAMED_BY_THE_TIME = [argument for argument in QUICK if not argument.startswith("hydra")]


@pytest.mark.bits
def test_a_job_saves_is_queued_again_and_goes_on_with_the_same_command(
    command: Command, scontrol: Path, out_of_time: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(*NAMED_BY_THE_TIME) == 128 + signal.SIGUSR1
    assert scontrol.read_text() == "requeue 4711\n"
    (folder,) = Path("logs/runs").iterdir()
    record = Run(folder).record()
    assert (record["status"], record["batches"], record["slurm_job"]) == ("interrupted", 4, "4711")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert command(*NAMED_BY_THE_TIME) is None
    assert list(Path("logs/runs").iterdir()) == [folder]
    assert Run(folder).record()["status"] == "finished"
    monkeypatch.delenv("SLURM_RESTART_COUNT")
    assert command(*NAMED_BY_THE_TIME, "hydra.run.dir=whole") is None
    assert same(last_weights(str(folder)), last_weights("whole"))


def test_another_job_that_is_started_again_begins_a_run_of_its_own(
    command: Command, scontrol: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(*NAMED_BY_THE_TIME, "trainer.max_steps=1") is None
    monkeypatch.setenv("SLURM_JOB_ID", "4712")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert command(*NAMED_BY_THE_TIME, "trainer.max_steps=1") is None
    assert len(list(Path("logs/runs").iterdir())) == 2


def test_outside_of_slurm_the_signal_only_saves(
    command: Command, out_of_time: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*QUICK) == 128 + signal.SIGUSR1
    assert "Not a SLURM job: it is not queued again" in capsys.readouterr().out
    assert Run("run").record()["batches"] == 4


def test_a_task_of_an_array_has_a_name_of_its_own(scontrol: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "4700")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "11")
    assert slurm.job() == "4700_11"


def test_an_interactive_job_is_left_alone(scontrol: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_NAME", "bash")
    assert slurm.job() is None


@pytest.mark.parametrize(
    ("script", "reason"), [("echo no such job >&2; exit 1", "no such job"), (None, "No such file")]
)
def test_what_prevents_queueing_is_told(
    script: str | None, reason: str, scontrol: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = scontrol.parent / "bin/scontrol"
    program.unlink()
    if script:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    line = slurm.requeue()
    assert line.startswith("SLURM job 4711 could not be queued again: ")
    assert reason in line


def test_the_program_that_has_started_this_one_is_named() -> None:
    program = "from gan_lab.distributed import slurm; print(slurm.parent_name())"
    command = [sys.executable, "-c", program]
    started = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    own = Path("/proc/self/comm")
    assert started.stdout == (own.read_text() if own.exists() else "\n")
