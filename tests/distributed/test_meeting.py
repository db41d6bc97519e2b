"""Processes that were started from outside agree before they train."""

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from platform import node
from typing import Any

import pytest

from gan_lab.distributed.launcher import WorldInfo
from gan_lab.distributed.meeting import PORT_OFFSET, Meeting
from gan_lab.utils.errors import UserError
from tests.conftest import OFFLINE, REPOSITORY
from tests.distributed.test_launcher import SRUN, free_port


@pytest.fixture
def srun(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = SRUN | {"MASTER_ADDR": "localhost", "MASTER_PORT": str(free_port() + PORT_OFFSET)}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def agreed(problems: list[str]) -> list[str]:
    """What each of several processes ends with."""

    def one(rank: int) -> str:
        meeting = Meeting(WorldInfo(rank, len(problems), len(problems)))
        assert meeting.exchange("folder", "here" if rank == 0 else "")[0] == "here"
        try:
            meeting.agree("check", problems[rank])
        except UserError as error:
            return str(error)
        except SystemExit as ending:
            return str(ending.code)
        return "trains"

    with ThreadPoolExecutor() as threads:
        return list(threads.map(one, range(len(problems))))


@pytest.mark.usefixtures("srun")
@pytest.mark.parametrize(
    ("problems", "endings"),
    [
        (["", "", ""], ["trains"] * 3),
        (["no GPU"] * 3, ["no GPU", "1", "1"]),
        (["", "", "no data"], [f"process 2 on {node()}: no data", "1", "1"]),
    ],
)
def test_all_go_on_or_none_and_the_first_says_why(problems: list[str], endings: list[str]) -> None:
    assert agreed(problems) == endings


@pytest.mark.usefixtures("srun")
def test_a_port_in_use_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("MASTER_PORT", str(port + PORT_OFFSET))
        with pytest.raises(UserError, match=f"don't find each other at localhost:{port} .*; set MASTER_PORT to one"):
            Meeting(WorldInfo(rank=0, size=4, here=2))


@pytest.mark.slow
@pytest.mark.parametrize("lonely", [0, 1])
def test_what_one_task_refuses_is_said_for_all(lonely: int, tmp_path: Any) -> None:
    common = SRUN | {"SLURM_NTASKS": "2", "SLURM_NNODES": "1", "SLURM_JOB_ID": "77", "SLURM_NODEID": "0"}
    common |= {"SLURM_NODELIST": "localhost", "MASTER_ADDR": "localhost", "MASTER_PORT": str(free_port())}
    command = [sys.executable, str(REPOSITORY / "train.py"), *OFFLINE, "+callbacks.mine._target_=mine.Mine"]
    tasks = []
    for rank in range(2):  # as on machines with disks of their own
        (folder := tmp_path / str(rank)).mkdir()
        if rank != lonely:
            (folder / "mine.py").write_text("from lightning.pytorch.callbacks import Callback as Mine")
        environment = os.environ | common | {"SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank)}
        environment |= {"GAN_LAB_ALLOW": "mine,lightning", "PYTHONPATH": f"{REPOSITORY}:{folder}"}
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        tasks.append(subprocess.Popen(command, cwd=folder, env=environment, **pipes))
    first, other = (task.communicate(timeout=300)[0] for task in tasks)
    assert [task.returncode for task in tasks] == [1, 1]
    who = f"process 1 on {node()}: " if lonely else ""
    assert first.startswith(f"Error: {who}callbacks.mine._target_=mine.Mine: ")
    assert first.count("\n") == 1
    assert other == ""
    assert not (tmp_path / "0/logs").exists()
