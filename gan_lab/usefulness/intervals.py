"""Means over few seeds, and the intervals in which the true means lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev

from scipy.special import stdtrit

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """The mean of values that were measured with several seeds, and its 95 % interval.

    Args:
        mean: of the values.
        half: half of the interval's width, Student's t times the standard error; None for one value.
        count: number of values.
    """

    mean: float
    half: float | None
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Interval":
        """Compute the interval of one value or more."""
        count = len(values)
        half = quantile(count - 1) * stdev(values) / sqrt(count) if count > 1 else None
        return cls(mean(values), half, count)

    @property
    def sign(self) -> int:
        """1 or -1 where all of the interval lies above or below zero; 0 where it holds zero, or there is none."""
        if self.half is None or abs(self.mean) <= self.half:
            return 0
        return 1 if self.mean > 0 else -1


def quantile(degrees: int) -> float:
    """Student's t below which 97.5 % lie, for so many degrees of freedom."""
    return float(stdtrit(degrees, (1 + LEVEL) / 2))


def of_differences(values: Sequence[float], reference: Sequence[float]) -> Interval:
    """The interval of the differences from a reference, pair by pair: both were measured with the same seeds.

    Differences of one seed share its real images, so that luck with those drops out.
    """
    return Interval.of([one - other for one, other in zip(values, reference, strict=True)])
