"""The numbers of a game that may follow a schedule: what they are called, and what values they can have."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gan_lab.augment import Augment
from gan_lab.augment.controller import Scheduled
from gan_lab.schedules import Constant, Moment, Schedule
from gan_lab.utils.errors import UserError

EVER = (Moment(0.0, 0), Moment(1.0, 1 << 53))  # the first moment, and one after all images


class Range(NamedTuple):
    """Values from `low` to `high`, which is one of them where it is `closed`."""

    low: float
    high: float
    closed: bool = True

    def __contains__(self, value: object) -> bool:
        return isinstance(value, float | int) and self.low <= value <= self.high and (self.closed or value < self.high)

    def __str__(self) -> str:
        if self.high == float("inf"):
            return f"at least {self.low:g}"
        return f"between {self.low:g} and {self.high:g}" + ("" if self.closed else f", and below {self.high:g}")


RANGES = {
    "generator": Range(0, 1),  # this and the next are factors of learning rates, all others are the numbers themselves
    "discriminator": Range(0, 1),
    "beta1": Range(0, 1, closed=False),
    "beta2": Range(0, 1, closed=False),
    "gamma": Range(0, float("inf"), closed=False),
    "ema_half_life": Range(0, float("inf"), closed=False),
    "augment": Range(0, 1),
}
LACKING = {
    "gamma": "no penalty has a gamma: choose model/penalty=r1, r2 or r1_r2",
    "ema_half_life": "there is no moving average: set model.ema_half_life to its full half-life",
    "augment": "nothing follows it: choose model/augment=scheduled",
}


def check(schedule: Mapping[str, Schedule], there: Iterable[str]) -> None:
    """Refuse a schedule of a number that a game doesn't have, or can't take.

    Args:
        schedule: by the name of the number.
        there: which of `LACKING` the game has.

    Raises:
        ValueError: naming the schedule.
    """
    for name in schedule:
        if name not in RANGES:
            raise ValueError(f"model.schedule.{name}: no number has that name. Available: {', '.join(RANGES)}")
        if name in LACKING and name not in there:
            raise ValueError(f"model.schedule.{name}: {LACKING[name]}, or leave the schedule out")
    for moment in EVER:
        numbers(schedule, moment)


def refuse_idle(augment: Augment | None, schedule: Mapping[str, Schedule]) -> None:
    """Refuse an augmentation that waits for a schedule and has none: it would do nothing.

    Raises:
        UserError: naming both.
    """
    if isinstance(augment, Scheduled) and "augment" not in numbers(schedule, Moment(0.0, 0)):
        raise UserError(
            "model/augment=scheduled has a probability of 0 without a schedule: set model.schedule.augment, as "
            "model/schedule=r3gan_cifar10 does, or choose model/augment=ada"
        )


def numbers(schedule: Mapping[str, Schedule], moment: Moment) -> dict[str, float]:
    """The numbers of a moment by name, without those that stay as they are.

    Raises:
        ValueError: a number can't have such a value.
    """
    found = {name: each(moment) for name, each in schedule.items() if not isinstance(each, Constant)}
    for name, value in found.items():
        if value not in RANGES[name]:
            raise ValueError(
                f"model.schedule.{name} is {value:g} after {moment.images:,} images: must be {RANGES[name]}"
            )
    return found
