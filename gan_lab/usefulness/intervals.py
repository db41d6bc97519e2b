"""Means over few seeds, and the intervals in which the true means lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev

# Student's t: its 97.5 % quantiles for 1, 2, ... degrees of freedom.
T = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
NORMAL = 1.960  # beyond; the quantile for 31 is 2.040


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
    return T[degrees - 1] if degrees <= len(T) else NORMAL


def of_differences(values: Sequence[float], reference: Sequence[float]) -> Interval:
    """The interval of the differences from a reference, pair by pair: both were measured with the same seeds.

    Differences of one seed share its real images, so that luck with those drops out.
    """
    return Interval.of([one - other for one, other in zip(values, reference, strict=True)])
