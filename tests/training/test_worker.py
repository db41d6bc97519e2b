"""A worker announces itself, logs for its rank, and reports what ended it."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from gan_lab.training import worker
from gan_lab.utils.errors import UserError
from tests.conftest import OFFLINE, composed


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[logging.Logger]:
    """The root logger, which is as before in the end."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_the_first_worker_logs_to_the_runs_file_and_the_others_errors_only(
    tmp_path: Path, root_logger: logging.Logger
) -> None:
    root_logger.handlers[:] = []  # also pytest's
    worker.set_up_logging(tmp_path)
    logging.getLogger("gan_lab.anything").info("for everyone")
    assert "[gan_lab.anything][INFO] - for everyone" in (tmp_path / "train.log").read_text()
    for handler in root_logger.handlers:
        handler.close()
    root_logger.handlers[:] = []
    worker.set_up_logging(None)
    assert root_logger.level == logging.ERROR


@pytest.mark.parametrize(
    ("error", "ending", "message"),
    [
        (UserError("data.root: there is nothing"), SystemExit, "UserError: data.root: there is nothing"),
        (RuntimeError("the cable"), RuntimeError, "RuntimeError: the cable"),
    ],
)
def test_what_ends_a_worker_reaches_the_program_that_waits(
    error: Exception,
    ending: type[BaseException],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task, report = tmp_path / "config.yaml", tmp_path / "error.json"
    config = composed(*OFFLINE, "model=vanilla", "callbacks.scores=null")
    config.run_dir = str(tmp_path)
    OmegaConf.save(config, task)
    built: list[DictConfig] = []

    def train_here(parts: Any) -> None:
        built.append(parts.config)
        raise error

    monkeypatch.setattr("gan_lab.training.train.train_here", train_here)
    monkeypatch.setattr(worker.parent, "die_with_parent", lambda: None)
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(report))
    monkeypatch.setattr(sys, "argv", ["worker", str(task), str(tmp_path), "train.py", "seed=3"])
    with pytest.raises(ending):
        worker.main()
    assert sys.argv == ["train.py", "seed=3"]
    assert built == [config]
    assert (tmp_path / "0.pid").read_text() == str(os.getpid())
    assert json.loads(report.read_text())["message"]["message"] == message
