"""Sweeps as a user starts them: jobs that fail, die or are killed, and the same command given again."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from gan_lab.runs import Run
from tests.conftest import QUICK, Command, same

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
    sweep += ["trainer.max_steps=150", "trainer.log_every_n_steps=50", "callbacks.checkpoint.every_n_batches=20"]
    killer = killed_once_saved(Path("sweep/6"), signal.SIGKILL)
    message = str(command(*sweep))
    killer.join(timeout=0)
    assert message.startswith("Error: 3 of 8 jobs did not finish")
    table = [line.split(maxsplit=3) for line in message.splitlines()[2:5]]
    assert [row[:3] for row in table] == [[f"{job}", "failed", f"data.root=p{job}"] for job in (1, 4, 6)]
    assert "no images" in table[0][3]
    assert "SIGKILL" in table[2][3]
    assert "sweep.dir=sweep" in message.splitlines()[-1]
    assert [Run(f"sweep/{job}").state() for job in (0, 2, 3, 5, 7)] == ["finished"] * 5
    assert "8 jobs: 5 finished, 3 failed" in capfd.readouterr().out
    finished = {job: Run(f"sweep/{job}").record_file.stat().st_mtime_ns for job in (0, 2, 3, 5, 7)}
    config = Run("sweep/0").config_file.read_text()

    pictures("p1"), pictures("p4")
    assert command(*sweep) is None
    assert "Going on in sweep: 5 of 8 jobs are finished" in capfd.readouterr().out
    assert [Run(f"sweep/{job}").state() for job in range(8)] == ["finished"] * 8
    assert {job: Run(f"sweep/{job}").record_file.stat().st_mtime_ns for job in finished} == finished
    assert Run("sweep/0").config_file.read_text() == config
    # What was killed went on from its checkpoint to where it would have been.
    alone = [argument for argument in sweep[1:] if not argument.startswith(("data.root", "sweep"))]
    assert command(*alone, "data.root=p6", "hydra.run.dir=whole") is None
    killed, whole = (Run(folder).load_checkpoint()["state_dict"] for folder in ("sweep/6", "whole"))
    assert same(killed, whole)
