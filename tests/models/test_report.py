from types import SimpleNamespace
from typing import Any

import torch

from gan_lab.models import report
from gan_lab.models.report import Report


class Rows:
    """A logger that keeps what it gets."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, dict[str, float]]] = []

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        self.rows.append((step, metrics))


def make_trainer() -> Any:
    return SimpleNamespace(loggers=[Rows(), Rows()], callback_metrics={}, progress_bar_metrics={})


def test_a_sent_report_reaches_loggers_callbacks_and_the_bar_and_is_empty_again() -> None:
    sent, trainer = Report(), make_trainer()
    sent.add("loss/generator", torch.tensor([2.0], requires_grad=True))
    sent.add("logit/real", torch.tensor(0.5, dtype=torch.float64))
    sent.add("learning_rate/generator", 0.1)
    sent.send(trainer, 7, 64)
    expected = {"loss/generator": 2.0, "logit/real": 0.5, "learning_rate/generator": 0.1, "images_seen": 64.0}
    assert [logger.rows for logger in trainer.loggers] == [[(7, expected)]] * 2
    assert {name: value.item() for name, value in trainer.callback_metrics.items()} == {
        name: torch.tensor(value).item() for name, value in expected.items()
    }
    assert trainer.progress_bar_metrics == {"loss/generator": 2.0}
    assert (sent.scalars, sent.numbers) == ({}, {})


def test_images_per_second_count_from_the_last_report(monkeypatch: Any) -> None:
    times = iter([10.0, 12.0, 12.0, 16.0, 16.0])
    monkeypatch.setattr(report, "perf_counter", lambda: next(times))
    sent, trainer = Report(), make_trainer()
    sent.start(100)
    for step, images_seen in ((1, 300), (2, 500)):
        sent.add("loss/generator", torch.tensor(1.0))
        sent.send(trainer, step, images_seen)
    assert [row["images_per_second"] for _, row in trainer.loggers[0].rows] == [100, 50]


def test_a_checkpoint_keeps_what_waits_to_be_sent() -> None:
    stopped, resumed, trainer = Report(), Report(), make_trainer()
    assert stopped.state_dict() == {}
    stopped.add("loss/generator", torch.tensor(0.1))
    resumed.load_state_dict(stopped.state_dict(), torch.device("cpu"))
    resumed.send(trainer, 1, 8)
    assert trainer.loggers[0].rows[0][1]["loss/generator"] == torch.tensor(0.1).item()


def test_a_report_that_is_taken_over_may_be_written_over() -> None:
    replayed, taken = Report(), Report()
    replayed.add("loss/generator", torch.tensor(1.0))
    taken.take_over(replayed)
    replayed.scalars["loss/generator"].fill_(2.0)
    assert taken.state_dict() == {"loss/generator": 1.0}
