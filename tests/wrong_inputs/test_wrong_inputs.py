"""Every wrong input of the table ends in its one message, and leaves nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import REPOSITORY
from tests.wrong_inputs.page import PAGE, page
from tests.wrong_inputs.program import end, everything, matches
from tests.wrong_inputs.table import TABLE, Row

ROWS = [(title, row) for title, rows in TABLE.items() for row in rows]


@pytest.fixture(autouse=True)
def a_machine_without_accelerator_weights_or_extras(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    for package in ("wandb", "mlflow", "imageio_ffmpeg"):
        monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.mark.parametrize(
    "row", [row for _, row in ROWS], ids=[f"{number}-{title}" for number, (title, _) in enumerate(ROWS)]
)
def test_it_ends_in_one_message_and_leaves_nothing(
    row: Row, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    row.given()
    ending = end(row.typed, monkeypatch)
    printed = capfd.readouterr()
    assert ending.code != 0
    assert matches(ending.said, row.said), ending.said
    assert (printed.out, printed.err) == ("", "")
    assert not ending.made


@pytest.mark.parametrize(
    "typed", ["python train.py model=dcgann", "python train.py --cofnig", "gan-lab sample nowhere"]
)
def test_real_programs_say_the_same(typed: str) -> None:
    (row,) = (row for _, row in ROWS if row.typed == typed)
    _, program, *arguments = ["", *typed.replace("python ", "").split()]
    command = {
        "train.py": [sys.executable, str(REPOSITORY / "train.py")],
        "gan-lab": [sys.executable, "-c", "from gan_lab.cli import main; main()"],
    }[program]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{row.said}\n")
    assert not everything()


def test_with_debugging_the_traceback_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(Exception, match="no such run folder"):
        end("gan-lab sample nowhere", monkeypatch)


def test_each_message_is_an_error_that_says_something() -> None:
    for _, row in ROWS:
        assert row.said.startswith("Error: ")
        assert "Traceback" not in row.said
        assert len(row.said.splitlines()) <= 5  # several things wrong are a line each


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.wrong_inputs"
