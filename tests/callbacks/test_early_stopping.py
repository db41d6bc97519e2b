"""Runs that a callback ends, and every callback of Lightning's that a configuration may name."""

from pathlib import Path

import pytest

from gan_lab.config.allowed import ALLOWED_CLASSES
from gan_lab.runs.run import Run
from tests.conftest import OFFLINE, QUICK, Command

SCORED = (
    *OFFLINE,
    "model=vanilla",
    "hydra.run.dir=run",
    "callbacks=early_stopping",
    "callbacks.early_stopping.patience=2",
    "callbacks.scores.every_n_images=1280",
    "callbacks.scores.at_least=0",
    "callbacks.scores.count_during=20",
    "callbacks.scores.real_during=20",
    "callbacks.scores.count=20",
    "trainer.max_steps=100",
)


def test_a_run_whose_fid_gets_no_better_ends_and_says_why(
    command: Command, few_digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Each epoch of 500 digits has three batches; ten batches lie between two scores. Nothing can improve by so much.
    data = (f"data.root={few_digits}", "++callbacks.early_stopping.min_delta=1.0e9")
    assert command(*SCORED, *data, "callbacks.health=null") is None
    record = Run("run").record()
    assert (record["status"], record["batches"], record["last_batch"]) == ("finished", 30, 100)
    assert record["ended_early"].startswith("Monitored metric scores/fid did not improve in the last 2 records.")
    assert f"Ended early  {record['ended_early']}\n" in capsys.readouterr().out


def test_a_run_that_reaches_its_end_has_not_ended_early(command: Command) -> None:
    assert command(*QUICK, "trainer.max_steps=2") is None
    assert Run("run").record()["ended_early"] is None


def test_lightnings_own_names_ours(command: Command) -> None:
    stop = "{_target_: lightning.pytorch.callbacks.EarlyStopping, monitor: scores/fid}"
    assert "choose callbacks=early_stopping" in str(command(*QUICK, f"+callbacks.stop={stop}"))


# What each needs beside its name.
OPTIONS = {
    "DeviceStatsMonitor": ["+callbacks.other.cpu_stats=false"],
    "LearningRateMonitor": ["+callbacks.other.logging_interval=step"],
    "ModelSummary": ["+callbacks.other.max_depth=2", "trainer.enable_model_summary=true"],
    "RichModelSummary": ["trainer.enable_model_summary=true"],
    "RichProgressBar": ["callbacks.progress=null", "trainer.enable_progress_bar=true"],
    "TQDMProgressBar": ["callbacks.progress=null", "trainer.enable_progress_bar=true"],
    "Timer": ["+callbacks.other.duration={hours: 1}"],
}


@pytest.mark.parametrize("name", ALLOWED_CLASSES["lightning.pytorch.callbacks"].split())
def test_every_callback_of_lightnings_that_is_allowed_trains(name: str, command: Command) -> None:
    other = f"+callbacks.other._target_=lightning.pytorch.callbacks.{name}"
    assert command(*QUICK, other, *OPTIONS[name]) is None
    assert (Run("run").record()["status"], Run("run").record()["batches"]) == ("finished", 6)


def test_a_timer_says_that_it_ended_the_run(command: Command) -> None:
    timer = "+callbacks.timer={_target_: lightning.pytorch.callbacks.Timer, duration: {microseconds: 1}}"
    assert command(*QUICK, timer) is None
    record = Run("run").record()
    assert record["batches"] < 6
    assert record["ended_early"] == "0 s of training are over, the duration of the Timer"
