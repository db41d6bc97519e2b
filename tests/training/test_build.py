"""The trainer and its callbacks as the configuration says."""

from pathlib import Path

import pytest
from lightning.pytorch.callbacks import Checkpoint, ProgressBar

from gan_lab.callbacks.graceful_stop import GracefulStop
from gan_lab.callbacks.scores import Scores
from gan_lab.runs.run import Run
from gan_lab.training.build import build_parts, wanted_callbacks
from tests.conftest import composed


def test_a_callback_whose_switch_is_off_is_left_out() -> None:
    on, off = (wanted_callbacks(composed(f"trainer.enable_progress_bar={switch}")) for switch in ("true", "false"))
    assert {type(callback) for callback in on} - {type(callback) for callback in off} == {
        next(type(callback) for callback in on if isinstance(callback, ProgressBar))
    }


def test_who_stops_gracefully_comes_before_who_scores() -> None:
    kinds = [type(callback) for callback in wanted_callbacks(composed())]
    assert kinds[0] is GracefulStop
    assert Scores in kinds


def test_without_checkpoints_lightning_adds_none(tmp_path: Path) -> None:
    config = composed("trainer.accelerator=cpu", "callbacks.checkpoint=null", "callbacks.best=null")
    config.run_dir = str(tmp_path)
    trainer = build_parts(config, Run(tmp_path)).trainer
    assert not any(isinstance(callback, Checkpoint) for callback in trainer.callbacks)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("batches", "reads"), [(0, True), (5, False)])
def test_a_run_that_has_begun_needs_no_initial_weights(batches: int, reads: bool, run: Run) -> None:
    config = run.config()
    config.trainer.accelerator, config.init_from, config.resume = "cpu", str(run.folder), None
    assert build_parts(config, run).weights is not None
    config.resume = str(run.folder)
    if batches == 0:  # it was killed before anything was saved, so it begins anew
        old = run.checkpoint.rename(run.folder / "old.ckpt")
        run.write_record({"status": "interrupted", "batches": 0})
        config.init_from = str(old)
    assert (build_parts(config, run).weights is not None) == reads
