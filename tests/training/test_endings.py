"""Signals at any time of a run's life: before training, in a step, while it is scored, at the very end."""

import signal
from pathlib import Path
from typing import Any

import pytest

from gan_lab.callbacks.scores import Scores
from gan_lab.data import mnist
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.runs.run import Run
from gan_lab.utils.signals import ASKING_TO_STOP
from tests.conftest import QUICK, Command, last_weights, metrics_table, same

SCORED = (
    *(argument for argument in QUICK if argument != "callbacks.scores=null"),
    "callbacks.scores.count_during=8",
    "callbacks.scores.count=8",
    "callbacks.scores.groups=[fid]",
    "callbacks.scores.cache=cache",
    "data.batch_size=50",
)


def raising(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, *signals: int, at: int | None = None) -> None:
    """Have a function raise signals before it does its work, in a batch or at its first call."""
    original, left = getattr(owner, name), list(signals)

    def raises(*arguments: Any, **options: Any) -> Any:
        while left and (at is None or arguments[0].global_step == at):
            signal.raise_signal(left.pop())
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, raises)


HANDLERS = ASKING_TO_STOP


@pytest.fixture(autouse=True)
def signals_are_left_as_they_were() -> Any:
    before = [signal.getsignal(number) for number in HANDLERS]
    yield
    assert [signal.getsignal(number) for number in HANDLERS] == before


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)]
)
def test_while_data_are_loaded(
    number: int, code: int, command: Command, few_digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        raising(patched, mnist, "substitute", number)
        assert command(*QUICK) == code
    record = Run("run").record()
    assert (record["status"], record["error"], record["batches"]) == ("interrupted", signal.Signals(number).name, 0)
    assert not (Path("run") / "run.lock").exists()
    assert command("resume=run") is None
    assert Run("run").record()["status"] == "finished"


def test_a_run_that_goes_on_keeps_its_record_until_it_does(
    command: Command, few_digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(*QUICK) is None
    before = Run("run").record()
    with monkeypatch.context() as patched:
        raising(patched, mnist, "substitute", signal.SIGTERM)
        assert command("resume=run", "trainer.max_steps=8") == 143
    assert Run("run").record() == before | {"status": "interrupted", "error": "SIGTERM"}


@pytest.mark.bits
def test_while_it_is_scored_at_the_end(
    command: Command, few_digits: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*SCORED, "hydra.run.dir=whole") is None
    with monkeypatch.context() as patched:
        publish = Scores._publish

        def interrupted(self: Scores, trainer: Any, prefix: str, scored: Any) -> None:
            if prefix == "final":
                signal.raise_signal(signal.SIGINT)
            publish(self, trainer, prefix, scored)

        patched.setattr(Scores, "_publish", interrupted)
        assert command(*SCORED) == 130
    record = Run("run").record()
    assert (record["status"], record["batches"]) == ("interrupted", 6)
    assert "To go on: python train.py resume=" in capsys.readouterr().out
    assert command("resume=run") is None
    assert Run("run").record()["scores"] == Run("whole").record()["scores"]
    assert metrics_table("run") == metrics_table("whole")


@pytest.mark.bits
def test_a_second_interrupt_stops_in_the_middle_of_a_step_and_damages_nothing(
    command: Command, few_digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    often = "callbacks.checkpoint.every_n_images=256"
    with monkeypatch.context() as patched:
        raising(patched, AdversarialModule, "after_discriminator_step", signal.SIGINT, signal.SIGINT, at=3)
        assert command(*QUICK, often) == 130
    assert Run("run").load_checkpoint()["global_step"] == 2
    assert Run("run").record()["status"] == "interrupted"
    assert command("resume=run") is None
    assert command(*QUICK, often, "hydra.run.dir=whole") is None
    assert same(last_weights("run"), last_weights("whole"))


def test_of_further_requests_to_end_the_first_counts(
    command: Command, few_digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, AdversarialModule, "after_discriminator_step", signal.SIGUSR1, signal.SIGTERM, at=3)
    assert command(*QUICK) == 143
    assert Run("run").load_checkpoint()["global_step"] == 4


def test_without_callbacks_a_run_ends_at_once(
    command: Command, few_digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = [argument for argument in QUICK if not argument.startswith("callbacks")]
    raising(monkeypatch, AdversarialModule, "after_discriminator_step", signal.SIGTERM, at=3)
    assert command(*quick, "~callbacks") == 143
    assert Run("run").record()["status"] == "interrupted"


def test_before_a_run_listens(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def impatient(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gan_lab.training.validate.validate", impatient)
    assert command(*QUICK) == 130
    assert list(tmp_path.iterdir()) == []
