from typing import Any

import pytest
from lightning import Trainer
from lightning.pytorch.callbacks import Callback

from gan_lab.callbacks.progress import ProgressBar, RegularReport
from tests.conftest import TinyImages, fit, tiny_gan


class Watch(Callback):
    """Notes the bar's place and length after each epoch."""

    def __init__(self, bar: ProgressBar) -> None:
        self.bar = bar
        self.shown: list[tuple[int, int]] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        self.shown.append((self.bar.train_progress_bar.n, self.bar.train_progress_bar.total))


def test_one_bar_counts_the_batches_of_the_whole_run(capsys: pytest.CaptureFixture[str]) -> None:
    bar = ProgressBar(refresh_rate=2)
    watch = Watch(bar)
    options = {"callbacks": [bar, watch], "enable_progress_bar": True, "log_every_n_steps": 2}
    fit(tiny_gan(), TinyImages(count=32), max_steps=10, **options)
    assert watch.shown == [(4, 10), (8, 10), (10, 10)]
    assert bar.train_progress_bar.n == 10
    last = capsys.readouterr().out.split("\r")[-1]
    assert "10/10" in last
    assert all(name in last for name in ("D=", "G=", "images/s="))


def test_a_refresh_rate_of_zero_turns_the_bar_off(capsys: pytest.CaptureFixture[str]) -> None:
    fit(tiny_gan(), max_steps=3, callbacks=[ProgressBar(refresh_rate=0)], enable_progress_bar=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, [0, 2, 4, 6]), (1000.0, [0])])
def test_reports_come_at_logging_points_and_no_more_often_than_asked(seconds: float, expected: list[int]) -> None:
    model, reported, announced = tiny_gan(), [], []
    report = RegularReport(
        lambda: reported.append(model.global_step), lambda: announced.append(model.global_step), seconds
    )
    fit(model, max_steps=7, log_every_n_steps=2, callbacks=[report])
    assert reported == expected
    assert announced == [0]
    assert report.began_at == 0
