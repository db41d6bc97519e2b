"""Sweeps as a user starts them: jobs that fail, die or are killed, and the same command given again."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

from gan_lab.runs.run import Run
from gan_lab.sweeps import jobs, leases
from gan_lab.sweeps.folders import Plan
from gan_lab.utils.locks import held
from tests.conftest import QUICK, REPOSITORY, Command, composed, folder_of, same, started, wait_for

SWEEP = ("-m", *(argument for argument in QUICK if not argument.startswith("hydra")), "sweep.dir=sweep")
OWN = [argument for argument in SWEEP if not argument.startswith("data.")]


def pictures(name: str) -> None:
    """A folder of ten images."""
    Path(name).mkdir(exist_ok=True)
    for index in range(10):
        Image.new("RGB", (8, 8), (25 * index, 0, 0)).save(Path(name) / f"{index}.png")


def killed_once_saved(folder: Path, number: int) -> threading.Thread:
    """Sends a signal to the process of a run as soon as there is a checkpoint."""

    def watch() -> None:
        run = Run(folder)
        give_up = time.monotonic() + 300
        while not run.checkpoint.exists():
            if time.monotonic() > give_up:
                return
            time.sleep(0.002)
        os.kill(run.record()["pid"], number)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
def test_of_eight_jobs_five_finish_and_three_are_named_and_the_second_call_finishes_them(
    command: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    for number in range(8):
        pictures(f"p{number}")
    for number in (1, 4):  # what these jobs need is not there yet
        for image in Path(f"p{number}").iterdir():
            image.unlink()
    roots = ",".join(f"p{number}" for number in range(8))
    sweep = [*OWN, "data=image_folder", f"data.root={roots}", "data.image_size=8", "data.batch_size=4"]
    sweep += ["trainer.max_steps=600", "trainer.log_every_n_steps=50", "callbacks.checkpoint.every_n_images=80"]
    killer = killed_once_saved(Path("sweep/6_root=p6"), signal.SIGKILL)
    message = str(command(*sweep))
    killer.join(timeout=0)
    assert message.startswith("Error: 3 of 8 jobs did not finish")
    table = [line.split(maxsplit=3) for line in message.splitlines()[2:5]]
    assert [row[:3] for row in table] == [[f"{job}", "failed", f"data.root=p{job}"] for job in (1, 4, 6)]
    assert "no images" in table[0][3]
    assert "SIGKILL" in table[2][3]
    assert "sweep.dir=sweep" in message.splitlines()[-1]
    assert [Run(folder_of(job)).state() for job in (0, 2, 3, 5, 7)] == ["finished"] * 5
    assert "8 jobs: 5 finished, 3 failed" in capfd.readouterr().out
    finished = {job: Run(folder_of(job)).record_file.stat().st_mtime_ns for job in (0, 2, 3, 5, 7)}
    config = Run(folder_of(0)).config_file.read_text()

    pictures("p1"), pictures("p4")
    assert command(*sweep) is None
    assert "Going on in sweep: 5 of 8 jobs are finished" in capfd.readouterr().out
    assert [Run(folder_of(job)).state() for job in range(8)] == ["finished"] * 8
    assert {job: Run(folder_of(job)).record_file.stat().st_mtime_ns for job in finished} == finished
    assert Run(folder_of(0)).config_file.read_text() == config
    # What was killed went on from its checkpoint to where it would have been.
    alone = [argument for argument in sweep[1:] if not argument.startswith(("data.root", "sweep"))]
    assert command(*alone, "data.root=p6", "hydra.run.dir=whole") is None
    killed, whole = (Run(folder).load_checkpoint()["state_dict"] for folder in (folder_of(6), "whole"))
    assert same(killed, whole)


def test_a_run_that_diverged_is_told_each_time_but_not_tried_again(command: Command) -> None:
    sweep = [*SWEEP, "model.optimizer.generator.lr=1e-3,1e30", "trainer.max_steps=4"]
    for _ in range(2):
        message = str(command(*sweep))
        assert message.startswith("Error: 1 of 2 jobs did not finish")
        assert "1    stopped  model.optimizer.generator.lr=1e+30  stopped at batch 2: nan begins" in message
    assert Run(folder_of(1)).record()["batches"] == 2


def test_a_sweep_at_work_is_left_alone(command: Command) -> None:
    sweep = [*SWEEP, "seed=1,2", "trainer.max_steps=2"]
    assert command(*sweep) is None
    with held(Path("sweep/.lock")):
        assert "Error: sweep.dir=sweep: a sweep is at work there, by process" in str(command(*sweep))
    Run(folder_of(1)).update_record(status="running")
    with held(Run(folder_of(1)).lock_file):
        assert "1    running  seed=2" in str(command(*sweep))
    assert "is being trained at this moment" not in str(command(*sweep))
    assert Run(folder_of(1)).state() == "finished"


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_sweep_that_can_go_on(ending: signal.Signals, tmp_path: Path) -> None:
    process = started(tmp_path, *SWEEP, "seed=1,2", "trainer.max_steps=100000")
    wait_for(lambda: [*tmp_path.glob("sweep/0*/metrics.csv")], "a row", process)
    process.send_signal(ending)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 128 + ending
    assert "Traceback" not in output
    assert "To go on with the sweep: the same command with sweep.dir=" in output
    assert Run(folder_of(0, tmp_path / "sweep")).state() == "interrupted"
    assert Run(folder_of(0, tmp_path / "sweep")).checkpoint.exists()
    assert not [*tmp_path.glob("sweep/1*")]


@pytest.mark.slow
def test_a_job_whose_sweep_is_killed_saves_and_ends(tmp_path: Path) -> None:
    program = [sys.executable, str(REPOSITORY / "train.py"), *SWEEP, "seed=1,2", "trainer.max_steps=100000"]
    process = subprocess.Popen(program, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not [*tmp_path.glob("sweep/0*/metrics.csv")]:
        assert process.poll() is None
        time.sleep(0.1)
    process.kill()
    process.wait()
    run = Run(folder_of(0, tmp_path / "sweep"))
    give_up = time.monotonic() + 300
    while run.state() == "running" and time.monotonic() < give_up:
        time.sleep(0.1)
    assert run.state() == "interrupted"
    assert run.checkpoint.exists()


HANGING = """
import os, signal, time
from pathlib import Path
from gan_lab.data.mnist import MNIST

