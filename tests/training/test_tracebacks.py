"""Unexpected errors: the traceback is kept, one line is shown."""

from pathlib import Path
from typing import Any

import pytest

from gan_lab.callbacks.sample_grid import SampleGrid
from gan_lab.runs.run import Run
from gan_lab.training import tracebacks
from tests.conftest import QUICK, Command


def broken(*_: Any, **__: Any) -> None:
    raise RuntimeError("the cable fell out\nof the wall")


def test_a_crash_shows_one_line_and_keeps_its_traceback(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gan_lab.utils.images.grid", broken)
    message = str(command(*QUICK))
    assert message.startswith("Error: RuntimeError: the cable fell out (gan_lab/callbacks/sample_grid.py:")
    assert message.endswith(f" in save_grid); the traceback is in {Path('run').absolute()}/crash.txt")
    assert "\n" not in message
    kept = Path("run/crash.txt").read_text()
    assert kept.startswith("Traceback (most recent call last):")
    assert kept.rstrip().endswith("RuntimeError: the cable fell out\nof the wall")
    assert "Traceback" not in capsys.readouterr().err
    record = Run("run").record()
    assert (record["status"], record["error"]) == ("failed", "RuntimeError: the cable fell out")


def test_who_debugs_sees_the_traceback(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SampleGrid, "save_grid", broken)
    with pytest.raises(RuntimeError, match="the cable"):
        command(*QUICK, "debug=default")
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(RuntimeError, match="the cable"):
        command(*QUICK, "hydra.run.dir=other")
    assert Path("run/crash.txt").exists()
    assert Path("other/crash.txt").exists()


def test_the_crashed_run_goes_on_from_its_last_checkpoint(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    often = ("callbacks.checkpoint.every_n_images=256", "callbacks.samples.every_n_images=640")
    with monkeypatch.context() as patched:
        draw = SampleGrid.save_grid

        def late(self: SampleGrid, trainer: Any, pl_module: Any) -> None:
            broken() if pl_module.images_seen else draw(self, trainer, pl_module)

        patched.setattr(SampleGrid, "save_grid", late)
        assert "the cable fell out" in str(command(*QUICK, *often))
    assert command("resume=run") is None
    assert Run("run").record()["resumed"][0]["batch"] == 4


def test_an_error_without_words_is_named() -> None:
    assert tracebacks.in_a_line(KeyError()) == "KeyError"


def test_a_traceback_that_can_not_be_kept_is_no_second_crash(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "the traceback can't be written to" in tracebacks.record(tmp_path / "file", RuntimeError("x"))
