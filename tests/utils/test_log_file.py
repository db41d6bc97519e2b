"""A log whose lines wait while they can't be written."""

import logging
from pathlib import Path

import pytest

from gan_lab.utils import log_file
from gan_lab.utils.log_file import LogFile
from tests.conftest import full_disk


def test_lines_wait_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    logger = logging.Logger("alone")
    logger.addHandler(LogFile(tmp_path / "train.log"))
    logger.warning("first")
    with monkeypatch.context() as full:
        full.setattr(log_file, "append", full_disk)
        logger.warning("second")
        logger.warning("third")
    assert (tmp_path / "train.log").read_text() == "first\n"
    logger.warning("fourth")
    assert (tmp_path / "train.log").read_text() == "first\nsecond\nthird\nfourth\n"
    assert capfd.readouterr().err.count("Logging error") == 0