class Hanging(MNIST):
    def prepare_data(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        Path(f"{os.getpid()}.hangs").touch()
        while True:
            time.sleep(1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_a_second_signal_ends_a_sweep_whose_job_really_hangs(devices: int, tmp_path: Path) -> None:
    (tmp_path / "hanging.py").write_text(HANGING)
    options = ("data._target_=hanging.Hanging", "seed=1,2", f"trainer.devices={devices}")
    process = started(tmp_path, *SWEEP, *options, GAN_LAB_ALLOW="hanging", PYTHONPATH=f"{REPOSITORY}:{tmp_path}")
    (hangs,) = wait_for(lambda: [*tmp_path.glob("*.hangs")], "a job that hangs", process)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)  # a busy machine takes seconds to end Python with torch
    assert process.returncode == 130
    assert "To go on with the sweep: the same command with sweep.dir=" in output
    wait_for(lambda: not Path("/proc", hangs.stem).exists(), "its end")
    assert Run(folder_of(0, tmp_path / "sweep")).record()["status"] == "interrupted"
    assert not [*tmp_path.glob("sweep/1*")]


def test_a_second_signal_kills_a_job_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    class Job:
        pid = 7

        def is_alive(self) -> bool:
            return True

    monkeypatch.setattr("os.kill", lambda pid, number: sent.append(number))
    with jobs._passing_on_signals(Job()) as received:  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert received == [signal.SIGINT] * 2
    assert sent == [signal.SIGINT, signal.SIGKILL]


def test_a_job_ends_with_the_process_that_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []

    class Parent:
        def join(self) -> None:
            """It is gone."""

    monkeypatch.setattr("multiprocessing.parent_process", Parent)
    monkeypatch.setattr("os.kill", lambda pid, number: sent.append((pid, number)))
    jobs._end_with_parent()
    assert sent == [(os.getpid(), signal.SIGTERM)]


def test_a_job_sees_the_gpus_that_it_holds_and_no_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    @contextmanager
    def lease(devices, wanted, jobs_per_device):  # type: ignore[no-untyped-def]
        asked.append((wanted, jobs_per_device))
        yield devices[:wanted]

    monkeypatch.setattr(leases, "leased", lease)
    monkeypatch.setattr(leases, "uuids", lambda: ["GPU-a", "GPU-b", "GPU-c"])
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,1")
    with jobs.devices_to_itself(composed("trainer.accelerator=cpu")):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "2,1"
    with jobs.devices_to_itself(composed("sweep.jobs_per_device=3")):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-c"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,1")
    with jobs.devices_to_itself(composed("trainer.devices=2")):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-c,GPU-b"
    assert asked == [(1, 3), (2, 1)]


@pytest.mark.parametrize(
    ("launcher", "sweeper", "environment", "expected"),
    [
        ("LocalLauncher", {}, {}, 2),  # eight threads, four jobs
        ("LocalLauncher", {"max_batch_size": 2}, {}, 4),
        ("LocalLauncher", {"n_jobs": 1}, {}, 8),
        ("LocalLauncher", {}, {"OMP_NUM_THREADS": "7"}, 8),
        ("BasicLauncher", {}, {}, 8),
        ("SlurmLauncher", {}, {}, 8),
    ],
)
def test_jobs_side_by_side_share_the_cores(
    launcher: str,
    sweeper: dict[str, int],
    environment: dict[str, str],
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    Plan.new([], [[f"seed={seed}"] for seed in range(4)]).save(tmp_path)
    hydra = {"launcher": {"_target_": launcher}, "sweeper": sweeper, "sweep": {"dir": str(tmp_path)}}
    torch.set_num_threads(8)
    jobs.divide_threads(OmegaConf.create(hydra))
    assert torch.get_num_threads() == expected
