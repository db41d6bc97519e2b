"""Unexpected errors: the traceback is kept, one line is shown."""

from pathlib import Path
from typing import Any

import pytest
import torch

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


ASKED = "1,152,921,504.61 GB"


def short_of_memory(*_: Any, **__: Any) -> None:
    torch.empty(1 << 60, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("place", "helps"),
    [
        ("gan_lab.models.player.Player.descend", "data.batch_size or model.network.generator.width"),
        ("gan_lab.utils.images.grid", "callbacks.samples.rows and columns"),
        ("gan_lab.callbacks.diagnostics.Diagnostics.measure", "callbacks.health.images"),
    ],
)
def test_a_want_of_memory_says_what_helps(
    place: str, helps: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, short_of_memory)
    message = str(command(*QUICK, "callbacks.health.every_n_images=1"))
    assert message.startswith(f"Error: out of memory ({ASKED} more were asked for): lower {helps}")
    assert message.endswith("crash.txt")
    assert "\n" not in message
    assert Run("run").record()["error"] == message.removeprefix("Error: ").partition(" (gan_lab/")[0]


def test_a_model_that_does_not_fit_into_memory_says_so(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightning.seed_everything", short_of_memory)  # after validation, before anything is tracked
    assert str(command(*QUICK)).startswith(f"Error: out of memory ({ASKED} more")


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
