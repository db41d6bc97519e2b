from math import inf

import pytest

from gan_lab.callbacks.trigger import EveryNImages, interval


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
