import os
from math import inf
from typing import Any
from unittest.mock import Mock

import pytest
from lightning.pytorch.callbacks import Callback

from gan_lab.callbacks import trigger as module
from gan_lab.callbacks.trigger import EveryNImages, interval, promised
from tests.conftest import InTwo, TinyImages, tiny_gan
from tests.distributed.test_strategy import train


def occasions(trigger: EveryNImages, looks: range) -> list[int]:
    times = []
    for images_seen in looks:
        if trigger.is_due(images_seen):
            trigger.last = images_seen
            times.append(images_seen)
    return times


@pytest.mark.parametrize(
    ("every", "batch", "expected"),
    [(24, 8, [24, 48, 72]), (20, 8, [24, 40, 64, 80]), (5, 8, [8, 16, 24, 32, 40, 48, 56, 64, 72, 80]), (100, 8, [])],
)
def test_due_once_at_the_first_look_that_reaches_a_multiple(every: int, batch: int, expected: list[int]) -> None:
    assert occasions(EveryNImages(every), range(0, 81, batch)) == expected


def test_the_start_is_an_occasion_where_wanted() -> None:
    assert occasions(EveryNImages(24, last=-1), range(0, 49, 8)) == [0, 24, 48]


def test_due_until_it_has_happened() -> None:
    trigger = EveryNImages(24)
    assert trigger.is_due(32)
    assert trigger.is_due(40)


def test_going_on_from_where_it_last_happened_misses_and_repeats_nothing() -> None:
    whole = occasions(EveryNImages(20), range(0, 200, 8))
    for stop in range(0, 200, 8):
        first = EveryNImages(20)
        before = occasions(first, range(0, stop, 8))
        assert before + occasions(EveryNImages(20, first.last), range(stop, 200, 8)) == whole


@pytest.mark.parametrize(
    ("every", "at_least", "end", "expected"),
    [
        (50_000, 10, 120_000, 12_000),
        (50_000, 10, 500_000, 50_000),
        (50_000, 10, 10**8, 50_000),
        (50_000, 10, inf, 50_000),
        (50_000, 0, 120_000, 50_000),
        (50_000, 10, 7, 1000),
        (128, 10, 7, 128),
    ],
)
def test_a_short_run_has_shorter_intervals(every: int, at_least: int, end: float, expected: int) -> None:
    assert interval(every, at_least, end) == expected


class Clock:
    """A clock that says what images/s make of the images seen, and the trainer of the first process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.agreements = 0.0, 0
        monkeypatch.setattr(module, "monotonic", lambda: self.now)
        self.trainer: Any = Mock()
        self.trainer.strategy.broadcast = self.agree

    def agree(self, answer: bool) -> bool:
        self.agreements += 1
        return answer

    def occasions(self, trigger: EveryNImages, looks: range, images_per_second: float) -> list[int]:
        times = []
        for images_seen in looks:
            self.now = images_seen / images_per_second
            if trigger.comes(self.trainer, images_seen):
                trigger.happened(images_seen)
                times.append(images_seen)
        return times


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_by_images_alone_processes_agree_without_a_word(clock: Clock) -> None:
    assert clock.occasions(EveryNImages(24), range(0, 81, 8), 1e9) == [24, 48, 72]
    assert clock.agreements == 0


@pytest.mark.parametrize(
    ("images_per_second", "expected"),
    [(1, [24, 48, 72, 96, 120]), (8, [24, 48, 72, 96, 120]), (10, [24, 72, 120]), (24, [24, 96]), (1000, [24])],
)
def test_fast_images_come_apart_by_the_clock_and_slow_ones_as_before(
    images_per_second: float, expected: list[int], clock: Clock
) -> None:
    trigger = EveryNImages(24, seconds_apart=3)
    assert clock.occasions(trigger, range(0, 121, 8), images_per_second) == expected
    assert clock.agreements == 5, "one each 24 images, and none at the other batches"


def test_what_is_promised_comes_whatever_the_clock_says(clock: Clock) -> None:
    trigger = EveryNImages(24, seconds_apart=1e9)
    trigger.promised = promised(2, 3000.0)
    assert clock.occasions(trigger, range(0, 3001, 8), 1e6) == [24, 1504, 3000]


def test_the_first_process_decides(clock: Clock) -> None:
    late, early = EveryNImages(24, seconds_apart=3), EveryNImages(24, seconds_apart=3)
    for trigger in (late, early):
        trigger.happened(0)
    said = []
    clock.trainer.strategy.broadcast = lambda answer: said.append(answer) or answer
    clock.now = 5.0
    assert late.comes(clock.trainer, 24)
    clock.trainer.strategy.broadcast = lambda answer: said[0]
    clock.now = 1.0
    assert early.comes(clock.trainer, 24)


class Occasions(Callback):
    """Notes the batches at which a trigger of 16 images and 3 seconds comes."""

    def __init__(self, seconds_each: float) -> None:
        self.trigger = EveryNImages(16, seconds_apart=3)
        self.seconds_each, self.now = seconds_each, 0.0
        self.batches: list[int] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.now += self.seconds_each
        if self.trigger.comes(trainer, pl_module.images_seen):
            self.trigger.happened(pl_module.images_seen)
            self.batches.append(trainer.global_step)


def by_two_clocks(*seconds_each: float) -> list[int]:
    """The batches at which a trigger comes for one of two processes, each with a clock of its own."""
    watch = Occasions(seconds_each[int(os.environ["RANK"])])
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(module, "monotonic", lambda: watch.now)
        train(tiny_gan(), TinyImages(), watch, world_size=2, precision="32-true")
    return watch.batches


def test_two_processes_go_by_the_clock_of_the_first(in_two: InTwo) -> None:
    assert in_two(by_two_clocks, 1.0, 10.0) == [[1, 4, 7, 10]] * 2
    assert in_two(by_two_clocks, 10.0, 1.0) == [[*range(1, 13)]] * 2


def test_a_run_that_goes_on_counts_its_images_from_the_checkpoint(clock: Clock) -> None:
    first = EveryNImages(24, seconds_apart=3)
    assert clock.occasions(first, range(0, 49, 8), 24) == [24]
    assert clock.occasions(EveryNImages(24, first.last, seconds_apart=3), range(56, 73, 8), 24) == [56]
